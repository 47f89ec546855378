"""What a target refuses or does otherwise than others: a provider's rules, a template's, a tokenizer's."""

from __future__ import annotations

from collections.abc import Mapping

from .kinds import Check

OF_TARGETS: Mapping[str, Check] = {
    "template-refuses": Check(
        "error",
        "row",
        "The row can't be rendered with the model's chat template: {reason}.",
        "Change the row, or choose another template.",
    ),
    "no-end-token": Check(
        "error",
        "row",
        "No end token is trained at the end of the answer: the model would learn never to stop.",
        "Choose a chat template that ends each turn with the model's end token.",
    ),
    "begin-tokens": Check(
        "warning",
        "row",
        "The row has {count} begin tokens instead of one.",
        "Remove the begin token from the text or from the template: the tokenizer puts it there itself.",
    ),
    "too-long": Check(
        "warning",
        "row",
        "The row has {tokens:,} tokens, {limit:,} are taken: {lost:,} of the {of:,} trained tokens are lost.",
        "Shorten the row, split it, or take a greater length.",
    ),
    "target-form": Check(
        "error",
        "file",
        "{title} does not take the form {form}, but {forms}.",
        "Convert it: `finetui convert IN OUT --to {to}`.",
    ),
    "target-layout": Check(
        "error",
        "file",
        "{title} takes plain JSON lines (one object a line), not {found}.",
        "Write it so: `finetui convert IN OUT.jsonl --to {to}`.",
    ),
    "target-suffix": Check(
        "warning",
        "file",
        "The file is named {name}; {title} takes only names that end in .jsonl.",
        "Rename it before you upload it.",
    ),
    "too-few-rows": Check(
        "error",
        "file",
        "{title} wants at least {least} rows; {rows} can be used.",
        "Add rows, or mend those with faults.",
    ),
    "too-large": Check(
        "error",
        "file",
        "The file has {size:,} MiB; {title} takes at most {most:,} MiB.",
        "Leave rows out, or shorten what all rows repeat (a long system prompt).",
    ),
    "missing-bom": Check(
        "warning",
        "file",
        "The file does not start with a byte order mark, which {title}'s documentation asks for.",
        "Add it: `finetui check IN --for {target} --fix OUT`.",
    ),
    "target-key": Check(
        "error",
        "row",
        "{title} does not know the key {key} of {where}.",
        "`finetui check IN --for {target} --fix OUT` removes it, or writes it as {title} has it.",
    ),
    "target-role": Check(
        "error", "row", "Turn {turn} has the role {role}, which {title} does not take.", "{fix}"
    ),
    "target-order": Check(
        "error",
        "row",
        "Turn {turn} ({role}) follows {before}; {title} wants user and assistant in turns, the user first.",
        "Join the two turns, or put the missing one between them.",
    ),
    "target-last-turn": Check(
        "error",
        "row",
        "{what} ends with a turn of the role {role}; {title} wants the assistant's.",
        "End it with the answer that the model should learn.",
    ),
    "target-content": Check(
        "error",
        "row",
        "The content of turn {turn} is {found}; {title} wants a text.",
        "Write the content as one text.",
    ),
    "target-empty": Check(
        "error", "row", "{what} is empty, which {title} refuses.", "Fill it in, or remove the row."
    ),
    "target-weight": Check(
        "error",
        "row",
        "The weight of turn {turn} is {weight}; {title} takes the numbers 0 and 1.",
        "Write 0 or 1.",
    ),
    "weight-place": Check(
        "error",
        "row",
        "Turn {turn} ({role}) has a weight; only the assistant's turns may have one.",
        "Remove the weight.",
    ),
    "target-name": Check(
        "error",
        "row",
        "The name {name} of turn {turn} has more than 64 characters, a space or one of < | \\ / >.",
        "Use letters, digits, _ and -.",
    ),
    "tool-name": Check(
        "error",
        "row",
        "The function name {name} is not one of 1 to 64 letters (a to z), digits, _ and -.",
        "Rename the function, in the tools and in the calls.",
    ),
    "target-tools": Check(
        "error",
        "row",
        "{title} can't use the row's tools: {reason}.",
        'Give a list of {{"type": "function", "function": {{"name": …, "parameters": {{…}}}}}}.',
    ),
    "tools-refused": Check(
        "error",
        "row",
        "The row has {what}; {title} trains on texts only.",
        "Leave the row out, or train on it elsewhere.",
    ),
    "target-call": Check(
        "error",
        "row",
        "{title} can't use a tool call of turn {turn}: {reason}.",
        'Write it as {{"id": …, "type": "function", "function": {{"name": …, "arguments": "…"}}}}: '
        "`finetui check IN --for {target} --fix OUT` does that.",
    ),
    "tool-arguments": Check(
        "error",
        "row",
        "The arguments of the call of {name} in turn {turn} are {found}, not JSON in a text.",
        "Write the object as a text: `finetui check IN --for {target} --fix OUT` does that.",
    ),
    "target-unanswered": Check(
        "error",
        "row",
        "The tool call {call} of turn {turn} is not answered before turn {next}.",
        'Put the tool\'s answer behind the call: {{"role": "tool", "tool_call_id": …, "content": …}}.',
    ),
    "target-unknown-call": Check(
        "error",
        "row",
        "Turn {turn} answers the tool call {call}, which the assistant did not make before it.",
        "Give it the tool_call_id of the call that it answers: where it has none, `finetui check IN "
        "--for {target} --fix OUT` does that.",
    ),
    "image-as-text": Check(
        "warning",
        "row",
        "Turn {turn} has an image as text (data:image/…;base64): it would be trained as characters.",
        "Remove the image, or the row.",
    ),
}

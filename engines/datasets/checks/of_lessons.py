"""What can be wrong with what a row teaches: its turns, its answers, its texts."""

from __future__ import annotations

from collections.abc import Mapping

from .kinds import Check

OF_LESSONS: Mapping[str, Check] = {
    "no-answer": Check(
        "error",
        "row",
        "There is no assistant turn, so nothing to learn.",
        "Add the answer, or remove the row.",
    ),
    "nothing-trained": Check(
        "error", "row", "Every answer of the row has weight 0, so nothing is trained.", "Remove the row."
    ),
    "empty-answer": Check(
        "error",
        "row",
        "{what} is empty: it would teach to say nothing.",
        "Write the answer, or remove the row.",
    ),
    "empty-turn": Check("warning", "row", "{what} is empty.", "Fill it in, or remove it."),
    "empty-text": Check("error", "row", "The text is empty.", "Remove the row."),
    "last-turn": Check(
        "warning",
        "row",
        "The last turn is {role}'s, not the assistant's: what follows the last answer is not trained.",
        "End the conversation with an answer; providers refuse such rows.",
    ),
    "role-order": Check(
        "warning",
        "row",
        "Turn {turn} ({role}) follows {before}; some chat templates refuse that.",
        "Join the two turns, or put the missing one between them.",
    ),
    "system-place": Check(
        "warning",
        "row",
        "Turn {turn} is a system prompt, but not the first turn; some chat templates refuse that.",
        "Put the system prompt first.",
    ),
    "several-systems": Check(
        "warning",
        "row",
        "Turn {turn} is one more system prompt; most chat templates refuse that or keep only the first.",
        "Join the system prompts into the first turn.",
    ),
    "same-answers": Check(
        "warning",
        "row",
        "All {count} answers of the row are the same.",
        "Was one answer copied into every turn? Write the others, or remove the row.",
    ),
    "answer-is-question": Check(
        "warning",
        "row",
        "The answer of turn {turn} repeats its question word for word.",
        "Were two columns mixed up? Write the answer, or remove the row.",
    ),
    "hollow-answer": Check(
        "note",
        "row",
        "The answer of turn {turn} is {answer}: what programs write where there was nothing.",
        "Nothing to do, if that is the answer; else write it, or remove the row.",
    ),
    "equal-answers": Check(
        "error",
        "row",
        "The chosen and the rejected answer are the same: there is nothing to prefer.",
        "Write another rejected answer, or remove the row.",
    ),
    "repeated-prompt": Check(
        "warning",
        "row",
        "{what} begins with the whole prompt, which would stand there twice.",
        "Keep the answer alone.",
    ),
    "unanswered-call": Check(
        "warning",
        "row",
        "The tool call {call} of turn {turn} is never answered; providers refuse such rows.",
        "Put the tool's answer with this tool_call_id behind it, or remove the call.",
    ),
    "unknown-call": Check(
        "warning",
        "row",
        "Turn {turn} answers the tool call {call}, which nobody made; providers refuse such rows.",
        "Give the answer the id of its call.",
    ),
    "undeclared-tool": Check(
        "warning",
        "row",
        "Turn {turn} calls {name}, but the row declares {declared}.",
        "Declare it under `tools`: when the model is used, it sees only what is declared.",
    ),
    "parallel-calls": Check(
        "note",
        "row",
        "A turn calls several tools at once; some chat templates take one call a turn.",
        "Nothing to do, if the model's template takes it.",
    ),
    "placeholder": Check(
        "warning",
        "row",
        "{where} has the placeholder {placeholder}: the model will learn to write it.",
        "Replace it by the text that it stands for.",
    ),
    "template-token": Check(
        "warning",
        "row",
        "{where} has {token}, a mark of a chat template, which then stands there twice.",
        "Give the plain turns: the model's own template puts its marks in.",
    ),
    "open-thoughts": Check(
        "warning",
        "row",
        "{where} has a {tag} without its {other}.",
        "Write both tags around the thoughts, or neither.",
    ),
    "html-entity": Check(
        "note",
        "row",
        "Texts have HTML's way to write characters, such as &amp; for &.",
        "Unescape them, unless the model should learn HTML.",
    ),
    "mojibake": Check(
        "warning",
        "row",
        "{where} has {wrong} where {right} was meant: UTF-8 that was read as Windows-1252.",
        "`finetui check FILE --fix OUT` sets it right.",
    ),
    "hidden-character": Check(
        "warning",
        "row",
        "{where} has the invisible character {character}.",
        "`finetui check FILE --fix OUT` removes it.",
    ),
    "control-character": Check(
        "warning",
        "row",
        "{where} has the control character {character}.",
        "Remove it, unless the model should learn it; `finetui check FILE --fix OUT` does, but for colours.",
    ),
    "eaten-escape": Check(
        "warning",
        "row",
        "{where} has lost the backslash of {command}: {escape} was read as a control character.",
        "`finetui check FILE --fix OUT` puts it back; write a backslash in JSON as \\\\.",
    ),
    "broken-character": Check(
        "warning",
        "row",
        "{where} has the character U+FFFD, the remains of a failed conversion.",
        "Convert the source again with its right encoding.",
    ),
    "secret": Check(
        "warning",
        "row",
        "{where} has what looks like {kind} ({masked}); a model can be made to tell what it learned.",
        "Replace it by a made-up one, and revoke it if it is real.",
    ),
    "personal-data": Check(
        "warning",
        "row",
        "{where} has {kind} ({masked}); a model can be made to tell what it learned.",
        "Replace it by a made-up one, unless it may be known to everybody.",
    ),
    "duplicate": Check(
        "warning",
        "row",
        "The row is the same as that in line {first:,}.",
        "Remove it, unless it should count twice.",
    ),
}

"""What can be wrong with a row's JSON and with its form."""

from __future__ import annotations

from collections.abc import Mapping

from .kinds import Check

OF_ROWS: Mapping[str, Check] = {
    "broken-json": Check("error", "row", "The line is not a JSON object: {reason}.", "{fix}"),
    "invalid-utf8": Check(
        "error",
        "row",
        "The line is not UTF-8: byte {byte} is no character.",
        "Write the line anew; or, if a Windows program wrote the whole file: "
        "iconv -f CP1252 -t UTF-8 IN > OUT",
    ),
    "lone-surrogate": Check(
        "error",
        "row",
        "Half a character: an escape {escape} without its other half.",
        "Such halves come from text that was cut inside an emoji; remove it.",
    ),
    "too-deep": Check("error", "row", "The row is nested too deeply to be stored.", "Flatten it."),
    "repeated-key": Check(
        "warning",
        "row",
        "The key {key} stands there twice; only its last value counts.",
        "Remove one of them, or give it another name.",
    ),
    "row-type": Check(
        "error", "row", "The row is {found}, not an object.", "Write each row as an object: {{…}}."
    ),
    "mixed-formats": Check(
        "error",
        "row",
        "The row is of the form {found}, but the file's first rows are {format}.",
        "Keep one form a file: split the file, or rewrite these rows.",
    ),
    "missing-key": Check(
        "error",
        "row",
        "The row lacks {missing} (its keys: {keys}).",
        "A row of this form looks like {example}.",
    ),
    "wrong-type": Check("error", "row", "{what} is {found}, not {expected}.", "Make it {expected}."),
    "ignored-key": Check("note", "row", "The key {key} is not used.", "Nothing to do, if that is meant."),
    "no-turns": Check("error", "row", "The conversation has no turns.", "Remove the row."),
    "unknown-role": Check(
        "error", "row", "Turn {turn} has the unknown role {role}.", "Use system, user, assistant or tool."
    ),
    "unsupported-part": Check(
        "error",
        "row",
        "Turn {turn} has a part of the type {type}; this version trains on text only.",
        "Keep the text parts, or remove the row.",
    ),
    "image": Check(
        "error",
        "row",
        "Turn {turn} has an image; images can't be trained as text here.",
        "Leave the row out, or write what the image shows as a text.",
    ),
    "bad-weight": Check(
        "error",
        "row",
        "The weight of turn {turn} is {weight}; only 0 (not trained) and 1 (trained) are known.",
        "Use 0 or 1.",
    ),
    "mixed-weights": Check(
        "error",
        "row",
        "The parts of turn {turn} have different weights; a turn is trained as a whole or not at all.",
        "Give all its parts the same weight.",
    ),
    "tool-call": Check(
        "error",
        "row",
        "The tool call of turn {turn} is not usable: {reason}.",
        'A call has a name and its arguments as an object: {{"name": …, "arguments": {{…}}}}.',
    ),
    "arguments-text": Check(
        "note",
        "row",
        "Tool arguments stand as JSON in a text, as OpenAI has them.",
        "They are stored as an object; elsewhere some chat templates would encode the text once more.",
    ),
    "tools": Check(
        "error",
        "row",
        "The row's tools are not usable: {reason}.",
        'Give a list of {{"type": "function", "function": {{"name": …, "parameters": {{…}}}}}}.',
    ),
    "tool-without-call": Check(
        "error",
        "row",
        "Turn {turn} is a tool's answer, but no tool was called before it.",
        "Put the assistant's tool call before it.",
    ),
}

"""The table of everything a dataset can be told off for: one line a check, with its text and its way out.

The checks themselves stand where they look (`json_text`, `formats`, `read`, `check`); their words and their
severity stand only here. A new check is a line here and a `found(...)` there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from .problem import Problem, Severity

Scope = Literal["file", "row"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be wrong.

    Args:
        severity: see `Problem`.
        scope: an error of a `file` stops everything; a row with an error of a `row` can be dropped.
        message: with {placeholders} that `found` fills.
        fix: likewise.
    """

    severity: Severity
    scope: Scope
    message: str
    fix: str


CHECKS: Mapping[str, Check] = {
    # The file
    "unreadable-file": Check("error", "file", "The file can't be read: {reason}.", "{fix}"),
    "empty-file": Check(
        "error", "file", "There is no row in the file.", "Give a file with at least one row."
    ),
    "encoding": Check("error", "file", "The file is not UTF-8, but {encoding}.", "{fix}"),
    "not-json": Check(
        "error",
        "file",
        "The file is neither JSON nor JSON lines: it starts with {start}.",
        "{fix}",
    ),
    "broken-archive": Check(
        "error",
        "file",
        "The gzip file is broken: {reason}.",
        "Copy it again, or unpack it and give the file.",
    ),
    "broken-document": Check(
        "error", "file", "The JSON is broken: {reason}.", "{fix} Nothing after this place was read."
    ),
    "no-list": Check(
        "error",
        "file",
        "The file is one JSON object without exactly one list of rows (its keys: {keys}).",
        "Give a list of rows, an object with one list of rows, or one row a line (JSONL).",
    ),
    "columns": Check(
        "error",
        "file",
        "The file holds columns (a list for each of {keys}), not rows.",
        "Write one object a row.",
    ),
    "unknown-format": Check(
        "error",
        "file",
        "No known form fits these rows: their keys are {keys}.",
        "Rename the keys so that a form fits, such as {known}; or name one with --format: {names}.",
    ),
    "preference-data": Check(
        "error",
        "file",
        "These are preferences (a chosen and a rejected answer); this version trains on answers only.",
        "To train on the chosen answers, write each row as its messages with the chosen answer as last turn.",
    ),
    "kto-data": Check(
        "error",
        "file",
        "These are answers judged good or bad (label); this version trains on answers only.",
        "To train on the good answers, keep the rows whose label is true, without the key `label`.",
    ),
    "bom": Check(
        "note", "file", "The file starts with a byte order mark.", "It is skipped; providers may refuse it."
    ),
    "blank-line": Check("note", "row", "A line is blank.", "It is skipped; providers may refuse it."),
    # A row's JSON
    "broken-json": Check("error", "row", "The line is not a JSON object: {reason}.", "{fix}"),
    "invalid-utf8": Check(
        "error",
        "row",
        "The line is not UTF-8: byte {byte} is no character.",
        "Save the file as UTF-8; text from older Windows programs is often cp1252.",
    ),
    "lone-surrogate": Check(
        "error",
        "row",
        "Half a character: an escape {escape} without its other half.",
        "Such halves come from text that was cut inside an emoji; remove it.",
    ),
    # A row's form
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
    # What a row teaches
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
    "placeholder": Check(
        "warning",
        "row",
        "The placeholder {placeholder} was left in: the model will learn to write it.",
        "Replace it by the text that it stands for.",
    ),
    "control-character": Check(
        "warning",
        "row",
        "The text has the control character {character}.",
        "Remove it, unless the model should learn it.",
    ),
    "broken-character": Check(
        "warning",
        "row",
        "The text has the character U+FFFD, the remains of a failed conversion.",
        "Convert the source again with its right encoding.",
    ),
    "duplicate": Check(
        "warning",
        "row",
        "The row is the same as that in line {first:,}.",
        "Remove it, unless it should count twice.",
    ),
    # Training and validation
    "valid-size": Check(
        "error",
        "file",
        "{wanted} validation rows can't be taken from {rows}.",
        "Ask for fewer, or give a validation file.",
    ),
    "no-valid": Check(
        "warning",
        "file",
        "There is nothing to validate with: all rows have the same prompt.",
        "Give a validation file.",
    ),
    "valid-kind": Check(
        "error",
        "file",
        "The validation file has rows of the kind {valid}, the training file {train}.",
        "Give both in the same form.",
    ),
    "valid-in-train": Check(
        "warning",
        "row",
        "The prompt of this validation row is also trained, so its loss says little.",
        "Remove it from one of the two files.",
    ),
    "no-rows-left": Check(
        "error", "file", "No usable row is left: all {rows} have faults.", "Mend the faults that were found."
    ),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """A check that a row failed, before it is known where the row stands."""

    check: str
    values: dict[str, Any]


class Faults(list[Fault]):
    """What is wrong with one row, gathered while it is read."""

    def add(self, check: str, **values: Any) -> None:
        """Notes a failed check; `values` fill the placeholders of its text."""
        self.append(Fault(check, values))

    @property
    def fatal(self) -> bool:
        """Whether one of them is an error, so that the row can't be used."""
        return any(CHECKS[fault.check].severity == "error" for fault in self)


def found(
    check: str, path: str | None = None, line: int | None = None, column: int | None = None, **values: Any
) -> Problem:
    """The problem that a failed check makes, its text filled with `values`."""
    entry = CHECKS[check]
    return Problem(
        id=check,
        severity=entry.severity,
        message=entry.message.format_map(values),
        fix=entry.fix.format_map(values),
        path=path,
        line=line,
        column=column,
    )


def shown(value: object, length: int = 60) -> str:
    """A foreign value as it may stand in a message: as JSON, short, printable, without half characters."""
    try:
        text = json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    if len(text) > length:
        text = text[: length - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def type_name(value: object) -> str:
    """What JSON calls a value's type, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"


def key_list(keys: object) -> str:
    """Keys as they may stand in a message: at most eight, quoted."""
    names = [shown(key, 30) for key in list(keys)[:9]] if isinstance(keys, (dict, list, tuple)) else []
    if len(names) > 8:
        names[8:] = ["…"]
    return ", ".join(names) if names else "none"

"""JSON read so that a fault has its line, its column and its reason.

msgspec is several times faster than the standard library, but says where a fault is only in bytes and not for
all of them; so a text that it refuses is read once more by the standard library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn

import msgspec

from ..checks.words import shown


class JsonFault(Exception):
    """A fault in JSON text: the check that failed, and where.

    Args:
        check: its id in the table of checks.
        column: in characters, counted from 1.
        line: counted from 1, within the text that was read.
        values: what fills the check's text.
    """

    def __init__(self, check: str, column: int | None = None, line: int = 1, **values: Any) -> None:
        super().__init__(check)
        self.check = check
        self.column = column
        self.line = line
        self.values = values


class _NotANumber(ValueError):
    """NaN or an infinity, which the standard library reads though JSON has none."""


def _refuse(constant: str) -> NoReturn:
    raise _NotANumber(constant)


_DECODER = json.JSONDecoder(parse_constant=_refuse)
_SPACE = re.compile(r"[ \t\r\n]*")
_fast = msgspec.json.Decoder()


def decode_line(line: bytes) -> Any:
    """The value of one line of JSON.

    Lone surrogates come through, as the standard library lets them: whoever encodes the text meets them.

    Raises:
        JsonFault: with the column of the fault.
    """
    try:
        return _fast.decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError as fault:
        column = len(line[: fault.start].decode("utf-8", "replace")) + 1
        raise JsonFault("invalid-utf8", column, byte=f"0x{line[fault.start]:02X}") from None
    start = _skip(text, 0)
    value, end = _decode_at(text, start, "broken-json")
    end = _skip(text, end)
    if end < len(text):
        raise JsonFault(
            "broken-json",
            end + 1,
            reason=f"after its end comes {shown(text[end : end + 20])}",
            fix="Write one object a line.",
        )
    return value


@dataclass(frozen=True, slots=True)
class Element:
    """A value inside a document, and the line on which it starts."""

    line: int
    value: Any


def elements(text: str) -> Iterator[Element]:
    """The rows of a whole document: a list of rows, or objects one after the other.

    Raises:
        JsonFault: where the text stops being JSON; what came before it has been given.
    """
    yield from _in_list(text, 0) if text[_skip(text, 0) :][:1] == "[" else _in_sequence(text)


def elements_at(text: str, key: str) -> Iterator[Element]:
    """The elements of the list that a document's one object has under `key`."""
    for name, position in _members(text):
        if name == key:
            yield from _in_list(text, position, alone=False)
            return


def members(text: str) -> dict[str, Any] | None:
    """The document's one object; None when the text is something else or has more after it.

    Raises:
        JsonFault: when the object is broken.
    """
    start = _skip(text, 0)
    if text[start : start + 1] != "{":
        return None
    value, end = _decode_at(text, start, "broken-document")
    return value if _skip(text, end) == len(text) else None


def _in_sequence(text: str) -> Iterator[Element]:
    position = _skip(text, 0)
    line, counted = 1, 0
    while position < len(text):
        line += text.count("\n", counted, position)
        counted = position
        value, end = _decode_at(text, position, "broken-document")
        yield Element(line, value)
        position = _skip(text, end)


def _in_list(text: str, position: int, alone: bool = True) -> Iterator[Element]:
    position = _skip(text, position) + 1
    line, counted = 1, 0
    first = True
    while True:
        position = _skip(text, position)
        mark = text[position : position + 1]
        if mark == "]" and first:
            break
        if not first:
            if mark == "]":
                break
            if mark != ",":
                raise _fault(text, position, "broken-document", "Expecting ',' delimiter")
            comma, position = position, _skip(text, position + 1)
            if text[position : position + 1] == "]":
                raise _fault(text, comma, "broken-document", "a comma before the end of the list")
        line += text.count("\n", counted, position)
        counted = position
        value, end = _decode_at(text, position, "broken-document")
        yield Element(line, value)
        position, first = end, False
    end = _skip(text, position + 1)
    if alone and end < len(text):
        raise _fault(text, end, "broken-document", "Extra data")


def _members(text: str) -> Iterator[tuple[str, int]]:
    """Keys of the document's one object (known to be sound) and where their values start."""
    position = _skip(text, _skip(text, 0) + 1)
    while text[position : position + 1] == '"':
        name, end = _DECODER.raw_decode(text, position)
        start = _skip(text, _skip(text, end) + 1)
        yield name, start
        _, end = _DECODER.raw_decode(text, start)
        position = _skip(text, _skip(text, end) + 1)


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _decode_at(text: str, position: int, check: str) -> tuple[Any, int]:
    try:
        return _DECODER.raw_decode(text, position)
    except json.JSONDecodeError as fault:
        raise _fault(text, fault.pos, check, fault.msg) from None
    except RecursionError:
        reason, fix, at = "it is nested too deeply to be read", "Flatten it.", position
    except _NotANumber as constant:
        reason, fix = f"{constant} is no JSON", "Write null, or leave the key out."
        at = text.find(str(constant), position)
    except ValueError:  # an integer of more digits than Python converts
        reason, fix, at = "a number has too many digits", "Write it as a text.", position
    line, column = _place(text, at)
    raise JsonFault(check, column, line, reason=reason, fix=fix)


def _place(text: str, position: int) -> tuple[int, int]:
    return text.count("\n", 0, position) + 1, position - text.rfind("\n", 0, position)


def _fault(text: str, position: int, check: str, words: str) -> JsonFault:
    line, column = _place(text, position)
    reason, fix = _explained(text, position, words)
    return JsonFault(check, column, line, reason=reason, fix=fix)


def _explained(text: str, position: int, words: str) -> tuple[str, str]:
    """The standard library's words in the reader's, and what mends the usual causes."""
    rest = text[position:]
    before = text[:position].rstrip()[-1:]
    near = shown(rest[:20]) if rest.strip() else "the end"
    if words.startswith("Unterminated string"):
        return "a string without its closing quote", "Close it; write a line break inside it as \\n."
    if not rest.strip():
        return "it ends too early", "The row or the file was cut: write it again."
    if words.startswith("Invalid control character"):
        return (
            "a line break, tab or other control character inside a string",
            "Write it as \\n, \\t or \\u0000.",
        )
    if words.startswith("Invalid \\"):
        return f"an unknown escape at {near}", "Write a backslash as \\\\."
    if rest[0] == "'":
        return "a text in single quotes", "Write texts and keys in double quotes."
    for word, right in (("True", "true"), ("False", "false"), ("None", "null")):
        if rest.startswith(word):
            return f"the Python word {word}", f"Write {right}."
    if words.startswith("a comma before") or (before == "," and rest[0] in "]}"):
        return "a comma with nothing after it", "Remove the comma."
    if words == "Extra data":
        return f"after its end comes {near}", "Write one list, or one object a line."
    if words.startswith("Expecting ',' delimiter"):
        return f"a comma is missing before {near}", 'Put the comma, or escape the quote before it as \\".'
    if words.startswith("Expecting ':'"):
        return f"a colon is missing before {near}", 'Write "key": value.'
    if words.startswith("Expecting property name"):
        return f"a key in double quotes is missing at {near}", 'Write "key": value.'
    return f"no value starts with {near}", "Write a text in double quotes, a number, a list or an object."

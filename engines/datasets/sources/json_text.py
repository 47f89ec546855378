"""JSON read so that a fault has its line, its column and its reason.

msgspec is several times faster than the standard library, but says where a fault is only in bytes and not for
all of them; so a text that it refuses is read once more by the standard library.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

import msgspec

from ..checks.words import shown


class JsonFault(Exception):
    """A fault in a line of JSON: the check that failed, and where.

    Args:
        check: its id in the table of checks.
        column: in characters, counted from 1.
        values: what fills the check's text.
    """

    def __init__(self, check: str, column: int | None = None, **values: Any) -> None:
        super().__init__(check)
        self.check = check
        self.column = column
        self.values = values


class _NotANumber(ValueError):
    """NaN or an infinity, which the standard library reads though JSON has none."""


def _refuse(constant: str) -> NoReturn:
    raise _NotANumber(constant)


_DECODER = json.JSONDecoder(parse_constant=_refuse)
SHOWN_CHARACTERS = 20
"""Of the text at a fault."""
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
    try:
        value, end = value_at(text, _skip(text, 0))
    except Broken as fault:
        reason, fix = fault.explained(text)
        raise JsonFault("broken-json", fault.at + 1, reason=reason, fix=fix) from None
    ended, end = end, _skip(text, end)
    if end < len(text):
        fix = "Write one object a line."
        if text[end:].strip(", \t\r\n") == "":
            fix = "Remove the comma: every line stands for itself."
        elif "\r" in text[ended:end]:
            fix = "The lines end as on old Macs; with tr: tr '\\r' '\\n' < IN > OUT"
        raise JsonFault(
            "broken-json",
            end + 1,
            reason=f"after its end comes {shown(text[end : end + SHOWN_CHARACTERS])}",
            fix=fix,
        )
    return value


class Broken(Exception):
    """A text stops being JSON.

    Args:
        at: where in the text.
        words: what the standard library says of it.
        reason: what is wrong, where that is known otherwise.
        fix: the way out, likewise.
    """

    def __init__(self, at: int, words: str, reason: str = "", fix: str = "") -> None:
        super().__init__(words or reason)
        self.at = at
        self._words, self._reason, self._fix = words, reason, fix

    def is_open(self, text: str) -> bool:
        """Whether it may be sound if the text only goes on."""
        if self._reason:
            return False
        return self._words.startswith("Unterminated string") or self.at > len(text) - LONGEST_WORD

    def explained(self, text: str) -> tuple[str, str]:
        """The reason and the way out in the reader's words."""
        return (self._reason, self._fix) if self._reason else _explained(text, self.at, self._words)


LONGEST_WORD = 16
"""No word of JSON (`-Infinity`, a `\\uXXXX`) is longer: nearer to the end a text may be cut inside one."""


def value_at(text: str, position: int) -> tuple[Any, int]:
    """The value that starts at a position, and where it ends.

    Raises:
        Broken: no value stands there.
    """
    try:
        return _DECODER.raw_decode(text, position)
    except json.JSONDecodeError as fault:
        raise Broken(fault.pos, fault.msg) from None
    except RecursionError:
        raise Broken(position, "", "it is nested too deeply to be read", "Flatten it.") from None
    except _NotANumber as constant:
        at = text.find(str(constant), position)
        raise Broken(at, "", f"{constant} is no JSON", "Write null, or leave the key out.") from None
    except ValueError:  # an integer of more digits than Python converts
        raise Broken(position, "", "a number has too many digits", "Write it as a text.") from None


def _skip(text: str, position: int) -> int:
    match = _SPACE.match(text, position)
    return match.end() if match else position


def _explained(text: str, position: int, words: str) -> tuple[str, str]:
    """The standard library's words in the reader's, and what mends the usual causes."""
    rest = text[position:]
    before = text[:position].rstrip()[-1:]
    near = shown(rest[:SHOWN_CHARACTERS]) if rest.strip() else "the end"
    if rest[:1] == "\0":
        return "NUL bytes, which a crash or a full disk leaves", "Remove them: what stood here is lost."
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
    if words.startswith("Expecting") and (rest[0] == "#" or rest[:2] in ("//", "/*")):
        return "a comment, which JSON has not", "Remove the comment."
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


def repeated_key(line: bytes, row: Mapping[str, Any]) -> str | None:
    """A key of a row's own that stands there twice: of both values JSON keeps the last, without a word.

    Args:
        row: what the line holds.
    """
    # In a text the quote before the colon would be escaped, so what is counted is nearly always a key.
    for key in row:
        if line.count(b'"%s":' % key.encode("utf-8", "replace")) > 1:
            break
    else:
        return None
    keys: list[str] = []

    def close(pairs: list[tuple[str, Any]]) -> None:
        keys[:] = [key for key, _ in pairs]  # the row itself is the last object to be closed

    try:
        json.loads(line, object_pairs_hook=close)
    except (ValueError, RecursionError):
        return None
    return next((key for place, key in enumerate(keys) if key in keys[:place]), None)

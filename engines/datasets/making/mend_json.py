"""Broken JSON whose meaning is plain all the same: commas too many, raw tabs, joined rows, Python's words.

A missing comma, a cut row or a stray quote can be read in several ways: those are not touched.
"""

from __future__ import annotations

import ast
import io
import json
import math
import re
import tokenize
import warnings
from typing import Any, NoReturn

COMMAS = "commas too many removed"
ESCAPES = "line breaks and tabs inside texts escaped"
JOINED = "rows that shared a line put on their own"
PYTHON = "Python's notation made JSON"

_MOST_PYTHON_CHARACTERS = 1 << 20
_DEEPEST_PYTHON = 50
_COMMA = re.compile(r'"(?:[^"\\]|\\.)*+"|,(?=\s*(?:[}\]]|$))', re.DOTALL)
_SPACE = re.compile(r"[ \t\r\n]*")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)


_STRICT = json.JSONDecoder(parse_constant=_refuse)
_LENIENT = json.JSONDecoder(parse_constant=_refuse, strict=False)


def mend_line(line: bytes) -> tuple[list[dict[str, Any]], set[str]] | None:
    """The rows of a line that is no JSON object, and what had to be done; None when it could mean anything.

    Args:
        line: without its line break.
    """
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        return None
    without = without_commas(text)
    done = {COMMAS} if without != text else set[str]()
    for decoder, words in ((_STRICT, None), (_LENIENT, ESCAPES)):
        rows = _sequence(without, decoder)
        if rows is not None:
            done |= ({words} if words else set()) | ({JOINED} if len(rows) > 1 else set())
            return rows, done
    value = _python_value(text)
    return ([value], {PYTHON}) if isinstance(value, dict) else None


def without_commas(text: str) -> str:
    """JSON text without the commas that nothing follows."""
    return _COMMA.sub(lambda match: "" if match[0] == "," else match[0], text)


def _sequence(text: str, decoder: json.JSONDecoder) -> list[dict[str, Any]] | None:
    """The objects that stand one after the other in a text; None when anything else stands there."""
    rows: list[dict[str, Any]] = []
    place = _skipped(text, 0)
    while place < len(text):
        try:
            value, end = decoder.raw_decode(text, place)
        except (ValueError, RecursionError):
            return None
        if not isinstance(value, dict):
            return None
        rows.append(value)
        place = _skipped(text, end)
    return rows or None


def _skipped(text: str, place: int) -> int:
    match = _SPACE.match(text, place)
    return match.end() if match else place


def _python_value(text: str) -> Any:
    """A literal of Python as JSON would have it; None when it is none, or not certain."""
    text = text.strip()
    if len(text) > _MOST_PYTHON_CHARACTERS or not text.startswith("{") or not _is_plain(text):
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an escape that Python doesn't know
            value = ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, Warning):
        return None
    return value if _is_json(value) else None


def _is_plain(text: str) -> bool:
    """Whether a literal is flat, without texts side by side: Python joins them, a comma may be missing."""
    depth, before = 0, None
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT or (token.type == before == tokenize.STRING):
                return False
            if token.type == tokenize.OP:
                depth += (token.string in "{[(") - (token.string in "}])")
                if depth > _DEEPEST_PYTHON:
                    return False
            before = token.type
    except (tokenize.TokenError, SyntaxError, ValueError):
        return False
    return True


def _is_json(value: object) -> bool:
    match value:
        case None | bool() | int() | str():
            return True
        case float():
            return math.isfinite(value)
        case list():
            return all(map(_is_json, value))
        case dict():
            return all(isinstance(key, str) for key in value) and all(map(_is_json, value.values()))
        case _:
            return False

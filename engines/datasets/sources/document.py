"""One document of JSON as a stream of rows: a list, an object with one list, objects one after the other.

Only a window of the text is held, so that memory does not grow with the file.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Generator, Iterator
from typing import Any, BinaryIO

import msgspec

from ..checks.table import found
from ..formats.registry import recognise
from .fault import SAVE, FileFault, Raw
from .json_text import LONGEST_WORD, SHOWN_CHARACTERS, Broken, value_at
from .one_object import is_turned, not_rows
from .text_window import EncodingFault, TextWindow

_MOST_MISSED = 16
_BORDER = re.compile(r'\}[ \t\r\n]*,[ \t\r\n]*\{[ \t\r\n]*"[^"]*"')
_fast = msgspec.json.Decoder()

WHOLE_CHARACTERS = 1 << 20
"""An object of more is not looked at as a whole before its rows are given."""


def document_rows(stream: BinaryIO, name: str) -> Iterator[Raw]:
    """The document's rows, up to the place where it stops being JSON.

    Args:
        stream: its bytes, behind a byte order mark.
        name: the file's, for the problems.

    Raises:
        FileFault: it is sound and holds no rows.
    """
    window = TextWindow(stream)
    try:
        start = window.skip(0)
        if window.mark(start) == "[":
            end = window.skip((yield from _in_list(window, start)))
            if window.mark(end):
                raise Broken(end, "Extra data")
        else:
            yield from _in_object(window, start, name)
    except EncodingFault as fault:
        fix = SAVE.format("CP1252")
        here = f"{fault.byte} at this place"
        problem = found("encoding", name, fault.line, fault.column, encoding=here, fix=fix)
        yield Raw(fault.line, problem=problem)
    except Broken as fault:
        line, column = window.place(fault.at)
        with contextlib.suppress(EncodingFault):
            while len(window.text) < fault.at + SHOWN_CHARACTERS and window.grow():
                pass
        reason, fix = fault.explained(window.text)
        yield Raw(line, problem=found("broken-document", name, line, column, reason=reason, fix=fix))


def _in_list(window: TextWindow, position: int) -> Generator[Raw, None, int]:
    """The elements of the list that opens at a position; returns where it ends."""
    first = True
    position += 1
    border = _Border()
    while True:
        position = window.drop(window.skip(position))
        mark = window.mark(position)
        if mark == "]":
            return position + 1
        if not first:
            if mark != ",":
                raise Broken(position, "Expecting ',' delimiter")
            comma, position = position, window.skip(position + 1)
            if window.mark(position) == "]":
                raise Broken(comma, "a comma before the end of the list")
        if (row := border.row(window, position)) is None:
            row = _row(window, position)
            border.learn(window, row[1])
        yield row[0]
        position, first = row[1], False


class _Border:
    """What stands between two objects of a list: the end of one, and the next up to its first key.

    It finds the end of an object several times faster than a parser that says where it stopped. What stands
    before a border and is sound by itself is a whole object, whatever the text; what is not is read slowly.
    """

    def __init__(self) -> None:
        self._text = ""
        self._found = 0
        self._missed = 0

    def learn(self, window: TextWindow, end: int) -> None:
        """Takes what follows the object that ends here, if an object follows."""
        match = _BORDER.match(window.text, end - 1)
        self._text = match.group() if match else ""

    def row(self, window: TextWindow, start: int) -> tuple[Raw, int] | None:
        """The object that starts here and its end, if a border shows that."""
        if not self._text or self._missed > self._found + _MOST_MISSED or window.mark(start) != "{":
            return None
        end = window.text.find(self._text, start) + 1
        if not end:
            self._missed += 1
            return None
        text = window.text[start:end]
        try:
            value = _fast.decode(text)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            self._missed += 1
            return None
        self._found += 1
        return Raw(window.line_at(start), value, text=text), end


def _in_sequence(window: TextWindow, position: int) -> Iterator[Raw]:
    """Values one after the other up to the end of the text."""
    while window.mark(position := window.drop(window.skip(position))):
        raw, position = _row(window, position)
        yield raw


def _in_object(window: TextWindow, start: int, name: str) -> Iterator[Raw]:
    """The rows of a document that begins with an object: those of its list, or itself and what follows."""
    opened = _value(window, start, WHOLE_CHARACTERS)
    if opened is None:
        yield from _in_long_object(window, start, name)
        return
    whole, end = opened
    if window.mark(window.skip(end)):
        yield from _in_sequence(window, start)
        return
    known = recognise(whole)
    lists = [key for key, value in whole.items() if isinstance(value, list)]
    plain = not any(isinstance(item, dict) for key in lists for item in whole[key])
    if lists and len(lists) == len(whole) and plain and (known is not None or len(lists) > 1):
        raise FileFault(not_rows(name, whole))
    if is_turned(whole):
        raise FileFault(not_rows(name, whole))
    if known is not None:
        yield Raw(window.line_at(start), whole, text=window.text[start:end])
    elif len(lists) != 1:
        raise FileFault(not_rows(name, whole))
    else:
        yield from _in_list(window, _place_of(window, start, lists[0]))


def _place_of(window: TextWindow, start: int, key: str) -> int:
    """Where the value of a key of an object starts, of which it is known that it is sound and has the key."""
    position = start
    while True:
        name, end = value_at(window.text, window.skip(position + 1))
        position = window.skip(window.skip(end) + 1)
        if name == key:
            return position
        position = window.skip(value_at(window.text, position)[1])


def _in_long_object(window: TextWindow, position: int, name: str) -> Iterator[Raw]:
    """The rows of an object too long to be looked at as a whole: those of its first list of objects.

    What stands behind that list, another one perhaps, is told when it is met.
    """
    line = window.line_at(position)
    members: dict[str, Any] = {}
    given: str | None = None
    is_row = False
    while True:
        position = window.drop(window.skip(position + 1))
        if window.mark(position) != '"':
            raise Broken(position, "Expecting property name enclosed in double quotes")
        key, position = _sound(window, position)
        position = window.skip(position)
        if window.mark(position) != ":":
            raise Broken(position, "Expecting ':' delimiter")
        position = window.skip(position + 1)
        is_list = window.mark(position) == "["
        holds_objects = is_list and window.mark(window.skip(position + 1)) == "{"
        if given is None and not is_row and recognise({**members, key: []}) is not None:
            only_columns = is_list and all(isinstance(value, list) for value in members.values())
            is_row = holds_objects or not only_columns
        if not is_list or is_row:
            members[key], position = _sound(window, position)
        elif given is None and holds_objects:
            given, members[key] = key, []
            position = yield from _in_list(window, position)
        else:
            members[key] = []
            position = _end_of(_in_list(window, position))
        position = window.skip(position)
        mark = window.mark(position)
        if mark == "}":
            break
        if mark != ",":
            raise Broken(position, "Expecting ',' delimiter")
    if is_row and given is None and not is_turned(members):
        yield Raw(line, members)
        yield from _in_sequence(window, position + 1)
        return
    position = window.skip(position + 1)
    if window.mark(position):
        raise Broken(position, "Extra data")
    if given is None or sum(isinstance(value, list) for value in members.values()) != 1:
        raise FileFault(not_rows(name, members if given is None else {**members, given: [{}]}))


def _end_of(elements: Generator[Raw, None, int]) -> int:
    """Where a list ends, its elements looked at and forgotten."""
    while True:
        try:
            next(elements)
        except StopIteration as end:
            return end.value


def _row(window: TextWindow, position: int) -> tuple[Raw, int]:
    line = window.line_at(position)
    value, end = _sound(window, position)
    return Raw(line, value, text=window.text[position:end]), end


def _sound(window: TextWindow, position: int) -> tuple[Any, int]:
    opened = _value(window, position)
    assert opened is not None
    return opened


def _value(window: TextWindow, position: int, most: int | None = None) -> tuple[Any, int] | None:
    """The value at a position and its end, reading on while the text held may be too short for it.

    Args:
        most: with so many characters read it is given up: None.
    """
    while True:
        text = window.text
        try:
            value, end = value_at(text, position)
        except Broken as fault:
            if not fault.is_open(text):
                raise
            if most is not None and len(text) >= most:
                return None
            if not window.grow():
                raise
            continue
        # A number may go on behind the text that is held.
        cut = end > len(text) - LONGEST_WORD and not isinstance(value, (dict, list, str))
        if not cut or not window.grow():
            return value, end

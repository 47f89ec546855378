"""A file as a stream of raw values, each with the line on which it starts, or the fault that stands there.

JSON lines are read a line at a time, so that their memory does not grow with the file; any other JSON is read
whole. Which of the two a file is, its content decides: many a `.json` holds lines.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from ..checks.table import found
from ..checks.words import key_list, shown
from ..formats.registry import recognise
from ..problem import Problem
from . import json_text
from .json_text import JsonFault, decode_line

Layout = Literal["lines", "document"]

BLOCK_BYTES = 1 << 20
_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_LINE_SUFFIXES = frozenset({".jsonl", ".ndjson", ".jsonlines"})
_LONG_LINE_BYTES = 1 << 16
_SAVE = "Save it as UTF-8, for instance with: iconv -f {} -t UTF-8 IN > OUT"


class FileFault(Exception):
    """The file as a whole can't be read. Carries the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Raw:
    """One value of the file, or a problem in its place.

    Args:
        line: where it starts, counted from 1; None for a problem of the whole file.
    """

    line: int | None
    value: Any = None
    problem: Problem | None = None


def raw_values(path: Path) -> Iterator[Raw]:
    """The file's values in order.

    A problem of the whole file, or one after which nothing can be read, is a `Raw` too; nothing is raised.
    """
    name = str(path)
    try:
        with opened(path) as stream:
            layout, bom = layout_of(path, stream)
        if bom:
            yield Raw(None, problem=found("bom", name, 1))
        with opened(path) as stream:
            yield from _lines(stream, name) if layout == "lines" else _document(stream, name)
    except FileFault as fault:
        yield Raw(None, problem=fault.problem)
    except (gzip.BadGzipFile, EOFError, zlib.error) as fault:
        yield Raw(None, problem=found("broken-archive", name, reason=str(fault).rstrip(".")))
    except OSError as fault:
        yield Raw(None, problem=_unreadable(path, fault))


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a file as lines of JSON, to be looked at at once, in any process.

    Args:
        lines: whole lines, the last one perhaps without its break. Of a file of lines they are its own bytes.
        places: the line of the file on which each one starts, counted from 1.
        problems: what was met beside the rows; of a fault after which nothing can be read it is the last.
        end: how far in the file the reading is, in bytes of the file as it lies on the disk.
    """

    lines: bytes
    places: Sequence[int]
    problems: tuple[Problem, ...] = ()
    end: int = 0


def blocks(path: Path, size_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """The file in blocks of about this size. Nothing is raised: what is wrong is in the blocks' problems."""
    name = str(path)
    try:
        with opened(path) as stream:
            layout, bom = layout_of(path, stream)
        problems = (found("bom", name, 1),) if bom else ()
        if layout == "document":
            yield from _blocks_of_values(path, size_bytes)
            return
        if problems:
            yield Block(b"", (), problems)
        with opened(path) as stream:
            number = 1
            while lines := stream.read(size_bytes):
                lines += stream.readline()
                count = lines.count(b"\n") + (not lines.endswith(b"\n"))
                yield Block(lines, range(number, number + count), end=stream.tell())
                number += count
    except FileFault as fault:
        yield Block(b"", (), (fault.problem,))
    except (gzip.BadGzipFile, EOFError, zlib.error) as fault:
        yield Block(b"", (), (found("broken-archive", name, reason=str(fault).rstrip(".")),))
    except OSError as fault:
        yield Block(b"", (), (_unreadable(path, fault),))


def _blocks_of_values(path: Path, size_bytes: int) -> Iterator[Block]:
    lines: list[bytes] = []
    places: list[int] = []
    size = 0
    for raw in raw_values(path):
        if raw.problem is not None:
            yield Block(b"\n".join(lines), places, (raw.problem,))
            lines, places, size = [], [], 0
            continue
        lines.append(json.dumps(raw.value, ensure_ascii=True).encode())
        places.append(raw.line or 1)
        size += len(lines[-1])
        if size > size_bytes:
            yield Block(b"\n".join(lines), places)
            lines, places, size = [], [], 0
    if lines:
        yield Block(b"\n".join(lines), places)


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file's bytes, unpacked where it is packed with gzip."""
    with path.open("rb") as plain:
        packed = plain.read(2) == _GZIP
        plain.seek(0)
        if not packed:
            yield plain
            return
        with gzip.open(plain) as unpacked:
            yield cast(BinaryIO, unpacked)


def layout_of(path: Path, stream: BinaryIO) -> tuple[Layout, bool]:
    """Whether the file holds lines or one document, and whether it has a byte order mark.

    Raises:
        FileFault: it is neither.
    """
    name = str(path)
    head = stream.read(4)
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head:
        wide = head[:2] in (b"\xff\xfe", b"\xfe\xff") or head.count(0) == 2
        fix = _SAVE.format("UTF-16") if wide else "Give JSON or JSON lines."
        raise FileFault(found("encoding", name, encoding="UTF-16" if wide else "binary", fix=fix))
    if head == b"PAR1":
        raise FileFault(_not_json(name, head, "Parquet"))
    stream.seek(0)
    bom = head[:3] == _BOM
    if bom:
        stream.read(3)
    lines = _line_layout(path)
    first = _next_line(stream)
    if not first:
        raise FileFault(found("empty-file", name))
    start = first[:1]
    if start not in b"[{":
        if lines or _next_line(stream)[:1] == b"{":
            return "lines", bom
        raise FileFault(_not_json(name, first, "CSV" if b"," in first or b"\t" in first else "other text"))
    whole = _value(first)
    second = _next_line(stream)
    if whole is not _BROKEN:
        return ("lines" if second or (lines and start == b"{") else "document"), bom
    if start == b"{":
        return ("lines" if second[:1] == b"{" or (lines and not second) else "document"), bom
    # A broken list in a file of lines, or a document that opens a list.
    alone = first != b"[" and lines and isinstance(_value(second), dict)
    return ("lines" if alone else "document"), bom


_BROKEN = object()


def _value(line: bytes) -> Any:
    try:
        return decode_line(line)
    except JsonFault:
        return _BROKEN


def _line_layout(path: Path) -> bool:
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() != ".gz"]
    return bool(suffixes) and suffixes[-1] in _LINE_SUFFIXES


def _next_line(stream: BinaryIO) -> bytes:
    """The next line that is not blank, without its white space; empty at the end."""
    while line := stream.readline(_LONG_LINE_BYTES):
        if stripped := line.strip():
            if len(line) == _LONG_LINE_BYTES and stripped[:1] == b"{":
                stripped += stream.readline().strip()
            return stripped
    return b""


def _lines(stream: BinaryIO, name: str) -> Iterator[Raw]:
    for number, line in enumerate(stream, start=1):
        yield line_value(line, number, name)


def line_value(line: bytes, number: int, name: str) -> Raw:
    """What one line of a file of lines holds.

    Args:
        line: with or without its line break.
        number: counted from 1.
        name: the file's, for the problem.
    """
    if number == 1 and line.startswith(_BOM):
        line = line[3:]
    line = line.rstrip(b"\r\n")
    if not line.strip():
        return Raw(number, problem=found("blank-line", name, number))
    try:
        return Raw(number, decode_line(line))
    except JsonFault as fault:
        return Raw(number, problem=found(fault.check, name, number, fault.column, **fault.values))


def _document(stream: BinaryIO, name: str) -> Iterator[Raw]:
    raw = stream.read().removeprefix(_BOM)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as fault:
        line = raw.count(b"\n", 0, fault.start) + 1
        start = raw.rfind(b"\n", 0, fault.start) + 1
        column = len(raw[start : fault.start].decode("utf-8", "replace")) + 1
        # Nothing of a document is safe when its encoding is not known.
        here = f"0x{raw[fault.start]:02X} at this place"
        fix = _SAVE.format("CP1252")
        yield Raw(line, problem=found("encoding", name, line, column, encoding=here, fix=fix))
        return
    del raw
    try:
        values = _object_rows(text, name)
        for element in json_text.elements(text) if values is None else values:
            yield Raw(element.line, element.value)
    except JsonFault as fault:
        problem = found("broken-document", name, fault.line, fault.column, **fault.values)
        yield Raw(fault.line, problem=problem)


def _object_rows(text: str, name: str) -> Iterator[json_text.Element] | None:
    """The rows of a document that is one object: those of its one list. None for any other document."""
    whole = json_text.members(text)
    if whole is None:
        return None
    known = recognise(whole)
    lists = [key for key, value in whole.items() if isinstance(value, list)]
    plain = not any(isinstance(item, dict) for key in lists for item in whole[key])
    if lists and len(lists) == len(whole) and plain and (known is not None or len(lists) > 1):
        raise FileFault(found("columns", name, 1, keys=key_list(lists)))
    if known is not None:
        return None
    if len(lists) != 1:
        raise FileFault(found("no-list", name, 1, keys=key_list(whole)))
    return json_text.elements_at(text, lists[0])


def _not_json(name: str, start: bytes, kind: str) -> Problem:
    if kind == "other text":
        fix = "Give JSON or JSON lines."
    else:
        loader = "csv" if kind == "CSV" else "parquet"
        fix = (
            f"{kind} is not read yet: convert it with "
            f'python -c \'import pandas; pandas.read_{loader}("IN").to_json("OUT.jsonl", '
            f'orient="records", lines=True)\'.'
        )
    return found("not-json", name, 1, start=shown(start[:24].decode("utf-8", "replace")), fix=fix)


def _unreadable(path: Path, fault: OSError) -> Problem:
    fix = "Look at the path and its permissions."
    if isinstance(fault, FileNotFoundError):
        try:
            names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
        except OSError:
            fix = f"The folder {path.parent} does not exist either."
        else:
            near = get_close_matches(path.name, names, 1)
            fix = f"Is {near[0]} meant?" if near else "Look at the path."
    elif isinstance(fault, IsADirectoryError):
        fix = "Give a file in it."
    reason = (fault.strerror or str(fault)).lower()
    return found("unreadable-file", str(path), reason=reason, fix=fix)

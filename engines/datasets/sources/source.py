"""A file as a stream of raw values, each with the line on which it starts, or the fault that stands there.

Every kind of file is read piece by piece, so that memory does not grow with the file.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import BinaryIO, cast

import msgspec

from ..checks.table import found
from ..problem import Problem
from .document import document_rows
from .fault import FileFault, Raw
from .layout import BOM, Layout, layout_of
from .lines import line_value
from .packing import BROKEN_ARCHIVE, opened
from .parquet import ParquetRows
from .table import table_rows

__all__ = [
    "Block",
    "FileFault",
    "Raw",
    "blocks",
    "layout_of",
    "line_of",
    "line_value",
    "opened",
    "raw_values",
]

BLOCK_BYTES = 1 << 20
_MOST_PROBLEMS = 1000
FAULTS = (FileFault, OSError, *BROKEN_ARCHIVE)
"""What reading a file raises, none of which leaves this module."""
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Block:
    """Some rows of a file as lines of JSON, to be looked at at once, in any process.

    Args:
        lines: whole lines, the last one perhaps without its break. Of a file of lines they are its own bytes.
        places: the line of the file on which each one starts, counted from 1.
        problems: what was met beside the rows; of a fault after which nothing can be read it is the last.
        end: how far in the file the reading is, in bytes of the file as it lies on the disk. Where it is read
            ahead, or in rows (Parquet), that is nearly so.
    """

    lines: bytes
    places: Sequence[int]
    problems: tuple[Problem, ...] = ()
    end: int = 0


def raw_values(path: Path) -> Iterator[Raw]:
    """The file's values in order.

    A problem of the whole file, or one after which nothing can be read, is a `Raw` too; nothing is raised.
    """
    try:
        layout = layout_of(path)
        if layout.bom:
            yield Raw(None, problem=found("bom", str(path), 1))
        with _values(path, layout) as (values, _):
            yield from values
    except FAULTS as fault:
        yield Raw(None, problem=_problem_of(path, fault))


def blocks(path: Path, size_bytes: int = BLOCK_BYTES) -> Iterator[Block]:
    """The file in blocks of about this size. Nothing is raised: what is wrong is in the blocks' problems."""
    try:
        layout = layout_of(path)
        if layout.bom:
            yield Block(b"", (), (found("bom", str(path), 1),))
        yield from (_of_lines if layout.kind == "lines" else _of_values)(path, layout, size_bytes)
    except FAULTS as fault:
        yield Block(b"", (), (_problem_of(path, fault),))


def line_of(raw: Raw) -> bytes:
    """A value as one line of JSON, without a break: as it stands in the file, if it stands there as JSON."""
    if raw.text is not None:
        line = raw.text.encode()
        # Outside strings a break is white space, and inside there is none.
        return line.replace(b"\n", b" ").replace(b"\r", b" ") if b"\n" in line or b"\r" in line else line
    try:
        return _encoder.encode(raw.value)
    except (UnicodeEncodeError, OverflowError):
        return json.dumps(raw.value).encode()


def _of_lines(path: Path, _layout: Layout, size_bytes: int) -> Iterator[Block]:
    with opened(path) as file:
        number = 1
        fault: Exception | None = None
        while fault is None:
            lines, fault = _whole_lines(file.stream, size_bytes)
            count = lines.count(b"\n") + (not lines.endswith(b"\n")) if lines else 0
            problems = (_problem_of(path, fault),) if fault is not None else ()
            if not lines and not problems:
                return
            yield Block(lines, range(number, number + count), problems, file.end)
            number += count


def _whole_lines(stream: BinaryIO, size_bytes: int) -> tuple[bytes, Exception | None]:
    """Lines of about this size, and the fault behind them; empty at the end."""
    pieces: list[bytes] = []
    size = 0
    try:
        while size < size_bytes:
            piece = cast(io.BufferedReader, stream).read1(size_bytes - size)
            if not piece:
                break
            pieces.append(piece)
            size += len(piece)
        pieces.append(stream.readline())
    except FAULTS as fault:
        lines = b"".join(pieces)
        return lines[: lines.rfind(b"\n") + 1], fault
    return b"".join(pieces), None


def _of_values(path: Path, layout: Layout, size_bytes: int) -> Iterator[Block]:
    lines: list[bytes] = []
    places: list[int] = []
    problems: list[Problem] = []
    size = 0
    with _values(path, layout) as (values, end):
        try:
            for raw in values:
                if raw.problem is not None:
                    problems.append(raw.problem)
                else:
                    lines.append(line_of(raw))
                    places.append(raw.line or 1)
                    size += len(lines[-1])
                if size > size_bytes or len(problems) > _MOST_PROBLEMS:
                    yield Block(b"\n".join(lines), places, tuple(problems), end())
                    lines, places, problems, size = [], [], [], 0
        except FAULTS as fault:
            problems.append(_problem_of(path, fault))
        if lines or problems:
            yield Block(b"\n".join(lines), places, tuple(problems), end())


@contextmanager
def _values(path: Path, layout: Layout) -> Iterator[tuple[Iterable[Raw], Callable[[], int]]]:
    """The values of a file, and what says how far the reading is."""
    if layout.kind == "parquet":
        rows = ParquetRows(path)
        yield rows, lambda: rows.end
        return
    name = str(path)
    with opened(path) as file:
        if layout.kind == "lines":
            numbered = enumerate(file.stream, start=1)
            yield (line_value(line, number, name) for number, line in numbered), lambda: file.end
            return
        if layout.bom:
            file.stream.read(len(BOM))
        if layout.kind == "document":
            yield document_rows(file.stream, name), lambda: file.end
        else:
            yield table_rows(file.stream, name, layout.delimiter), lambda: file.end


def _problem_of(path: Path, fault: Exception) -> Problem:
    if isinstance(fault, FileFault):
        return fault.problem
    if isinstance(fault, BROKEN_ARCHIVE):
        return found("broken-archive", str(path), reason=str(fault).rstrip("."))
    return _unreadable(path, cast(OSError, fault))


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

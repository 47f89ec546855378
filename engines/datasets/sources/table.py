"""Tables as text (CSV, TSV) as a stream of rows: objects with the header's names as keys.

Cells stay texts, but for JSON where `cells` knows that it is meant. An empty cell is an empty text, which the
forms tell apart from a missing one; of a column of JSON it is left out.
"""

from __future__ import annotations

import contextlib
import csv
import io
import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, BinaryIO

from ..checks.table import found
from ..checks.words import shown
from ..problem import Problem
from .cells import NOTHING, BrokenCell, broken_cell, reader_of
from .fault import SAVE, FileFault, Raw

TABLE_SUFFIXES = frozenset({".csv", ".tsv", ".tab"})
_DELIMITERS = (",", "\t", ";")
_SAID = re.compile(r"sep=([,;|\t])\r?\n")
"""The first line of tables that tell Excel what parts their cells; it is no row."""
_SNIFFED_ROWS = 20
_SHOWN_BYTES = 1000
_LONGEST_NAME = 100
# A quote that is never closed would take the rest of the file for one cell.
_MOST_CELL_CHARACTERS = 16 << 20


def delimiter_of(start: str, suffix: str) -> str:
    """What parts the cells: by the suffix, unless the first rows fit another better.

    Args:
        start: the text's first part, cut anywhere.
        suffix: the file's, in lower case.
    """
    if (said := _SAID.match(start)) is not None:
        return said[1]
    usual = "\t" if suffix in (".tsv", ".tab") else ","
    choices = sorted(_DELIMITERS, key=lambda delimiter: delimiter != usual)
    return max(choices, key=lambda delimiter: _fit(start, delimiter))


def looks_like_table(start: str) -> bool:
    """Whether a text of no known suffix is a table: a first row of names, a second as wide."""
    header, *rows = _first_rows(start, delimiter_of(start, ""), 2) or [[]]
    names = [name for name in header if name.isidentifier()]
    return len(header) > 1 and names == header and bool(rows) and len(rows[0]) == len(header)


def _first_rows(start: str, delimiter: str, most: int) -> list[list[str]]:
    rows: list[list[str]] = []
    reader = csv.reader(io.StringIO(start, newline=""), delimiter=delimiter)
    with contextlib.suppress(csv.Error):
        rows.extend(islice(filter(None, reader), most))
    return rows


def _fit(start: str, delimiter: str) -> tuple[float, int]:
    rows = _first_rows(start, delimiter, _SNIFFED_ROWS)
    width = len(rows[0]) if rows else 0
    if width < 2:
        return 0.0, 0
    body = rows[1:-1] or rows[1:]  # the last one may be cut
    return sum(len(row) == width for row in body) / max(len(body), 1), width


class _Lines:
    """The text's lines, and of the record that is being read what is said when it is faulty.

    Attributes:
        held: the record's lines.
        bad: line, column and value of the first byte in it that is no UTF-8.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self.held: list[bytes] = []
        self.bad: tuple[int, int, str] | None = None

    def begin(self) -> None:
        """A record begins."""
        self.held.clear()
        self.bad = None

    def __iter__(self) -> Iterator[str]:
        held = self.held
        for number, line in enumerate(self._stream, start=1):
            held.append(line)
            try:
                text = line.decode()
            except UnicodeDecodeError as fault:
                if self.bad is None:
                    column = len(line[: fault.start].decode("utf-8", "replace")) + 1
                    self.bad = (number, column, f"0x{line[fault.start]:02X}")
                text = line.decode("utf-8", "replace")
            yield text


def table_rows(stream: BinaryIO, name: str, delimiter: str) -> Iterator[Raw]:
    """The table's rows. A faulty one costs no other.

    Args:
        stream: its bytes, behind a byte order mark.
        name: the file's, for the problems.
        delimiter: what parts the cells.

    Raises:
        FileFault: its header can't be used.
    """
    header: _Header | None = None
    for start, cells, problem in _records(_Lines(stream), name, delimiter):
        if problem is None and len(cells) < 2 and not "".join(cells).strip():
            yield Raw(start, problem=found("blank-line", name, start))
            continue
        if header is None:
            if start == 1 and cells == ["sep=", ""]:
                continue
            if problem is not None:
                raise FileFault(problem)
            header = _Header(cells, name, start)
            for said in header.problems:
                yield Raw(start, problem=said)
            continue
        if problem is None and len(cells) != header.width:
            problem = found(
                "ragged-row",
                name,
                start,
                found=len(cells),
                expected=header.width,
                delimiter="tab" if delimiter == "\t" else shown(delimiter),
            )
        if problem is not None:
            yield Raw(start, cells, problem)
            continue
        yield header.row(cells, start)


def _records(lines: _Lines, name: str, delimiter: str) -> Iterator[tuple[int, list[str], Problem | None]]:
    """The records of cells, each with the line on which it starts."""
    csv.field_size_limit(_MOST_CELL_CHARACTERS)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        start = reader.line_num + 1
        lines.begin()
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as fault:
            reason, fix = _explained(str(fault), reader.line_num, start)
            text = b"".join(lines.held)[:_SHOWN_BYTES].decode("utf-8", "replace")
            yield start, [text], found("broken-table", name, start, reason=reason, fix=fix)
            continue
        problem = None
        if (bad := lines.bad) is not None:
            line, column, byte = bad
            if start == 1:
                fix, here = SAVE.format("CP1252"), f"{byte} at this place"
                problem = found("encoding", name, line, column, encoding=here, fix=fix)
            else:
                problem = found("invalid-utf8", name, line, column, byte=byte)
        yield start, cells, problem


class _Header:
    """The columns of a table.

    Args:
        cells: the first row.
        name: the file's, for the problems.
        line: where the first row starts.

    Raises:
        FileFault: these are no names of columns.
    """

    def __init__(self, cells: list[str], name: str, line: int) -> None:
        names = [cell.strip() for cell in cells]
        self.width = len(names)
        self.problems: list[Problem] = []
        self._file = name
        odd = [cell for cell in names if len(cell) > _LONGEST_NAME or "\n" in cell or cell[:1] in ("{", "[")]
        if odd or not any(names):
            raise FileFault(found("no-header", name, line, cell=shown(odd[0] if odd else "", 40)))
        for number, cell in enumerate(names, start=1):
            if not cell:
                self.problems.append(found("unnamed-column", name, line, number=number))
            elif cell in names[: number - 1]:
                raise FileFault(found("duplicate-column", name, line, name=shown(cell)))
        self._names = names
        readers = [reader_of(cell) if cell else None for cell in names]
        self._columns: list[tuple[int, str, Callable[[str], Any] | None]] = [
            (number, cell, reader)
            for number, (cell, reader) in enumerate(zip(names, readers, strict=True))
            if cell
        ]
        self._is_plain = len(self._columns) == self.width and not any(readers)

    def row(self, cells: list[str], line: int) -> Raw:
        """The row of a record of as many cells as there are columns."""
        if self._is_plain:
            return Raw(line, dict(zip(self._names, cells, strict=True)))
        row: dict[str, Any] = {}
        for number, column, reader in self._columns:
            cell: Any = cells[number]
            if reader is not None:
                try:
                    cell = reader(cell)
                except BrokenCell as fault:
                    return Raw(line, cells, broken_cell(column, fault, self._file, line))
            if cell is not NOTHING:
                row[column] = cell
        return Raw(line, row)


def _explained(words: str, last: int, start: int) -> tuple[str, str]:
    """The standard library's words in the reader's, and what mends the usual causes."""
    twice = 'Write a quote inside a quoted text twice ("").'
    lost = "" if last <= start else f"; up to line {last} everything was read as part of it"
    if words.startswith("unexpected end"):
        return f"a quoted text is never closed{lost}", f"Close it. {twice}"
    if words.startswith("field larger"):
        return (
            f"a cell has more than {_MOST_CELL_CHARACTERS >> 20} Mi characters{lost}",
            "Is a quote not closed?",
        )
    if words.startswith("new-line character"):
        fix = r"Quote texts with line breaks; old line breaks are mended with: tr '\r' '\n' < IN > OUT"
        return "a carriage return stands outside quotes", fix
    if "expected after" in words:
        return f"behind a closing quote the text goes on{lost}", twice
    return shown(words), twice

"""A file's rows by their number, also of a file that is larger than the memory.

Where each row begins is found in pieces (`grow`), so that the first rows can be seen at once. What is no
plain file of lines (one document, a table, Parquet, or packed) is unpacked into a temporary file of lines
first, piece by piece as well.
"""

from __future__ import annotations

import os
import tempfile
import threading
from array import array
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from ..formats.columns import Columns
from ..problem import Problem
from ..read import Row, counts_as_row, open_dataset
from ..sources.source import FAULTS, Raw, layout_of, line_of, line_value, opened, raw_values

PIECE_ROWS = 20_000
"""Found in some 10 ms of a file of lines."""

# No JSON starts so: what follows is a row that was told off where it was met, and why.
_TOLD = b"!"


class _Told(msgspec.Struct):
    value: Any
    problem: Problem


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(_Told)


@dataclass(frozen=True, slots=True)
class NumberedRow:
    """A row of a file.

    Args:
        number: counted from 0.
        line: where it starts, counted from 1.
        raw: its bytes in the file; its JSON where the file is no file of lines.
        row: as it is trained; None when it can't be.
        problems: what is wrong with it.
    """

    number: int
    line: int
    raw: bytes
    row: Row | None
    problems: tuple[Problem, ...]


class Rows:
    """The rows of one file. `grow` finds them; `read` may be called from another thread meanwhile.

    Attributes:
        path: the file.
        stamp: size and time of change when it was opened: another one is another content.
        format: the form's name; None when it is not known.
        complete: whether all rows are found.
        problems: what is wrong with the file as a whole.
    """

    def __init__(self, path: Path, format: str | None = None, columns: Columns | None = None) -> None:
        """
        Args:
            format: the form's name, where the user knows better than the detection.
            columns: a known form's keys under the file's own names.

        Raises:
            OSError: there is no such file, or it can't be read.
        """
        self.path = path
        self.stamp = stamp_of(path)
        self.complete = False
        self.problems: tuple[Problem, ...] = ()
        self._dataset = open_dataset(path, format, columns)
        self.format = self._dataset.format.name if self._dataset.format else None
        self._offsets, self._lines = array("Q"), array("I")
        self._lock = threading.Lock()
        self._unpacked: IO[bytes] | None = None
        self._holds_told = False
        self._places = self._find()
        self._file: IO[bytes] | None = None

    def __len__(self) -> int:
        """How many are found so far."""
        return len(self._lines)

    def close(self) -> None:
        """Nothing is read any more; the temporary file goes."""
        with self._lock:
            self.complete = True
            self._places = iter(())
            for file in (self._file, self._unpacked):
                if file is not None:
                    file.close()
            self._file = self._unpacked = None
            self._offsets, self._lines = array("Q"), array("I")

    def grow(self, most: int = PIECE_ROWS) -> bool:
        """Find more rows, at most so many; whether there may be more."""
        offsets, lines = array("Q"), array("I")
        for offset, line in self._places:
            offsets.append(offset)
            lines.append(line)
            if len(lines) == most:
                break
        else:
            self.complete = True
        if self._unpacked is not None and not self._unpacked.closed:
            self._unpacked.flush()
        self._offsets.extend(offsets)
        self._lines.extend(lines)
        return not self.complete

    def passed(self, line: int) -> bool:
        """Whether what stands on a line is found by now."""
        return len(self._lines) > 0 and self._lines[-1] >= line

    def at_line(self, line: int) -> int:
        """The number of the row that starts on a line, or of the first one after it, of those found."""
        return min(bisect_left(self._lines, line), max(len(self._lines) - 1, 0))

    def line_of(self, number: int) -> int:
        """The line on which a row starts, of those found."""
        return self._lines[number]

    def read(self, first: int, last: int) -> list[NumberedRow]:
        """Rows by number, from `first` up to `last`, of those found.

        Raises:
            OSError: the file can't be read any more.
        """
        result = []
        with self._lock:
            for number in range(max(first, 0), min(last, len(self._lines))):
                if self._file is None:
                    place = Path(self._unpacked.name) if self._unpacked is not None else self.path
                    self._file = place.open("rb")
                self._file.seek(self._offsets[number])
                result.append(self._row(number, self._lines[number], self._file.readline()))
        return result

    def _row(self, number: int, line: int, content: bytes) -> NumberedRow:
        shown = content.rstrip(b"\r\n")
        if self._holds_told and shown[:1] == _TOLD:
            told = _decoder.decode(shown[1:])
            return NumberedRow(number, line, line_of(Raw(line, told.value)), None, (told.problem,))
        raw = line_value(content, line, str(self.path))
        if raw.problem is not None:
            return NumberedRow(number, line, shown, None, (raw.problem,))
        record = self._dataset.record(raw.value, line)
        return NumberedRow(number, line, shown, record.row, record.problems)

    def _find(self) -> Iterator[tuple[int, int]]:
        """Offset and line of each row, in the file or in what is unpacked of it."""
        try:
            if layout_of(self.path).kind != "lines":
                yield from self._of_values()
                return
            with opened(self.path) as file:
                spool = self._spool() if file.packing is not None else None
                offset = 0
                for number, line in enumerate(file.stream, start=1):
                    if spool is not None:
                        spool.write(line)
                    if not line.isspace():
                        yield offset, number
                    offset += len(line)
        except FAULTS:
            # Said in the words of the check, which meets the same.
            self.problems = tuple(raw.problem for raw in raw_values(self.path) if raw.problem)[-1:]

    def _of_values(self) -> Iterator[tuple[int, int]]:
        spool = self._spool()
        self._holds_told = True
        offset = 0
        for raw in raw_values(self.path):
            if raw.problem is not None and not counts_as_row(raw.problem):
                if raw.problem.severity == "error":
                    self.problems = (*self.problems, raw.problem)
                continue
            told = _TOLD + _encoder.encode(_Told(raw.value, raw.problem)) if raw.problem is not None else b""
            line = (told or line_of(raw)) + b"\n"
            spool.write(line)
            yield offset, raw.line or 1
            offset += len(line)

    def _spool(self) -> IO[bytes]:
        # Closed, and with that removed, by `close`.
        self._unpacked = tempfile.NamedTemporaryFile(prefix="finetui-rows-")  # noqa: SIM115
        return self._unpacked


def stamp_of(path: Path) -> tuple[int, int]:
    """What tells two contents of a file apart without reading it.

    Raises:
        OSError: there is no such file.
    """
    status = os.stat(path)
    return status.st_size, status.st_mtime_ns

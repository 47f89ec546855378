"""The rows of one dataset file: found piece by piece, read around the one that is shown."""

from __future__ import annotations

import time
from pathlib import Path

from textual.message import Message
from textual.message_pump import MessagePump

from ...engines.datasets.formats.columns import Columns
from ...engines.datasets.viewing.rows import NumberedRow, Rows, stamp_of

FIRST_ROWS = 200
TELL_SECONDS = 0.2
STILL_SECONDS = 2.0
"""Between looks whether the file has changed."""
BEFORE, AFTER = 10, 30
"""Rows read around the wanted one."""
MOST_BYTES = 4 << 20
"""Of rows that are read ahead."""


class RowsFound(Message):
    """So many rows were found by now; `problem`: the file can't be read, in words."""

    def __init__(self, rows: Rows | None, problem: str = "", *, anew: bool = False) -> None:
        super().__init__()
        self.rows, self.problem, self.anew = rows, problem, anew


class RowsRead(Message):
    """Rows around the wanted one."""

    def __init__(self, rows: list[NumberedRow]) -> None:
        super().__init__()
        self.rows = rows


class RowsLook:
    """Opens the file, again when it changes; which row is wanted is said from the screen's thread."""

    def __init__(self, target: MessagePump, path: Path) -> None:
        self._target, self._path = target, path
        self.rows: Rows | None = None
        self._form: tuple[str | None, Columns | None] = (None, None)
        self._form_read = self._form
        self._wanted = 0
        self._read: tuple[int, int] | None = None
        self._told_at = 0.0
        self._problem = ""

    def want(self, number: int) -> None:
        """Read this one; wake the watcher then."""
        self._wanted = number
        self._read = None

    def read_as(self, format: str | None, columns: Columns | None) -> None:
        """Read the file anew, its rows in this form; wake the watcher then."""
        self._form = (format, columns)

    def close(self) -> None:
        """The page is left."""
        if self.rows is not None:
            self.rows.close()

    def __call__(self) -> float:
        try:
            return self._look()
        except OSError as error:
            problem = f"{error.strerror or error}"
            if problem != self._problem:
                self._problem = problem
                self._target.post_message(RowsFound(None, problem))
            self.rows = None
            return STILL_SECONDS

    def _look(self) -> float:
        rows = self.rows
        if rows is None or rows.stamp != stamp_of(self._path) or self._form != self._form_read:
            if rows is not None:
                rows.close()
            self._form_read = form = self._form
            self.rows = rows = Rows(self._path, *form)
            self._read, self._problem = None, ""
            rows.grow(FIRST_ROWS)
            self._target.post_message(RowsFound(rows, anew=True))
            self._told_at = time.monotonic()
        self._read_wanted(rows)
        if rows.complete:
            return STILL_SECONDS
        more = rows.grow()
        if not more or time.monotonic() - self._told_at > TELL_SECONDS:
            self._told_at = time.monotonic()
            self._target.post_message(RowsFound(rows))
        return 0.001  # the screen's thread gets its turn

    def _read_wanted(self, rows: Rows) -> None:
        wanted = self._wanted
        if wanted >= len(rows) or (self._read is not None and self._read[0] <= wanted < self._read[1]):
            return
        found = rows.read(wanted, wanted + 1)
        size = sum(len(row.raw) for row in found)
        for number in [*range(wanted + 1, wanted + AFTER), *range(wanted - 1, wanted - BEFORE, -1)]:
            if size > MOST_BYTES:
                break
            found += (more := rows.read(number, number + 1))
            size += sum(len(row.raw) for row in more)
        self._read = (wanted, wanted + 1)
        self._target.post_message(RowsRead(found))

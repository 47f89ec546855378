"""How many tokens a file has for a model, counted when somebody asks, and kept while the file is the same."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ...engine import EngineError
from ...home import Home
from ...records import UNREADABLE, replace_bytes

if TYPE_CHECKING:  # what was counted before is read without them
    from ..read import Row
    from ..tokens.counter import Counted as OfRow
    from ..tokens.model import ModelCounter
    from ..tokens.preview import PreviewModel
    from ..viewing.rows import Rows

PORTION = 200
"""Rows that a process is given at once."""
WORTH_BYTES = 1 << 20
"""Of a file, for each further process: it takes a third of a second to start."""


class Counted(msgspec.Struct, frozen=True):
    """The tokens of all usable rows of a file."""

    path: str
    size_bytes: int
    modified_ns: int
    model: str
    rows: int
    """How many were counted."""
    refused: int
    """Rows among them that this model's template refuses; they have no tokens."""
    tokens: int
    trained_tokens: int


def kept(home: Home, path: Path, status: os.stat_result) -> Counted | None:
    """What was counted last of this file as it is now."""
    try:
        found = msgspec.json.decode(_place(home, path).read_bytes(), type=Counted)
    except (OSError, *UNREADABLE):
        return None
    now = (str(path), status.st_size, status.st_mtime_ns)
    return found if (found.path, found.size_bytes, found.modified_ns) == now else None


class Counting:
    """Counts one file, by as many processes as it is worth. `run` in one thread; `stop` from any ends it."""

    def __init__(self, model: PreviewModel, python: Callable[[], str], processes: int | None = None) -> None:
        """
        Args:
            python: finds the trainer's interpreter, for a tokenizer that only transformers can make.
            processes: at most so many; None: one a processor that we may use.
        """
        self._model, self._python = model, python
        self._most = processes or _processors()
        self._counters: list[ModelCounter] = []
        self._stopped = False
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Count no further; nothing is kept."""
        with self._lock:
            self._stopped = True
            for counter in self._counters:
                counter.close()

    def run(self, home: Home, rows: Rows, progress: Callable[[int], None]) -> Counted | None:
        """Count all rows of a file and keep the result.

        Args:
            rows: all of them found.
            progress: called with how many rows are counted, every so often.

        Returns:
            None where it was stopped.

        Raises:
            EngineError: this model can't count, or no interpreter can run.
            OSError: the file can't be read any more.
        """
        from concurrent.futures import ThreadPoolExecutor, as_completed

        sums = _Sums(progress)
        portions = _portions(rows)
        size, modified = rows.stamp
        workers = min(self._most, 1 + size // WORTH_BYTES)
        with ThreadPoolExecutor(workers) as pool:
            running = [pool.submit(self._work, portions, sums) for _ in range(workers)]
            try:
                for one in as_completed(running):
                    one.result()
            finally:
                stopped = self._stopped
                self.stop()
        if stopped:
            return None
        name = self._model.name
        counted = Counted(str(rows.path), size, modified, name, *sums.totals())
        with contextlib.suppress(OSError):  # a full disk: it is counted again another time
            place = _place(home, rows.path)
            place.parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(place, msgspec.json.encode(counted))
        return counted

    def _work(self, portions: Iterator[list[Row]], sums: _Sums) -> None:
        from ..tokens.model import ModelCounter

        counter = ModelCounter(self._model, self._python)
        with self._lock:
            if self._stopped:
                return
            self._counters.append(counter)
        while not self._stopped:
            with self._lock:  # an iterator is for one thread at a time
                portion = next(portions, None)
            if portion is None:
                return
            try:
                sums.add(counter.count(portion))
            except EngineError:
                if not self._stopped:
                    raise


class _Sums:
    """What is counted so far, by several threads."""

    def __init__(self, progress: Callable[[int], None]) -> None:
        self._progress, self._lock = progress, threading.Lock()
        self._rows = self._refused = self._tokens = self._trained = 0

    def add(self, counts: list[OfRow]) -> None:
        with self._lock:
            self._rows += len(counts)
            self._refused += sum(one.error is not None for one in counts)
            self._tokens += sum(one.tokens for one in counts)
            self._trained += sum(one.trained for one in counts)
            self._progress(self._rows)

    def totals(self) -> tuple[int, int, int, int]:
        """Rows, those refused, tokens, trained tokens."""
        return self._rows, self._refused, self._tokens, self._trained


def _portions(rows: Rows) -> Iterator[list[Row]]:
    """The usable rows, some at a time."""
    for first in range(0, len(rows), PORTION):
        portion = [row.row for row in rows.read(first, first + PORTION) if row.row is not None]
        if portion:
            yield portion


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _place(home: Home, path: Path) -> Path:
    name = sha256(os.fsencode(path)).hexdigest()[:32]
    return home.cache / "datasets" / f"{name}.tokens.json"

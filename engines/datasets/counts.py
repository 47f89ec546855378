"""How many tokens a file has for a model, counted when somebody asks, and kept while the file is the same."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ..home import Home
from ..records import UNREADABLE, replace_bytes

if TYPE_CHECKING:  # what was counted before is read without them
    from .preview import Preview, PreviewModel, Tokens
    from .rows import Rows

MOST_BYTES = 32 << 20
"""Of rows that one process counts: it takes seconds to start, and its rows lie in the memory."""


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
    """Counts one file. `run` in one thread; `stop` from any ends it early."""

    def __init__(self, python: str, model: PreviewModel) -> None:
        self._python, self._model = python, model
        self._preview: Preview | None = None
        self._stopped = False

    def stop(self) -> None:
        """Count no further; nothing is kept."""
        self._stopped = True
        if self._preview is not None:
            self._preview.stop()

    def run(self, home: Home, rows: Rows, progress: Callable[[int], None]) -> Counted | None:
        """Count all rows of a file and keep the result.

        Args:
            rows: all of them found.
            progress: called with how many rows are counted, after each.

        Returns:
            None where it was stopped.

        Raises:
            EngineError: this model can't render, or the interpreter can't run.
            OSError: the file can't be read any more.
        """
        done = refused = tokens = trained = 0

        def on_row(row: Tokens | None) -> None:
            nonlocal done, refused, tokens, trained
            done += 1
            if row is None:
                refused += 1
            else:
                tokens += row.tokens
                trained += row.trained_tokens
            progress(done)

        for lines in _portions(rows):
            from .preview import Preview

            self._preview = Preview(self._python, self._model)
            if self._stopped:
                return None
            self._preview.count(lines, on_row)
        if self._stopped:
            return None
        size, modified = rows.stamp
        name = self._model.name
        counted = Counted(str(rows.path), size, modified, name, done, refused, tokens, trained)
        with contextlib.suppress(OSError):  # a full disk: it is counted again another time
            place = _place(home, rows.path)
            place.parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(place, msgspec.json.encode(counted))
        return counted


def _portions(rows: Rows) -> Iterator[list[bytes]]:
    """The usable rows' canonical lines, as many at a time as one process takes."""
    lines: list[bytes] = []
    size = 0
    for number in range(len(rows)):
        for row in rows.read(number, number + 1):
            if row.row is not None:
                lines.append(row.row.canonical_line)
                size += len(lines[-1])
        if size > MOST_BYTES:
            yield lines
            lines, size = [], 0
    if lines:
        yield lines


def _place(home: Home, path: Path) -> Path:
    name = sha256(os.fsencode(path)).hexdigest()[:32]
    return home.cache / "datasets" / f"{name}.tokens.json"

"""How far the reading of files is: one line on the terminal, redrawn now and then, gone at the end."""

from __future__ import annotations

import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from ...engines.datasets.checking.check import Done
from ...engines.text import one_line
from .output import can_be_drawn_on

REDRAW_SECONDS = 0.2
_QUIET_SECONDS = 0.5
"""What is done by then needs no line."""


class Progress:
    """The line of some files that are read one after the other; at the end of its `with` it is gone.

    Where stderr is no terminal nothing is drawn.
    """

    def __init__(self, files: Sequence[Path]) -> None:
        self._numbers = {path: number for number, path in enumerate(files, start=1)}
        self._sizes = {path: _size(path) for path in files}
        self._began = time.monotonic()
        self._next = self._began + _QUIET_SECONDS
        self._drawn = False
        self.draws = sys.stderr.isatty() and can_be_drawn_on()

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        if self._drawn:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._drawn = False

    def show(self, done: Done) -> None:
        """Redraws the line when it is time."""
        now = time.monotonic()
        if not self.draws or now < self._next:
            return
        self._next = now + REDRAW_SECONDS
        columns = shutil.get_terminal_size().columns
        text = one_line(self.line(done, now - self._began), max(columns - 1, 1))
        self._drawn = True  # first: ctrl+c may come as soon as the line is there
        sys.stderr.write(f"\r{text}\x1b[K")
        sys.stderr.flush()

    def line(self, done: Done, seconds: float) -> str:
        """What the line says.

        Args:
            seconds: since the reading began.
        """
        number = self._numbers.get(done.path, 1)
        earlier = sum(size for path, size in self._sizes.items() if self._numbers[path] < number)
        read, whole = earlier + done.bytes, sum(self._sizes.values())
        name = done.path.name
        if len(name) > 28:
            name = f"{name[:13]}…{name[-14:]}"
        parts = [name if len(self._numbers) < 2 else f"{number} of {len(self._numbers)}: {name}"]
        rate = read / seconds if seconds > 0 else 0
        if done.bytes and whole:
            parts.append(f"{min(100, 100 * read // whole)} %")
            parts.append(f"{done.rows:,} rows")
            parts.append(f"{rate / 1e6:.0f} MB/s" if rate >= 1e7 else f"{rate / 1e6:.1f} MB/s")
            left = (whole - read) / rate if rate else 0
            parts.append(f"{_duration(left)} left")
        else:
            # Not known of a document that is read whole, nor of a pipe.
            parts += [f"{done.rows:,} rows", _duration(seconds)]
        return " · ".join(parts)


def _duration(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0

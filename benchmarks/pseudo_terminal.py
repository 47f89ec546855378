"""One program in a pseudo terminal, with what a measurement asks of it.

Where the folder `shared` with its bench lies beside the checkout, its `Session` is used: it answers what
programs ask of a terminal. Elsewhere the terminal of the tests does, which answers nothing: first frames then
count a second interpreter's start, for all programs alike.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
BENCH = ROOT.parent / "shared" / "bench"
HAS_BENCH = (BENCH / "ptybench.py").exists()

sys.path[:0] = [str(ROOT / "tests"), *([str(BENCH)] if HAS_BENCH else [])]


class Program:
    """A running program: `pump` reads what it sends, `screen` (pyte's) is what a terminal made of that."""

    def __init__(
        self, pid: int, screen: Any, pump: Callable[[float], int], press: Callable[[str], object]
    ) -> None:
        self.pid, self.screen, self.press = pid, screen, press
        self._pump = pump
        self.begun = time.perf_counter()
        self.bytes = 0
        self.last = self.begun
        """When the last bytes came, by time.perf_counter."""

    def pump(self, seconds: float) -> int:
        """Read what comes within a time; how many bytes."""
        count = self._pump(seconds)
        self.bytes += count
        return count

    def run_for(self, seconds: float) -> None:
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self.pump(min(left, 0.1))

    def wait_for(self, seen: str, seconds: float = 60.0) -> float:
        """Seconds from the start until the screen shows what matches a pattern.

        Raises:
            TimeoutError: it never does; the screen is in the message.
        """
        pattern, until = re.compile(seen, re.DOTALL), time.perf_counter() + seconds
        while time.perf_counter() < until:
            if self.pump(0.01) and pattern.search(self.text):
                return self.last - self.begun
        raise TimeoutError(f"{seen!r} was not shown:\n{self.text}")

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def _tree(self) -> list[psutil.Process]:
        process = psutil.Process(self.pid)
        return [process, *process.children(recursive=True)]

    def cpu_seconds(self) -> float:
        times = [process.cpu_times() for process in self._tree()]
        return sum(one.user + one.system for one in times)

    def memory_bytes(self) -> int:
        """Resident memory of the program and its children."""
        return sum(process.memory_info().rss for process in self._tree())


@contextmanager
def opened(
    arguments: list[str], columns: int, rows: int, environment: Mapping[str, str] | None = None
) -> Iterator[Program]:
    """Start a program in a terminal of this size; it is ended with the block."""
    environment = dict(environment or {})
    if HAS_BENCH:
        session = import_module("ptybench").Session(arguments, rows, columns, environment)
        with session:

            def pump(seconds: float) -> int:
                count = session.pump(seconds)
                if count:
                    program.last = session.events[-1][0]
                return count

            program = Program(session.pid, session.screen, pump, session.send)
            program.begun = session.t0
            yield program
        return
    from homes.terminal import Terminal

    os.environ.update(environment)
    begun = time.perf_counter()
    start = f"import os; os.execvp({arguments[0]!r}, {arguments!r})"
    terminal = Terminal(Path(), columns, rows, start)

    def read(seconds: float) -> int:
        count = len(terminal.read(seconds))
        if count:
            program.last = time.perf_counter()
        return count

    program = Program(terminal.pid, terminal.screen, read, terminal.press)
    program.begun = begun
    try:
        yield program
    finally:
        terminal.end()

"""What a check found in a file, kept in the home's cache: a file that has not changed is read once.

What is found depends on what was asked (`Rules`), so each has its own place in the cache.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import tempfile
import threading
import time
from array import array
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from ...home import Home
from ...records import UNREADABLE, replace_bytes
from ..problem import Problem

EXAMPLES = 500
"""Problems of each check that are kept for a file: a file may have a million, and people look at some."""

PLACES = 20_000
"""Lines of each check that are kept: one can step through the rows that have it."""

SMALL_BYTES = 1 << 20
"""Up to this size a file is read at once; larger ones by a process of their own."""

TELL_SECONDS = 0.2
"""Between words of how far a check is."""

FORMAT = 4
"""Raised when the checks find other things: what was kept before is then read anew."""

_one_at_a_time = threading.Lock()
"""Reading is work for one processor and one disk; who waits finds the other's result."""


class Rules(msgspec.Struct, frozen=True, omit_defaults=True):
    """By what a file is checked: as `check.Asked`, which brings all formats along."""

    target: str | None = None
    model: str | None = None
    """Whose tokenizer counts; None: the target's usual one, or none."""
    format: str | None = None
    columns: dict[str, str] | None = None

    def __hash__(self) -> int:
        return hash(msgspec.json.encode(self))


class Checked(msgspec.Struct, frozen=True):
    """A file as it was when it was checked. The counts are those of `check.FileReport`."""

    path: str
    size_bytes: int
    modified_ns: int
    format: str | None
    rows: int
    usable_rows: int
    errors: int
    warnings: int
    problems: tuple[Problem, ...]
    """Worst first; `counts` says of how many."""
    counts: dict[str, int]
    version: int
    rules: Rules = Rules()
    places: dict[str, list[int]] = {}
    """The lines on which each check failed, in the order of the file, at most `PLACES` of each."""
    tokens: dict[str, Any] | None = None
    """A `TokenReport` as JSON; None where nothing counts."""
    trouble: str = ""
    """Why it was checked by other rules than were asked, in words."""

    def is_of(self, status: os.stat_result) -> bool:
        """Whether the file is still the one that was checked."""
        return (self.size_bytes, self.modified_ns) == (status.st_size, status.st_mtime_ns)


class Reached(msgspec.Struct, frozen=True):
    """How far a check is: bytes of the file as it lies on the disk, and rows."""

    bytes: int
    size_bytes: int
    rows: int


def kept(home: Home, path: Path, status: os.stat_result, rules: Rules | None = None) -> Checked | None:
    """What was found in this file by these rules; None where it was not read since its last change."""
    rules = rules or Rules()
    try:
        report = msgspec.json.decode(_place(home, path, rules).read_bytes(), type=Checked)
    except (OSError, *UNREADABLE):
        return None
    current = (report.version, report.path, report.rules) == (FORMAT, str(path), rules)
    return report if current and report.is_of(status) else None


def read(home: Home, path: Path, rules: Rules | None = None) -> Checked | None:
    """What is found in a file: kept from before, or by reading it to its end.

    Returns:
        None where there is no such file, or no plain one.
    """
    return Reading(home, path, rules).run()


class Reading:
    """One check of one file. `run` in one thread; `stop` from any ends it early."""

    def __init__(self, home: Home, path: Path, rules: Rules | None = None) -> None:
        self._home, self._path, self._rules = home, path, rules or Rules()
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()
        self.reached = Reached(0, 0, 0)
        """How far it is."""

    def stop(self) -> None:
        """Read no further; nothing is kept."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def run(self, progress: Callable[[Reached], None] | None = None) -> Checked | None:
        """What is found: kept from before, or by reading the file to its end.

        Args:
            progress: called now and then while a large file is read.

        Returns:
            None where there is no such file, or no plain one, or it was stopped.
        """
        global _running
        while not _one_at_a_time.acquire(timeout=TELL_SECONDS):
            if self._stopped:
                return None
            # Another one reads the same, most often: how far it is counts here too.
            if progress is not None and (other := _running) is not None and other.is_like(self):
                progress(other.reached)
        _running = self
        try:
            return self._read(progress)
        finally:
            _running = None
            _one_at_a_time.release()

    def is_like(self, other: Reading) -> bool:
        """Whether both read the same file by the same rules."""
        return (self._path, self._rules) == (other._path, other._rules)

    def _read(self, progress: Callable[[Reached], None] | None) -> Checked | None:
        home, path, rules = self._home, self._path, self._rules
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(status.st_mode) or self._stopped:
            return None
        if (before := kept(home, path, status, rules)) is not None:
            return before

        def tell(reached: Reached) -> None:
            self.reached = reached
            if progress is not None:
                progress(reached)

        # A tokenizer takes a second to load, and computes: not beside the screen.
        if status.st_size <= SMALL_BYTES and rules.target is None:
            report = examine(path, status, rules)
        else:
            report = self._in_a_process(status, tell)
        if report is None:
            return None
        with contextlib.suppress(OSError):  # a full disk: it is read again another time
            place = _place(home, path, rules)
            place.parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(place, msgspec.json.encode(report))
        return report

    def _in_a_process(self, status: os.stat_result, tell: Callable[[Reached], None]) -> Checked | None:
        """A thread that computes for seconds holds up the screen's."""
        rules = msgspec.json.encode(self._rules).decode()
        command = [sys.executable, "-m", __name__, os.fspath(self._path), rules]
        with tempfile.TemporaryFile() as errors:
            with self._lock:
                if self._stopped:
                    return None
                self._process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
                )
            report = _told(self._process, tell)
            if report is not None or self._stopped:
                return report
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
        reason = f"its check ended with status {self._process.returncode} {' '.join(last)}".strip()
        return _failed(self._path, status, self._rules, reason)


_running: Reading | None = None
"""The one that reads now."""


def _told(process: subprocess.Popen[bytes], tell: Callable[[Reached], None]) -> Checked | None:
    """What a process found; None where it ended without having said so."""
    assert process.stdout is not None
    with process:
        for line in process.stdout:
            with contextlib.suppress(*UNREADABLE):  # most lines tell how far it is
                return msgspec.json.decode(line, type=Checked)
            with contextlib.suppress(*UNREADABLE):
                tell(msgspec.json.decode(line, type=Reached))
    return None


def examine(
    path: Path,
    status: os.stat_result,
    rules: Rules | None = None,
    progress: Callable[[Reached], None] | None = None,
) -> Checked:
    """Read a file to its end.

    Args:
        status: the file's from before reading: what changes meanwhile is read again.
    """
    from ...engine import EngineError
    from ..checking.check import (  # with all formats: a list of what was found before does without
        Asked,
        Done,
        check,
    )

    def tell(done: Done) -> None:
        if progress is not None:
            progress(Reached(done.bytes, done.size_bytes, done.rows))

    rules = rules or Rules()
    trouble = ""
    asked = Asked(rules.format, rules.columns, rules.target, rules.model, limit_examples=PLACES)
    try:
        report = check([path], asked, tell)
    except EngineError as error:
        trouble = f"The tokens can't be counted: {error.message}. {error.advice}".strip()
        report = check([path], Asked(rules.format, rules.columns, limit_examples=PLACES), tell)
    [file] = report.files
    places: dict[str, array[int]] = {}
    shown: list[Problem] = []
    for problem in file.problems:
        lines = places.setdefault(problem.id, array("Q"))
        if len(lines) < EXAMPLES:
            shown.append(problem)
        if problem.line is not None and (not lines or lines[-1] != problem.line):
            lines.append(problem.line)
    return Checked(
        path=str(path),
        size_bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        format=file.format,
        rows=file.rows,
        usable_rows=file.usable_rows,
        errors=report.errors,
        warnings=report.warnings,
        problems=tuple(shown),
        counts=file.counts,
        version=FORMAT,
        rules=rules,
        places={check: sorted(lines) for check, lines in places.items() if lines},
        tokens=msgspec.to_builtins(file.tokens) if file.tokens is not None else None,
        trouble=trouble,
    )


def _failed(path: Path, status: os.stat_result, rules: Rules, reason: str) -> Checked:
    from ..checks.table import found

    problem = found("unreadable-file", str(path), reason=reason, fix="`finetui check` tells more.")
    return Checked(
        path=str(path),
        size_bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        format=None,
        rows=0,
        usable_rows=0,
        errors=1,
        warnings=0,
        problems=(problem,),
        counts={problem.id: 1},
        version=0,
        rules=rules,
    )


def main() -> None:
    """`python -m …checked PATH [RULES]`: how far it is, at last what was found, each a line of JSON."""
    path = Path(sys.argv[1])
    rules = msgspec.json.decode(sys.argv[2], type=Rules) if len(sys.argv) > 2 else Rules()
    os.nice(10)
    told_at = 0.0

    def tell(reached: Reached) -> None:
        nonlocal told_at
        if time.monotonic() - told_at > TELL_SECONDS:
            told_at = time.monotonic()
            say(reached)

    def say(what: Reached | Checked) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
        sys.stdout.buffer.flush()

    say(examine(path, os.stat(path), rules, tell))


def _place(home: Home, path: Path, rules: Rules) -> Path:
    asked = b"" if rules == Rules() else b"\0" + msgspec.json.encode(rules)
    name = sha256(os.fsencode(path) + asked).hexdigest()[:32]
    return home.cache / "datasets" / f"{name}.json"


if __name__ == "__main__":
    main()

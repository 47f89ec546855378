"""What a check found in a file, kept in the home's cache: a file that has not changed is read once."""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys
import threading
from hashlib import sha256
from pathlib import Path

import msgspec

from ..home import Home
from ..records import UNREADABLE, replace_bytes
from .problem import Problem

EXAMPLES = 500
"""Problems of each check that are kept for a file: a file may have a million, and people look at some."""

SMALL_BYTES = 1 << 20
"""Up to this size a file is read at once; larger ones by a process of their own."""

FORMAT = 1
"""Raised when the checks find other things: what was kept before is then read anew."""

_one_at_a_time = threading.Lock()
"""Reading is work for one processor and one disk; who waits finds the other's result."""


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

    def is_of(self, status: os.stat_result) -> bool:
        """Whether the file is still the one that was checked."""
        return (self.size_bytes, self.modified_ns) == (status.st_size, status.st_mtime_ns)


def kept(home: Home, path: Path, status: os.stat_result) -> Checked | None:
    """What was found in this file; None where it was not read since its last change."""
    try:
        report = msgspec.json.decode(_place(home, path).read_bytes(), type=Checked)
    except (OSError, *UNREADABLE):
        return None
    current = report.version == FORMAT and report.path == str(path) and report.is_of(status)
    return report if current else None


def read(home: Home, path: Path) -> Checked | None:
    """What is found in a file: kept from before, or by reading it to its end (a second for some 10 MB).

    Returns:
        None where there is no such file, or no plain one.
    """
    with _one_at_a_time:
        try:
            status = os.stat(path)
        except (OSError, ValueError):
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        if (before := kept(home, path, status)) is not None:
            return before
        if status.st_size <= SMALL_BYTES:
            report = examine(path, status)
        else:
            report = _in_a_process(path, status)
        with contextlib.suppress(OSError):  # a full disk: it is read again another time
            place = _place(home, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(place, msgspec.json.encode(report))
        return report


def examine(path: Path, status: os.stat_result) -> Checked:
    """Read a file to its end.

    Args:
        status: the file's from before reading: what changes meanwhile is read again.
    """
    from .check import Asked, check  # with all formats: a list of what was found before does without them

    report = check([path], Asked(limit_examples=EXAMPLES))
    [file] = report.files
    return Checked(
        path=str(path),
        size_bytes=status.st_size,
        modified_ns=status.st_mtime_ns,
        format=file.format,
        rows=file.rows,
        usable_rows=file.usable_rows,
        errors=report.errors,
        warnings=report.warnings,
        problems=file.problems,
        counts=file.counts,
        version=FORMAT,
    )


def _in_a_process(path: Path, status: os.stat_result) -> Checked:
    """The same where it takes seconds: a thread that computes so long holds up the screen's."""
    command = [sys.executable, "-m", __name__, os.fspath(path)]
    done = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)
    try:
        return msgspec.json.decode(done.stdout, type=Checked)
    except UNREADABLE:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:]
        reason = f"its check ended with status {done.returncode} {' '.join(last)}".strip()
    from .checks.table import found

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
    )


def main() -> None:
    """`python -m …checked PATH`: what is found in a file, as JSON on stdout."""
    path = Path(sys.argv[1])
    os.nice(10)
    sys.stdout.buffer.write(msgspec.json.encode(examine(path, os.stat(path))))


def _place(home: Home, path: Path) -> Path:
    name = sha256(os.fsencode(path)).hexdigest()[:32]
    return home.cache / "datasets" / f"{name}.json"


if __name__ == "__main__":
    main()

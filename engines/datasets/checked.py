"""What a check found in a file, kept in the home's cache: a file that has not changed is read once."""

from __future__ import annotations

import contextlib
import os
import stat
import threading
from hashlib import sha256
from pathlib import Path

import msgspec

from ..home import Home
from ..records import UNREADABLE, replace_bytes
from .check import check
from .problem import Problem

EXAMPLES = 500
"""Problems of each check that are kept for a file: a file may have a million, and people look at some."""

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
        found = msgspec.json.decode(_place(home, path).read_bytes(), type=Checked)
    except (OSError, *UNREADABLE):
        return None
    current = found.version == FORMAT and found.path == str(path) and found.is_of(status)
    return found if current else None


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
        report = check([path], limit_examples=EXAMPLES)
        [file] = report.files
        # The stamp is the one from before reading: what changed meanwhile is read again.
        found = Checked(
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
        with contextlib.suppress(OSError):  # a full disk: it is read again another time
            place = _place(home, path)
            place.parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(place, msgspec.json.encode(found))
        return found


def _place(home: Home, path: Path) -> Path:
    name = sha256(os.fsencode(path)).hexdigest()[:32]
    return home.cache / "datasets" / f"{name}.json"

"""The datasets that are known on this home: files of its jobs, and those that somebody looked at.

`datasets.json` of the home has the paths that were looked at. Which files jobs trained on is gathered from
their specs, and what a check found in a file is kept by path, size and time of change (`checked`): so 10,000
jobs and large files are read once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec

from ...home import Home
from ...records import UNREADABLE, replace_bytes
from ...store import Summary
from . import checked, counts
from .checked import Checked
from .uses import Use, Uses

MOST_REMEMBERED = 1000


class Known(msgspec.Struct, frozen=True):
    """A dataset file; what a check found is None until it was read."""

    path: str
    used: float
    """When it was last looked at or trained on, unix seconds."""
    missing: bool = False
    """There is no file at this path, or no plain one."""
    reading: bool = False
    """It is being read just now."""
    format: str | None = None
    rows: int | None = None
    usable_rows: int | None = None
    errors: int | None = None
    warnings: int | None = None
    tokens: int | None = None
    """Of all rows; None until a model's tokenizer counted them."""
    trained_tokens: int | None = None
    tokenizer: str | None = None
    """The model whose tokenizer counted."""
    job: str | None = None
    """The newest job that trained or evaluated on it."""
    remembered: bool = False
    """Somebody looked at it; jobs' files are known without that."""


def remember(home: Home, path: Path) -> None:
    """Somebody looked at a file: it is the newest one from now on.

    Raises:
        OSError: the home can't be written.
    """
    name = absolute(path)
    with _changing(home) as paths:
        paths[name] = time.time()
        for oldest in sorted(paths, key=paths.__getitem__)[:-MOST_REMEMBERED]:
            del paths[oldest]


def forget(home: Home, path: Path) -> None:
    """Take a file off the list. The file stays, and so does what jobs trained on.

    Raises:
        OSError: the home can't be written.
    """
    with _changing(home) as paths:
        paths.pop(absolute(path), None)


def remembered(home: Home) -> dict[str, float]:
    """The paths that were looked at, and when (unix seconds)."""
    try:
        return msgspec.json.decode(_list_of(home).read_bytes(), type=dict[str, float])
    except (OSError, *UNREADABLE):
        return {}


def absolute(path: Path) -> str:
    """A path as it is listed: absolute, `~` replaced; links stay, for their names are the user's."""
    return os.path.abspath(os.path.expanduser(path))


class KnownDatasets:
    """Gathers what is known; use one for long, it looks only at what changed."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._uses = Uses(home)
        self._checked: dict[str, Checked] = {}

    def known(self, jobs: Iterable[Summary]) -> tuple[Known, ...]:
        """All known datasets, newest first: a stat a file, and what is new.

        Args:
            jobs: all jobs of the home.
        """
        self._uses.update(jobs)
        listed = remembered(self._home)
        uses = self._uses.newest()
        found = [
            self._look(path, listed.get(path), uses.get(path)) for path in dict.fromkeys([*listed, *uses])
        ]
        return tuple(sorted(found, key=lambda known: (-known.used, known.path)))

    def use_of(self, path: Path, jobs: Iterable[Summary]) -> Use | None:
        """The newest job's use of a file; None where no job has it."""
        self._uses.update(jobs)
        return self._uses.newest().get(absolute(path))

    def read(self, known: Known) -> None:
        """Check a file to its end; `known` has it from now on."""
        if (report := checked.read(self._home, Path(known.path))) is not None:
            self._checked[known.path] = report

    def _look(self, path: str, looked_at: float | None, use: Use | None) -> Known:
        base = Known(
            path,
            used=max(looked_at or 0.0, use.created if use else 0.0),
            job=use.job if use else None,
            remembered=looked_at is not None,
        )
        try:
            status = os.stat(path)
        except (OSError, ValueError):  # ValueError: a NUL in the path
            return msgspec.structs.replace(base, missing=True)
        if not stat.S_ISREG(status.st_mode):
            return msgspec.structs.replace(base, missing=True)
        report = self._checked.get(path)
        if report is None or not report.is_of(status):
            report = checked.kept(self._home, Path(path), status)
            if report is None:
                return base
            self._checked[path] = report
        # Asked for by somebody, so it comes first.
        count = counts.kept(self._home, Path(path), status)
        if count is None or count.refused:
            count = self._uses.count(path, rows=report.rows, changed=status.st_mtime)
        return msgspec.structs.replace(
            base,
            format=report.format,
            rows=report.rows,
            usable_rows=report.usable_rows,
            errors=report.errors,
            warnings=report.warnings,
            tokens=count.tokens if count else None,
            trained_tokens=count.trained_tokens if count else None,
            tokenizer=count.model if count else None,
        )


def _list_of(home: Home) -> Path:
    return home.path / "datasets.json"


@contextlib.contextmanager
def _changing(home: Home) -> Iterator[dict[str, float]]:
    """The list, written when it was changed; two processes that add to it both have their word."""
    home.path.mkdir(parents=True, exist_ok=True)
    with open(home.path / ".datasets.lock", "ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        paths = remembered(home)
        yield paths
        replace_bytes(_list_of(home), msgspec.json.format(msgspec.json.encode(paths), indent=1) + b"\n")

"""Where canonical rows lie: files named by the hash of their content, shared by all jobs that train on them.

A file is written under another name and renamed when it is whole and on the disk, so that two processes that
store the same rows at once both end with the same file, and a reader never sees half of one.
"""

from __future__ import annotations

import os
import tempfile
from collections import Counter
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from types import TracebackType

from ..read import Row

_MOST_PROMPTS = 10_000


@dataclass(frozen=True, slots=True)
class Stored:
    """Canonical rows in their file.

    Args:
        path: `SHA256.jsonl` in the data folder, absolute.
        sha256: of the file's bytes, in hexadecimal.
        rows: how many.
        system: the most frequent system prompt; None when most often there is none.
    """

    path: Path
    sha256: str
    rows: int
    system: str | None


class SystemPrompts:
    """Finds the most frequent system prompt.

    Having none counts as one of them, so that a rare prompt is never taken for that of all rows.
    """

    def __init__(self) -> None:
        self._counts: Counter[str | None] = Counter()

    def add(self, row: Row) -> None:
        """Counts the row's system prompt. Beyond 10,000 different ones, new ones are no longer kept."""
        messages = row.body.get("messages")
        first = messages[0] if messages else None
        prompt = first["content"] if first and first["role"] == "system" else None
        if prompt in self._counts or len(self._counts) < _MOST_PROMPTS:
            self._counts[prompt] += 1

    @property
    def most_frequent(self) -> str | None:
        """Of equally frequent ones the one met first."""
        return self._counts.most_common(1)[0][0] if self._counts else None


class Writer:
    """Writes canonical lines into the data folder: use it in a `with`, then `keep`. Else they are removed.

    Args:
        data_dir: made when it is missing.
    """

    def __init__(self, data_dir: Path) -> None:
        data_dir.mkdir(parents=True, exist_ok=True)
        self._data_dir = data_dir.absolute()
        handle, name = tempfile.mkstemp(prefix=".", suffix=".partial", dir=data_dir)
        self._partial = Path(name)
        self._file = os.fdopen(handle, "wb", buffering=1 << 20)
        self._hash = sha256()
        self._rows = 0

    def __enter__(self) -> Writer:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._file.close()
        self._partial.unlink(missing_ok=True)

    def write(self, line: bytes) -> None:
        """Adds a canonical line (`Row.canonical_line`), which has no line break."""
        whole = line + b"\n"
        self._hash.update(whole)
        self._file.write(whole)
        self._rows += 1

    def keep(self, system: str | None) -> Stored:
        """Gives the file its name. One that is there already stays, unless it is not as long as it should be.

        Raises:
            OSError: when the disk is full or the folder can't be written.
        """
        self._file.flush()
        os.fsync(self._file.fileno())
        size = self._file.tell()
        digest = self._hash.hexdigest()
        target = self._data_dir / f"{digest}.jsonl"
        try:
            whole = target.stat().st_size == size
        except FileNotFoundError:
            whole = False
        if not whole:
            self._partial.replace(target)
            _sync_folder(self._data_dir)
        return Stored(target, digest, self._rows, system)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

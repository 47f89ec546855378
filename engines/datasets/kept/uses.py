"""Which jobs trained on which files, and how many tokens they counted there. A job's spec is read once."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable
from typing import Any

import msgspec

from ...home import Home
from ...job import Job
from ...records import UNREADABLE, read_lines, replace_bytes
from ...states import ALIVE, ENDED
from ...store import Summary


class Count(msgspec.Struct, frozen=True):
    """Tokens of all rows of a file, as a job's trainer counted them."""

    rows: int
    tokens: int
    trained_tokens: int
    model: str
    """The model whose tokenizer and template counted."""


class Use(msgspec.Struct, frozen=True):
    """A job's files."""

    job: str
    created: float
    model: str
    train: str
    """Absolute path; empty where the spec names none."""
    valid: str
    """Likewise."""
    train_count: Count | None = None
    valid_count: Count | None = None
    settled: bool = False
    """Nothing more can come: it counted, or it ended before it did."""


class _Kept(msgspec.Struct, frozen=True):
    uses: dict[str, Use]
    version: int = 1


class Uses:
    """The files of a home's jobs. Kept in the cache, so that the next process need not read the specs."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._uses: dict[str, Use] | None = None
        self._seen: dict[str, Summary] = {}
        self._newest: dict[str, Use] = {}
        self._counts: dict[str, list[tuple[float, Count]]] = {}

    def update(self, jobs: Iterable[Summary]) -> None:
        """Bring it up to date: reads the specs of new jobs, and the counts of those whose state changed.

        Args:
            jobs: all jobs of the home.
        """
        found = {summary.id: summary for summary in jobs}
        if self._uses is None:
            self._uses = self._load()
        elif all(self._seen.get(job_id) is summary for job_id, summary in found.items()) and len(
            self._seen
        ) == len(found):
            return
        before = self._uses
        self._uses = {}
        for job_id, summary in found.items():
            use = before.get(job_id)
            if use is None or use.created != summary.created:
                use = self._read(summary)
            elif self._seen.get(job_id) is not summary and (
                not use.settled or (use.train_count is None and summary.state.state in ALIVE)
            ):
                use = self._counted(use, summary)
            self._uses[job_id] = use
        self._seen = found
        self._arrange()
        if self._uses != before:
            self._keep()

    def newest(self) -> dict[str, Use]:
        """Each file's newest job."""
        return self._newest

    def count(self, path: str, rows: int, changed: float) -> Count | None:
        """The tokens of a file; None where no job counted all of its rows as they are now.

        Args:
            rows: how many the file has.
            changed: when it last changed, unix seconds: earlier counts are of another content.
        """
        counts = self._counts.get(path, ())
        return next((count for made, count in counts if made >= changed and count.rows == rows), None)

    def _arrange(self) -> None:
        self._newest, self._counts = {}, {}
        for use in sorted((self._uses or {}).values(), key=lambda use: use.created, reverse=True):
            for path, count in ((use.train, use.train_count), (use.valid, use.valid_count)):
                if path:
                    self._newest.setdefault(path, use)
                    if count is not None:
                        self._counts.setdefault(path, []).append((use.created, count))

    def _read(self, summary: Summary) -> Use:
        try:
            data = Job(self._home, summary.id).spec().get("data")
        except (OSError, ValueError):
            data = None  # removed meanwhile, or damaged
        paths = data if isinstance(data, dict) else {}
        train, valid = (
            value if isinstance(value := paths.get(key), str) else "" for key in ("train", "valid")
        )
        return self._counted(Use(summary.id, summary.created, summary.model, train, valid), summary)

    def _counted(self, use: Use, summary: Summary) -> Use:
        lines = read_lines(Job(self._home, use.job).paths.environment) if use.train else []
        if not lines:
            return msgspec.structs.replace(use, settled=summary.state.state in ENDED)
        train, valid = (_count(lines[-1].get(part), use.model) for part in ("train", "valid"))
        if not use.valid and valid is not None:
            # The held-out rows were taken from the same file.
            train = train and Count(
                train.rows + valid.rows,
                train.tokens + valid.tokens,
                train.trained_tokens + valid.trained_tokens,
                use.model,
            )
        return msgspec.structs.replace(
            use, train_count=train, valid_count=valid if use.valid else None, settled=True
        )

    def _load(self) -> dict[str, Use]:
        try:
            kept = msgspec.json.decode((self._home.cache / "datasets" / "uses.json").read_bytes(), type=_Kept)
        except (OSError, *UNREADABLE):
            return {}
        return kept.uses if kept.version == _Kept({}).version else {}

    def _keep(self) -> None:
        with contextlib.suppress(OSError):  # a full disk must not stop a list
            folder = self._home.cache / "datasets"
            folder.mkdir(parents=True, exist_ok=True)
            replace_bytes(folder / "uses.json", msgspec.json.encode(_Kept(self._uses or {})))


def _count(counts: Any, model: str) -> Count | None:
    """What the trainer counted of one file; None where rows were dropped or cut, so that it is not all."""
    if not isinstance(counts, dict) or counts.get("dropped") or counts.get("cut"):
        return None
    try:
        return Count(int(counts["rows"]), int(counts["tokens"]), int(counts["trained_tokens"]), model)
    except (LookupError, TypeError, ValueError):
        return None

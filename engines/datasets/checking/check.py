"""Checks dataset files and reports, with a bounded number of examples of each problem."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from ..checks.table import found
from ..checks.tally import Tally
from ..formats.columns import Columns
from ..problem import Problem
from ..read import Dataset, Record, open_dataset
from ..sets.keys import keys_of
from ..sets.seen import Seen, leaks
from ..sources.source import blocks
from ..targets.registry import target_named
from ..targets.target import FileFacts
from ..tokens.cost import load_prices, price_of
from ..tokens.counter import Counter
from ..tokens.report import TokenReport, token_report
from .crew import examined as examined_blocks
from .examine import Examiner, Findings, Lengths


@dataclass(frozen=True, slots=True)
class Asked:
    """What a check is to look at.

    Args:
        format: the form of the rows, where the user knows better than the detection.
        columns: a known form's keys under the file's own names.
        target: whose rules count (a name of `TARGETS`); None: those that all share.
        model: whose tokenizer counts; None: the target's usual one, or none.
        max_length: a row's greatest length in tokens; the target's own one counts where it is less.
        limit_examples: how many problems of each check are kept for a file; None keeps all.
    """

    format: str | None = None
    columns: Columns | None = None
    target: str | None = None
    model: str | None = None
    limit_examples: int | None = 3
    max_length: int | None = None


@dataclass(frozen=True, slots=True)
class Done:
    """How far a check is: bytes of the file as it lies on the disk, and rows."""

    path: Path
    bytes: int
    size_bytes: int
    rows: int


@dataclass(frozen=True, slots=True)
class FileReport:
    """What `check` found in one file.

    Args:
        format: the form's name; None when it is not known.
        rows: all rows, usable or not.
        usable_rows: those without errors.
        tokens: what was counted; None where nothing counts.
        problems: examples of each problem, worst first.
        counts: how often each check failed.
    """

    path: str
    format: str | None
    rows: int
    usable_rows: int
    problems: tuple[Problem, ...]
    counts: dict[str, int] = field(default_factory=dict)
    tokens: TokenReport | None = None

    def to_json(self) -> dict[str, Any]:
        """The file's part of what `check --json` prints."""
        return {
            "path": self.path,
            "format": self.format,
            "rows": self.rows,
            "usable_rows": self.usable_rows,
            "tokens": self.tokens.tokens if self.tokens else None,
            "trained_tokens": self.tokens.trained_tokens if self.tokens else None,
            "tokenizer": self.tokens.tokenizer if self.tokens else None,
            "exact": self.tokens.exact if self.tokens else None,
            "token_report": self.tokens.to_json() if self.tokens else None,
            "problems": [
                {
                    "id": problem.id,
                    "severity": problem.severity,
                    "line": problem.line,
                    "column": problem.column,
                    "message": problem.message,
                    "fix": problem.fix,
                }
                for problem in self.problems
            ],
            "counts": dict(self.counts),
        }


@dataclass(frozen=True, slots=True)
class Report:
    """What `check` found.

    Args:
        errors: how many errors, in all files, whether kept as examples or not.
        warnings: likewise.
    """

    files: tuple[FileReport, ...]
    errors: int
    warnings: int

    def to_json(self) -> dict[str, Any]:
        """What `check --json` prints."""
        return {
            "files": [file.to_json() for file in self.files],
            "errors": self.errors,
            "warnings": self.warnings,
        }


def check(
    paths: Iterable[Path], asked: Asked | None = None, progress: Callable[[Done], None] | None = None
) -> Report:
    """Checks files, each to its end; then what the second and later ones share with the first.

    Args:
        progress: called now and then while a file is read.

    Raises:
        UnknownFormat: when a form is named that does not exist.
        UnknownTarget: likewise of a target.
        EngineError: the tokens can't be counted.
    """
    looking = _Looking(asked or Asked(), progress)
    files = tuple(looking.check(path) for path in paths)
    return Report(files, looking.errors, looking.warnings)


class _Looking:
    """Files that are checked together."""

    def __init__(self, asked: Asked, progress: Callable[[Done], None] | None) -> None:
        self.errors = self.warnings = 0
        self._asked, self._progress = asked, progress
        self._target = target_named(asked.target) if asked.target else None
        limits = (asked.max_length, self._target.max_tokens if self._target else None)
        self._max_length = min((limit for limit in limits if limit is not None), default=None)
        self._first: tuple[str, Seen] | None = None

    def check(self, path: Path) -> FileReport:
        """Checks one file to its end."""
        asked, name = self._asked, str(path)
        dataset = open_dataset(path, asked.format, asked.columns)
        whole = Findings(Tally(asked.limit_examples))
        size = _size_of(path)
        counter = self._counter()  # here too: what it loads is then there for all processes
        # Where no form is known all rows are refused for one reason, which is said once; where no kind is
        # known yet, the first usable row says it to all that follow. Both take one process.
        shared = size if dataset.format is not None and dataset.kind is not None else 0
        examiner = partial(self._examiner, dataset)
        with contextlib.closing(examined_blocks(blocks(path), examiner, shared)) as parts:
            for block, findings in parts:
                whole.merge(findings)
                if self._progress is not None:
                    self._progress(Done(path, block.end, size, whole.rows))
        tally = whole.tally
        if not whole.rows and not tally.count("error"):
            tally.add(found("empty-file", name))
        tally.add_faults(name, whole.seen.faults())
        if self._first is None:
            self._first = name, whole.seen
        else:
            tally.add_all(leaks(self._first[1], whole.seen, self._first[0], name))
        form = dataset.format.name if dataset.format else None
        if self._target is not None:
            bom = bool(tally.counts["bom"])
            facts = FileFacts(path, size, form, whole.rows, whole.usable_rows, bom)
            tally.add_all(self._target.check_file(facts))
        tokens = self._tokens(counter, whole.lengths) if counter is not None else None
        self.errors += tally.count("error")
        self.warnings += tally.count("warning")
        return FileReport(
            name, form, whole.rows, whole.usable_rows, tally.problems, dict(tally.counts), tokens
        )

    def _counter(self) -> Counter | None:
        target = self._target
        return target.counter(self._asked.model, self._max_length) if target is not None else None

    def _examiner(self, dataset: Dataset) -> Examiner:
        limit = self._asked.limit_examples
        return Examiner(dataset, self._target, self._counter(), self._max_length, limit)

    def _tokens(self, counter: Counter, lengths: Lengths) -> TokenReport:
        target, model = self._target, self._asked.model
        assert target is not None
        price = price_of(target.prices, model, load_prices()) if target.prices and model else None
        return token_report(
            counter,
            lengths.tokens,
            lengths.trained,
            lengths.lost,
            lengths.estimated,
            self._max_length,
            target.schedule(lengths.tokens.total()),
            price,
        )


def _size_of(path: Path) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def examined(dataset: Dataset, tally: Tally) -> Iterator[Record]:
    """A file's records one by one with every problem tallied, at the end those of the file as a whole."""
    seen = Seen()
    for record in dataset.records():
        for problem in record.problems:
            tally.add(problem)
        if record.row is not None:
            seen.add(record.row.line, record.row, keys_of(record.row))
        yield record
    tally.add_faults(str(dataset.path), seen.faults())

"""Checks dataset files and reports, with a bounded number of examples of each problem."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from .checks.table import found
from .crew import examined as examined_blocks
from .examine import Examiner, Findings, Lengths
from .formats.columns import Columns
from .keys import keys_of
from .problem import Problem
from .read import Dataset, Record, open_dataset
from .seen import Seen
from .sources.source import blocks
from .tally import Tally
from .targets.registry import target_named
from .targets.target import FileFacts, Target
from .tokens.cost import load_prices, price_of
from .tokens.counter import Counter
from .tokens.report import TokenReport, token_report


@dataclass(frozen=True, slots=True)
class Asked:
    """What a check is to look at.

    Args:
        format: the form of the rows, where the user knows better than the detection.
        columns: a known form's keys under the file's own names.
        target: whose rules count (a name of `TARGETS`); None: those that all share.
        model: whose tokenizer counts; None: the target's usual one, or none.
        limit_examples: how many problems of each check are kept for a file; None keeps all.
    """

    format: str | None = None
    columns: Columns | None = None
    target: str | None = None
    model: str | None = None
    limit_examples: int | None = 3


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
    """Checks files, each to its end.

    Args:
        progress: called now and then while a file is read.

    Raises:
        UnknownFormat: when a form is named that does not exist.
        UnknownTarget: likewise of a target.
        EngineError: the tokens can't be counted.
    """
    asked = asked or Asked()
    files: list[FileReport] = []
    errors = warnings = 0
    for path in paths:
        report, tally = _check_file(path, asked, progress)
        files.append(report)
        errors += tally.count("error")
        warnings += tally.count("warning")
    return Report(tuple(files), errors, warnings)


def _check_file(
    path: Path, asked: Asked, progress: Callable[[Done], None] | None
) -> tuple[FileReport, Tally]:
    dataset = open_dataset(path, asked.format, asked.columns)
    target = target_named(asked.target) if asked.target else None
    counter = target.counter(asked.model) if target else None
    whole = Findings(Tally(asked.limit_examples))
    size = _size_of(path)
    examiner = partial(_examiner, dataset, asked)
    # Where no form is known all rows are refused for one reason, which is said once.
    shared = size if dataset.format is not None else 0
    with contextlib.closing(examined_blocks(blocks(path), examiner, shared)) as parts:
        for block, findings in parts:
            whole.merge(findings)
            if progress is not None:
                progress(Done(path, block.end, size, whole.rows))
    return _report(dataset, target, counter, asked, whole), whole.tally


def _examiner(dataset: Dataset, asked: Asked) -> Examiner:
    target = target_named(asked.target) if asked.target else None
    counter = target.counter(asked.model) if target else None
    return Examiner(dataset, target, counter, asked.limit_examples)


def _report(
    dataset: Dataset, target: Target | None, counter: Counter | None, asked: Asked, whole: Findings
) -> FileReport:
    """Ends a file's check with what only a look at the whole of it shows."""
    path = str(dataset.path)
    tally = whole.tally
    if not whole.rows and not tally.count("error"):
        tally.add(found("empty-file", path))
    for problem in whole.seen.problems(path):
        tally.add(problem)
    form = dataset.format.name if dataset.format else None
    if target is not None:
        bom = bool(tally.counts["bom"])
        facts = FileFacts(dataset.path, _size_of(dataset.path), form, whole.rows, whole.usable_rows, bom)
        for problem in target.check_file(facts):
            tally.add(problem)
    tokens = None
    if target is not None and counter is not None:
        tokens = _tokens(target, counter, asked.model, whole.lengths)
    return FileReport(path, form, whole.rows, whole.usable_rows, tally.problems, dict(tally.counts), tokens)


def _tokens(target: Target, counter: Counter, model: str | None, lengths: Lengths) -> TokenReport:
    price = price_of(target.prices, model, load_prices()) if target.prices and model else None
    return token_report(
        counter,
        lengths.tokens,
        sum(lengths.trained),
        lengths.lost,
        lengths.estimated,
        target.max_tokens,
        target.schedule(len(lengths.tokens)),
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
            seen.add(record.row.line, keys_of(record.row))
        yield record
    for problem in seen.problems(str(dataset.path)):
        tally.add(problem)

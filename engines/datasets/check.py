"""Checks dataset files and reports, with a bounded number of examples of each problem."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .checks import CHECKS, found
from .problem import Problem, Severity
from .read import Dataset, Record, Row, open_dataset


class Tally:
    """Problems counted by check, with the first few of each kept: a file may have a million.

    Args:
        limit_examples: how many of each check are kept for a file; None keeps all.
    """

    def __init__(self, limit_examples: int | None = 3) -> None:
        self._limit = limit_examples
        self._kept: list[Problem] = []
        self._met: Counter[tuple[str | None, str]] = Counter()
        self.counts: Counter[str] = Counter()

    def add(self, problem: Problem) -> None:
        """Counts a problem, and keeps it while its file has room; the same note is kept once a file."""
        self.counts[problem.id] += 1
        sort = problem.message if problem.severity == "note" else problem.id
        limit = 1 if problem.severity == "note" else self._limit
        self._met[problem.path, sort] += 1
        if limit is None or self._met[problem.path, sort] <= limit:
            self._kept.append(problem)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Those that were kept: errors first, then warnings, then notes, each in the order of the file."""
        order: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}
        return tuple(sorted(self._kept, key=lambda problem: order[problem.severity]))

    def count(self, severity: Severity) -> int:
        """How many problems of a severity were met, kept or not."""
        return sum(count for check, count in self.counts.items() if CHECKS[check].severity == severity)


class Duplicates:
    """Finds rows that were met before, by 64-bit hashes of their bytes (some 100 bytes of memory a row)."""

    def __init__(self) -> None:
        self._first: dict[int, int] = {}

    def first_line(self, row: Row) -> int | None:
        """The line of the row's first appearance; None when this is it."""
        first = self._first.setdefault(hash(row.encoded), row.line)
        return None if first == row.line else first


@dataclass(frozen=True, slots=True)
class FileReport:
    """What `check` found in one file.

    Args:
        format: the form's name; None when it is not known.
        rows: all rows, usable or not.
        usable_rows: those without errors.
        tokens: None until counted with a model's tokenizer.
        trained_tokens: likewise, those in answers.
        problems: examples of each problem, worst first.
        counts: how often each check failed.
    """

    path: str
    format: str | None
    rows: int
    usable_rows: int
    problems: tuple[Problem, ...]
    counts: dict[str, int] = field(default_factory=dict)
    tokens: int | None = None
    trained_tokens: int | None = None

    def to_json(self) -> dict[str, Any]:
        """The file's part of what `check --json` prints."""
        return {
            "path": self.path,
            "format": self.format,
            "rows": self.rows,
            "usable_rows": self.usable_rows,
            "tokens": self.tokens,
            "trained_tokens": self.trained_tokens,
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


def check(paths: Iterable[Path], format: str | None = None, limit_examples: int | None = 3) -> Report:
    """Checks files, each to its end.

    Args:
        format: the form of their rows, when the user knows better than the detection.
        limit_examples: how many problems of each check are kept for a file; None keeps all.

    Raises:
        UnknownFormat: when `format` is none of the known names.
    """
    files: list[FileReport] = []
    errors = warnings = 0
    for path in paths:
        tally = Tally(limit_examples)
        report = _check_file(open_dataset(path, format), tally)
        files.append(report)
        errors += tally.count("error")
        warnings += tally.count("warning")
    return Report(tuple(files), errors, warnings)


def _check_file(dataset: Dataset, tally: Tally) -> FileReport:
    rows = usable = 0
    for record in examined(dataset, tally):
        rows += record.is_row
        usable += record.row is not None
    return FileReport(
        path=str(dataset.path),
        format=dataset.format.name if dataset.format else None,
        rows=rows,
        usable_rows=usable,
        problems=tally.problems,
        counts=dict(tally.counts),
    )


def examined(dataset: Dataset, tally: Tally) -> Iterator[Record]:
    """A file's records with every problem tallied, those that only a look at the whole file shows included.

    A row of another kind than the first is an error: the trainer's files have one kind each.
    """
    path = str(dataset.path)
    duplicates = Duplicates()
    kind: str | None = None
    for record in dataset.records():
        for problem in record.problems:
            tally.add(problem)
        row = record.row
        if row is None:
            yield record
            continue
        kind = kind or row.kind
        if row.kind != kind:
            tally.add(found("mixed-formats", path, row.line, found=row.kind, format=kind))
            yield Record(record.line, None, record.problems)
            continue
        if (first := duplicates.first_line(row)) is not None:
            tally.add(found("duplicate", path, row.line, first=first))
        yield record

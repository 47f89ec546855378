"""What a job's creation does with its data: read, check, split, store. Each file is read once, row by row."""

from __future__ import annotations

import tempfile
from array import array
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from ..checking.check import examined
from ..checks.table import CHECKS, found
from ..checks.tally import Tally
from ..formats.columns import Columns
from ..problem import Problem
from ..read import Kind, open_dataset
from ..sets.keys import keys_of
from ..sets.split import choose_valid, default_valid_rows
from .canonical import Stored, SystemPrompts, Writer


class DataError(Exception):
    """The data can't be trained on as it is.

    Attributes:
        problems: examples of each, worst first.
        counts: how often each check failed.
    """

    def __init__(self, tally: Tally) -> None:
        self.problems = tally.problems
        self.counts = dict(tally.counts)
        errors = tally.count("error")
        first = next(problem for problem in self.problems if problem.severity == "error")
        more = f" And {errors - 1} more." if errors > 1 else ""
        super().__init__(f"{first}{more}")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A job's data, ready for the trainer.

    Args:
        train: the rows to train on.
        valid: the rows to validate with; None when none could be set apart.
        system: the most frequent system prompt of the training rows; None when most have none.
        format: the form's name of the training file.
        problems: warnings and notes, and the errors of dropped rows: examples of each.
        counts: how often each check failed.
        dropped_rows: rows with faults that were left out, of both files.
    """

    train: Stored
    valid: Stored | None
    system: str | None
    format: str
    problems: tuple[Problem, ...]
    counts: dict[str, int]
    dropped_rows: int

    def to_plan(self) -> dict[str, Any]:
        """`data` of plan.json."""

        def part(stored: Stored | None) -> dict[str, Any] | None:
            return stored and {"path": str(stored.path), "sha256": stored.sha256, "rows": stored.rows}

        return {
            "train": part(self.train),
            "valid": part(self.valid),
            "system": self.system,
            "format": self.format,
            "dropped_rows": self.dropped_rows,
        }


@dataclass(frozen=True, slots=True)
class _Spool:
    """Usable rows of one file as canonical lines in a nameless file, with each row's key and source line."""

    lines: IO[bytes]
    keys: array[int]
    places: array[int]
    system: str | None
    kind: Kind | None
    format: str
    dropped: int


def prepare(
    train_path: Path,
    data_dir: Path,
    *,
    seed: int,
    valid_path: Path | None = None,
    valid_rows: int | None = None,
    valid_share: float | None = None,
    format: str | None = None,
    columns: Columns | None = None,
    drop_bad_rows: bool = False,
    limit_examples: int | None = 3,
) -> Prepared:
    """Reads and checks a job's data and stores it as canonical rows.

    Args:
        train_path: of any kind that `sources` reads.
        data_dir: where canonical files lie.
        seed: of the choice of validation rows.
        valid_path: the validation file; without one, rows are taken from the training file: `valid_rows`, or
            the share `valid_share` (0 to 1), or by default see `default_valid_rows`. 0 takes none.
        format: the form's name, when the user knows better than the detection.
        columns: a known form's keys under the files' own names.
        drop_bad_rows: leave rows with errors out instead of raising.
        limit_examples: how many problems of each check are kept.

    Raises:
        DataError: the data has errors; all of it was read and every problem counted.
        UnknownFormat: `format` is none of the known names.
        OSError: the data folder can't be written.
    """
    tally = Tally(limit_examples)
    with ExitStack() as spools:
        train = spools.enter_context(_spooled(train_path, data_dir, format, columns, tally))
        if valid_path is None:
            wanted = _wanted(len(train.keys), valid_rows, valid_share, train_path, tally)
            _stop_on_errors(tally, drop_bad_rows)
            chosen = choose_valid(train.keys, wanted, seed)
            if wanted and not chosen:
                tally.add(found("no-valid", str(train_path)))
            stored_train = _store(train, data_dir, chosen, inside=False)
            stored_valid = _store(train, data_dir, chosen, inside=True) if chosen else None
            dropped = train.dropped
        else:
            valid = spools.enter_context(_spooled(valid_path, data_dir, format, columns, tally))
            if train.kind and valid.kind and train.kind != valid.kind:
                tally.add(found("valid-kind", str(valid_path), valid=valid.kind, train=train.kind))
            _stop_on_errors(tally, drop_bad_rows)
            trained = frozenset(train.keys)
            for key, line in zip(valid.keys, valid.places, strict=True):
                if key in trained:
                    tally.add(found("valid-in-train", str(valid_path), line))
            stored_train = _store(train, data_dir)
            stored_valid = _store(valid, data_dir)
            dropped = train.dropped + valid.dropped
    return Prepared(
        train=stored_train,
        valid=stored_valid,
        system=stored_train.system,
        format=train.format,
        problems=tally.problems,
        counts=dict(tally.counts),
        dropped_rows=dropped,
    )


@contextmanager
def _spooled(
    path: Path, data_dir: Path, format: str | None, columns: Columns | None, tally: Tally
) -> Iterator[_Spool]:
    """Reads a file to its end. The spool lies beside the canonical files: there must be room for both."""
    data_dir.mkdir(parents=True, exist_ok=True)
    dataset = open_dataset(path, format, columns)
    keys, places = array("Q"), array("Q")
    prompts = SystemPrompts()
    kind: Kind | None = None
    rows = 0
    if dataset.kind in ("preference", "kto"):
        tally.add(found(f"{dataset.kind}-data", str(path)))
    with tempfile.TemporaryFile(dir=data_dir, buffering=1 << 20) as lines:
        for record in examined(dataset, tally):
            rows += record.is_row
            if (row := record.row) is not None:
                kind = kind or row.kind
                lines.write(row.canonical_line + b"\n")
                keys.append(keys_of(row).prompt)
                places.append(row.line)
                prompts.add(row)
        if rows and not keys and not _unusable(tally):
            tally.add(found("no-rows-left", str(path), rows=rows))
        name = dataset.format.name if dataset.format else ""
        yield _Spool(lines, keys, places, prompts.most_frequent, kind, name, rows - len(keys))


def _wanted(rows: int, count: int | None, share: float | None, path: Path, tally: Tally) -> int:
    """How many rows to take for validation; asking for more than there can be is an error."""
    if count is None and share is None:
        return default_valid_rows(rows)
    wanted = count if count is not None else round(rows * (share or 0))
    if rows and not 0 <= wanted < rows:
        tally.add(found("valid-size", str(path), wanted=wanted, rows=rows))
    return wanted


def _stop_on_errors(tally: Tally, drop_bad_rows: bool) -> None:
    if _unusable(tally) or (tally.count("error") and not drop_bad_rows):
        raise DataError(tally)


def _unusable(tally: Tally) -> bool:
    """Whether an error was met that leaving rows out does not mend."""
    failed = (CHECKS[check] for check in tally.counts)
    return any(check.severity == "error" and check.scope == "file" for check in failed)


def _store(
    spool: _Spool, data_dir: Path, chosen: frozenset[int] = frozenset(), inside: bool = False
) -> Stored:
    """Stores the rows that are `chosen`, or (not `inside`) all others."""
    spool.lines.seek(0)
    with Writer(data_dir) as writer:
        for index, line in enumerate(spool.lines):
            if (index in chosen) == inside:
                writer.write(line.removesuffix(b"\n"))
        return writer.keep(spool.system)

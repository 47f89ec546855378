"""A dataset file as canonical rows: what form it has, and each row with what is wrong with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import msgspec

from .checks.table import CHECKS, Faults, found
from .checks.words import key_list, type_name
from .formats.columns import Columns, completed, lacking, renamed
from .formats.foreign import way_to_rows
from .formats.form import Body, Format
from .formats.registry import FORMATS, fits, most_fitting, recognise
from .lessons.lessons import examine
from .problem import Problem
from .sources.source import raw_values

Kind = Literal["messages", "prompt", "text", "preference", "kto"]

_SNIFFED_ROWS = 50
_USUAL = ("messages", "question-answer", "text")
_encoder = msgspec.json.Encoder()


class UnknownFormat(ValueError):
    """A form was named that does not exist."""


class Row(msgspec.Struct, frozen=True):  # made for every row: a frozen dataclass takes five times as long
    """A canonical row.

    Args:
        body: `messages` with perhaps `tools`; or `prompt` and `completion`; or `text`; or a preference:
            `messages` (or a text `prompt`) and two answers, `chosen` and `rejected` (turns, or texts after a
            text prompt); or an answer that was judged (KTO): one of the first two with `label` (bool).
        encoded: the body as JSON; equal bodies have equal bytes.
        file: the name of the file that it comes from.
        line: where it starts there, counted from 1.
    """

    body: Body
    encoded: bytes
    file: str
    line: int

    @property
    def kind(self) -> Kind:
        """Which kind of row it is."""
        if "chosen" in self.body:
            return "preference"
        if "label" in self.body:
            return "kto"
        if "messages" in self.body:
            return "messages"
        return "text" if "text" in self.body else "prompt"

    @property
    def canonical_line(self) -> bytes:
        """The row as it is stored for the trainer, with its source, without a line break."""
        source = _encoder.encode({"file": self.file, "line": self.line})
        return b"%s,%s:%s}" % (self.encoded[:-1], b'"source"', source)


class Record(msgspec.Struct, frozen=True):
    """What stands at one place of a file.

    Args:
        line: where; None for the file as a whole.
        row: None when nothing usable stands there.
        problems: all that is wrong there.
        is_row: whether it counts as a row, usable or not.
    """

    line: int | None
    row: Row | None
    problems: tuple[Problem, ...] = ()
    is_row: bool = True


class Dataset:
    """A dataset file. Made by `open_dataset`.

    Attributes:
        path: as the user named it.
        format: the form of its rows; None when it is not known.
        named: whether the user named the form.
        columns: the keys of a known form, and the file's own names for them; None where they are the same.
        lacking: what fills the check `missing-column`, where a mapped column is none of the file's.
        kind: the kind of its rows, that of the first usable one; None until one is known.
    """

    def __init__(
        self, path: Path, format: Format | None, named: bool = False, columns: Columns | None = None
    ) -> None:
        self.path = path
        self.format = format
        self.named = named
        self.columns = columns
        self.lacking: dict[str, Any] | None = None
        self.kind: Kind | None = None
        self._path, self._name = str(path), path.name

    def records(self) -> Iterator[Record]:
        """The file from its start, a record for each row and each problem of the file. Never raises for what
        stands in the file, and can be called again."""
        said = False
        empty = True
        for raw in raw_values(self.path):
            if raw.problem is not None:
                empty = empty and raw.problem.severity != "error"
                yield Record(raw.line, None, (raw.problem,), counts_as_row(raw.problem))
                continue
            empty = False
            line = raw.line or 1
            if said and self.format is None:
                yield Record(line, None)  # said once: it is the same for all rows
                continue
            said = True
            yield self.record(raw.value, line)
        if empty:
            yield Record(None, None, (found("empty-file", str(self.path)),), is_row=False)

    def record(self, value: object, line: int) -> Record:
        """What one value of the file is as a row.

        Args:
            value: as JSON has it.
            line: where it starts.
        """
        if self.format is None:
            return Record(line, None, (self._unknown(value, line),))
        if self.columns is not None and isinstance(value, dict):
            value = renamed(value, self.columns)
        faults = Faults()
        row = self._row(value, line, self.format, faults)
        if row is not None:
            kind = row.kind
            self.kind = self.kind or kind
            if kind != self.kind:
                faults.add("mixed-formats", found=kind, format=self.kind)
                row = None
        if not faults:
            return Record(line, row)
        problems = [found(fault.check, self._path, line, **fault.values) for fault in faults]
        return Record(line, row, tuple(problems))

    def _unknown(self, value: object, line: int) -> Problem:
        if isinstance(value, dict) and self.lacking is not None:
            return found("missing-column", str(self.path), **self.lacking)
        problem = self._unknown_row(value, line)
        way = way_to_rows(value)
        return problem if way is None else dataclasses.replace(problem, fix=way)

    def _unknown_row(self, value: object, line: int) -> Problem:
        if not isinstance(value, dict):
            return found("row-type", str(self.path), line, found=type_name(value))
        return found(
            "unknown-format",
            str(self.path),
            line,
            keys=key_list(value),
            known=" or ".join(FORMATS[name].example for name in _USUAL),
            names=", ".join(FORMATS),
        )

    def _row(self, value: Any, line: int, form: Format, faults: Faults) -> Row | None:
        if not isinstance(value, dict):
            faults.add("row-type", found=type_name(value))
            return None
        if not fits(form, value, self.named):
            if (other := recognise(value)) is not None:
                faults.add("mixed-formats", found=other.name, format=form.name)
            else:
                faults.add(
                    "missing-key",
                    missing=f"the keys of the form {form.name}",
                    keys=key_list(value),
                    example=form.example,
                )
            return None
        body = form.read(value, faults)
        if body is None or faults.fatal:
            return None
        beside = "messages" in value and bool(value.get("system"))
        examine(body, faults, shift=int(beside))
        if faults.fatal:
            return None
        try:
            encoded = _encoder.encode(body)
        except UnicodeEncodeError as fault:
            half = f"\\u{ord(fault.object[fault.start]):04x}"
            faults.add("lone-surrogate", escape=half)
            return None
        except RecursionError:
            faults.add("too-deep")
            return None
        return Row(body, encoded, self._name, line)


def counts_as_row(problem: Problem) -> bool:
    """Whether a problem that stands in place of a row counts as one."""
    return problem.severity == "error" and CHECKS[problem.id].scope == "row"


def open_dataset(path: Path, format: str | None = None, columns: Columns | None = None) -> Dataset:
    """Opens a dataset file, finding out its form from its first rows.

    Args:
        path: of any kind that `sources` reads.
        format: the form's name, when the user knows better.
        columns: the keys of a known form, and the file's names for them; other columns are left alone, unless
            only with them a form fits.

    Raises:
        UnknownFormat: when `format` is none of the known names. All that is wrong with the file itself comes
            out of `records` as problems.
    """
    if format is not None and format not in FORMATS:
        raise UnknownFormat(f"There is no form named {format}. Known forms: {', '.join(FORMATS)}.")
    first = _first_values(path)
    lacks = lacking(columns, first) if columns else None
    if lacks is not None:
        dataset = Dataset(path, None, False, columns)
        dataset.lacking = lacks
        return dataset
    if columns:
        first, columns = _mapped(first, columns)
    form = FORMATS[format] if format is not None else most_fitting(first)
    dataset = Dataset(path, form, format is not None, columns or None)
    for value in first:
        faults = Faults()
        if form is not None and (row := dataset._row(value, 1, form, faults)) is not None:
            dataset.kind = row.kind
            break
    return dataset


def _mapped(rows: list[Any], columns: Columns) -> tuple[list[Any], Columns]:
    """The first rows under known names, and the mapping that made them so."""
    mapped = [renamed(row, columns) if isinstance(row, dict) else row for row in rows]
    if most_fitting(mapped) is None:
        columns = completed(columns, rows)
        mapped = [renamed(row, columns) if isinstance(row, dict) else row for row in rows]
    return mapped, columns


def _first_values(path: Path) -> list[Any]:
    values = (raw.value for raw in raw_values(path) if raw.problem is None)
    return list(islice(values, _SNIFFED_ROWS))

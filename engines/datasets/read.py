"""A dataset file as canonical rows: what form it has, and each row with what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

import msgspec

from .checks import CHECKS, Faults, found, key_list, type_name
from .formats.form import Body, Format
from .formats.registry import FORMATS, fits, most_fitting, recognise
from .problem import Problem
from .source import raw_values
from .teaching import examine

Kind = Literal["messages", "prompt", "text"]

_SNIFFED_ROWS = 50
_USUAL = ("messages", "question-answer", "text")
_encoder = msgspec.json.Encoder()


class UnknownFormat(ValueError):
    """A form was named that does not exist."""


@dataclass(frozen=True, slots=True)
class Row:
    """A canonical row.

    Args:
        body: `messages` with perhaps `tools`, or `prompt` and `completion`, or `text`.
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
        """Which of the three kinds of rows it is."""
        if "messages" in self.body:
            return "messages"
        return "text" if "text" in self.body else "prompt"

    @property
    def canonical_line(self) -> bytes:
        """The row as it is stored for the trainer, with its source, without a line break."""
        source = _encoder.encode({"file": self.file, "line": self.line})
        return b"%s,%s:%s}" % (self.encoded[:-1], b'"source"', source)


@dataclass(frozen=True, slots=True)
class Record:
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
    """

    def __init__(self, path: Path, format: Format | None, named: bool) -> None:
        self.path = path
        self.format = format
        self.named = named

    def records(self) -> Iterator[Record]:
        """The file from its start, a record for each row and each problem of the file. Never raises for what
        stands in the file, and can be called again."""
        name = str(self.path)
        said = False
        empty = True
        for raw in raw_values(self.path):
            if raw.problem is not None:
                error = raw.problem.severity == "error"
                empty = empty and not error
                is_row = error and CHECKS[raw.problem.id].scope == "row"
                yield Record(raw.line, None, (raw.problem,), is_row)
                continue
            empty = False
            line = raw.line or 1
            if said and self._refused:
                yield Record(line, None)  # said once: it is the same for all rows
                continue
            said = True
            yield self.record(raw.value, line)
        if empty:
            yield Record(None, None, (found("empty-file", name),), is_row=False)

    def record(self, value: object, line: int) -> Record:
        """What one value of the file is as a row.

        Args:
            value: as JSON has it.
            line: where it starts.
        """
        if self.format is None or self.format.refused is not None:
            return Record(line, None, (self._refusal(value, line),))
        faults = Faults()
        row = self._row(value, line, self.format, faults)
        name = str(self.path)
        return Record(line, row, tuple(found(fault.check, name, line, **fault.values) for fault in faults))

    @property
    def _refused(self) -> bool:
        """Whether no row of the file can be used, for the file's form."""
        return self.format is None or self.format.refused is not None

    def _refusal(self, value: object, line: int) -> Problem:
        if self.format is not None and self.format.refused is not None:
            return found(self.format.refused, str(self.path), line)
        if not isinstance(value, dict):
            return found("row-type", str(self.path), line, found=type_name(value))
        return found(
            "unknown-format",
            str(self.path),
            line,
            keys=key_list(value),
            known=" or ".join(FORMATS[name].example for name in _USUAL),
            names=", ".join(name for name, form in FORMATS.items() if form.refused is None),
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
        return Row(body, encoded, self.path.name, line)


def open_dataset(path: Path, format: str | None = None) -> Dataset:
    """Opens a dataset file, finding out its form from its first rows.

    Args:
        path: JSON or JSON lines, perhaps packed with gzip.
        format: the form's name, when the user knows better.

    Raises:
        UnknownFormat: when `format` is none of the known names. All that is wrong with the file itself comes
            out of `records` as problems.
    """
    if format is None:
        return Dataset(path, sniff(path), named=False)
    if format not in FORMATS:
        raise UnknownFormat(f"There is no form named {format}. Known forms: {', '.join(FORMATS)}.")
    return Dataset(path, FORMATS[format], named=True)


def sniff(path: Path) -> Format | None:
    """The form that most of a file's first rows have; None when no form fits or the file can't be read."""
    values = (raw.value for raw in raw_values(path) if raw.problem is None)
    return most_fitting(islice(values, _SNIFFED_ROWS))

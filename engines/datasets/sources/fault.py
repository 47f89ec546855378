"""What a source gives: values with their lines, and the faults that stand in their place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..checks.table import found
from ..checks.words import shown
from ..problem import Problem

SAVE = "Save it as UTF-8, for instance with: iconv -f {} -t UTF-8 IN > OUT"
PACKAGES = 'pip install "finetui[data]"'
"""The extra with the packages for Parquet and zstd, which are imported when such a file is met."""


class FileFault(Exception):
    """The file as a whole can't be read. Carries the problem."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(str(problem))
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Raw:
    """One value of the file, or a problem in its place.

    Args:
        line: where it starts, counted from 1 (of Parquet the row's number); None for a problem of the whole
            file.
        value: as JSON has it; beside a problem what can be shown of the row, if anything.
        text: the value's JSON as it stands in the file, where it stands there as such.
    """

    line: int | None
    value: Any = None
    problem: Problem | None = None
    text: str | None = None


def no_dataset(
    name: str, start: bytes, fix: str = "Give JSON, JSON lines, CSV, TSV or Parquet."
) -> FileFault:
    """The file is of a kind that is not read.

    Args:
        name: the file's.
        start: its first bytes.
        fix: how to make a file that is read.
    """
    words = shown(start[:24].decode("utf-8", "replace"))
    return FileFault(found("not-json", name, 1, start=words, fix=fix))


def lacks_package(name: str, kind: str) -> FileFault:
    """A package that this kind of file needs is not installed."""
    return FileFault(found("missing-package", name, kind=kind, command=PACKAGES))

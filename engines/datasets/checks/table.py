"""All checks by their ids, and the problem that a failed one makes.

A new check is a line in one of the tables and a `found(...)` or `faults.add(...)` where it looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..problem import Problem
from .kinds import Check
from .of_files import OF_FILES
from .of_lessons import OF_LESSONS
from .of_rows import OF_ROWS
from .of_sets import OF_SETS
from .of_targets import OF_TARGETS

CHECKS: Mapping[str, Check] = {**OF_FILES, **OF_ROWS, **OF_LESSONS, **OF_SETS, **OF_TARGETS}


@dataclass(frozen=True, slots=True)
class Fault:
    """A check that a row failed, before it is known where the row stands."""

    check: str
    values: dict[str, Any]


Placed = tuple[int | None, Fault]
"""A fault and the line on which it stands; None for the file as a whole."""


class Faults(list[Fault]):
    """What is wrong with one row, gathered while it is read."""

    def add(self, check: str, **values: Any) -> None:
        """Notes a failed check; `values` fill the placeholders of its text."""
        self.append(Fault(check, values))

    @property
    def fatal(self) -> bool:
        """Whether one of them is an error, so that the row can't be used."""
        return bool(self) and any(CHECKS[fault.check].severity == "error" for fault in self)


def found(
    check: str, path: str | None = None, line: int | None = None, column: int | None = None, **values: Any
) -> Problem:
    """The problem that a failed check makes, its text filled with `values`."""
    entry = CHECKS[check]
    return Problem(
        id=check,
        severity=entry.severity,
        message=entry.message.format_map(values),
        fix=entry.fix.format_map(values),
        path=path,
        line=line,
        column=column,
    )

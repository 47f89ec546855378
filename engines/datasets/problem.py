"""A problem: what is wrong, where, and the way out. The one form in which all checks report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong, where, and what to do about it.

    Args:
        id: the check's name in kebab case; stable, so that scripts can match it.
        severity: an error stops a job, a warning is worth a look, a note is only said.
        message: what is wrong, in one sentence.
        fix: what to do about it, in one sentence.
        path: the file, as the user named it.
        line: counted from 1.
        column: in characters, counted from 1.
    """

    id: str
    severity: Severity
    message: str
    fix: str
    path: str | None = None
    line: int | None = None
    column: int | None = None

    @property
    def where(self) -> str:
        """`file:line:column`, as far as known; empty when nothing is."""
        known = [str(part) for part in (self.path, self.line, self.column) if part is not None]
        return ":".join(known)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{place}{self.message} {self.fix}".rstrip()

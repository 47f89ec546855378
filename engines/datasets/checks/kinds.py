"""What a check is: its words, how bad it is, and what it stops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..problem import Severity

Scope = Literal["file", "row"]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be wrong.

    Args:
        severity: see `Problem`.
        scope: an error of a `file` stops everything; a row with an error of a `row` can be dropped.
        message: with {placeholders} that `found` fills.
        fix: likewise.
    """

    severity: Severity
    scope: Scope
    message: str
    fix: str

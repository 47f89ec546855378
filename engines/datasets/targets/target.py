"""What a target is: a place of training with its own rules for data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checks.table import Faults
from ..formats.form import Body
from ..problem import Problem
from ..tokens.cost import Schedule
from ..tokens.counter import Counter


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What a target's rules for whole files look at.

    Args:
        format: the form's name; None when it is not known.
        usable_rows: rows without errors.
        bom: whether it starts with a byte order mark.
    """

    path: Path
    size_bytes: int
    format: str | None
    rows: int
    usable_rows: int
    bom: bool


@dataclass(frozen=True, slots=True)
class Target:
    """One place of training.

    Args:
        name: what `--for` takes.
        title: as people know it.
        formats: the forms that it takes as they are.
        check_row: notes what this target refuses in a row, given the row's object in the file and its
            canonical body.
        check_file: the problems of the file as a whole.
        max_tokens: of a row; None where the model decides.
        counter: makes what counts its tokens for a model (None: the one it usually trains) and up to a
            length of rows (None: any); None where that can't be known.
        schedule: how it trains so many rows when nothing else is asked for; None where that is not known.
        row_keys: the keys of a row that it knows.
        turn_keys: those of a turn; None where it takes any.
        writes: the form that rows are written in for it; None: their own.
        prices: whose prices hold, as the table of prices names it; None where tokens are not paid for.
    """

    name: str
    title: str
    formats: frozenset[str]
    check_row: Callable[[Mapping[str, Any], Body, Faults], None]
    check_file: Callable[[FileFacts], Iterator[Problem]]
    max_tokens: int | None
    counter: Callable[[str | None, int | None], Counter | None]
    schedule: Callable[[int], Schedule | None] = lambda rows: None
    row_keys: frozenset[str] = frozenset()
    turn_keys: frozenset[str] | None = None
    writes: str | None = None
    prices: str | None = None

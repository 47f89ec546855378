"""What a form is: how its rows are recognised, how one becomes a canonical row, and how it is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..checks.table import Faults
from ..checks.words import key_list, shown, type_name

Row = Mapping[str, Any]
Body = dict[str, Any]


class Losses(set[str]):
    """What of a row a form has no place for, in words (`tools`, `the rejected answer`)."""


@dataclass(frozen=True, slots=True)
class Format:
    """One form of dataset rows.

    Args:
        name: what `--format` and `--to` take and `check` reports.
        example: a row of this form, short, for messages.
        keys: those that it uses: what a user can map a file's columns to.
        matches: whether an object looks like a row of this form, by its keys alone.
        read: makes the canonical body (see `read.Row`) and notes what is wrong; None when there is nothing
            to make.
        write: the contrary: a canonical body of any kind as a row of this form; None where it can't be one.
            What of it has no place in this form is named in the losses.
    """

    name: str
    example: str
    keys: frozenset[str]
    matches: Callable[[Row], bool]
    read: Callable[[Row, Faults], Body | None]
    write: Callable[[Body, Losses], Body | None]


def text_of(row: Row, key: str, faults: Faults, example: str) -> str | None:
    """The text under `key`; None with a fault noted when it is missing or something else."""
    if key not in row:
        faults.add("missing-key", missing=shown(key), keys=key_list(row), example=example)
        return None
    value = row[key]
    if not isinstance(value, str):
        faults.add("wrong-type", what=shown(key), found=type_name(value), expected="a text")
        return None
    return value


def optional_text(row: Row, key: str, faults: Faults) -> str:
    """The text under `key`; empty when it is missing or null."""
    value = row.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        faults.add("wrong-type", what=shown(key), found=type_name(value), expected="a text")
        return ""
    return value


def note_ignored(row: Row, known: frozenset[str], faults: Faults) -> None:
    """Notes the keys of a row that its form does not use; `source` is what canonical rows carry."""
    if known.issuperset(row):
        return
    for key in row:  # in the file's order: every run says the same
        if key not in known and key != "source":
            faults.add("ignored-key", key=shown(key))

"""Texts of a table that stand for something else: JSON in a cell, and the words true and false.

A table has texts only, so conversations and tools stand in it as JSON. An answer may be JSON too, and stays a
text: which columns are decoded is decided by their names, and of the others only turns of a conversation are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..checks.table import found
from ..checks.words import shown
from ..problem import Problem
from .json_text import JsonFault, decode_line

_JSON = frozenset({"messages", "conversations", "conversation", "tools", "functions", "history"})
_TEXTS = frozenset(
    {"text", "instruction", "input", "context", "output", "question", "query", "answer", "response", "system"}
)
_LABELS = frozenset({"label", "kto_tag"})


class Nothing:
    """An empty cell of a column that would hold JSON: the row is without this key."""


NOTHING = Nothing()


class BrokenCell(Exception):
    """A cell is not the JSON that its column holds. Carries the reason and the way out."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.fix = fix


def broken_cell(column: str, fault: BrokenCell, path: str, line: int) -> Problem:
    """The problem that a broken cell is."""
    return found("broken-cell", path, line, name=shown(column), reason=fault.reason, fix=fault.fix)


def reader_of(column: str) -> Callable[[str], Any] | None:
    """What reads the cells of a column; None where the text is the value.

    The reader raises BrokenCell.
    """
    if column in _JSON:
        return _json
    if column in _LABELS:
        return _label
    return None if column in _TEXTS else _turns


def _json(cell: str) -> Any:
    if not cell.strip():
        return NOTHING
    if cell.lstrip()[:1] not in ("[", "{"):
        return cell
    try:
        return decode_line(cell.encode())
    except JsonFault as fault:
        reason, fix = fault.values.get("reason", fault.check), fault.values.get("fix", "")
        raise BrokenCell(reason, f"{fix} Python's json.dumps writes it right.".strip()) from None


def _label(cell: str) -> Any:
    return {"true": True, "false": False}.get(cell.strip().lower(), cell)


def _turns(cell: str) -> Any:
    """A turn or a list of turns; any other text stays what it is."""
    if cell[:1] not in ("[", "{"):
        return cell
    try:
        value = decode_line(cell.encode())
    except JsonFault:
        return cell
    turns = value if isinstance(value, list) else [value]
    are_turns = all(isinstance(turn, dict) and ("role" in turn or "from" in turn) for turn in turns)
    return value if turns and are_turns else cell

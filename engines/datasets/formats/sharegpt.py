"""ShareGPT: conversations of from/value, with turns of function_call and observation, and tools as JSON."""

from __future__ import annotations

from ..checks.table import Faults
from .conversation import conversation, first_key
from .form import Body, Format, Row, note_ignored

_LISTS = ("conversations", "conversation")
_KEYS = frozenset({*_LISTS, "tools", "system", "id"})


def _read(row: Row, faults: Faults) -> Body | None:
    note_ignored(row, _KEYS, faults)
    key = first_key(row, _LISTS) or _LISTS[0]
    return conversation(row[key], key, faults, system=row.get("system"), tools=row.get("tools"))


SHAREGPT = Format(
    name="sharegpt",
    example='{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}',
    matches=lambda row: first_key(row, _LISTS) is not None,
    read=_read,
)

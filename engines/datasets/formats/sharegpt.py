"""ShareGPT: conversations of from/value, with turns of function_call and observation, and tools as JSON."""

from __future__ import annotations

from ..checks.table import Faults
from .call_ids import calls_of
from .conversation import conversation, first_key
from .form import Body, Format, Losses, Row, note_ignored
from .shapes import Message, conversation_of, functions_of, in_json, note_marks

_LISTS = ("conversations", "conversation")
_KEYS = frozenset({*_LISTS, "tools", "system", "id"})
_SPEAKERS = {"system": "system", "user": "human", "assistant": "gpt", "tool": "observation"}


def _read(row: Row, faults: Faults) -> Body | None:
    note_ignored(row, _KEYS, faults)
    key = first_key(row, _LISTS) or _LISTS[0]
    return conversation(row[key], key, faults, system=row.get("system"), tools=row.get("tools"))


def _write(body: Body, losses: Losses) -> Body | None:
    messages = conversation_of(body, losses)
    if messages is None:
        return None
    note_marks(messages, losses)
    row: Body = {"conversations": [_turn(message, losses) for message in messages]}
    if body.get("tools"):
        row["tools"] = in_json(functions_of(body["tools"]))
    return row


def _turn(message: Message, losses: Losses) -> Message:
    calls = [call["function"] for call in calls_of(message)]
    if not calls:
        return {"from": _SPEAKERS[message["role"]], "value": message["content"]}
    if message["content"]:
        losses.add("a text beside a tool call")
    return {"from": "function_call", "value": in_json(calls[0] if len(calls) == 1 else calls)}


SHAREGPT = Format(
    name="sharegpt",
    example='{"conversations": [{"from": "human", "value": "…"}, {"from": "gpt", "value": "…"}]}',
    keys=_KEYS,
    matches=lambda row: first_key(row, _LISTS) is not None,
    read=_read,
    write=_write,
)

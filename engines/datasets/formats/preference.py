"""Preferences: a chosen and a rejected answer to one prompt, as TRL and LLaMA-Factory have them."""

from __future__ import annotations

from ..checks.table import Faults
from ..checks.words import type_name
from .conversation import conversation, first_key
from .form import Body, Format, Row, note_ignored, text_of

_ANSWERS = ("chosen", "rejected")
_LISTS = ("conversations", "conversation", "messages")
_EXAMPLE = '{"prompt": "…", "chosen": "…", "rejected": "…"}'


def _read(row: Row, faults: Faults) -> Body | None:
    prompt = first_key(row, ("prompt", "instruction", "question", *_LISTS))
    note_ignored(row, frozenset({*_ANSWERS, "tools", "system", prompt or ""}), faults)
    if prompt is None:
        text_of(row, "prompt", faults, _EXAMPLE)
        return None
    given = row[prompt]
    if isinstance(given, str):
        asked, chosen, rejected = (text_of(row, key, faults, _EXAMPLE) for key in (prompt, *_ANSWERS))
        if asked is None or chosen is None or rejected is None:
            return None
        return {"prompt": asked, "chosen": chosen, "rejected": rejected}
    body = conversation(given, prompt, faults, system=row.get("system"), tools=row.get("tools"))
    if body is None:
        return None
    for key in _ANSWERS:
        turns = _turns(row[key], key, faults)
        if turns is None:
            return None
        body[key] = turns
    return body


def _turns(answer: object, key: str, faults: Faults) -> list[Body] | None:
    """An answer's turns: one, several, or a text."""
    match answer:
        case str():
            return [{"role": "assistant", "content": answer}]
        case dict() | list():
            read = conversation([answer] if isinstance(answer, dict) else answer, key, faults)
            return read["messages"] if read else None
        case _:
            faults.add("wrong-type", what=f'"{key}"', found=type_name(answer), expected="a turn or a text")
            return None


PREFERENCE = Format(
    name="preference",
    example=_EXAMPLE,
    matches=lambda row: "chosen" in row and "rejected" in row,
    read=_read,
)

"""Preferences: a chosen and a rejected answer to one prompt, as TRL and LLaMA-Factory have them.

Formats: TRL's "Dataset formats" (prompt, chosen, rejected as texts or turns; or whole conversations whose
common start is the prompt), LLaMA-Factory's data/README.md (instruction, or conversations).
"""

from __future__ import annotations

from ..checks.table import Faults
from ..checks.words import type_name
from .alpaca import instruction_turns
from .conversation import conversation, first_key
from .form import Body, Format, Losses, Row, note_ignored, text_of
from .shapes import turns_of

_ANSWERS = ("chosen", "rejected")
_LISTS = ("conversations", "conversation", "messages")
_PROMPTS = ("prompt", "instruction", "question", *_LISTS)
_ALPACA = frozenset({"input", "history"})
_EXAMPLE = '{"prompt": "…", "chosen": "…", "rejected": "…"}'


def _read(row: Row, faults: Faults) -> Body | None:
    key = first_key(row, _PROMPTS)
    known = {*_ANSWERS, "tools", "system", key or "", *(_ALPACA if key == "instruction" else ())}
    note_ignored(row, frozenset(known), faults)
    whole = all(isinstance(row[answer], list) for answer in _ANSWERS)
    if whole and (key is None or (isinstance(row[key], str) and _opens(row["chosen"]))):
        return _of_conversations(row, faults)
    if key is None:
        text_of(row, "prompt", faults, _EXAMPLE)
        return None
    if isinstance(given := row[key], str):
        texts = all(isinstance(row[answer], str) for answer in _ANSWERS)
        beside = ("system", "tools", *(_ALPACA if key == "instruction" else ()))
        if texts and not any(row.get(other) for other in beside):
            return {"prompt": given, "chosen": row["chosen"], "rejected": row["rejected"]}
        if key == "instruction":
            turns = instruction_turns({**row, "system": None}, faults, _EXAMPLE)
        else:
            turns = [{"role": "user", "content": given}]
    else:
        turns = given
    body = conversation(turns, key, faults, system=row.get("system"), tools=row.get("tools"))
    if body is None:
        return None
    for answer in _ANSWERS:
        read = answer_turns(row[answer], answer, faults)
        if read is None:
            return None
        body[answer] = read
    return body


def _opens(turns: object) -> bool:
    """Whether turns are a whole conversation, not an answer: the user speaks before the assistant."""
    first = turns[0] if isinstance(turns, list) and turns else None
    return isinstance(first, dict) and first.get("role", first.get("from")) in ("user", "human", "system")


def _of_conversations(row: Row, faults: Faults) -> Body | None:
    chosen = conversation(row["chosen"], "chosen", faults, row.get("system"), row.get("tools"))
    rejected = conversation(row["rejected"], "rejected", faults, row.get("system"), row.get("tools"))
    if chosen is None or rejected is None:
        return None
    first, second = chosen["messages"], rejected["messages"]
    shared = 0
    while shared < min(len(first), len(second)) - 1 and first[shared] == second[shared]:
        shared += 1
    # What differs is the answer; it does not start with a question.
    body = {**chosen, "messages": first[:shared], "chosen": first[shared:], "rejected": second[shared:]}
    if not body["messages"]:
        faults.add(
            "missing-key",
            missing="a prompt: its two conversations have no common start",
            keys='"chosen", "rejected"',
            example=_EXAMPLE,
        )
        return None
    return body


def answer_turns(answer: object, key: str, faults: Faults) -> list[Body] | None:
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


def _write(body: Body, losses: Losses) -> Body | None:
    if "chosen" not in body:
        losses.add("a row without two answers")
        return None
    if "messages" not in body:
        return {key: body[key] for key in ("prompt", *_ANSWERS)}
    row: Body = {"prompt": turns_of(body["messages"])}
    row |= {key: turns_of(body[key]) for key in _ANSWERS}
    return {**row, **({"tools": body["tools"]} if body.get("tools") else {})}


PREFERENCE = Format(
    name="preference",
    example=_EXAMPLE,
    keys=frozenset({*_PROMPTS, *_ANSWERS, "system", "tools"}),
    matches=lambda row: "chosen" in row and "rejected" in row,
    read=_read,
    write=_write,
)

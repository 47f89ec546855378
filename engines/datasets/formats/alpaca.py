"""Alpaca: an instruction, perhaps an input, an output; with a system prompt and a history of earlier pairs.

Instruction and input are joined by a line break, as LLaMA-Factory does.
"""

from __future__ import annotations

from typing import Any

from ..checks.table import Faults
from ..checks.words import shown, type_name
from .conversation import first_key
from .form import Body, Format, Row, note_ignored, optional_text, text_of

_OUTPUTS = ("output", "response")
_INPUTS = ("input", "context")
_KEYS = frozenset({"instruction", *_OUTPUTS, *_INPUTS, "system", "history"})
_EXAMPLE = '{"instruction": "…", "input": "…", "output": "…"}'


def _read(row: Row, faults: Faults) -> Body | None:
    note_ignored(row, _KEYS, faults)
    instruction = text_of(row, "instruction", faults, _EXAMPLE)
    output = text_of(row, first_key(row, _OUTPUTS) or "output", faults, _EXAMPLE)
    given = optional_text(row, first_key(row, _INPUTS) or "input", faults)
    system = optional_text(row, "system", faults)
    if instruction is None or output is None:
        return None
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    messages += _history(row.get("history"), faults)
    messages.append({"role": "user", "content": "\n".join(part for part in (instruction, given) if part)})
    messages.append({"role": "assistant", "content": output})
    return {"messages": messages}


def _history(history: object, faults: Faults) -> list[dict[str, Any]]:
    if history is None:
        return []
    if not isinstance(history, list):
        faults.add("wrong-type", what='"history"', found=type_name(history), expected="a list of pairs")
        return []
    messages: list[dict[str, Any]] = []
    for pair in history:
        match pair:
            case [str(asked), str(answered)]:
                messages.append({"role": "user", "content": asked})
                messages.append({"role": "assistant", "content": answered})
            case _:
                faults.add(
                    "wrong-type",
                    what='A pair of "history"',
                    found=shown(pair),
                    expected="a list of two texts",
                )
    return messages


ALPACA = Format(
    name="alpaca",
    example=_EXAMPLE,
    matches=lambda row: "instruction" in row and first_key(row, _OUTPUTS) is not None,
    read=_read,
)

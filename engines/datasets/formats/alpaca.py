"""Alpaca: an instruction, perhaps an input, an output; with a system prompt and a history of earlier pairs.

Instruction and input are joined by a line break, as LLaMA-Factory does; a row that is written has all of the
question in its instruction.
"""

from __future__ import annotations

from typing import Any

from ..checks.table import Faults
from ..checks.words import shown, type_name
from .conversation import decoded, first_key
from .form import Body, Format, Losses, Row, note_ignored, optional_text, text_of
from .shapes import exchange_of

_OUTPUTS = ("output", "response")
_INPUTS = ("input", "context")
_KEYS = frozenset({"instruction", *_OUTPUTS, *_INPUTS, "system", "history"})
_EXAMPLE = '{"instruction": "…", "input": "…", "output": "…"}'


def _read(row: Row, faults: Faults) -> Body | None:
    note_ignored(row, _KEYS, faults)
    output = text_of(row, first_key(row, _OUTPUTS) or "output", faults, _EXAMPLE)
    messages = instruction_turns(row, faults, _EXAMPLE)
    if messages is None or output is None:
        return None
    return {"messages": [*messages, {"role": "assistant", "content": output}]}


def instruction_turns(row: Row, faults: Faults, example: str) -> list[dict[str, Any]] | None:
    """The turns of a row before its answer, of Alpaca's keys; None where there is no instruction."""
    instruction = text_of(row, "instruction", faults, example)
    given = optional_text(row, first_key(row, _INPUTS) or "input", faults)
    system = optional_text(row, "system", faults)
    if instruction is None:
        return None
    messages: list[dict[str, Any]] = [{"role": "system", "content": system}] if system else []
    messages += _history(row.get("history"), faults)
    asked = "\n".join(part for part in (instruction, given) if part)
    return [*messages, {"role": "user", "content": asked}]


def _history(history: object, faults: Faults) -> list[dict[str, Any]]:
    if history is None or history == "":
        return []
    pairs = decoded(history)  # in the cell of a table it stands as JSON
    if not isinstance(pairs, list):
        faults.add("wrong-type", what='"history"', found=type_name(history), expected="a list of pairs")
        return []
    messages: list[dict[str, Any]] = []
    for pair in pairs:
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


def _write(body: Body, losses: Losses) -> Body | None:
    exchange = exchange_of(body, losses)
    if exchange is None:
        return None
    row: Body = {"instruction": exchange.asked, "input": "", "output": exchange.answered}
    if exchange.system:
        row["system"] = exchange.system
    if exchange.earlier:
        row["history"] = [list(pair) for pair in exchange.earlier]
    return row


ALPACA = Format(
    name="alpaca",
    example=_EXAMPLE,
    keys=_KEYS,
    matches=lambda row: "instruction" in row and first_key(row, _OUTPUTS) is not None,
    read=_read,
    write=_write,
)

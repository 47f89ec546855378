"""Plain text, of which every token is trained."""

from __future__ import annotations

from ..checks.table import Faults
from .form import Body, Format, Losses, Row, note_ignored, text_of

_EXAMPLE = '{"text": "…"}'


def _read(row: Row, faults: Faults) -> Body | None:
    note_ignored(row, frozenset({"text"}), faults)
    text = text_of(row, "text", faults, _EXAMPLE)
    return None if text is None else {"text": text}


def _write(body: Body, losses: Losses) -> Body | None:
    if "text" in body:
        return {"text": body["text"]}
    if "prompt" not in body or "completion" not in body or "label" in body:
        losses.add("turns, which only a chat template makes a text of")
        return None
    losses.add("the mark where the answer begins")
    return {"text": body["prompt"] + body["completion"]}


TEXT = Format(
    name="text",
    example=_EXAMPLE,
    keys=frozenset({"text"}),
    matches=lambda row: "text" in row,
    read=_read,
    write=_write,
)

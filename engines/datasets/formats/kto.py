"""KTO: answers labelled good or bad, as TRL and LLaMA-Factory have them."""

from __future__ import annotations

from ..checks.table import Faults
from ..checks.words import type_name
from .conversation import conversation, first_key
from .form import Body, Format, Losses, Row, note_ignored, text_of
from .shapes import turns_of

_LABELS = ("label", "kto_tag")
_LISTS = ("messages", "conversations", "conversation")
_EXAMPLE = '{"messages": […], "label": true}'
_IN_TABLES = {"true": True, "false": False}


def _label(row: Row) -> object:
    """The label; in the cell of a table it is a text."""
    label = row.get(first_key(row, _LABELS) or "label")
    return _IN_TABLES.get(label.strip().lower(), label) if isinstance(label, str) else label


def _read(row: Row, faults: Faults) -> Body | None:
    label = _label(row)
    if not isinstance(label, bool):
        faults.add("wrong-type", what='"label"', found=type_name(label), expected="true or false")
        return None
    key = first_key(row, _LISTS)
    known = {*_LABELS, "tools", "system", *((key,) if key else ("prompt", "completion"))}
    note_ignored(row, frozenset(known), faults)
    turns = row[key] if key is not None else None
    prompt, completion = row.get("prompt"), row.get("completion")
    if key is None and isinstance(prompt, list) and isinstance(completion, list):
        key, turns = "prompt and completion", prompt + completion
    if key is None:
        prompt, completion = (text_of(row, name, faults, _EXAMPLE) for name in ("prompt", "completion"))
        if prompt is None or completion is None:
            return None
        if not row.get("system") and not row.get("tools"):
            return {"prompt": prompt, "completion": completion, "label": label}
        key = "prompt and completion"
        turns = [{"role": "user", "content": prompt}, {"role": "assistant", "content": completion}]
    body = conversation(turns, key, faults, system=row.get("system"), tools=row.get("tools"))
    return body and {**body, "label": label}


def _write(body: Body, losses: Losses) -> Body | None:
    if "label" not in body:
        losses.add("a row without a label")
        return None
    if "messages" not in body:
        return {key: body[key] for key in ("prompt", "completion", "label")}
    tools: Body = {"tools": body["tools"]} if body.get("tools") else {}
    return {"messages": turns_of(body["messages"]), **tools, "label": body["label"]}


KTO = Format(
    name="kto",
    example=_EXAMPLE,
    keys=frozenset({*_LABELS, *_LISTS, "prompt", "completion", "tools", "system"}),
    # Every row of every file is asked: most are not beyond the first words.
    matches=lambda row: (
        ("label" in row or "kto_tag" in row)
        and isinstance(_label(row), bool)
        and first_key(row, (*_LISTS, "completion")) is not None
    ),
    read=_read,
    write=_write,
)

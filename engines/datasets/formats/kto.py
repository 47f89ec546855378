"""KTO: answers labelled good or bad."""

from __future__ import annotations

from ..checks.table import Faults
from ..checks.words import type_name
from .conversation import conversation, first_key
from .form import Body, Format, Row, note_ignored, text_of

_LABELS = ("label", "kto_tag")
_LISTS = ("messages", "conversations", "conversation")
_EXAMPLE = '{"messages": […], "label": true}'


def _read(row: Row, faults: Faults) -> Body | None:
    label = row.get(first_key(row, _LABELS) or "label")
    if not isinstance(label, bool):
        faults.add("wrong-type", what='"label"', found=type_name(label), expected="true or false")
        return None
    turns = first_key(row, _LISTS)
    known = {*_LABELS, turns or "prompt", "completion", "tools", "system"}
    note_ignored(row, frozenset(known), faults)
    if turns is not None:
        body = conversation(row[turns], turns, faults, system=row.get("system"), tools=row.get("tools"))
        return body and {**body, "label": label}
    prompt, completion = (text_of(row, key, faults, _EXAMPLE) for key in ("prompt", "completion"))
    if prompt is None or completion is None:
        return None
    return {"prompt": prompt, "completion": completion, "label": label}


KTO = Format(
    name="kto",
    example=_EXAMPLE,
    matches=lambda row: (
        isinstance(row.get(first_key(row, _LABELS) or ""), bool)
        and first_key(row, (*_LISTS, "completion")) is not None
    ),
    read=_read,
)

"""KTO: answers labelled good or bad. Recognised, to be refused by name."""

from __future__ import annotations

from .conversation import first_key
from .form import Format, nothing

_LABELS = ("label", "kto_tag")

KTO = Format(
    name="kto",
    example='{"messages": […], "label": true}',
    matches=lambda row: (
        isinstance(row.get(first_key(row, _LABELS) or ""), bool)
        and first_key(row, ("messages", "completion", "conversations", "output")) is not None
    ),
    read=nothing,
    refused="kto-data",
)

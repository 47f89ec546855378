"""Preferences: a chosen and a rejected answer to one prompt. Recognised, to be refused by name."""

from __future__ import annotations

from .form import Format, nothing

PREFERENCE = Format(
    name="preference",
    example='{"prompt": "…", "chosen": "…", "rejected": "…"}',
    matches=lambda row: (
        ("chosen" in row and "rejected" in row)
        or ("preferred_output" in row and "non_preferred_output" in row)
    ),
    read=nothing,
    refused="preference-data",
)

"""Columns that the user mapped: the keys of a known form under the names that a file has for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

Columns = Mapping[str, str]
"""A known form's keys, each with the file's name for it: `{"question": "Frage", "answer": "Antwort"}`."""


def renamed(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """The row under the known names; what was not mapped is left out, and so is what the row has not."""
    return {known: row[own] for known, own in columns.items() if own in row}

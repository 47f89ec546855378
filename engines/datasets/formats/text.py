"""Plain text, of which every token is trained."""

from __future__ import annotations

from ..checks.table import Faults
from .form import Body, Format, Row, note_ignored, text_of

_EXAMPLE = '{"text": "…"}'


def _read(row: Row, faults: Faults) -> Body | None:
    note_ignored(row, frozenset({"text"}), faults)
    text = text_of(row, "text", faults, _EXAMPLE)
    return None if text is None else {"text": text}


TEXT = Format(name="text", example=_EXAMPLE, matches=lambda row: "text" in row, read=_read)

"""What happened to a job, a paragraph an event: when, of what kind, in words."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from textual.content import Content

from ....engines.text import clean, one_line
from .document import Block

SIGNS = {"warning": ("! ", "$warning"), "error": ("✗ ", "$error")}
KIND_CELLS = 12


def blocks_of(events: Sequence[dict[str, Any]]) -> list[Block]:
    """Newest first; the day is said where it changes."""
    blocks: list[Block] = []
    day = ""
    for event in reversed(events):
        moment = event.get("time")
        at = time.localtime(moment) if isinstance(moment, int | float) and 0 <= moment < 4e9 else None
        if at is not None and (today := time.strftime("%A, %d %B %Y", at)) != day:
            blocks.append(Block(Content.styled(today, "$quiet")))
            day = today
        clock = time.strftime("%H:%M:%S", at) if at is not None else ""
        sign, style = SIGNS.get(str(event.get("level")), ("· ", "$quiet"))
        kind = one_line(str(event.get("kind", "")), KIND_CELLS)
        label = Content.assemble((f"{clock:<9}", "$quiet"), (sign, style), (kind, "$secondary"))
        blocks.append(Block(Content.styled(*_said(event, style)), label, 9 + 2 + KIND_CELLS + 1))
    return blocks


def _said(event: dict[str, Any], style: str) -> tuple[str, str]:
    parts = [event.get("message")]
    data = event.get("data")
    if isinstance(data, dict):
        if event.get("kind") == "state" and event.get("message") != f"{data.get('from')} → {data.get('to')}":
            parts.insert(0, data.get("to"))
        parts.append(f"→ {data['advice']}" if data.get("advice") else None)
    text = clean(": ".join(str(part) for part in parts[:-1] if part) if len(parts) > 1 else str(parts[0]))
    if len(parts) > 1 and parts[-1]:
        text += f"\n{clean(str(parts[-1]))}"
    return text, "" if style == "$quiet" else style

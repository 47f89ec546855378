"""What the playground says in its lines: how answers are drawn, who is loaded, the system prompt."""

from __future__ import annotations

import time

from textual.content import Content

from ...engines.models.chat import Sampling
from ...engines.models.talk import Base
from ...engines.text import one_line
from ..looks.models import Models
from ..panes.wording import gibibytes


def how_drawn(sampling: Sampling) -> list[str]:
    """How answers are drawn, said ever shorter."""
    most = f"at most {sampling.max_tokens:,} tokens"
    if not sampling.temperature:
        return [f"greedy · {most}", "greedy"]
    short = f"temperature {sampling.temperature:g}"
    top = f" · top-p {sampling.top_p:g}" if sampling.top_p < 1 else ""
    return [f"{short}{top} · seed {sampling.seed} · {most}", f"{short}{top} · {most}", short]


def standing(base: Base | None, base_name: str) -> Content:
    """How a base stands: it loads, has failed, or where it lies.

    Args:
        base: its process; None where it isn't started yet.
        base_name: foreign text.
    """
    name = one_line(base_name, 24)
    if base is None or base.loading:
        waited = "" if base is None else f", {time.monotonic() - base.since:.0f} s"
        return Content.styled(f"loading {name}{waited}", "$primary")
    if base.error is not None or base.chat is None or not base.chat.alive:
        return Content.styled(f"✗ {name} is not loaded", "$error")
    ready = base.ready or {}
    memory = ready.get("memory_bytes")
    parts = [name, str(ready.get("device", "")), str(ready.get("dtype", ""))]
    if isinstance(memory, int):
        parts.append(f"{gibibytes(memory)} GiB")
    return Content.styled(one_line(" · ".join(part for part in parts if part), 60), "$quiet")


def system_line(models: Models | None, system: str) -> Content:
    """The system prompt under which is asked; foreign text."""
    if models is not None and models.raw:
        return Content.styled("raw text: no chat template, no system prompt", "$quiet")
    said = Content(one_line(system, 400)) if system else Content.styled("none", "$quiet")
    return Content.assemble(("system    ", "$quiet"), said)

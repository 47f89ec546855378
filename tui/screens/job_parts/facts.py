"""What was asked of a job, what it was planned to be and why, and what its trainer settled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from textual.content import Content

from ....engines.text import clean, one_line
from ...looks.page import Facts
from ...panes.wording import short_path
from .document import Block, heading

LABEL_CELLS = 28
VALUE_CELLS = 14


def blocks_of(facts: Facts, folder: Path) -> list[Block]:
    """All of it, titled."""
    blocks = [_fact("folder", short_path(folder))]
    blocks += [Block(Content.styled(f"✗ {clean(problem)}", "$error")) for problem in facts.problems]
    if facts.notes.tags:
        blocks.append(_fact("tags", ", ".join(facts.notes.tags)))
    if facts.notes.note:
        blocks.append(_fact("note", facts.notes.note))
    if facts.spec:
        blocks += heading("Asked for (job.toml)")
        blocks.append(Block(Content(facts.spec.strip())))
    blocks += _values(facts)
    blocks += _data(facts)
    blocks += _program(facts)
    return blocks


def _values(facts: Facts) -> list[Block]:
    planned = _table(facts.plan.get("values"))
    newest = facts.environments[-1] if facts.environments else {}
    settled, decided = _table(newest.get("settled")), _table(newest.get("values"))
    if not planned and not settled:
        return []
    blocks = heading("Values and their reasons")
    for name in [*planned, *(name for name in settled if name not in planned)]:
        plan = _table(planned.get(name))
        value, reason = plan.get("value"), plan.get("reason")
        if isinstance(late := decided.get(name), dict):
            value, reason = late.get("value"), f"{late.get('reason', '')} (settled by the trainer)"
        elif name in settled and settled[name] != value:
            value, reason = settled[name], f"{reason or ''} (settled by the trainer)".strip()
        blocks.append(_fact(str(name), _said(value), _said(reason) if reason is not None else ""))
    return blocks


def _data(facts: Facts) -> list[Block]:
    data = _table(facts.plan.get("data"))
    newest = facts.environments[-1] if facts.environments else {}
    blocks: list[Block] = []
    for part, label in (("train", "rows"), ("valid", "held out")):
        known, counted = _table(data.get(part)), _table(newest.get(part))
        if known or counted:
            rows = counted.get("rows", known.get("rows"))
            tokens = counted.get("tokens")
            more = (
                f"{tokens:,} tokens, {counted.get('trained_tokens', 0):,} trained" if _whole(tokens) else ""
            )
            blocks.append(_fact(label, f"{rows:,}" if _whole(rows) else _said(rows), _trained(counted, more)))
        if known.get("sha256"):
            blocks.append(_fact(f"{label}, SHA-256", _said(known["sha256"])))
    for key, label in (("format", "format"), ("dropped_rows", "left out"), ("system", "system prompt")):
        if data.get(key) is not None:
            blocks.append(_fact(label, _said(data[key])))
    template = _table(facts.plan.get("template"))
    sha = newest.get("template_sha256") or template.get("sha256")
    if sha:
        own = "the tokenizer's own" if template.get("text") is None else "given with the plan"
        blocks.append(_fact("chat template, SHA-256", _said(sha), own))
    return [*heading("Data"), *blocks] if blocks else []


def _trained(counted: dict[str, Any], tokens: str) -> str:
    others = [
        f"{counted[key]:,} {word}"
        for key, word in (("dropped", "dropped"), ("cut", "cut"), ("without_end_token", "without end token"))
        if _whole(counted.get(key)) and counted[key]
    ]
    return ", ".join(part for part in (tokens, *others) if part)


def _program(facts: Facts) -> list[Block]:
    blocks: list[Block] = []
    if facts.plan.get("python"):
        blocks.append(_fact("python", _said(facts.plan["python"])))
    for environment in facts.environments:
        attempt, start = environment.get("attempt"), environment.get("start")
        begun = f"attempt {_said(attempt)}" + (f", from step {_said(start)}" if start else "")
        versions = _table(environment.get("versions"))
        packages = ", ".join(f"{name} {_said(version)}" for name, version in versions.items())
        words = ", ".join(part for part in (f"Python {_said(environment.get('python'))}", packages) if part)
        blocks.append(_fact(begun, words))
        device = _table(environment.get("device"))
        if device:
            blocks.append(
                _fact("device", ", ".join(f"{key} {_said(value)}" for key, value in device.items()))
            )
    return [*heading("Program"), *blocks] if blocks else []


def _fact(label: str, value: str, reason: str = "") -> Block:
    value = clean(value)
    parts: list[tuple[str, str]] = [(value, "")]
    if reason:
        parts.append((" " * max(VALUE_CELLS - len(value), 2) + one_line(reason, 400), "$quiet"))
    named = Content.styled(one_line(label, LABEL_CELLS - 1), "$secondary")
    return Block(Content.assemble(*parts), named, LABEL_CELLS)


def _said(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    return msgspec.json.encode(value).decode()


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

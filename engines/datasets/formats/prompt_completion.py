"""Prompt and completion: two raw texts, trained without a chat template.

Or two lists of messages, as TRL takes them, which become a conversation. What is written are texts: of a
conversation the question and the answer.
"""

from __future__ import annotations

from ..checks.table import Faults
from .conversation import conversation
from .form import Body, Format, Losses, Row, note_ignored, text_of
from .shapes import exchange_of

_KEYS = frozenset({"prompt", "completion", "tools"})
_EXAMPLE = '{"prompt": "…", "completion": "…"}'


def _read(row: Row, faults: Faults) -> Body | None:
    prompt, completion = row.get("prompt"), row.get("completion")
    if isinstance(prompt, list) and isinstance(completion, list):
        note_ignored(row, _KEYS, faults)
        # What stands in the prompt is given, not learned.
        given = [{**turn, "train": False} if isinstance(turn, dict) else turn for turn in prompt]
        return conversation(given + completion, "prompt and completion", faults, tools=row.get("tools"))
    note_ignored(row, _KEYS - {"tools"}, faults)
    prompt = text_of(row, "prompt", faults, _EXAMPLE)
    completion = text_of(row, "completion", faults, _EXAMPLE)
    if prompt is None or completion is None:
        return None
    return {"prompt": prompt, "completion": completion}


def _write(body: Body, losses: Losses) -> Body | None:
    exchange = exchange_of(body, losses)
    if exchange is None:
        return None
    if exchange.system:
        losses.add("the system prompt")
    if exchange.earlier:
        losses.add("earlier turns")
    return {"prompt": exchange.asked, "completion": exchange.answered}


PROMPT_COMPLETION = Format(
    name="prompt-completion",
    example=_EXAMPLE,
    keys=_KEYS,
    matches=lambda row: "prompt" in row and "completion" in row,
    read=_read,
    write=_write,
)

"""Prompt and completion: two raw texts, trained without a chat template.

Or two lists of messages, as TRL takes them, which become a conversation.
"""

from __future__ import annotations

from ..checks.table import Faults
from .conversation import conversation
from .form import Body, Format, Row, note_ignored, text_of

_KEYS = frozenset({"prompt", "completion", "tools"})
_EXAMPLE = '{"prompt": "…", "completion": "…"}'


def _read(row: Row, faults: Faults) -> Body | None:
    note_ignored(row, _KEYS, faults)
    prompt, completion = row.get("prompt"), row.get("completion")
    if isinstance(prompt, list) and isinstance(completion, list):
        # What stands in the prompt is given, not learned.
        given = [{**turn, "train": False} if isinstance(turn, dict) else turn for turn in prompt]
        return conversation(given + completion, "prompt and completion", faults, tools=row.get("tools"))
    prompt = text_of(row, "prompt", faults, _EXAMPLE)
    completion = text_of(row, "completion", faults, _EXAMPLE)
    if prompt is None or completion is None:
        return None
    return {"prompt": prompt, "completion": completion}


PROMPT_COMPLETION = Format(
    name="prompt-completion",
    example=_EXAMPLE,
    matches=lambda row: "prompt" in row and "completion" in row,
    read=_read,
)

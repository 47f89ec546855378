"""LLaMA-Factory's v1 rows: contents as parts (texts, thoughts, tool calls), and a loss_weight for each turn.

Format: LLaMA-Factory, src/llamafactory/v1/utils/types.py and data/v1_sft_demo.jsonl. Rows of it are read with
those of `messages`, which have their key.
"""

from __future__ import annotations

from typing import Any

from .call_ids import calls_of
from .form import Body, Format, Losses
from .messages import MESSAGES, read_messages
from .shapes import Message, conversation_of, functions_of, in_json, note_marks


def _write(body: Body, losses: Losses) -> Body | None:
    messages = conversation_of(body, losses)
    if messages is None:
        return None
    note_marks(messages, losses, weights=False, thoughts=False)
    row: Body = {"messages": [_turn(message) for message in messages]}
    if body.get("tools"):
        row["tools"] = in_json(functions_of(body["tools"]))
    return row


def _turn(message: Message) -> Message:
    parts: list[dict[str, Any]] = []
    if "reasoning_content" in message:
        parts.append({"type": "reasoning", "value": message["reasoning_content"]})
    if message["content"] or not message.get("tool_calls"):
        parts.append({"type": "text", "value": message["content"]})
    parts += [{"type": "tool_call", "value": in_json(call["function"])} for call in calls_of(message)]
    trained = message["role"] == "assistant" and message.get("train") is not False
    return {"role": message["role"], "content": parts, "loss_weight": float(trained)}


PARTS = Format(
    name="parts",
    example='{"messages": [{"role": "user", "content": [{"type": "text", "value": "…"}], …}, …]}',
    keys=MESSAGES.keys,
    matches=lambda row: (
        isinstance(turns := row.get("messages"), list)
        and any(isinstance(turn, dict) and isinstance(turn.get("content"), list) for turn in turns)
    ),
    read=read_messages,
    write=_write,
)

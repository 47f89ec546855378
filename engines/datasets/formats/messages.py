"""OpenAI's chat messages, and Anthropic's and Bedrock's, which have the system prompt beside them.

Formats: https://platform.openai.com/docs/guides/supervised-fine-tuning (messages, tools, weight), Amazon
Bedrock's "Prepare data for fine-tuning" (system beside messages, texts only).
"""

from __future__ import annotations

from ..checks.table import Faults
from .conversation import conversation
from .form import Body, Format, Losses, Row, note_ignored
from .shapes import conversation_of, note_marks, note_tools, split_system, turns_of

_KEYS = frozenset({"messages", "tools", "functions", "system", "parallel_tool_calls"})


def read_messages(row: Row, faults: Faults) -> Body | None:
    """A row whose turns stand under `messages`, in any spelling."""
    note_ignored(row, _KEYS, faults)
    tools = row.get("tools") or row.get("functions")
    return conversation(row["messages"], "messages", faults, system=row.get("system"), tools=tools)


def _write(body: Body, losses: Losses) -> Body | None:
    messages = conversation_of(body, losses)
    if messages is None:
        return None
    return {"messages": turns_of(messages), **({"tools": body["tools"]} if body.get("tools") else {})}


def _write_anthropic(body: Body, losses: Losses) -> Body | None:
    messages = conversation_of(body, losses)
    if messages is None:
        return None
    if any(message["role"] == "tool" or message.get("tool_calls") for message in messages):
        losses.add("a conversation with tool calls")
        return None
    note_tools(body, losses)
    note_marks(messages, losses)
    system, rest = split_system(messages, losses)
    turns = [{"role": message["role"], "content": message["content"]} for message in rest]
    if not turns:
        losses.add("a conversation without turns")
        return None
    return {**({"system": system} if system else {}), "messages": turns}


MESSAGES = Format(
    name="messages",
    example='{"messages": [{"role": "user", "content": "…"}, {"role": "assistant", "content": "…"}]}',
    keys=_KEYS,
    matches=lambda row: "messages" in row and "system" not in row,
    read=read_messages,
    write=_write,
)
ANTHROPIC = Format(
    name="anthropic",
    example='{"system": "…", "messages": [{"role": "user", "content": "…"}, {"role": "assistant", …}]}',
    keys=_KEYS,
    matches=lambda row: "messages" in row and "system" in row,
    read=read_messages,
    write=_write_anthropic,
)

"""OpenAI's chat messages, and Anthropic's and Bedrock's, which have the system prompt beside them.

Formats: https://platform.openai.com/docs/guides/supervised-fine-tuning (messages, tools, weight), Amazon
Bedrock's "Prepare data for fine-tuning" (system beside messages, texts only), Anthropic's API reference
"Messages" and "Define tools" (tools, tool_use, tool_result).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..checks.table import Faults
from .call_ids import calls_of, with_call_ids
from .conversation import conversation
from .form import Body, Format, Losses, Row, note_ignored
from .shapes import Message, conversation_of, note_marks, split_system, turns_of

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
    tools: Body = {"tools": body["tools"]} if body.get("tools") else {}
    return {"messages": turns_of(with_call_ids(messages)), **tools}


def _write_anthropic(body: Body, losses: Losses) -> Body | None:
    messages = conversation_of(body, losses)
    if messages is None:
        return None
    note_marks(messages, losses, ids=False)
    system, rest = split_system(messages, losses)
    turns = _with_blocks(with_call_ids(rest))
    if turns is None:
        losses.add("a tool's answer without a call before it")
        return None
    if not turns:
        losses.add("a conversation without turns")
        return None
    row: Body = {**({"system": system} if system else {}), "messages": turns}
    if body.get("tools"):
        row["tools"] = [_tool(tool, losses) for tool in body["tools"]]
    return row


def _with_blocks(messages: Sequence[Message]) -> list[Message] | None:
    """Turns with calls and their results as blocks; None where a result is that of no call."""
    turns: list[Message] = []
    answering = False
    for message in messages:
        role, content = message["role"], message["content"]
        if role == "tool":
            if "tool_call_id" not in message:
                return None
            if not answering:
                turns.append({"role": "user", "content": []})
            answering = True
            result = {"type": "tool_result", "tool_use_id": message["tool_call_id"], "content": content}
            turns[-1]["content"].append(result)
        elif role == "user" and answering:
            turns[-1]["content"].append({"type": "text", "text": content})
            answering = False
        else:
            calls = calls_of(message)
            blocks: list[dict[str, Any]] = [{"type": "text", "text": content}] if content else []
            blocks += [_tool_use(call) for call in calls]
            turns.append({"role": role, "content": blocks if calls else content})
            answering = False
    return turns


def _tool_use(call: dict[str, Any]) -> dict[str, Any]:
    function = call["function"]
    return {"type": "tool_use", "id": call["id"], "name": function["name"], "input": function["arguments"]}


def _tool(tool: dict[str, Any], losses: Losses) -> dict[str, Any]:
    """A tool as Anthropic declares it: with a schema, also where it takes nothing."""
    if tool.keys() != {"type", "function"} or tool["type"] != "function":
        losses.add("what a tool declares beside its function")
    own = {key: value for key, value in tool["function"].items() if key != "parameters"}
    return {**own, "input_schema": tool["function"].get("parameters", {"type": "object", "properties": {}})}


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

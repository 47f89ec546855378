"""Turns in any of the usual spellings become canonical messages.

Known are role/content (OpenAI, Anthropic) and from/value (ShareGPT), contents as a text or as parts, tool
calls as objects or as JSON in a text, and weights of turns.

Tool arguments are always stored as an object: some chat templates encode them themselves and would encode a
text twice; those that want a text get it when they render.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..checks.table import Faults
from ..checks.words import shown, type_name
from ..sources.json_text import JsonFault, decode_line
from .form import Body, Row

Message = dict[str, Any]

ROLES: Mapping[str, str] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "chatgpt": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "function_response": "tool",
    "function_call": "assistant",
    "tool_call": "assistant",
}
"""Every spelling of a role that is in use, and ours."""

_CALLING = frozenset({"function_call", "tool_call"})
_USED = frozenset(
    {"role", "from", "content", "value", "tool_calls", "function_call", "tool_call_id", "name", "refusal"}
    | {"weight", "loss_weight", "train", "reasoning_content"}
)


def conversation(
    turns: object, key: str, faults: Faults, system: object = None, tools: object = None
) -> Body | None:
    """A canonical body of messages.

    Args:
        turns: the value of the row's list of turns.
        key: the name of that list, for messages.
        system: a system prompt that stands beside the turns.
        tools: the tools that the row declares, as a list or as JSON in a text.
    """
    if not isinstance(turns, list):
        faults.add("wrong-type", what=shown(key), found=type_name(turns), expected="a list of turns")
        return None
    if not turns:
        faults.add("no-turns")
        return None
    messages: list[Message] = []
    if system not in (None, "", []):
        content = _text(system, 0, faults)[0] if isinstance(system, (str, list)) else None
        if content is None:
            faults.add("wrong-type", what='"system"', found=type_name(system), expected="a text")
        else:
            messages.append({"role": "system", "content": content})
    for number, turn in enumerate(turns, start=1):
        message = _message(turn, number, faults)
        if message is not None:
            messages.append(message)
    body: Body = {"messages": messages}
    declared = _tools(tools, faults)
    if declared:
        body["tools"] = declared
    return body


def _message(turn: object, number: int, faults: Faults) -> Message | None:
    if not isinstance(turn, dict):
        faults.add("wrong-type", what=f"Turn {number}", found=type_name(turn), expected="an object")
        return None
    spelled = turn.get("role", turn.get("from"))
    role = ROLES.get(spelled) if isinstance(spelled, str) else None
    if role is None:
        faults.add("unknown-role", turn=number, role=shown(spelled))
        return None
    content, part_weight = _text(turn.get("content", turn.get("value")), number, faults)
    message: Message = {"role": role, "content": content or ""}
    calls = turn.get("tool_calls")
    if spelled in _CALLING:
        calls, message["content"] = content, ""
    elif turn.get("function_call") is not None and not calls:
        calls = turn["function_call"]
    if calls not in (None, [], ""):
        if role != "assistant":
            faults.add("tool-call", turn=number, reason=f"{role} turns can't call tools")
        else:
            message["tool_calls"] = _calls(calls, number, faults)
    for key in ("tool_call_id", "name") if role == "tool" else ("reasoning_content",):
        if isinstance(value := turn.get(key), str):
            message[key] = value
    if role == "assistant" and not _trained(turn, part_weight, number, faults):
        message["train"] = False
    for key in turn.keys() - _USED:
        faults.add("ignored-key", key=shown(key))
    return message


def _text(content: object, number: int, faults: Faults) -> tuple[str | None, object]:
    """A turn's text, and the weight that all its parts share (None when they have none)."""
    if isinstance(content, str) or content is None:
        return content, None
    if not isinstance(content, list):
        faults.add(
            "wrong-type",
            what=f"The content of turn {number}",
            found=type_name(content),
            expected="a text or a list of parts",
        )
        return None, None
    texts: list[str] = []
    weights: list[object] = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
            continue
        if not isinstance(part, dict) or part.get("type", "text") != "text":
            kind = part.get("type") if isinstance(part, dict) else type_name(part)
            faults.add("unsupported-part", turn=number, type=shown(kind))
            continue
        text = part.get("text", part.get("value"))
        if not isinstance(text, str):
            faults.add(
                "wrong-type", what=f"A part of turn {number}", found=type_name(text), expected="a text"
            )
            continue
        texts.append(text)
        if (weight := part.get("loss_weight", part.get("weight"))) is not None:
            weights.append(weight)
    if weights and (any(weight != weights[0] for weight in weights) or len(weights) < len(texts)):
        faults.add("mixed-weights", turn=number)
    return "".join(texts), weights[0] if weights else None


def _trained(turn: Row, part_weight: object, number: int, faults: Faults) -> bool:
    for weight in (turn.get("weight"), turn.get("loss_weight"), part_weight, turn.get("train")):
        if weight is None:
            continue
        if not isinstance(weight, (int, float)) or weight not in (0, 1):
            faults.add("bad-weight", turn=number, weight=shown(weight))
        elif weight == 0:
            return False
    return True


def _calls(calls: object, number: int, faults: Faults) -> list[dict[str, Any]]:
    """Tool calls as `{"id"?, "type": "function", "function": {"name", "arguments": {…}}}`."""
    decoded = _decoded(calls)
    if decoded is None:
        faults.add("tool-call", turn=number, reason=f"{shown(calls)} is not JSON")
        return []
    canonical: list[dict[str, Any]] = []
    for call in decoded if isinstance(decoded, list) else [decoded]:
        function = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(function, dict):
            faults.add("tool-call", turn=number, reason=f"{shown(call)} is not an object")
            continue
        name, arguments = function.get("name"), _decoded(function.get("arguments", {}))
        if not isinstance(name, str) or not name:
            faults.add("tool-call", turn=number, reason="it has no name")
        elif not isinstance(arguments, dict):
            faults.add("tool-call", turn=number, reason=f"the arguments of {shown(name)} are not an object")
        else:
            made: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": arguments}}
            if isinstance(call.get("id"), str):
                made = {"id": call["id"], **made}
            canonical.append(made)
    return canonical


def _tools(tools: object, faults: Faults) -> list[dict[str, Any]]:
    """Declared tools as `{"type": "function", "function": {"name", …}}`."""
    if tools is None or tools == []:
        return []
    if isinstance(tools, str) and not tools.strip():
        return []
    decoded = _decoded(tools)
    if isinstance(decoded, dict):
        decoded = [decoded]
    if not isinstance(decoded, list):
        faults.add("tools", reason=f"{shown(tools)} is not a list of objects")
        return []
    canonical: list[dict[str, Any]] = []
    for tool in decoded:
        function = tool.get("function", tool) if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            faults.add("tools", reason=f"{shown(tool)} has no name")
        elif function is tool:
            canonical.append({"type": "function", "function": function})
        else:
            canonical.append({"type": "function", **tool})
    return canonical


def _decoded(value: object) -> Any:
    """A value that may stand as JSON in a text; None when that text is no JSON."""
    if not isinstance(value, str):
        return value
    try:
        return decode_line(value.encode("utf-8"))
    except (JsonFault, UnicodeEncodeError):
        return None


def first_key(row: Row, keys: Sequence[str]) -> str | None:
    """The first of `keys` that the row has."""
    return next((key for key in keys if key in row), None)

"""Turns in any of the usual spellings become canonical messages.

Known are role/content (OpenAI, Anthropic) and from/value (ShareGPT), contents as a text or as parts
(LLaMA-Factory's and Anthropic's hold thoughts and tool calls too, Anthropic's user turns the tools' results),
tool calls as objects or as JSON in a text, and weights of turns.

Formats of parts: LLaMA-Factory, src/llamafactory/v1/utils/types.py; Anthropic's API reference "Messages"
(text, tool_use, tool_result, thinking, image) and its "Define tools" (name, description, input_schema).

Where the assistant refuses, as OpenAI has it (`"content": null, "refusal": "…"`), the refusal is the turn's
text: it is what a model learns to say, and so every form has a place for it.

Tool arguments are always stored as an object: some chat templates encode them themselves and would encode a
text twice; those that want a text get it when they render.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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
THOUGHTS = ("reasoning_content", "reasoning", "thinking")
_IMAGES = frozenset({"image_url", "image", "input_image"})
USED_KEYS = frozenset(
    {"role", "from", "content", "value", "tool_calls", "function_call", "tool_call_id", "name", "refusal"}
    | {"weight", "loss_weight", "train", *THOUGHTS}
)
"""The keys of a turn that are read."""

_TEXT_OF_PART: Mapping[str, tuple[str, ...]] = {
    "text": ("text", "value"),
    "reasoning": ("text", "value"),
    "thinking": ("thinking",),
}


@dataclass(slots=True)
class _Content:
    """What a turn's content holds.

    Args:
        text: None where the turn has none.
        weight: the one that all its parts share; None when they have none.
        thoughts, calls: of parts that are no texts.
        results: the tools' answers, as turns.
    """

    text: str | None = None
    weight: object = None
    thoughts: list[str] = field(default_factory=list)
    calls: list[object] = field(default_factory=list)
    results: list[Message] = field(default_factory=list)


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
    listed = decoded(turns)  # in the cell of a table they stand as JSON
    if not isinstance(listed, list):
        faults.add("wrong-type", what=shown(key), found=type_name(turns), expected="a list of turns")
        return None
    turns = listed
    if not turns:
        faults.add("no-turns")
        return None
    messages: list[Message] = []
    if system not in (None, "", []):
        content = _content(system, 0, faults).text if isinstance(system, (str, list)) else None
        if content is None:
            faults.add("wrong-type", what='"system"', found=type_name(system), expected="a text")
        else:
            messages.append({"role": "system", "content": content})
    for number, turn in enumerate(turns, start=1):
        messages += _messages(turn, number, faults)
    body: Body = {"messages": messages}
    declared = _tools(tools, faults)
    if declared:
        body["tools"] = declared
    return body


def _messages(turn: object, number: int, faults: Faults) -> list[Message]:
    """The messages of a turn: one, or more where it holds the results of tools."""
    if not isinstance(turn, dict):
        faults.add("wrong-type", what=f"Turn {number}", found=type_name(turn), expected="an object")
        return []
    spelled = turn.get("role", turn.get("from"))
    role = ROLES.get(spelled) if isinstance(spelled, str) else None
    if role is None:
        faults.add("unknown-role", turn=number, role=shown(spelled))
        return []
    if len(turn) == 2 and isinstance(text := turn.get("content"), str) and spelled not in _CALLING:
        return [{"role": role, "content": text}]  # most turns are no more than this
    content = _content(turn.get("content", turn.get("value")), number, faults)
    if content.results and role == "assistant":
        what = f"Turn {number}, which has the result of a tool,"
        faults.add("wrong-type", what=what, found="the assistant's", expected="a turn of the user")
    text = content.text or ""
    if role == "assistant" and isinstance(refusal := turn.get("refusal"), str) and refusal:
        if text:
            faults.add("ignored-key", key=shown("refusal"))
        text = text or refusal
    message: Message = {"role": role, "content": text}
    calls = turn.get("tool_calls") or content.calls
    if spelled in _CALLING:
        calls, message["content"] = content.text, ""
    elif turn.get("function_call") is not None and not calls:
        calls = turn["function_call"]
    if calls not in (None, [], ""):
        if role != "assistant":
            faults.add("tool-call", turn=number, reason=f"{role} turns can't call tools")
        else:
            message["tool_calls"] = _calls(calls, number, faults)
    for key in ("tool_call_id", "name") if role == "tool" else ("name",):
        if isinstance(value := turn.get(key), str):
            message[key] = value
    thoughts = next((turn[key] for key in THOUGHTS if isinstance(turn.get(key), str)), None)
    if thoughts is None and content.thoughts:
        thoughts = "".join(content.thoughts)
    if thoughts is not None and role != "tool":
        message["reasoning_content"] = thoughts
    if role == "assistant" and not _trained(turn, content.weight, number, faults):
        message["train"] = False
    for key in turn:
        if key not in USED_KEYS:
            faults.add("ignored-key", key=shown(key))
    if not content.results:
        return [message]
    return [*content.results, message] if content.text is not None else content.results


def _content(content: object, number: int, faults: Faults) -> _Content:
    """A turn's text, and what else its parts hold."""
    if isinstance(content, str) or content is None:
        return _Content(content)
    if not isinstance(content, list):
        faults.add(
            "wrong-type",
            what=f"The content of turn {number}",
            found=type_name(content),
            expected="a text or a list of parts",
        )
        return _Content()
    read = _Content()
    texts: list[str] = []
    weights: list[object] = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
            continue
        kind = part.get("type", "text") if isinstance(part, dict) else None
        if kind == "tool_call":
            read.calls.append(decoded(part.get("value")))
            continue
        if kind == "tool_use":
            function = {"name": part.get("name"), "arguments": part.get("input", {})}
            read.calls.append({"id": part.get("id"), "function": function})
            continue
        if kind == "tool_result":
            read.results.append(_result(part, number, faults))
            continue
        keys = _TEXT_OF_PART.get(kind) if isinstance(kind, str) else None
        if keys is None:
            if isinstance(kind, str) and kind in _IMAGES:
                faults.add("image", turn=number)
            else:
                faults.add("unsupported-part", turn=number, type=shown(kind or type_name(part)))
            continue
        text = next((part[key] for key in keys if key in part), None)
        if not isinstance(text, str):
            faults.add(
                "wrong-type", what=f"A part of turn {number}", found=type_name(text), expected="a text"
            )
            continue
        (texts if kind == "text" else read.thoughts).append(text)
        if (weight := part.get("loss_weight", part.get("weight"))) is not None:
            weights.append(weight)
    if weights and (any(weight != weights[0] for weight in weights) or len(weights) < len(texts)):
        faults.add("mixed-weights", turn=number)
    if texts or not (read.results or read.calls):
        read.text = "".join(texts)
    read.weight = weights[0] if weights else None
    return read


def _result(part: Row, number: int, faults: Faults) -> Message:
    """A tool's answer that stands in a turn of the user."""
    message: Message = {"role": "tool", "content": _content(part.get("content"), number, faults).text or ""}
    if isinstance(call := part.get("tool_use_id"), str):
        message["tool_call_id"] = call
    if part.get("is_error"):
        faults.add("ignored-key", key=shown("is_error"))
    return message


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
    listed = decoded(calls)
    if listed is None:
        faults.add("tool-call", turn=number, reason=f"{shown(calls)} is not JSON")
        return []
    canonical: list[dict[str, Any]] = []
    for call in listed if isinstance(listed, list) else [listed]:
        function = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(function, dict):
            faults.add("tool-call", turn=number, reason=f"{shown(call)} is not an object")
            continue
        name, arguments = function.get("name"), decoded(function.get("arguments", {}))
        if not isinstance(name, str) or not name:
            faults.add("tool-call", turn=number, reason="it has no name")
        elif not isinstance(arguments, dict):
            faults.add("tool-call", turn=number, reason=f"the arguments of {shown(name)} are not an object")
        else:
            made: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": arguments}}
            if isinstance(function.get("arguments"), str):
                faults.add("arguments-text")
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
    listed = decoded(tools)
    if isinstance(listed, dict):
        listed = [listed]
    if not isinstance(listed, list):
        faults.add("tools", reason=f"{shown(tools)} is not a list of objects")
        return []
    canonical: list[dict[str, Any]] = []
    for tool in listed:
        function = tool.get("function", tool) if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            faults.add("tools", reason=f"{shown(tool)} has no name")
        elif function is tool and isinstance(schema := tool.get("input_schema"), dict):
            own = {key: value for key, value in tool.items() if key not in ("type", "input_schema")}
            canonical.append({"type": "function", "function": {**own, "parameters": schema}})
        elif function is tool:
            canonical.append({"type": "function", "function": function})
        else:
            canonical.append({"type": "function", **tool})
    return canonical


def decoded(value: object) -> Any:
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

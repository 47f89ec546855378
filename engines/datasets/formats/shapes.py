"""A canonical body in the shapes that forms are written from: its conversation, or one exchange of texts.

What is left out on the way is named in the losses, in words that a user reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from .call_ids import calls_of, have_own_ids
from .form import Body, Losses

Message = dict[str, Any]


def conversation_of(body: Body, losses: Losses) -> list[Message] | None:
    """The turns that a body trains on: of a preference with its chosen answer, of judged answers the good.

    A prompt and its completion are a question and its answer here. None for a text, which has no turns, and
    for an answer that was judged bad.
    """
    if "chosen" in body:
        losses.add("the rejected answer")
        return prompt_of(body) + answer_of(body["chosen"])
    if "label" in body:
        if not body["label"]:
            losses.add("an answer judged bad")
            return None
        losses.add("the label")
    if "text" in body:
        losses.add("a text without turns")
        return None
    return body["messages"] if "messages" in body else prompt_of(body) + answer_of(body["completion"])


def prompt_of(body: Body) -> list[Message]:
    """What stands before the answers of a body, as turns."""
    return list(body["messages"]) if "messages" in body else [{"role": "user", "content": body["prompt"]}]


def answer_of(answer: Any) -> list[Message]:
    """An answer of a body, which is a text or turns, as turns."""
    return [{"role": "assistant", "content": answer}] if isinstance(answer, str) else list(answer)


@dataclass(frozen=True, slots=True)
class Exchange:
    """A conversation as texts.

    Args:
        system: empty where there is none.
        earlier: the pairs before the last one.
        asked, answered: the last pair.
    """

    system: str
    earlier: tuple[tuple[str, str], ...]
    asked: str
    answered: str


def exchange_of(body: Body, losses: Losses) -> Exchange | None:
    """A body as a system prompt and pairs of a question and its answer; None where it has other turns."""
    messages = conversation_of(body, losses)
    if messages is None:
        return None
    if any(message["role"] == "tool" or message.get("tool_calls") for message in messages):
        losses.add("a conversation with tool calls")
        return None
    system, rest = split_system(messages, losses)
    if rest and rest[-1]["role"] == "user" and len(rest) > 1:
        losses.add("what follows the last answer")
        rest = rest[:-1]
    roles = [message["role"] for message in rest]
    if not roles or roles != ["user", "assistant"] * (len(roles) // 2):
        losses.add("a conversation in which question and answer do not alternate")
        return None
    note_tools(body, losses)
    note_marks(rest, losses)
    texts = [message["content"] for message in rest]
    pairs = list(zip(texts[::2], texts[1::2], strict=True))
    return Exchange(system, tuple(pairs[:-1]), *pairs[-1])


def split_system(messages: Sequence[Message], losses: Losses) -> tuple[str, list[Message]]:
    """The system prompt, and the turns without it."""
    rest = list(messages)
    system = rest.pop(0)["content"] if rest and rest[0]["role"] == "system" else None
    if system == "":
        losses.add("an empty system prompt")
    if any(message["role"] == "system" for message in rest):
        losses.add("a later system prompt")
        rest = [message for message in rest if message["role"] != "system"]
    return system or "", rest


def note_tools(body: Body, losses: Losses) -> None:
    """Notes the declared tools, which the form has no place for."""
    if body.get("tools"):
        losses.add("the tools")


def note_marks(
    messages: Sequence[Message],
    losses: Losses,
    *,
    weights: bool = True,
    thoughts: bool = True,
    names: bool = True,
    ids: bool = True,
) -> None:
    """Notes what turns carry beside their texts, as far as the form has no place for it."""
    for message in messages:
        if weights and message.get("train") is False:
            losses.add("the weights")
        if thoughts and "reasoning_content" in message:
            losses.add("the thoughts")
        if names and "name" in message:
            losses.add("the names")
    if ids and have_own_ids(messages):
        losses.add("the ids of tool calls")


def turns_of(messages: Sequence[Message]) -> list[Message]:
    """Messages as OpenAI has them: arguments as JSON in a text, weight 0 for what is not trained."""
    return [_turn(message) for message in messages]


def _turn(message: Message) -> Message:
    calls = calls_of(message)
    # OpenAI's own rows have null beside calls without a text.
    turn: Message = {"role": message["role"], "content": message["content"] or (None if calls else "")}
    for key in ("reasoning_content", "name", "tool_call_id"):
        if key in message:
            turn[key] = message[key]
    if calls:
        turn["tool_calls"] = [
            {**call, "function": {**call["function"], "arguments": in_json(call["function"]["arguments"])}}
            for call in calls
        ]
    if message.get("train") is False:
        turn["weight"] = 0
    return turn


def in_json(value: object) -> str:
    """A value as JSON in a text."""
    return msgspec.json.encode(value).decode()


def functions_of(tools: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tools as ShareGPT's and LLaMA-Factory's rows have them: without OpenAI's wrapping, if all have it."""
    bare = all(
        tool.keys() == {"type", "function"}
        and tool["type"] == "function"
        and "function" not in tool["function"]
        for tool in tools
    )
    return [tool["function"] for tool in tools] if bare else list(tools)

"""Ids of tool calls, by which answers name their calls: given where a form wants them and a row has none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Message = dict[str, Any]


def calls_of(message: Message) -> list[dict[str, Any]]:
    """The tool calls of a turn."""
    return message.get("tool_calls") or []


def with_call_ids(messages: Sequence[Message]) -> list[Message]:
    """Canonical messages in which every call has an id and every answer to one has that of its call.

    Calls without an id get `call_1`, `call_2` and so on, in order. An answer without one is that to the first
    open call of its name, or else to the first open call. What has an id keeps it.
    """
    named = {call["id"] for message in messages for call in calls_of(message) if "id" in call}
    answered = {message["tool_call_id"] for message in messages if "tool_call_id" in message}
    taken = named | answered
    number = 0
    whole: list[Message] = []
    waiting: dict[str, str] = {}
    for message in messages:
        if message["role"] == "tool":
            if "tool_call_id" not in message and waiting:
                first = next(iter(waiting))
                name = message.get("name")
                chosen = next((call for call, called in waiting.items() if called == name), first)
                del waiting[chosen]
                message = {**message, "tool_call_id": chosen}
        else:
            waiting = {}
        if calls := calls_of(message):
            given: list[dict[str, Any]] = []
            for call in calls:
                if "id" not in call:
                    number += 1
                    while f"call_{number}" in taken:
                        number += 1
                    call = {"id": f"call_{number}", **call}
                given.append(call)
                if call["id"] not in answered:
                    waiting[call["id"]] = call["function"]["name"]
            message = {**message, "tool_calls": given}
        whole.append(message)
    return whole


def have_own_ids(messages: Sequence[Message]) -> bool:
    """Whether messages have ids that `with_call_ids` would not give them anyway."""
    if not any(
        "tool_call_id" in message or any("id" in call for call in calls_of(message)) for message in messages
    ):
        return False
    return with_call_ids([_without_ids(message) for message in messages]) != list(messages)


def _calls_with_ids(message: Message) -> bool:
    return any("id" in call for call in calls_of(message))


def _without_ids(message: Message) -> Message:
    bare = {key: value for key, value in message.items() if key != "tool_call_id"}
    if calls := calls_of(message):
        bare["tool_calls"] = [{key: call[key] for key in call if key != "id"} for call in calls]
    return bare

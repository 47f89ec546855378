"""What is wrong with what a canonical row teaches: turns out of order, empty ones, leftovers in texts."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from .checks.table import Faults
from .checks.words import shown
from .formats.form import Body

_PLACEHOLDER = re.compile(r"\{\{\s*[A-Za-z_][\w.\- ]{1,40}\}\}")
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffd]")


def examine(body: Body, faults: Faults, shift: int = 0) -> None:
    """Notes what is wrong with a canonical body.

    Args:
        shift: how many messages stand before the turns that the user counts (1 for a system prompt that stood
            beside them).
    """
    for messages in _conversations(body):
        _order(messages, faults, shift)
        _emptiness(messages, faults, shift)
    if "text" in body:
        if not body["text"].strip():
            faults.add("empty-text")
    elif "messages" not in body:
        for key in ("completion", "chosen", "rejected"):
            if key in body and not body[key].strip():
                faults.add("empty-answer", what=f'"{key}"' if key != "completion" else "The completion")
    for text in texts_of(body):
        if (match := _UNPRINTABLE.search(text)) is not None:
            if match[0] == "\ufffd":
                faults.add("broken-character")
            else:
                faults.add("control-character", character=f"U+{ord(match[0]):04X}")
            break
    for text in texts_of(body):
        if "{{" in text and (match := _PLACEHOLDER.search(text)) is not None:
            faults.add("placeholder", placeholder=shown(match[0])[1:-1])
            break


def texts_of(body: Body) -> Iterator[str]:
    """The texts of a canonical body, in order."""
    for message in body.get("messages", ()):
        yield message["content"]
    for key in ("text", "prompt", "completion", "chosen", "rejected"):
        match body.get(key):
            case str() as text:
                yield text
            case list() as turns:
                for turn in turns:
                    yield turn["content"]
            case _:
                pass


def _conversations(body: Body) -> Iterator[list[dict[str, Any]]]:
    """A body's conversations: a preference has two of them, with one prompt."""
    if "messages" in body:
        if "chosen" in body:
            yield body["messages"] + body["chosen"]
            yield body["messages"] + body["rejected"]
        else:
            yield body["messages"]


def _order(messages: Sequence[dict[str, Any]], faults: Faults, shift: int) -> None:
    before: str | None = None
    called = False
    complained = False
    for number, message in enumerate(messages, start=1 - shift):
        role = message["role"]
        if role == "system":
            if number > 1 - shift:
                faults.add("system-place", turn=number)
            continue
        if role == "tool":
            if not called:
                faults.add("tool-without-call", turn=number)
        elif not complained and (surprise := _surprise(before, role, called)) is not None:
            faults.add("role-order", turn=number, role=role, before=surprise)
            complained = True
        called = "tool_calls" in message or (called and role == "tool")
        before = role
    answers = [message for message in messages if message["role"] == "assistant"]
    if not answers:
        faults.add("no-answer")
    elif all(answer.get("train") is False for answer in answers):
        faults.add("nothing-trained")
    elif before != "assistant":
        faults.add("last-turn", role=messages[-1]["role"])


def _surprise(before: str | None, role: str, called: bool) -> str | None:
    """What a user or assistant turn follows that it should not; None when all is well."""
    if role == "assistant":
        if before is None:
            return "no question"
        if before == "assistant":
            return "a tool call without the tool's answer" if called else "another answer"
    elif before == "user":
        return "another user turn"
    elif before == "tool":
        return "a tool's answer"
    elif called:
        return "a tool call without the tool's answer"
    return None


def _emptiness(messages: Sequence[dict[str, Any]], faults: Faults, shift: int) -> None:
    for number, message in enumerate(messages, start=1 - shift):
        # A tool may well answer nothing.
        if message["role"] == "tool" or message.get("tool_calls") or message["content"].strip():
            continue
        what = f"Turn {number} ({message['role']})" if number else "The system prompt"
        if message["role"] == "assistant" and message.get("train") is not False:
            faults.add("empty-answer", what=what)
        else:
            faults.add("empty-turn", what=what)

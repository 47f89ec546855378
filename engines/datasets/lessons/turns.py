"""What is wrong with the turns of a conversation: their order, empty ones, tools and their answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..checks.table import Faults
from ..checks.words import shown
from .leftovers import is_hollow

_LONG_ANSWER = 20
"""Characters from which on it is no accident that two answers are the same: “Yes.” may well stand twice."""


def examine_turns(
    messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]], faults: Faults, shift: int
) -> None:
    """Notes what is wrong with a conversation.

    Args:
        tools: what the row declares, in canonical form.
        shift: how many messages stand before the turns that the user counts.
    """
    before: str | None = None
    called = complained = tooled = False
    answers: list[dict[str, Any]] = []
    number = -shift
    for message in messages:
        number += 1
        role, content = message["role"], message["content"]
        calls = "tool_calls" in message
        if not calls and role != "tool" and (not content or content.isspace()):  # a tool may answer nothing
            _empty(message, role, number, faults)
        if role == "system":
            if number > 1 - shift:
                systems = sum(other["role"] == "system" for other in messages[: number + shift])
                faults.add("system-place" if systems < 2 else "several-systems", turn=number)
            continue
        if role == "tool":
            tooled = True
            if not called:
                faults.add("tool-without-call", turn=number)
        elif not complained and (surprise := _surprise(before, role, called)) is not None:
            faults.add("role-order", turn=number, role=role, before=surprise)
            complained = True
        if role == "assistant":
            answers.append(message)
            called = calls
            tooled = tooled or calls
        elif role != "tool":
            called = False
        before = role
    if not answers:
        faults.add("no-answer")
    elif all(answer.get("train") is False for answer in answers):
        faults.add("nothing-trained")
    elif before != "assistant":
        faults.add("last-turn", role=messages[-1]["role"])
    if len(answers) > 1:
        _repetition(answers, faults)
    if tooled:
        _calls(messages, tools, faults, shift)
    _echo(messages, faults, shift)


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


def _empty(message: dict[str, Any], role: str, number: int, faults: Faults) -> None:
    what = f"Turn {number} ({role})" if number else "The system prompt"
    if role == "assistant" and message.get("train") is not False:
        faults.add("empty-answer", what=what)
    else:
        faults.add("empty-turn", what=what)


def _repetition(answers: Sequence[dict[str, Any]], faults: Faults) -> None:
    first = answers[0]["content"]
    telling = len(first) >= (_LONG_ANSWER if len(answers) == 2 else 1)
    if telling and all(answer["content"] == first and "tool_calls" not in answer for answer in answers):
        faults.add("same-answers", count=len(answers))


def _echo(messages: Sequence[dict[str, Any]], faults: Faults, shift: int) -> None:
    asked = None
    for number, message in enumerate(messages, start=1 - shift):
        content = message["content"]
        if message["role"] == "user":
            asked = content
        elif message["role"] == "assistant":
            if content == asked and len(content) >= _LONG_ANSWER:
                faults.add("answer-is-question", turn=number)
                return
            if is_hollow(content):
                faults.add("hollow-answer", turn=number, answer=shown(content))
                return


def _calls(
    messages: Sequence[dict[str, Any]], tools: Sequence[dict[str, Any]], faults: Faults, shift: int
) -> None:
    """Tool calls against their answers and against the tools that the row declares."""
    declared = {tool["function"]["name"] for tool in tools}
    open_calls: dict[str, int] = {}
    known: set[str] = set()
    answered = parallel = undeclared = False
    for number, message in enumerate(messages, start=1 - shift):
        match message["role"]:
            case "tool":
                call = message.get("tool_call_id")
                answered = True
                if call is None:
                    open_calls.clear()  # it may answer any of them
                elif open_calls.pop(call, None) is None and known and call not in known:
                    faults.add("unknown-call", turn=number, call=shown(call, 40))
            case "assistant" | "user":
                if answered and open_calls:
                    call, turn = next(iter(open_calls.items()))
                    faults.add("unanswered-call", turn=turn, call=shown(call, 40))
                open_calls, answered = {}, False
            case _:
                continue
        calls = message.get("tool_calls", ())
        for call in calls:
            if isinstance(identity := call.get("id"), str):
                open_calls[identity] = number
                known.add(identity)
            name = call["function"]["name"]
            if name not in declared and not undeclared:
                undeclared = True
                faults.add("undeclared-tool", turn=number, name=shown(name, 40), declared=_some(declared))
        if len(calls) > 1 and not parallel:
            parallel = True
            faults.add("parallel-calls")
    if answered and open_calls:
        call, turn = next(iter(open_calls.items()))
        faults.add("unanswered-call", turn=turn, call=shown(call, 40))


def _some(names: set[str]) -> str:
    if not names:
        return "no tools"
    first = ", ".join(shown(name, 30) for name in sorted(names)[:3])
    return f"only {first}" + (" and others" if len(names) > 3 else "")

"""OpenAI's preference pairs: an input of messages and tools, a preferred and a not preferred output.

Format: https://platform.openai.com/docs/guides/direct-preference-optimization.
"""

from __future__ import annotations

from ..checks.table import Faults
from ..checks.words import shown, type_name
from .call_ids import with_call_ids
from .conversation import conversation, decoded
from .form import Body, Format, Losses, Row, note_ignored
from .preference import answer_turns
from .shapes import answer_of, prompt_of, turns_of

_OUTPUTS = {"chosen": "preferred_output", "rejected": "non_preferred_output"}
_KEYS = frozenset({"input", *_OUTPUTS.values()})
_INPUT = frozenset({"messages", "tools", "functions", "parallel_tool_calls"})


def _read(row: Row, faults: Faults) -> Body | None:
    note_ignored(row, _KEYS, faults)
    given = decoded(row.get("input"))
    if not isinstance(given, dict) or "messages" not in given:
        found = type_name(given) if not isinstance(given, dict) else "an object without messages"
        faults.add("wrong-type", what='"input"', found=found, expected='{"messages": […]}')
        return None
    for key in given:
        if key not in _INPUT:
            faults.add("ignored-key", key=shown(f"input.{key}"))
    tools = given.get("tools") or given.get("functions")
    body = conversation(given["messages"], "input.messages", faults, tools=tools)
    if body is None:
        return None
    for ours, theirs in _OUTPUTS.items():
        turns = answer_turns(row[theirs], theirs, faults)
        if turns is None:
            return None
        body[ours] = turns
    return body


def _write(body: Body, losses: Losses) -> Body | None:
    if "chosen" not in body:
        losses.add("a row without two answers")
        return None
    prompt = prompt_of(body)
    given: Body = {"messages": turns_of(with_call_ids(prompt))}
    if body.get("tools"):
        given["tools"] = body["tools"]
    row: Body = {"input": given}
    for ours, theirs in _OUTPUTS.items():
        # The answer may be that to a call of the prompt.
        row[theirs] = turns_of(with_call_ids([*prompt, *answer_of(body[ours])])[len(prompt) :])
    return row


OPENAI_PREFERENCE = Format(
    name="openai-preference",
    example='{"input": {"messages": […]}, "preferred_output": […], "non_preferred_output": […]}',
    keys=_KEYS,
    matches=lambda row: "preferred_output" in row and "non_preferred_output" in row,
    read=_read,
    write=_write,
)

"""A row as a place of training takes it, where another way to write it is all that it takes.

Smaller changes come first; what they don't mend is written anew from what the row means, in a form that the
target takes. Nothing that a model would learn is changed, but for thoughts and names where the target has no
place for them, which is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import msgspec

from ..checks.table import Fault, Faults
from ..formats.conversation import THOUGHTS, USED_KEYS
from ..formats.form import Body, Format, Losses
from ..formats.registry import FORMATS
from ..targets.target import Target

Row = dict[str, Any]

ARGUMENTS = "tool arguments made a text"
KEYS = "keys that the target refuses removed"
REMOVED_THOUGHTS = "thoughts removed"
REMOVED_NAMES = "names removed"
ANEW = "rows written as the target has them"

_TURNS = ("messages", "preferred_output", "non_preferred_output")
_NAMES, _EMPTY_SYSTEM = "the names", "an empty system prompt"
_WORDS: Mapping[str, str] = {
    "tool-arguments": ARGUMENTS,
    "target-call": "tool calls given their id and type",
    "target-unknown-call": "answers of tools given the id of their call",
    "target-unanswered": "answers of tools given the id of their call",
    "target-key": "keys written as the target has them",
    "target-role": "roles written as the target has them",
    "target-order": "roles written as the target has them",
    "target-last-turn": "roles written as the target has them",
    "target-content": "contents written as texts",
    "target-tools": "tools written as the target has them",
    "target-weight": "weights written as 0 and 1",
    "weight-place": "weights of others than the assistant removed",
}
"""What was done where a fault is gone from a row that was written anew."""


def mend_for_target(
    row: Row, body: Body, form: Format, target: Target, read: Callable[[Row], Body | None]
) -> tuple[Row, set[str], list[Fault]]:
    """A row as a target takes it.

    Args:
        body: what the row means.
        form: that of the row.
        read: what another row means; None where it is not usable.

    Returns:
        The row, what was done in words, and what the target refuses still.
    """
    done: set[str] = set()
    refused = _refused(row, body, target)
    for mend in (_with_texts, _with_known_keys, _without_thoughts, _anew):
        if not refused:
            break
        for other, words in mend(row, body, form, target):
            meaning = read(other)
            less = _refused(other, meaning, target) if meaning is not None else refused
            if meaning is not None and len(less) < len(refused):
                gone = {fault.check for fault in refused} - {fault.check for fault in less}
                done |= words or {_WORDS.get(check, ANEW) for check in gone} or {ANEW}
                row, body, refused = other, meaning, less
    return row, done, refused


def _refused(row: Row, body: Body, target: Target) -> list[Fault]:
    faults = Faults()
    target.check_row(row, body, faults)
    return [fault for fault in faults if Faults([fault]).fatal]


Tries = Iterator[tuple[Row, set[str]]]
"""Rows that the target may take, and what was done; without words what is gone says it."""


def _with_texts(row: Row, body: Body, form: Format, target: Target) -> Tries:
    """Tool arguments as OpenAI has them."""

    def of_call(call: Any) -> Any:
        function = call.get("function") if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("arguments"), dict):
            return call
        text = msgspec.json.encode(function["arguments"]).decode()
        return {**call, "function": {**function, "arguments": text}}

    def of_turn(turn: Row) -> Row:
        calls = turn.get("tool_calls")
        return {**turn, "tool_calls": [of_call(call) for call in calls]} if isinstance(calls, list) else turn

    yield _with_turns(row, of_turn), {ARGUMENTS}


def _with_known_keys(row: Row, body: Body, form: Format, target: Target) -> Tries:
    """Without the keys that neither the target knows nor the form's reader."""
    if target.turn_keys is None:
        return
    row_keys, turn_keys = target.row_keys | form.keys, target.turn_keys | USED_KEYS
    kept = {key: value for key, value in row.items() if key in row_keys}
    yield _with_turns(kept, lambda turn: {key: turn[key] for key in turn if key in turn_keys}), {KEYS}


def _without_thoughts(row: Row, body: Body, form: Format, target: Target) -> Tries:
    if target.turn_keys is None:
        return
    gone = frozenset(THOUGHTS) - target.turn_keys
    without = _with_turns(row, lambda turn: {key: turn[key] for key in turn if key not in gone})
    yield without, {REMOVED_THOUGHTS}


def _anew(row: Row, body: Body, form: Format, target: Target) -> Tries:
    """Written from what the row means."""
    if target.turn_keys is None or _has_refusal(row):
        return
    writer = FORMATS[target.writes] if target.writes is not None else form
    bare = _bare(body)
    losses = Losses()
    other = writer.write(bare, losses)
    if other is None or losses - {_NAMES, _EMPTY_SYSTEM}:
        return
    for one, own in ((other, row), (other.get("input"), row.get("input"))):
        if isinstance(one, dict) and isinstance(own, dict) and "parallel_tool_calls" in own:
            one["parallel_tool_calls"] = own["parallel_tool_calls"]
    words = {REMOVED_NAMES} if _NAMES in losses else set[str]()
    yield other, words | ({REMOVED_THOUGHTS} if bare != body else set())


def _bare(body: Body) -> Body:
    """A body without thoughts."""
    bare = dict(body)
    for key in ("messages", "chosen", "rejected"):
        if isinstance(turns := body.get(key), list):
            bare[key] = [{k: turn[k] for k in turn if k != "reasoning_content"} for turn in turns]
    return bare


def _has_refusal(row: Row) -> bool:
    """Whether a turn holds a refusal beside a text, which has no place in what a row means."""
    found = False

    def look(turn: Row) -> Row:
        nonlocal found
        found = found or bool(turn.get("refusal") and turn.get("content"))
        return turn

    _with_turns(row, look)
    return found


def _with_turns(row: Row, change: Callable[[Row], Row]) -> Row:
    """The row with every turn changed."""
    changed = dict(row)
    for key in _TURNS:
        if isinstance(turns := row.get(key), list):
            changed[key] = [change(turn) if isinstance(turn, dict) else turn for turn in turns]
    if isinstance(given := row.get("input"), dict):
        changed["input"] = _with_turns(given, change)
    return changed

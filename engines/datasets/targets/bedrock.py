"""Amazon Bedrock: Claude's rows, with the system prompt beside the messages.

Sources: Anthropic's cookbook "Finetuning Claude 3 Haiku on Bedrock" (JSON lines; an optional system prompt
beside at least two messages, the user first, the assistant last, in turns; no other keys; texts), Claude's
API (no empty message), and the Bedrock user guide's table of Claude 3's hyperparameters (2 epochs, 32 rows
an update).

Claude 3 Haiku, the one Claude that could be tuned there, ended on 2026-09-10 (AWS model card). How many
rows an account may give is a quota of the account, so no rule here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ..checks.table import Faults
from ..checks.words import shown, type_name
from ..formats.form import Body
from ..problem import Problem
from ..tokens.cost import Schedule
from ..tokens.estimate import EstimateCounter
from .files import form_problems, layout_problems
from .target import FileFacts, Target

TITLE = "Amazon Bedrock"
_NAME = "bedrock"
FORMATS = frozenset({"anthropic", "messages"})
"""Rows without a system prompt are both."""

_TO = "anthropic"
_ROW_KEYS = frozenset({"system", "messages"})
_MESSAGE_KEYS = frozenset({"role", "content"})
_BESIDE = "Put the system prompt beside the messages: `finetui convert IN OUT --to anthropic`."
_SCHEDULE = Schedule(2, 2, 2, 32, "Bedrock's defaults for Claude 3 Haiku")


def _check_row(value: Mapping[str, Any], body: Body, faults: Faults) -> None:
    if (tools := _tools_in(body)) is not None:
        faults.add("tools-refused", what=tools, title=TITLE)
        return
    messages = value.get("messages")
    if not isinstance(messages, list):
        faults.add("wrong-type", what='"messages"', found=type_name(messages), expected="a list of messages")
        return
    _keys(value, _ROW_KEYS, "the row", faults)
    if "system" in value:
        _text(value["system"], 0, faults)
    before = None
    for turn, message in enumerate(messages, start=1):
        if not isinstance(message, dict):
            continue
        if not _MESSAGE_KEYS.issuperset(message):
            _keys(message, _MESSAGE_KEYS, f"turn {turn}", faults)
        _text(message.get("content"), turn, faults)
        role = message.get("role")
        if role not in ("user", "assistant"):
            fix = _BESIDE if role in ("system", "developer") else "Keep the turns of user and assistant."
            faults.add("target-role", turn=turn, role=shown(role), title=TITLE, fix=fix)
            continue
        if role == before or (before is None and role == "assistant"):
            follows = f"another turn of the {role}" if before else "no question"
            faults.add("target-order", turn=turn, role=role, before=follows, title=TITLE)
        before = role
    if before != "assistant":
        faults.add("target-last-turn", what="The row", role=shown(before), title=TITLE)


def _tools_in(body: Body) -> str | None:
    """What of tools a row has."""
    if body.get("tools"):
        return "tools"
    messages = body.get("messages", ())
    if any("tool_calls" in message for message in messages):
        return "a tool call"
    return "a tool's answer" if any(message["role"] == "tool" for message in messages) else None


def _keys(value: Mapping[str, Any], known: frozenset[str], where: str, faults: Faults) -> None:
    for key in value:
        if key not in known:
            faults.add("target-key", title=TITLE, key=shown(key), where=where, target=_NAME)


def _text(content: object, turn: int, faults: Faults) -> None:
    if not isinstance(content, str):
        if turn:
            faults.add("target-content", turn=turn, found=type_name(content), title=TITLE)
        else:
            faults.add("wrong-type", what='"system"', found=type_name(content), expected="a text")
    elif not content.strip():
        faults.add("target-empty", what=f"Turn {turn}" if turn else "The system prompt", title=TITLE)


def _check_file(facts: FileFacts) -> Iterator[Problem]:
    yield from form_problems(facts, TITLE, FORMATS, _TO)
    yield from layout_problems(facts, TITLE, _TO)


BEDROCK = Target(
    name=_NAME,
    title=TITLE,
    formats=FORMATS,
    check_row=_check_row,
    check_file=_check_file,
    max_tokens=None,
    counter=lambda model, max_length: EstimateCounter(model or "Claude 3 Haiku"),
    schedule=lambda rows: _SCHEDULE,
    row_keys=_ROW_KEYS,
    turn_keys=_MESSAGE_KEYS,
    writes=_TO,
)

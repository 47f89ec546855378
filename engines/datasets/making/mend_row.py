"""A row of a file mended in its own form: only what has one meaning."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..formats.conversation import ROLES
from ..lessons.characters import mend_characters
from ..sources.json_text import JsonFault, decode_line

Row = dict[str, Any]

EMPTY = "empty turns removed"
TRAILING = "turns after the last answer removed"
SYSTEM = "empty system prompts removed"
TOOLS = "tools written as a list"

_WHOLE = ("messages", "conversations", "conversation")
_ANSWERS = ("completion", "chosen", "rejected")
_TOOL_LISTS = ("messages", "prompt")
"""Forms with one of these keys have their tools as a list; ShareGPT has them as JSON in a text."""


def mend_row(row: Row, columns: Mapping[str, str] | None = None) -> tuple[Row, set[str]]:
    """A row without what can be mended.

    Args:
        columns: a known form's keys under the file's names for them.

    Returns:
        The row, and what was done in words: nothing when it is the same row.

    Raises:
        RecursionError: it is nested too deeply.
    """
    done: set[str] = set()
    mended = {key: _mended_texts(value, done) for key, value in row.items()}
    own = (columns or {}).get
    for known in (*_WHOLE, "prompt", *_ANSWERS):
        key = own(known, known)
        if isinstance(turns := mended.get(key), list):
            # The turns of a preference are a prompt: they end before the answer.
            ends = known in _ANSWERS or (known in _WHOLE and own("chosen", "chosen") not in mended)
            mended[key] = _mended_turns(turns, ends, done)
    system = own("system", "system")
    if isinstance(text := mended.get(system), str) and text and not text.strip():
        mended[system] = ""
        done.add(SYSTEM)
    tools = own("tools", "tools")
    if isinstance(text := mended.get(tools), str) and any(own(key, key) in mended for key in _TOOL_LISTS):
        declared = _decoded(text) if text.strip() else []
        if isinstance(declared, (list, dict)):
            mended[tools] = declared if isinstance(declared, list) else [declared]
            if not declared:
                del mended[tools]
            done.add(TOOLS)
    return (mended, done) if done else (row, done)


def _mended_texts(value: Any, done: set[str]) -> Any:
    match value:
        case str():
            if value.isascii() and value.isprintable():
                return value
            text, words = mend_characters(value)
            done |= words
            return text
        case list():
            return [_mended_texts(inner, done) for inner in value]
        case dict():
            return {key: _mended_texts(inner, done) for key, inner in value.items()}
        case _:
            return value


def _mended_turns(turns: list[Any], ends: bool, done: set[str]) -> list[Any]:
    """Turns without the empty ones that nobody misses, and (`ends`) without those after the last answer."""
    kept: list[Any] = []
    for place, turn in enumerate(turns):
        role = _role(turn)
        if role in ("system", "user") and _is_empty(turn):
            after = next((_role(later) for later in turns[place + 1 :] if not _is_empty(later)), None)
            before = next((_role(earlier) for earlier in reversed(kept) if _role(earlier) != "system"), None)
            if role == "system" or "user" in (before, after):
                done.add(EMPTY)
                continue
        kept.append(turn)
    roles = [_role(turn) for turn in kept]
    if ends and None not in roles and "assistant" in roles and roles[-1] != "assistant":
        done.add(TRAILING)
        while _role(kept[-1]) != "assistant":
            kept.pop()
    return kept


def _role(turn: Any) -> str | None:
    spelled = turn.get("role", turn.get("from")) if isinstance(turn, dict) else None
    return ROLES.get(spelled) if isinstance(spelled, str) else None


def _is_empty(turn: Any) -> bool:
    """Whether a turn of a system or a user says nothing."""
    if _role(turn) not in ("system", "user"):
        return False
    match turn.get("content", turn.get("value")):
        case None:
            return True
        case str() as text:
            return not text.strip()
        case list() as parts:
            return all(
                isinstance(part, dict) and part.get("type", "text") == "text" and part.get("text") == ""
                for part in parts
            )
        case _:
            return False


def _decoded(text: str) -> Any:
    try:
        return decode_line(text.encode("utf-8"))
    except (JsonFault, UnicodeEncodeError):
        return None

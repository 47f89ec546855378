"""What is wrong with what a canonical row teaches: its turns, its answers, its texts.

All texts of a row are first looked at as one, for signs that cost next to nothing to see; only where one of
them is there, each text is looked at closely.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from ..checks.private import SHORTEST_KEY, addresses, keys, numbers, passwords
from ..checks.table import Faults
from ..formats.form import Body
from .characters import may_be_odd, odd_characters
from .leftovers import MAY_BE_TOKEN, blanks, entities, placeholders, special_tokens, thoughts
from .turns import examine_turns

Look = Callable[[str], Iterator[tuple[str, Mapping[str, str]]]]

# Bytes by what they may be a part of: digits become "0", controls "!"; letters, digits, "_" and "-", of which
# keys are made, become "k".
_NUMBERS = bytes(
    ord(
        "0"
        if 0x30 <= byte <= 0x39
        else "!"
        if (byte < 0x20 and byte not in b"\t\n\r") or byte == 0x7F
        else " "
    )
    for byte in range(256)
)
_BETWEEN_DIGITS = b" -.()"
_NINE_DIGITS = b"0" * 9
_KEYS = bytes(ord("k" if chr(byte) in "_-" or bytes([byte]).isalnum() else " ") for byte in range(256))
_LONG_WORD = b"k" * SHORTEST_KEY
_OPEN_TAG = re.compile("<[A-Za-z]")
_TEXTS = ("text", "prompt", "completion", "chosen", "rejected")
_NAMES: Mapping[str, str] = {
    "text": "The text",
    "prompt": "The prompt",
    "completion": "The completion",
    "chosen": "The chosen answer",
    "rejected": "The rejected answer",
}
_LONG_PROMPT = 20


def examine(body: Body, faults: Faults, shift: int = 0) -> None:
    """Notes what is wrong with a canonical body.

    Args:
        shift: how many messages stand before the turns that the user counts (1 for a system prompt that stood
            beside them).
    """
    if "messages" in body:
        tools = body.get("tools", ())
        if "chosen" not in body:
            examine_turns(body["messages"], tools, faults, shift)
        else:
            for answer in ("chosen", "rejected"):
                found = Faults()
                examine_turns(body["messages"] + body[answer], tools, found, shift)
                faults.extend(fault for fault in found if fault not in faults)
    elif "text" in body:
        if not body["text"].strip():
            faults.add("empty-text")
    else:
        for key in ("completion", "chosen", "rejected"):
            if key in body and not body[key].strip():
                faults.add("empty-answer", what=_NAMES[key])
    if "text" not in body:
        _pairs(body, faults)
    looks = _looks("\n".join(_all_texts(body)), "messages" in body)
    if looks:
        _look_closely(body, shift, looks, faults)


def texts_of(body: Body) -> Iterator[str]:
    """The texts of a canonical body, in order."""
    for message in body.get("messages", ()):
        yield message["content"]
    for key in _TEXTS:
        match body.get(key):
            case str() as text:
                yield text
            case list() as turns:
                for turn in turns:
                    yield turn["content"]
            case _:
                pass


def _all_texts(body: Body) -> list[str]:
    """The texts and the thoughts of a canonical body."""
    if "messages" not in body or "chosen" in body:
        texts = list(texts_of(body))
    else:  # as nearly all rows are
        texts = [message["content"] for message in body["messages"]]
    for message in body.get("messages", ()):
        if "reasoning_content" in message:
            texts.append(message["reasoning_content"])
    return texts


def _pairs(body: Body, faults: Faults) -> None:
    """What is wrong with an answer beside its prompt or beside the other answer."""
    prompt = body.get("prompt")
    if "chosen" in body:
        chosen, rejected = body["chosen"], body["rejected"]
        if _stripped(chosen) == _stripped(rejected):
            faults.add("equal-answers")
        elif isinstance(chosen, list) and (messages := body.get("messages")):
            if len(messages) < len(chosen) and chosen[: len(messages)] == messages:
                faults.add("repeated-prompt", what="The chosen answer")
        elif (
            isinstance(prompt, str)
            and len(prompt) >= _LONG_PROMPT
            and isinstance(chosen, str)
            and chosen.startswith(prompt)
        ):
            faults.add("repeated-prompt", what="The chosen answer")
    elif isinstance(prompt, str) and len(prompt) >= _LONG_PROMPT and body["completion"].startswith(prompt):
        faults.add("repeated-prompt", what="The completion")


def _stripped(answer: Any) -> Any:
    if isinstance(answer, str):
        return answer.strip()
    return [(turn["role"], turn["content"].strip(), turn.get("tool_calls")) for turn in answer]


def _looks(text: str, turns: bool) -> list[Look]:
    """What is worth a close look, by signs that are cheap to see."""
    looks: list[Look] = []
    raw = text.encode("utf-8", "surrogatepass")
    classes = raw.translate(_NUMBERS)
    if b"!" in classes or (not text.isascii() and may_be_odd(raw)):
        looks.append(odd_characters)
    # To leave the signs between digits out costs five times as much as the rest of this line.
    if (b"000" in classes or "+" in text) and _NINE_DIGITS in raw.translate(_NUMBERS, _BETWEEN_DIGITS):
        looks.append(numbers)
    if _LONG_WORD in raw.translate(_KEYS):
        looks.append(keys)
    if "@" in text:
        looks.append(addresses)
        if "://" in text:
            looks.append(passwords)
    if "&" in text:
        looks.append(entities)
    if ("{" in text and "{{" in text) or "orem ipsum" in text:
        looks.append(placeholders)
    tags = "<" in text
    if "[" in text or (tags and _OPEN_TAG.search(text) is not None):
        looks.append(blanks)
    if turns and (("[" in text and "INST]" in text) or (tags and MAY_BE_TOKEN.search(text) is not None)):
        looks.append(special_tokens)
    if turns and tags and "think>" in text:
        looks.append(thoughts)
    return looks


def _look_closely(body: Body, shift: int, looks: list[Look], faults: Faults) -> None:
    said: set[tuple[str, str | None]] = set()
    for where, learned, text in _passages(body, shift):
        for look in looks:
            if look is blanks and not learned:
                continue
            for check, values in look(text):
                kind = check, values.get("kind")
                if kind not in said:
                    said.add(kind)
                    faults.add(check, where=where, **values)


def _passages(body: Body, shift: int) -> Iterator[tuple[str, bool, str]]:
    """The texts of a body, each with its place in words and whether it is what a model should write."""
    messages = body.get("messages", ())
    for number, message in enumerate(messages, start=1 - shift):
        where = _turn(number, message["role"])
        learned = message["role"] == "assistant" and message.get("train") is not False
        yield where, learned, message["content"]
        if reasoning := message.get("reasoning_content"):
            yield f"The reasoning of {where.lower()}", learned, reasoning
    for key in _TEXTS:
        match body.get(key):
            case str() as text:
                yield _NAMES[key], key not in ("prompt", "text"), text
            case list() as turns:
                for number, turn in enumerate(turns, start=1 - shift + len(messages)):
                    where = f"{_turn(number, turn['role'])} of the {key} answer"
                    yield where, turn["role"] == "assistant", turn["content"]
            case _:
                pass


@lru_cache(256)
def _turn(number: int, role: str) -> str:
    return f"Turn {number} ({role})" if number else "The system prompt"

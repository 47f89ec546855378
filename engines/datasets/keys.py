"""64-bit keys of rows: equal content has equal keys, in every process and on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from .read import Row

_encoder = msgspec.json.Encoder()


class Keys(NamedTuple):
    """A row's keys.

    Attributes:
        row: of all that it has.
        prompt: of what comes before its first answer: a conversation and its continuation share it.
            Rows without a prompt (plain text) are their own.
        answer: of the rest.
    """

    row: int
    prompt: int
    answer: int


def keys_of(row: Row) -> Keys:
    """The keys of a canonical row."""
    prompt, answer = _parts(row)
    whole = _key(row.encoded)
    return Keys(whole, _key(_encoder.encode(prompt)) if prompt else whole, _key(_encoder.encode(answer)))


def _parts(row: Row) -> tuple[object, object]:
    body = row.body
    match row.kind:
        case "messages" | "kto" if "messages" in body:
            messages = body["messages"]
            first = next(
                (place for place, message in enumerate(messages) if message["role"] == "assistant"),
                len(messages),
            )
            answers = messages[first:]
            calls = [message.get("tool_calls") for message in answers]
            return _told(messages[:first]), (_told(answers), calls)
        case "text":
            return "", body["text"]
        case "preference":
            prompt = body.get("prompt") or _told(body.get("messages", ()))
            return prompt, [body["chosen"], body["rejected"]]
        case _:
            return body["prompt"], body["completion"]


def _told(turns: Sequence[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(turn["role"], turn["content"]) for turn in turns]


def _key(content: bytes) -> int:
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")

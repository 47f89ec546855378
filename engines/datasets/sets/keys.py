"""64-bit keys of rows: equal content has equal keys, in every process and on every machine."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec

from ..formats.form import Body
from ..read import Row

_encoder = msgspec.json.Encoder()

Exchange = tuple[int, int]
"""The key of what stands before an answer, and that of the answer."""


_Prompted = tuple[int | None, tuple[Exchange, ...]]


class Keys(NamedTuple):
    """A row's keys. All but `row` leave case and white space out.

    Attributes:
        row: of all that it has.
        prompt: of what comes before its first answer: a conversation and its continuation share it.
            Rows without a prompt (plain text) are their own.
        exchanges: one for each trained answer: rows contradict each other when they agree in the first key
            and not in the second. Of a preference it is that of the two answers and of the chosen one; of a
            judged answer that of prompt and answer, and of the judgement.
        answer: of the last trained answer; None where there is none, and of judged answers.
        system: of a conversation's system prompt, 0 where it has none; None of other rows.
    """

    row: int
    prompt: int
    exchanges: tuple[Exchange, ...] = ()
    answer: int | None = None
    system: int | None = None


def keys_of(row: Row) -> Keys:
    """The keys of a canonical row."""
    body, kind = row.body, row.kind
    whole = _key(row.encoded)
    if kind == "text":
        return Keys(whole, whole)
    system: int | None = None
    if messages := body.get("messages"):
        system = key_of_text(messages[0]["content"]) if messages[0]["role"] == "system" else 0
    prompt, exchanges = _of_preference(body) if kind == "preference" else _of_answers(body)
    prompt = whole if prompt is None else prompt
    if kind == "kto":
        answered = _key(b"%d %d" % exchanges[-1]) if exchanges else whole
        return Keys(whole, prompt, ((answered, int(body["label"])),), None, system)
    return Keys(whole, prompt, exchanges, exchanges[-1][1] if exchanges else None, system)


def _of_answers(body: Body) -> _Prompted:
    if "messages" in body:
        return _of_messages(body)
    if not body["prompt"].strip():
        return None, ()
    asked = _key(_turn("user", _even(body["prompt"])))  # as the turn that it would be
    return asked, ((asked, _key(_even(body["completion"]))),)


def _of_messages(body: Body) -> _Prompted:
    told = blake2b(digest_size=8)
    prompt: int | None = None
    answered = asked_by_user = False
    exchanges: list[Exchange] = []
    tools = _encoder.encode(body["tools"]) if "tools" in body else b""
    waiting = b""  # the last turn is hashed only where an answer follows it
    for message in body["messages"]:
        role = message["role"]
        said = _said(message)
        told.update(waiting)
        if role == "assistant":
            context = int.from_bytes(told.digest(), "big")
            prompt = context if asked_by_user and not answered else prompt
            answered = True
            if asked_by_user and message.get("train") is not False:
                # The same question with other tools is another one.
                asked = _key(b"%d %s" % (context, tools)) if tools else context
                exchanges.append((asked, _key(said)))
        elif role != "system":
            asked_by_user = True
        waiting = _turn(role, said)
    return prompt, tuple(exchanges)


def _of_preference(body: Body) -> _Prompted:
    if "messages" in body:
        prompt = b"".join([_turn(turn["role"], _said(turn)) for turn in body["messages"]])
    else:
        prompt = _turn("user", _even(body["prompt"]))
    chosen, rejected = (_key(_answer(body[key])) for key in ("chosen", "rejected"))
    pair = _key(prompt + b"\0%d %d" % (min(chosen, rejected), max(chosen, rejected)))
    return _key(prompt), ((pair, chosen),)


def _answer(answer: str | Sequence[dict[str, Any]]) -> bytes:
    return _even(answer) if isinstance(answer, str) else b"\0".join(_said(turn) for turn in answer)


def _turn(role: str, said: bytes) -> bytes:
    return b"%s\0%s\0" % (role.encode(), said)


def _said(message: dict[str, Any]) -> bytes:
    said = _even(message["content"])
    if "tool_calls" not in message or not (calls := message["tool_calls"]):
        return said
    return said + b"\0" + _encoder.encode([call["function"] for call in calls])


def _even(text: str) -> bytes:
    """A text without what makes no difference to a reader: case and white space."""
    return text.lower().encode("utf-8", "replace").translate(None, b" \t\n\r\v\f")


@lru_cache(maxsize=16)
def key_of_text(text: str) -> int:
    """The key of a text that often is the same as one of the last."""
    return _key(text.encode("utf-8", "replace"))


def _key(content: bytes) -> int:
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")

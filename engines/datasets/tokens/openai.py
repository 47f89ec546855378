"""Counts tokens as OpenAI does, exact and without a network.

The chat rule is OpenAI's: "How to count tokens with tiktoken" and "Data preparation and analysis for chat
model fine-tuning" in its cookbook (https://cookbook.openai.com): each message has 3 tokens beside its role
and its content, a name 1 more, and 3 prime the reply; trained are the contents of the assistant. Which
encoding a model has is tiktoken's table (tiktoken/model.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any, Literal

import msgspec

from ...engine import EngineError
from ..formats.form import Body
from ..read import Row
from .counter import Counted

Encoding = Literal["o200k_base", "cl100k_base"]
Count = Callable[[str], int]

CHAT_BASIS = "The rule of OpenAI's cookbook: 3 tokens a message and 3 for the reply beside all texts."
_REPLY = 3
_MESSAGE = 4
"""What a message has beside its content: 3, and every role is one token in both encodings."""
_BEFORE_CONTENT = 3
"""Of these, those that stand before the content (the last one ends the message)."""

_ENCODINGS: tuple[tuple[re.Pattern[str], Encoding], ...] = (
    (re.compile(r"(gpt-4o|gpt-4\.1|gpt-4\.5|gpt-5|gpt-oss|chatgpt)([-.]|$)|o[134](-|$)"), "o200k_base"),
    (re.compile(r"(gpt-4|gpt-3\.5-turbo|gpt-35-turbo)(-|$)|(davinci|babbage)-002(-|$)"), "cl100k_base"),
)
_encoder = msgspec.json.Encoder()


def base_model(model: str) -> str:
    """The model that a tuned one was made from (`ft:gpt-4o-mini-2024-07-18:org::id`); any other as it is."""
    return model.removeprefix("ft:").split(":", 1)[0] if model.startswith("ft:") else model


def encoding_of(model: str) -> Encoding | None:
    """The encoding of a model, or of the one it was tuned from; None for a name that is not known."""
    name = base_model(model)
    return next((encoding for pattern, encoding in _ENCODINGS if pattern.match(name)), None)


@cache
def counting(encoding: Encoding) -> Count:
    """What counts the tokens of a text; special tokens' names in it are text, as in training.

    Raises:
        EngineError: the package that knows OpenAI's encodings is missing.
    """
    try:
        from rs_bpe.bpe import openai

        return getattr(openai, encoding)().count
    except ImportError:
        pass
    try:
        # Its public encode_ordinary refuses texts of a million characters; the tokenizer below it does not.
        from bpe_openai._bindings import tokenizer_for_encoding
    except ImportError as error:
        raise EngineError(
            "missing_package",
            f"OpenAI's tokens can't be counted: {error}.",
            "Install rs-bpe (from Python 3.14 on: bpe-openai) beside finetui.",
        ) from None
    return tokenizer_for_encoding(encoding).count


class OpenAICounter:
    """Counts rows as OpenAI's chat models read them; see `Counter`.

    Args:
        model: its name; None for those that are tuned today.
        limit: a row's greatest length in tokens: what is beyond is lost.
    """

    def __init__(self, model: str | None = None, limit: int | None = None) -> None:
        known = encoding_of(model) if model is not None else "o200k_base"
        self.name: str = known or "o200k_base"
        self.exact = known is not None
        self.basis = CHAT_BASIS
        if known is None:
            self.basis = f"Which tokenizer {model} has is not known here: counted with that of gpt-4o."
        # Loaded here, 70 MB: processes that are forked from now on share it.
        self._count = counting(known or "o200k_base")
        self._limit = limit

    def count(self, rows: Sequence[Row]) -> list[Counted]:
        """See `Counter.count`."""
        return [self._row(row.body, self._count) for row in rows]

    def close(self) -> None:
        """Nothing was started."""

    def _row(self, body: Body, count: Count) -> Counted:
        if "chosen" in body:
            return self._preference(body, count)
        if (messages := body.get("messages")) is None:
            if "text" in body:
                return self._counted(tokens := count(body["text"]), tokens, [(0, tokens)])
            prompt, completion = count(body["prompt"]), count(body["completion"])
            start = 2 * _BEFORE_CONTENT + 1 + prompt
            tokens = 2 * _MESSAGE + _REPLY + prompt + completion
            return self._counted(tokens, completion, [(start, completion)])
        tokens = trained = 0
        answers: list[tuple[int, int]] = []
        estimated = False
        if "tools" in body:
            tokens, estimated = _as_json(body["tools"], count), True
        for message in messages:
            content = count(message["content"])
            if "name" in message:
                tokens += count(message["name"]) + 1
            if "tool_calls" in message:
                content += _as_json(message["tool_calls"], count)
                estimated = True
            if message["role"] == "assistant" and message.get("train") is not False:
                trained += content
                answers.append((tokens + _BEFORE_CONTENT, content))
            tokens += _MESSAGE + content
        return self._counted(tokens + _REPLY, trained, answers, estimated)

    def _preference(self, body: Body, count: Count) -> Counted:
        """Both answers behind one prompt; how OpenAI counts the two is not published."""
        prompt = [{"role": "user", "content": body["prompt"]}] if "prompt" in body else body["messages"]
        rows: list[Counted] = []
        for key in ("chosen", "rejected"):
            answer = body[key]
            turns = [{"role": "assistant", "content": answer}] if isinstance(answer, str) else answer
            # Answers that stand in the prompt are not trained.
            asked = [{**turn, "train": False} for turn in prompt]
            rows.append(self._row({**_tools(body), "messages": asked + turns}, count))
        first, second = rows
        return Counted(
            first.tokens + second.tokens,
            first.trained + second.trained,
            lost=first.lost + second.lost,
            estimated=True,
        )

    def _counted(
        self, tokens: int, trained: int, answers: Sequence[tuple[int, int]], estimated: bool = False
    ) -> Counted:
        limit = self._limit
        if limit is None or tokens <= limit:
            return Counted(tokens, trained, estimated=estimated)
        kept = sum(min(size, max(0, limit - start)) for start, size in answers)
        return Counted(tokens, trained, lost=trained - kept, estimated=estimated)


def _tools(body: Mapping[str, Any]) -> dict[str, Any]:
    return {"tools": body["tools"]} if "tools" in body else {}


def _as_json(value: object, count: Count) -> int:
    """The tokens of tools or calls as JSON: how OpenAI writes them for the model is not published."""
    return count(_encoder.encode(value).decode())

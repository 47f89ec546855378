"""Estimates tokens from characters, for models whose tokenizer is not public (Claude, Nova).

A token is 3.5 characters of ASCII text (Anthropic's glossary: https://docs.claude.com, "Tokens"). The other
rates, in tokens a character, were measured with cl100k_base, a tokenizer of the same years: on Chinese
instructions and answers 1.16, Japanese 0.9, Korean 1.0, Hindi 1.0; Russian 0.46, Arabic 0.8; emoji 2.8.
"""

from __future__ import annotations

from collections.abc import Sequence

from ..formats.form import Body
from ..lessons.lessons import texts_of
from ..read import Row
from .counter import Counted

ASCII_CHARACTERS_PER_TOKEN = 3.5
_TOKENS_OF_2_BYTES = 0.5
_TOKENS_OF_3_BYTES = 1.1
_TOKENS_OF_4_BYTES = 2.8
# A character's first byte in UTF-8 says how many it has: what `translate` removes is counted.
_LEADS_2, _LEADS_3, _LEADS_4 = bytes(range(0xC2, 0xE0)), bytes(range(0xE0, 0xF0)), bytes(range(0xF0, 0xF5))


def estimated_tokens(text: str) -> float:
    """About how many tokens a text has."""
    if text.isascii():
        return len(text) / ASCII_CHARACTERS_PER_TOKEN
    data = text.encode("utf-8", "replace")
    size = len(data)
    of_2 = size - len(data.translate(None, _LEADS_2))
    of_3 = size - len(data.translate(None, _LEADS_3))
    of_4 = size - len(data.translate(None, _LEADS_4))
    ascii_characters = len(text) - of_2 - of_3 - of_4
    return (
        ascii_characters / ASCII_CHARACTERS_PER_TOKEN
        + of_2 * _TOKENS_OF_2_BYTES
        + of_3 * _TOKENS_OF_3_BYTES
        + of_4 * _TOKENS_OF_4_BYTES
    )


class EstimateCounter:
    """Estimates rows' tokens from their characters; see `Counter`.

    Args:
        model: as a report names it (`Claude 3 Haiku`).
    """

    exact = False

    def __init__(self, model: str) -> None:
        self.name = "characters"
        self.basis = (
            f"No tokenizer of {model} is published: estimated at {ASCII_CHARACTERS_PER_TOKEN} characters a "
            "token (other scripts by their own rates), the texts alone."
        )

    def count(self, rows: Sequence[Row]) -> list[Counted]:
        """See `Counter.count`."""
        return [self._row(row.body) for row in rows]

    def close(self) -> None:
        """Nothing was started."""

    def _row(self, body: Body) -> Counted:
        tokens = sum(estimated_tokens(text) for text in texts_of(body))
        return Counted(_rounded(tokens), _rounded(_trained(body)))


def _trained(body: Body) -> float:
    if "text" in body:
        return estimated_tokens(body["text"])
    if "completion" in body:
        return estimated_tokens(body["completion"])
    if "chosen" in body:
        answers = {key: body[key] for key in ("chosen", "rejected")}
        return sum(estimated_tokens(text) for text in texts_of(answers))
    return sum(
        estimated_tokens(message["content"])
        for message in body["messages"]
        if message["role"] == "assistant" and message.get("train") is not False
    )


def _rounded(tokens: float) -> int:
    """To whole tokens, upwards: a text that is not empty has at least one."""
    return -int(-tokens // 1)

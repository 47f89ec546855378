"""Where the tokens of the assistant's turns stand among those of a conversation's text.

The turns are given by characters, as the template rendered them; what is found are tokens: each turn's from
the first that the model is to say to the one that ends it.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

from .failures import Failure

_NEAR = 16
"""Tokens before a cut among which a special one is looked for."""
_SHORT, _MOST_SHORT = 80, 2000
"""Characters of a text whose tokens are remembered, and how many texts are."""


@dataclass(frozen=True)
class Turn:
    """A trained assistant message in the conversation's text.

    Attributes:
        start: offset, in characters, of what the model is to say.
        end: offset behind the turn, where the template renders it the same whatever follows.
        answer: what must stand there, without thoughts.
    """

    start: int
    end: int | None
    answer: str


@dataclass(frozen=True)
class _Tokens:
    """A text's tokens.

    Attributes:
        encoding: knows each token's place in the text; None where that is not known.
    """

    ids: list[int]
    text: str
    encoding: Any


class Spans:
    """Finds turns in the tokens of texts.

    Args:
        tokenizer: as `Renderer` takes one.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self._literal = _literal_tokens(tokenizer)
        self._short: dict[str, list[int]] = {}

    def find(
        self, text: str, turns: list[Turn], end_ids: frozenset[int]
    ) -> tuple[list[int], list[tuple[int, int]]]:
        """A text's tokens, and where among them each turn begins and ends.

        Args:
            turns: in the text's order.
            end_ids: tokens that end an answer.

        Raises:
            Failure: with this tokenizer or template it cannot be told where a turn begins or ends.
        """
        tokens, starts = self._cut(text, [turn.start for turn in turns])
        limits = [*starts[1:], len(tokens.ids)]
        return tokens.ids, [
            (first, self._end_of(turn, tokens, first, limit, end_ids))
            for turn, first, limit in zip(turns, starts, limits, strict=True)
        ]

    def _cut(self, text: str, starts: list[int]) -> tuple[_Tokens, list[int]]:
        """Tokens of a text, and where in them each character offset of `starts` falls.

        When the model chats, its prompt is tokenised without the answer. Where the tokens of the whole
        text begin otherwise (a space that merges with the answer's first word), the text is tokenised
        in pieces cut at the answers, so that training sees the prompt that chat will see.
        """
        tokens = self._tokens(text)
        positions = [self._position(tokens, start) for start in starts]
        if None not in positions:
            return tokens, [position for position in positions if position is not None]
        offsets = [0, *starts, len(text)]
        pieces = [self._encode(text[a:b]) for a, b in itertools.pairwise(offsets)]
        cut = [token for piece in pieces for token in piece]
        if self._decode(cut) != self._decode(tokens.ids):
            raise Failure(
                "unsupported",
                "This tokenizer joins the end of the prompt with the beginning of the answer.",
                "End the template's prompt with a special token or a line break.",
            )
        starts = [sum(map(len, pieces[: number + 1])) for number in range(len(starts))]
        return _Tokens(cut, text, None), starts

    def _position(self, tokens: _Tokens, offset: int) -> int | None:
        """How many tokens the text before a character offset has; None where the whole begins otherwise."""
        ids, text = tokens.ids, tokens.text
        at, start = self._landmark(tokens, offset)
        head = self._encode_short(text[start:offset])
        return at + len(head) if ids[at : at + len(head)] == head else None

    def _landmark(self, tokens: _Tokens, offset: int) -> tuple[int, int]:
        """The last token before a character offset that was found in the text as it stands there, and where
        it begins; the text's beginning where there is none.

        Such tokens (special ones) cut a text into pieces that are tokenised each for itself. So the tokens
        before one are the same whatever follows it, and need not be made once more.
        """
        if tokens.encoding is None or not offset:
            return 0, 0
        at = tokens.encoding.char_to_token(offset - 1)
        if at is None:
            return 0, 0
        for near in range(at, max(at - _NEAR, -1), -1):
            if (content := self._literal.get(tokens.ids[near])) is not None:
                start, end = tokens.encoding.token_to_chars(near)
                # An unknown word's token has its place too, but not its text.
                if end <= offset and content in tokens.text[start:end]:
                    return near, start
        return 0, 0

    def _end_of(self, turn: Turn, tokens: _Tokens, first: int, limit: int, end_ids: frozenset[int]) -> int:
        """Where the trained tokens of a turn end: behind its end token."""
        ids = tokens.ids
        if turn.end is not None and (position := self._position(tokens, turn.end)) is not None:
            # What the template puts behind the end token (a line break) is never generated.
            ends = (at + 1 for at in range(position - 1, first - 1, -1) if ids[at] in end_ids)
            return next(ends, position)
        # The template renders this turn otherwise when more follows (Qwen 3 drops old thoughts): the end
        # is the first end token, provided that the answer stands before it.
        for at in range(first, limit):
            if ids[at] in end_ids and turn.answer in self._decode(ids[first:at]):
                return at + 1
        raise Failure(
            "unsupported",
            "The chat template gives no way to tell where an assistant's turn ends.",
            "Choose a template that ends each turn with a special token.",
        )

    def _tokens(self, text: str) -> _Tokens:
        encoded = self._tokenizer(text, add_special_tokens=False)
        encodings = encoded.encodings if self._literal else None
        return _Tokens(encoded["input_ids"], text, encodings[0] if encodings else None)

    def _encode(self, text: str) -> list[int]:
        return self._tokenizer(text, add_special_tokens=False)["input_ids"]

    def _encode_short(self, text: str) -> list[int]:
        """Tokens of a text, remembered if short: what templates put before answers comes in every row."""
        if len(text) > _SHORT:
            return self._encode(text)
        found = self._short.get(text)
        if found is None:
            if len(self._short) >= _MOST_SHORT:
                self._short.clear()
            found = self._short[text] = self._encode(text)
        return found

    def _decode(self, ids: list[int]) -> str:
        return self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)


def _literal_tokens(tokenizer: Any) -> dict[int, str]:
    """Tokens that are looked for in the text as it is, before anything else is done with it, and their text.

    Nothing where the tokenizer can't say (a slow one), or reads special tokens in a text as plain text.
    """
    fast = getattr(tokenizer, "backend_tokenizer", None) is not None
    if not fast or getattr(tokenizer, "split_special_tokens", False):
        return {}
    added = tokenizer.added_tokens_decoder.items()
    return {number: token.content for number, token in added if not (token.normalized or token.single_word)}

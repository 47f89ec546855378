"""Rows that are nearly the same, found by what a few numbers of each row share.

MinHash (Broder 1997, "On the resemblance and containment of documents") over three words in a row, of all
that a row says but its system prompt; candidates by bands of equal numbers (Leskovec, Rajaraman, Ullman:
Mining of Massive Datasets, 3.4). Of a number eight bits are kept (Li and König 2010, "b-bit minwise
hashing"): others agree by chance once in 256.

Rows whose answers differ are not alike, however long the template is that their prompts share.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from .formats.form import Body

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Bytes = NDArray[numpy.uint8]
    Words = NDArray[numpy.uint64]

MOST_ROWS = 200_000
"""Compared with each other. Of more rows those are chosen whose first number is least (mixed): rows that are
alike share it mostly, so both are chosen or none."""

LEAST_ALIKE = 0.7
"""Of the runs of three words that two rows have, those that both have: one word of sixteen changed."""

LEAST_ANSWERS_ALIKE = 0.5
MANY = 20
"""As many rows that are all alike come from a template."""

_NUMBERS, _OF_ANSWER, _IN_BAND = 64, 16, 4
_PENDING_CHARACTERS, _PIECE_CHARACTERS = 1 << 20, 1 << 17
_SEED = 20261124
_encoder = msgspec.json.Encoder()


class Alike(NamedTuple):
    """A row that is like an earlier one.

    Attributes:
        row: its index among those that were compared.
        first: the earlier one's.
        share: about how much of the words are the same, 0 to 1.
    """

    row: int
    first: int
    share: float


class Signatures:
    """The numbers of rows, computed for many rows at once and kept for at most some 200,000 of them.

    What is kept does not depend on the order in which parts are put together, but `lines` are those of the
    first of equal rows only when the parts come in the order of the file.
    """

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._most = most_rows
        self._texts: list[tuple[str, str]] = []
        self._texts_of: set[int] = set()
        self._texts_size = 0
        self._pending_rows, self._pending_lines, self._pending_prompts = array("Q"), array("I"), array("Q")
        self._parts: list[_Part] = []
        self._kept = 0
        self._left_out = False

    def add(self, line: int, row: int, prompt: int, body: Body) -> None:
        """One row more.

        Args:
            row: its key.
            prompt: that of its prompt.
        """
        if row in self._texts_of:
            return
        texts = _texts(body)
        self._texts.append(texts)
        self._texts_of.add(row)
        self._pending_rows.append(row)
        self._pending_lines.append(line)
        self._pending_prompts.append(prompt)
        self._texts_size += len(texts[0]) + len(texts[1])
        if self._texts_size > _PENDING_CHARACTERS:
            self._sign()

    def extend(self, later: Signatures) -> None:
        """The rows that follow those that are here."""
        self._sign()
        later._sign()
        self._left_out = self._left_out or later._left_out
        for part in later._parts:
            self._append(part)

    def __getstate__(self) -> dict[str, Any]:
        """What goes to another process: numbers, not texts."""
        self._sign()
        return self.__dict__

    def _sign(self) -> None:
        if not self._texts:
            return
        import numpy as np

        numbers, first = signatures(self._texts)
        rows = np.array(self._pending_rows, dtype=np.uint64)
        # Neighbours in this order share the first number; among those that do, the row's key decides.
        order = (_mixed(first.astype(np.uint64)) & np.uint64(0xFFFFFFFF00000000)) | (rows >> np.uint64(32))
        lines = np.array(self._pending_lines, dtype=np.uint32)
        self._append(_Part(order, rows, lines, np.array(self._pending_prompts, dtype=np.uint64), numbers))
        self._texts, self._texts_of, self._texts_size = [], set(), 0
        self._pending_rows, self._pending_lines, self._pending_prompts = array("Q"), array("I"), array("Q")

    def _append(self, part: _Part) -> None:
        self._parts.append(part)
        self._kept += len(part.rows)
        if self._kept > self._most + max(self._most // 2, 10_000):
            self._trim()

    def _trim(self) -> _Part:
        """Only the first of equal rows, and no more than may be kept, in the order of the file."""
        import numpy as np

        self._sign()
        parts, self._parts = self._parts, []
        if not parts:
            nothing = np.zeros(0, np.uint64)
            return _Part(nothing, nothing, nothing.astype(np.uint32), nothing, np.zeros((0, 80), np.uint8))
        rows = np.concatenate([part.rows for part in parts])
        chosen = np.unique(rows, return_index=True)[1]
        if len(chosen) > self._most:
            order = np.concatenate([part.order for part in parts])[chosen]
            self._left_out = True
            chosen = chosen[np.argpartition(order, self._most)[: self._most]]
        chosen.sort()
        part = _Part(*(np.concatenate(field)[chosen] for field in zip(*parts, strict=True)))
        self._parts, self._kept = [part], len(chosen)
        return part

    @property
    def is_sample(self) -> bool:
        """Whether rows were left out."""
        self._trim()
        return self._left_out

    def found(self) -> tuple[list[Alike], NDArray[numpy.uint32], Words]:
        """What is alike.

        Returns:
            The rows that are like an earlier one, in the order of the file; and of all that were compared
            the lines and the prompts' keys.
        """
        part = self._trim()
        return list(alike(part.numbers)), part.lines, part.prompts


class _Part(NamedTuple):
    """Some rows' arrays: where they stand in the choice, their keys, lines, prompts' keys, numbers."""

    order: Words
    rows: Words
    lines: NDArray[numpy.uint32]
    prompts: Words
    numbers: Bytes


def _texts(body: Body) -> tuple[str, str]:
    """What a row asks and what it answers."""
    asked: list[str] = []
    answered: list[str] = []
    for message in body.get("messages", ()):
        if message["role"] != "system":
            (answered if message["role"] == "assistant" else asked).append(said(message))
    asked.append(body.get("prompt", ""))
    for key in ("text", "completion", "chosen", "rejected"):
        match body.get(key):
            case str() as text:
                answered.append(text)
            case list() as turns:
                answered += [said(turn) for turn in turns]
            case _:
                pass
    return "\n".join(asked), "\n".join(answered)


def said(message: Mapping[str, Any]) -> str:
    """A turn's text, with its calls of tools."""
    calls = message.get("tool_calls")
    if not calls:
        return message["content"]
    return message["content"] + "\n" + _encoder.encode([call["function"] for call in calls]).decode()


def signatures(texts: Sequence[tuple[str, str]]) -> tuple[Bytes, NDArray[numpy.uint32]]:
    """The numbers of rows.

    Args:
        texts: what each one asks and answers.

    Returns:
        80 numbers for each row, 64 of all and 16 of the answer; and its first one whole.
    """
    import numpy as np

    of_all = np.empty((len(texts), _NUMBERS), np.uint32)
    of_answers = np.empty((len(texts), _OF_ANSWER), np.uint32)
    for some in _pieces(texts):
        least = _least([text for pair in texts[some] for text in pair])
        np.minimum(least[0::2], least[1::2], out=of_all[some])
        of_answers[some] = least[1::2, :_OF_ANSWER]
    return np.hstack([of_all.astype(np.uint8), of_answers.astype(np.uint8)]), of_all[:, 0].copy()


def _pieces(texts: Sequence[tuple[str, str]]) -> Iterator[slice]:
    """Rows in pieces whose arrays stay in the processor's cache."""
    start = size = 0
    for place, (asked, answered) in enumerate(texts):
        size += len(asked) + len(answered)
        if size > _PIECE_CHARACTERS:
            yield slice(start, place + 1)
            start, size = place + 1, 0
    if start < len(texts):
        yield slice(start, len(texts))


def _least(texts: Sequence[str]) -> NDArray[numpy.uint32]:
    """Of each text the least hash of its runs under each permutation."""
    import numpy as np

    hashes, starts, counts = _runs(texts)
    least = np.empty((len(texts), _NUMBERS), np.uint32)
    for number, (flip, factor) in enumerate(_permutations()):
        np.minimum.reduceat((hashes ^ flip) * factor, starts, out=least[:, number])
    least[counts == 0] = 0xFFFFFFFF  # an empty text shares nothing with another one
    return least


@lru_cache(maxsize=1)
def _permutations() -> list[tuple[Any, Any]]:
    import numpy as np

    rng = np.random.default_rng(_SEED)
    flips = rng.integers(0, 1 << 32, _NUMBERS, dtype=np.uint32)
    factors = rng.integers(0, 1 << 31, _NUMBERS, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return list(zip(flips, factors, strict=True))


def _runs(texts: Sequence[str]) -> tuple[NDArray[numpy.uint32], NDArray[numpy.intp], NDArray[numpy.intp]]:
    """The hashes of every three words in a row of some texts, all behind each other.

    Before and behind each text stand two words of nothing, so that its first and last words are in as many
    runs as the others.

    Returns:
        The hashes; where each text's begin; how many words each text has.
    """
    import numpy as np

    contents = [text.lower().encode("utf-8", "replace") for text in texts]
    letters = np.frombuffer(b" ".join(contents) + b" ", np.uint8)
    lengths = np.fromiter((len(content) + 1 for content in contents), np.intp, len(texts))
    words, begins = _words(letters)
    ends_of_texts = np.cumsum(lengths)
    upto = np.searchsorted(begins, ends_of_texts)
    counts = np.diff(upto, prepend=0)
    texts_of = np.repeat(np.arange(len(texts)), counts)
    spread = np.zeros(len(words) + 2 * len(texts) + 2, np.uint64)
    spread[np.arange(len(words)) + 2 * (texts_of + 1)] = words
    runs = spread[:-2] * np.uint64(0x9E3779B97F4A7C15) + spread[1:-1]
    runs = runs * np.uint64(0xC2B2AE3D27D4EB4F) + spread[2:]
    starts = np.concatenate([[0], upto[:-1] + 2 * np.arange(1, len(texts))]).astype(np.intp)
    return (_mixed(runs) >> np.uint64(32)).astype(np.uint32), starts, counts


def _words(letters: Bytes) -> tuple[Words, NDArray[numpy.intp]]:
    """The hash of each word of UTF-8 (a difference of polynomials), and where it begins."""
    import numpy as np

    powers, inverses = _powers(1 << (len(letters) - 1).bit_length())
    kinds = _kinds()[letters]
    inside = kinds != 0
    # Without further signs words are what lies between their edges.
    edges = np.flatnonzero(inside[1:] != inside[:-1]) + 1
    if inside[0]:
        edges = np.concatenate([[0], edges])
    begins, ends = edges[0::2], edges[1::2]
    if (letters >= 0xE2).any():
        # General punctuation and other signs (U+2000 to U+2FFF) part words as ASCII's do.
        signs = np.flatnonzero(kinds == 3)
        for place in (signs, signs + 1, signs + 2):
            inside[place] = False
        # Chinese and Japanese have no spaces: each character is a word.
        single = np.flatnonzero(kinds == 2)
        begins_word = inside.copy()
        begins_word[1:] &= ~inside[:-1]
        begins_word[single] = True
        behind = single + np.where(letters[single] >= 0xF0, 4, 3)
        begins_word[behind[behind < len(letters)]] = True
        begins_word &= inside
        ends_word = inside
        ends_word[:-1] &= ~inside[1:] | begins_word[1:]
        begins, ends = np.flatnonzero(begins_word), np.flatnonzero(ends_word) + 1
    sums = np.zeros(len(letters) + 1, np.uint64)
    np.multiply(letters, powers[: len(letters)], out=sums[1:])
    np.cumsum(sums[1:], out=sums[1:])
    return _mixed((sums[ends] - sums[begins]) * inverses[begins]), begins


@lru_cache(maxsize=1)
def _kinds() -> Bytes:
    """Of each byte: 0 parts words, 1 is in one, 2 begins a word of one character, 3 begins a sign."""
    import numpy as np

    kinds = np.zeros(256, np.uint8)
    kinds[[*b"0123456789abcdefghijklmnopqrstuvwxyz_"]] = 1
    kinds[0x80:] = 1
    kinds[0xE2] = 3
    kinds[0xE3:0xEA] = 2  # U+3000 to U+9FFF
    kinds[0xEF:0xF5] = 2  # full width, emoji, rare Chinese
    return kinds


@lru_cache(maxsize=4)
def _powers(count: int) -> tuple[Words, Words]:
    """The powers of an odd number modulo 2^64, and those of its inverse."""
    import numpy as np

    base = 0x5851F42D4C957F2D
    both: list[Words] = []
    for number in (base, pow(base, -1, 1 << 64)):
        powers = np.full(max(count, 1), number, np.uint64)
        powers[0] = 1
        both.append(np.cumprod(powers, dtype=np.uint64))
    return both[0], both[1]


def _mixed(numbers: Words) -> Words:
    """Numbers in which every bit depends on all (the end of splitmix64)."""
    import numpy as np

    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


def alike(numbers: Bytes) -> Iterator[Alike]:
    """The rows that are like an earlier one, each with the earliest one that it was compared with.

    Args:
        numbers: see `signatures`; rows in the order of the file.
    """
    import numpy as np

    rows = len(numbers)
    if rows < 2:
        return
    first = np.arange(rows)
    of_all = np.ascontiguousarray(numbers[:, :_NUMBERS])
    bands = of_all.view(np.uint32)
    for band in range(_NUMBERS // _IN_BAND):
        order = np.argsort(bands[:, band], kind="stable")
        values = bands[order, band]
        same = np.flatnonzero(values[1:] == values[:-1]) + 1
        if not len(same):
            continue
        new = np.ones(rows, bool)
        new[same] = False
        heads = np.maximum.accumulate(np.where(new, np.arange(rows), 0))
        for partner in (order[heads[same]], order[same - 1]):
            later = order[same]
            closer = partner < first[later]  # what is known already need not be compared
            later, partner = later[closer], partner[closer]
            for start in range(0, len(later), 1 << 16):
                a, b = later[start : start + (1 << 16)], partner[start : start + (1 << 16)]
                agree = (of_all[a] == of_all[b]).sum(axis=1) >= LEAST_ALIKE * _NUMBERS
                a, b = a[agree], b[agree]
                answers = numbers[a, _NUMBERS:] == numbers[b, _NUMBERS:]
                fit = answers.sum(axis=1) >= LEAST_ANSWERS_ALIKE * _OF_ANSWER
                np.minimum.at(first, a[fit], b[fit])
    for row in np.flatnonzero(first < np.arange(rows)).tolist():
        earlier = int(first[row])
        resemblance = float((of_all[row] == of_all[earlier]).mean())
        yield Alike(row, earlier, words_alike(resemblance))


def words_alike(resemblance: float) -> float:
    """About how much of the words are the same in two rows that share this part of their runs of three.

    Each changed word, standing alone, changes three runs: (1 - 3c) / (1 + 3c) of all runs are shared.
    """
    return 1 - (1 - resemblance) / (3 * (1 + resemblance))

"""The numbers of texts that tell how much they share: MinHash over three words in a row, many texts at once.

Broder 1997, "On the resemblance and containment of documents". Of a number eight bits are kept (Li and König
2010, "b-bit minwise hashing"): others agree by chance once in 256.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any
from zlib import crc32

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Bytes = NDArray[numpy.uint8]
    Words = NDArray[numpy.uint64]

NUMBERS, OF_ANSWER = 64, 16
"""How many numbers a row has, and how many its answer besides."""

_PIECE_CHARACTERS = 1 << 17
_SEED = 20261124


def signatures(texts: Sequence[tuple[str, str]]) -> tuple[Bytes, NDArray[numpy.uint32]]:
    """The numbers of rows.

    Args:
        texts: what each one asks and answers.

    Returns:
        80 numbers for each row, 64 of all and 16 of the answer; and its first one whole.
    """
    import numpy as np

    of_all = np.empty((len(texts), NUMBERS), np.uint32)
    of_answers = np.empty((len(texts), OF_ANSWER), np.uint32)
    for some in _pieces(texts):
        least = _least([text for pair in texts[some] for text in pair])
        np.minimum(least[0::2], least[1::2], out=of_all[some])
        of_answers[some] = least[1::2, :OF_ANSWER]
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

    hashes, starts, counts = runs_of(texts)
    least = np.empty((len(texts), NUMBERS), np.uint32)
    permuted = np.empty_like(hashes)
    for number, (flip, factor) in enumerate(_permutations()):
        np.bitwise_xor(hashes, flip, out=permuted)
        np.multiply(permuted, factor, out=permuted)
        np.minimum.reduceat(permuted, starts, out=least[:, number])
    flips, factors = (np.array(numbers, np.uint32) for numbers in zip(*_permutations(), strict=True))
    for place in np.flatnonzero(counts == 0).tolist():
        # Without words (an operator, a bracket) it is like nothing but itself; an empty one adds nothing.
        content = texts[place].strip().encode("utf-8", "replace")
        least[place] = (np.uint32(crc32(content)) ^ flips) * factors if content else 0xFFFFFFFF
    return least


@lru_cache(maxsize=1)
def _permutations() -> list[tuple[Any, Any]]:
    import numpy as np

    rng = np.random.default_rng(_SEED)
    flips = rng.integers(0, 1 << 32, NUMBERS, dtype=np.uint32)
    factors = rng.integers(0, 1 << 31, NUMBERS, dtype=np.uint32) * np.uint32(2) + np.uint32(1)
    return list(zip(flips, factors, strict=True))


def runs_of(texts: Sequence[str]) -> tuple[NDArray[numpy.uint32], NDArray[numpy.intp], NDArray[numpy.intp]]:
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
    return (mixed(runs) >> np.uint64(32)).astype(np.uint32), starts, counts


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
    return mixed((sums[ends] - sums[begins]) * inverses[begins]), begins


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


def mixed(numbers: Words) -> Words:
    """Numbers in which every bit depends on all (the end of splitmix64)."""
    import numpy as np

    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))

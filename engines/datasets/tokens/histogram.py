"""How long rows are: bins with round borders, and the figures that a person asks for."""

from __future__ import annotations

import collections
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise

MOST_BINS = 12
_FULL = "█"
_EIGHTHS = ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")
_STEPS_OF_A_DECADE = ((10, 12, 15, 20, 25, 30, 40, 50, 60, 80), (10, 15, 20, 30, 50, 70), (10, 20, 50), (10,))
"""Borders in each power of ten, in tenths, from the finest series to the coarsest."""


@dataclass(frozen=True, slots=True)
class Bin:
    """Rows of `low` to `high - 1` tokens."""

    low: int
    high: int
    rows: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many tokens rows have.

    Args:
        bins: at most 12, without gaps, in order; the first and the last one have rows.
        shortest, median, p90, p99, longest: tokens of a row that is there (the nearest rank), exact.
    """

    rows: int
    bins: tuple[Bin, ...]
    shortest: int
    median: int
    p90: int
    p99: int
    longest: int

    def lines(self, width: int) -> list[str]:
        """A line for each bin: its borders, its rows, and a bar.

        Args:
            width: in cells, at least 30; no line is longer.
        """
        if not self.bins:
            return []
        borders = [f"{one.low:,} – {one.high - 1:,}" for one in self.bins]
        counts = [f"{one.rows:,}" for one in self.bins]
        left = max(map(len, borders))
        right = max(map(len, counts))
        room = max(1, width - left - right - 4)
        most = max(one.rows for one in self.bins)
        return [
            f"{border:>{left}}  {count:>{right}}  {_bar(one.rows / most, room)}".rstrip()
            for border, count, one in zip(borders, counts, self.bins, strict=True)
        ]


def histogram(lengths: Iterable[int] | Mapping[int, int]) -> Histogram:
    """How the lengths of rows are spread.

    Args:
        lengths: in tokens, in any order; or each with how many rows have it.
    """
    # There are far fewer lengths than rows, so a million rows need no sorting.
    counts = collections.Counter(lengths)
    if not counts:
        return Histogram(0, (), 0, 0, 0, 0, 0)
    values = sorted(counts)
    below = list(accumulate(counts[value] for value in values))
    rows = below[-1]

    def at(share: float) -> int:
        return values[bisect_left(below, max(1, math.ceil(share * rows)))]

    def up_to(border: int) -> int:
        """Rows with fewer tokens than this."""
        place = bisect_left(values, border)
        return below[place - 1] if place else 0

    borders = _borders(values[0], values[-1])
    bins = tuple(Bin(low, high, up_to(high) - up_to(low)) for low, high in pairwise(borders))
    return Histogram(rows, bins, values[0], at(0.5), at(0.9), at(0.99), values[-1])


def _borders(shortest: int, longest: int) -> list[int]:
    """Round borders around all lengths: even ones where lengths differ little, else ever wider ones."""
    if longest < 4 * max(shortest, 1):
        return _even(shortest, longest)
    for steps in _STEPS_OF_A_DECADE:
        series = [0, *_series(steps, longest)]
        first = bisect_right(series, shortest) - 1
        if len(series) - first - 1 <= MOST_BINS:
            return series[first:]
    raise AssertionError("powers of ten up to 2³² are fewer than twelve")


def _even(shortest: int, longest: int) -> list[int]:
    # Not below three digits: 1,000 – 1,009 says as much as 1,001 and reads better.
    power = max(1, 10 ** (len(str(longest)) - 3))
    while True:
        for factor in (1, 2, 5):
            step = factor * power
            low, high = shortest // step * step, (longest // step + 1) * step
            if (high - low) // step <= MOST_BINS:
                return list(range(low, high + 1, step))
        power *= 10


def _series(steps: Sequence[int], longest: int) -> Iterator[int]:
    """1, … 10, … up to the first border above the longest; only whole ones."""
    power = 1
    while True:
        for step in steps:
            border, rest = divmod(step * power, 10)
            if rest:
                continue
            yield border
            if border > longest:
                return
        power *= 10


def _bar(share: float, room: int) -> str:
    """A bar in eighths of a cell; whatever is not nothing shows."""
    eighths = max(round(share * room * 8), 1 if share else 0)
    return _FULL * (eighths // 8) + _EIGHTHS[eighths % 8]

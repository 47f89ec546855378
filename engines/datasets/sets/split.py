"""Which rows are kept from training to validate with."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence

SHARE = 0.05
LEAST_ROWS, MOST_ROWS = 20, 500
MOST_SHARE = 0.2


def default_valid_rows(rows: int) -> int:
    """How many of `rows` are kept for validation when nobody says: 5 %, between 20 and 500.

    Of small sets at most a fifth is taken (so below 100 rows there are fewer than 20), but at least one row;
    none of a single row.
    """
    wanted = min(max(round(rows * SHARE), LEAST_ROWS), MOST_ROWS)
    return min(max(1, min(wanted, int(rows * MOST_SHARE))), max(rows - 1, 0))


def choose_valid(keys: Sequence[int], count: int, seed: int) -> frozenset[int]:
    """The indices of the rows to validate with: at most `count`, at random.

    Rows with the same key stay on one side. A group of them that is larger than what is still wanted is
    passed over; when all are, the smallest group is taken. Nothing is taken when there is only one group.

    Args:
        keys: each row's `Keys.prompt`.
        count: how many rows are wanted.
        seed: the same seed and keys choose the same rows.
    """
    places: dict[int, int] = {}
    groups = array("I", (places.setdefault(key, len(places)) for key in keys))
    if len(places) < 2 or count < 1:
        return frozenset()
    sizes = array("I", bytes(4 * len(places)))
    for group in groups:
        sizes[group] += 1
    shuffled = array("I", range(len(places)))
    random.Random(seed).shuffle(shuffled)
    taken: set[int] = set()
    rows = 0
    for group in shuffled:
        if rows + sizes[group] <= count:
            taken.add(group)
            rows += sizes[group]
        if rows == count:
            break
    chosen = taken or {min(shuffled, key=lambda group: sizes[group])}
    return frozenset(index for index, group in enumerate(groups) if group in chosen)


def joined(first: Sequence[int], second: Sequence[int]) -> array[int]:
    """Keys that two rows share when they share a key of either sequence, directly or through other rows."""
    parents = list(range(len(first)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    for keys in (first, second):
        met: dict[int, int] = {}
        for index, key in enumerate(keys):
            here, there = root(index), root(met.setdefault(key, index))
            parents[max(here, there)] = min(here, there)
    return array("Q", (root(index) for index in range(len(parents))))

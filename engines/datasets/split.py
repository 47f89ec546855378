"""Which rows are kept from training to validate with."""

from __future__ import annotations

import random
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
    groups: dict[int, list[int]] = {}
    for index, key in enumerate(keys):
        groups.setdefault(key, []).append(index)
    if len(groups) < 2 or count < 1:
        return frozenset()
    shuffled = list(groups.values())
    random.Random(seed).shuffle(shuffled)
    chosen: list[int] = []
    for group in shuffled:
        if len(chosen) + len(group) <= count:
            chosen += group
        if len(chosen) == count:
            break
    return frozenset(chosen or min(shuffled, key=len))

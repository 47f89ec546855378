"""Equal ones among millions of keys, by sorting arrays: a dictionary of them takes ten times the memory."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

_AT_ONCE = 1 << 16


def repeated(keys: array[int]) -> Iterator[tuple[int, int]]:
    """The places of keys that were met before, in their order, each with the first place of that key."""
    import numpy as np

    values = np.frombuffer(keys, np.uint64)
    ordered = np.sort(values)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered
    if not len(repeated):
        return
    starts = range(0, len(values), _AT_ONCE)
    places = np.concatenate(
        [start + np.flatnonzero(_is_in(values[start : start + _AT_ONCE], repeated)) for start in starts]
    )
    order, first = groups(values[places])
    later = order != first
    order, first = order[later], first[later]
    by_place = np.argsort(order)
    yield from pairs(places[order[by_place]], places[first[by_place]])


def groups(keys: NDArray[numpy.uint64]) -> tuple[NDArray[numpy.intp], NDArray[numpy.intp]]:
    """The places of keys, equal ones behind each other, each with the first place of its key."""
    import numpy as np

    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    head = np.arange(len(order))
    head[1:][ordered[1:] == ordered[:-1]] = 0
    return order, order[np.maximum.accumulate(head)]


def _is_in(keys: NDArray[numpy.uint64], ordered: NDArray[numpy.uint64]) -> NDArray[numpy.bool_]:
    import numpy as np

    places = np.searchsorted(ordered, keys)
    places[places == len(ordered)] = 0
    return ordered[places] == keys


def found_in(ours: NDArray[numpy.uint64], theirs: NDArray[numpy.uint64]) -> Iterator[tuple[int, int]]:
    """The places of keys that are among others, each with the first place there."""
    import numpy as np

    if not len(ours) or not len(theirs):
        return
    ours_ordered = np.unique(ours)
    shared = np.flatnonzero(_is_in(theirs, ours_ordered))
    keys, first = np.unique(theirs[shared], return_index=True)
    if len(keys):
        places = np.flatnonzero(_is_in(ours, keys))
        yield from pairs(places, shared[first[np.searchsorted(keys, ours[places])]])


def pairs(left: NDArray[numpy.generic], right: NDArray[numpy.generic]) -> Iterator[tuple[int, int]]:
    """Two arrays as pairs of integers, some at a time."""
    for start in range(0, len(left), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        yield from zip(left[some].tolist(), right[some].tolist(), strict=True)

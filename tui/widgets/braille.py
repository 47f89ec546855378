"""Curves as braille characters: a cell is two dots wide and four high. Imports numpy; import it late.

Of the points that share a column of dots the lowest and highest are drawn, so a spike is seen however many
points there are, and a million of them cost some milliseconds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

# Unicode's braille patterns (U+2800): the bit of each dot, by row and column of the cell.
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)


def plot(
    steps: NDArray[np.int64],
    values: NDArray[np.float64],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    columns: int,
    rows: int,
) -> NDArray[np.uint8]:
    """Draw one curve.

    Args:
        steps: increasing.
        values: one a step; one that is not finite leaves a gap.
        x_range, y_range: what the edges stand for; the y range in the values' own scale.
        columns, rows: the size in cells.

    Returns:
        The dots of each cell, rows from the top, as bits of a braille pattern.
    """
    width, height = columns * 2, rows * 4
    dots = np.zeros((height, width), bool)
    inside = (steps >= x_range[0]) & (steps <= x_range[1])
    steps, values = steps[inside], values[inside]
    finite = np.isfinite(values)
    # Points without a gap between them have the same number.
    strokes = np.cumsum(~finite)[finite]
    steps, values = steps[finite], values[finite]
    if len(steps) == 0:
        return np.zeros((rows, columns), np.uint8)
    x_span, y_span = (max(span[1] - span[0], 1e-300) for span in (x_range, y_range))
    x = np.rint((steps - x_range[0]) / x_span * (width - 1)).astype(np.int64)
    y = (y_range[1] - np.clip(values, *y_range)) / y_span * (height - 1)
    y = np.rint(y).astype(np.int64)
    starts = np.flatnonzero(np.append(True, np.diff(x) > 0))
    ends = np.append(starts[1:], len(x)) - 1
    lowest, highest = np.minimum.reduceat(y, starts), np.maximum.reduceat(y, starts)
    for i, column in enumerate(x[starts]):
        dots[lowest[i] : highest[i] + 1, column] = True
        if i and strokes[ends[i - 1]] == strokes[starts[i]]:
            _join(dots, (int(x[ends[i - 1]]), int(y[ends[i - 1]])), (int(column), int(y[starts[i]])))
    return _pack(dots)


def places(
    steps: NDArray[np.int64],
    values: NDArray[np.float64],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    columns: int,
    rows: int,
) -> set[tuple[int, int]]:
    """The cells (row, column) in which points lie, for marks; arguments as for `plot`."""
    keep = np.isfinite(values) & (steps >= x_range[0]) & (steps <= x_range[1])
    x_span, y_span = (max(span[1] - span[0], 1e-300) for span in (x_range, y_range))
    x = np.rint((steps[keep] - x_range[0]) / x_span * (columns * 2 - 1)).astype(np.int64) // 2
    y = (y_range[1] - np.clip(values[keep], *y_range)) / y_span * (rows * 4 - 1)
    y = np.rint(y).astype(np.int64) // 4
    return set(zip(y.tolist(), x.tolist(), strict=True))


def _join(dots: NDArray[np.bool_], start: tuple[int, int], end: tuple[int, int]) -> None:
    """A line between two dots in different columns."""
    count = max(end[0] - start[0], abs(end[1] - start[1])) + 1
    x = np.rint(np.linspace(start[0], end[0], count)).astype(np.int64)
    y = np.rint(np.linspace(start[1], end[1], count)).astype(np.int64)
    dots[y, x] = True


def _pack(dots: NDArray[np.bool_]) -> NDArray[np.uint8]:
    height, width = dots.shape
    cells = dots.reshape(height // 4, 4, width // 2, 2)
    return (cells * _BITS[None, :, None, :]).sum(axis=(1, 3)).astype(np.uint8)


def character(bits: int) -> str:
    """The braille pattern with these dots."""
    return chr(0x2800 + bits)

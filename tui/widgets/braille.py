"""Curves as braille characters: a cell is two dots wide and four high. Imports numpy; import it late.

Of the points that share a column of dots the lowest and highest are drawn, so a spike is seen however many
points there are, and a million of them cost some milliseconds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Unicode's braille patterns (U+2800): the bit of each dot, by row and column of the cell.
_BITS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]], np.uint8)


@dataclass(frozen=True)
class Frame:
    """A plot's size in cells and what its edges stand for: the first and last column and row of dots."""

    columns: int
    rows: int
    left: float
    right: float
    bottom: float
    top: float
    log: bool = False
    """The y axis is logarithmic; its edges are given as values all the same. What is not above 0 is a gap."""

    def column(self, x: float) -> int:
        """The cell in which x lies, from the left; outside where x is."""
        return int(np.floor((x - self.left) / self._width * (self.columns * 2 - 1) + 0.5)) // 2

    def x(self, column: int) -> float:
        """What the middle of a cell stands for."""
        return self.left + (column * 2 + 0.5) / (self.columns * 2 - 1) * self._width

    @property
    def cell(self) -> float:
        """The width of a cell on the x axis."""
        return self._width * 2 / (self.columns * 2 - 1)

    @property
    def _width(self) -> float:
        return max(self.right - self.left, 1e-300)

    def row(self, value: float) -> int:
        """The cell in which a value lies, from the top; at an edge where it is beyond."""
        return int(self.dots(np.array([value]))[0]) // 4

    def numbers(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values with NaN for all that cannot be drawn."""
        with np.errstate(invalid="ignore"):
            drawn = (values > 0) & (values < np.inf) if self.log else np.isfinite(values)
        return values if drawn.all() else np.where(drawn, values, np.nan)

    def dots(self, values: NDArray[np.float64]) -> NDArray[np.int64]:
        """Rows of dots, from the top, of values that can be drawn."""
        bottom, top = self.bottom, self.top
        if self.log:
            values, bottom, top = np.log10(values), float(np.log10(bottom)), float(np.log10(top))
        share = (top - np.clip(values, bottom, top)) / max(top - bottom, 1e-300)
        return np.rint(np.clip(share, 0, 1) * (self.rows * 4 - 1)).astype(np.int64)


def plot(x: NDArray[np.float64], values: NDArray[np.float64], frame: Frame) -> NDArray[np.uint8]:
    """Draw one curve.

    Args:
        x: not decreasing.
        values: one each; one that is not finite leaves a gap.

    Returns:
        The dots of each cell, rows from the top, as bits of a braille pattern.
    """
    width, height = frame.columns * 2, frame.rows * 4
    dots = np.zeros((height, width), bool)
    span = max(frame.right - frame.left, 1e-300)
    edges = frame.left + (np.arange(width + 1) - 0.5) * (span / (width - 1))
    bounds = np.searchsorted(x, edges)
    first, end = int(bounds[0]), int(bounds[-1])
    # One point more at each side, to which lines go.
    before = min(first, 1)
    values = frame.numbers(values[first - before : end + 1])
    x, bounds = x[first - before : end + 1], bounds - first + before
    end = int(bounds[-1])
    columns = np.flatnonzero(bounds[:-1] < bounds[1:])
    previous = (float(x[0]), float(values[0])) if before else None
    if len(columns):
        starts, ends = bounds[columns], bounds[columns + 1] - 1
        lowest = np.fmin.reduceat(values[:end], starts)
        highest = np.fmax.reduceat(values[:end], starts)
        drawn = np.isfinite(lowest)
        uppers, lowers = frame.dots(highest[drawn]).tolist(), frame.dots(lowest[drawn]).tolist()
        for column, upper, lower in zip(columns[drawn].tolist(), uppers, lowers, strict=True):
            dots[upper : lower + 1, column] = True
        if previous is not None:
            _join(dots, previous, (float(x[starts[0]]), float(values[starts[0]])), frame)
        _join_columns(dots, columns, values[starts], values[ends], frame)
        previous = (float(x[ends[-1]]), float(values[ends[-1]]))
    if previous is not None and end < len(x):
        _join(dots, previous, (float(x[end]), float(values[end])), frame)
    return _pack(dots)


def places(x: NDArray[np.float64], values: NDArray[np.float64], frame: Frame) -> list[tuple[int, int]]:
    """The cells (row, column) in which points lie, for marks, from the left; arguments as for `plot`."""
    values = frame.numbers(values)
    inside = np.isfinite(values) & (x >= frame.left) & (x <= frame.right)
    span = max(frame.right - frame.left, 1e-300)
    columns = np.floor((x[inside] - frame.left) / span * (frame.columns * 2 - 1) + 0.5).astype(np.int64) // 2
    rows = frame.dots(values[inside]) // 4
    return list(dict.fromkeys(zip(rows.tolist(), columns.tolist(), strict=True)))


def _join_columns(
    dots: NDArray[np.bool_],
    columns: NDArray[np.int64],
    firsts: NDArray[np.float64],
    lasts: NDArray[np.float64],
    frame: Frame,
) -> None:
    """Lines from the last point of each column to the first one of the next."""
    joined = np.isfinite(lasts[:-1]) & np.isfinite(firsts[1:])
    starts, ends = frame.dots(lasts[:-1][joined]).tolist(), frame.dots(firsts[1:][joined]).tolist()
    pairs = zip(columns[:-1][joined].tolist(), columns[1:][joined].tolist(), starts, ends, strict=True)
    for left, right, start, end in pairs:
        if right == left + 1:
            middle = (start + end) // 2
            dots[min(start, middle) : max(start, middle) + 1, left] = True
            dots[min(middle, end) : max(middle, end) + 1, right] = True
        else:
            _line(dots, left, start, right, end)


def _join(
    dots: NDArray[np.bool_], start: tuple[float, float], end: tuple[float, float], frame: Frame
) -> None:
    """A line between two neighbouring points, as much of it as lies in the frame; none beside a gap."""
    values = np.array([start[1], end[1]])
    if not np.isfinite(values).all():
        return
    across = np.clip([start[0], end[0]], frame.left, frame.right)
    if end[0] > start[0]:
        heights = np.log10(values) if frame.log else values
        heights = np.interp(across, [start[0], end[0]], heights)
        values = 10.0**heights if frame.log else heights
    width = dots.shape[1]
    span = max(frame.right - frame.left, 1e-300)
    (x0, x1), (y0, y1) = np.floor((across - frame.left) / span * (width - 1) + 0.5), frame.dots(values)
    _line(dots, int(x0), int(y0), int(x1), int(y1))


def _line(dots: NDArray[np.bool_], x0: int, y0: int, x1: int, y1: int) -> None:
    count = max(x1 - x0, abs(y1 - y0)) + 1
    columns = np.rint(np.linspace(x0, x1, count)).astype(np.int64)
    rows = np.rint(np.linspace(y0, y1, count)).astype(np.int64)
    dots[rows, columns] = True


def _pack(dots: NDArray[np.bool_]) -> NDArray[np.uint8]:
    height, width = dots.shape
    cells = dots.reshape(height // 4, 4, width // 2, 2)
    return (cells * _BITS[None, :, None, :]).sum(axis=(1, 3)).astype(np.uint8)


def character(bits: int) -> str:
    """The braille pattern with these dots."""
    return chr(0x2800 + bits)

"""Where an axis has its marks, and how numbers on it are written."""

from __future__ import annotations

import math


def nice_range(low: float, high: float, marks: int) -> tuple[float, float, list[float]]:
    """A range around two values, and round numbers in it for marks.

    The edges lie on a quarter of the marks' distance: an axis stands still while values move a little.

    Args:
        marks: about how many are wanted, at least 2.

    Returns:
        Lowest and highest value of the axis, and its marks from the lowest.
    """
    if not high > low:
        pad = abs(low) * 0.1 or 1.0
        low, high = low - pad, high + pad
    step = nice_step((high - low) / max(marks, 1))
    grid = step / 4
    bottom, top = math.floor(low / grid + 1e-9) * grid, math.ceil(high / grid - 1e-9) * grid
    first, last = math.ceil(bottom / step - 1e-9), math.floor(top / step + 1e-9)
    return bottom, top, [round(index * step, 12) for index in range(first, last + 1)]


def nice_step(rough: float) -> float:
    """The smallest of 1, 2, 2.5, 5 times a power of ten that is not below `rough`."""
    power = 10.0 ** math.floor(math.log10(rough))
    for factor in (1.0, 2.0, 2.5, 5.0, 10.0):
        if factor * power >= rough * (1 - 1e-9):
            return factor * power
    return 10.0 * power


def log_range(low: float, high: float) -> tuple[float, float, list[float]]:
    """`nice_range` for a logarithmic axis of positive values: marks at 1, 2, 5 times 10^n if two fit."""
    powers = range(math.floor(math.log10(low)) - 1, math.ceil(math.log10(high)) + 1)
    edges = [factor * 10.0**power for power in powers for factor in (1, 1.5, 2, 3, 4, 5, 6, 8)]
    bottom = max((value for value in edges if value <= low * (1 + 1e-9)), default=low)
    top = min((value for value in edges if value >= high * (1 - 1e-9)), default=high)
    if top <= bottom:
        top = bottom * 2
    inside = [value for value in edges if bottom <= value <= top]
    round_ones = [factor * 10.0**power for power in powers for factor in (1, 2, 5)]
    marks = [value for value in inside if value in round_ones]
    return bottom, top, marks if len(marks) >= 2 else inside or [bottom, top]


def grown(end: float) -> float:
    """The end of an axis for values that go on growing: a round number with at most an eighth to spare."""
    if end <= 0:
        return 1.0
    grid = nice_step(end / 8)
    return math.ceil(end / grid - 1e-9) * grid


def unit(axis: str, span: float) -> tuple[str, float]:
    """What the x axis counts in, and how much one of that is.

    Args:
        axis: step, tokens, epoch, or time in seconds.
        span: how much of it is seen.
    """
    if axis == "time":
        return ("s", 1.0) if span < 120 else ("min", 60.0) if span < 2 * 3600 else ("h", 3600.0)
    return {"step": "update"}.get(axis, axis), 1.0


def x_marks(left: float, right: float, count: int, axis: str) -> list[tuple[float, str]]:
    """Round places on the x axis, about `count` of them, and how they are written, each differently."""
    size = unit(axis, right - left)[1]
    # An end a little beyond a round number takes no mark away.
    step = nice_step(max((right - left) / size, 1e-9) / max(count, 1) * 0.95)
    if axis in ("step", "tokens"):
        step = float(math.ceil(max(step, 1.0) - 1e-9))
    first, last = math.ceil(left / size / step - 1e-9), math.floor(right / size / step + 1e-9)
    values = [index * step for index in range(first, last + 1)]
    for written in (_short, lambda value: f"{value:,.10g}"):
        texts = [written(value) for value in values]
        if len(set(texts)) == len(texts):
            break
    return [(value * size, text) for value, text in zip(values, texts, strict=True)]


def _short(value: float) -> str:
    return count(value) if value >= 1000 else f"{value:.6g}"


def duration(seconds: float) -> str:
    """A time span in two or three digits: 42 s, 7.5 min, 1.3 h."""
    for word, size in (("h", 3600.0), ("min", 60.0)):
        if seconds >= size * 1.995:
            return f"{seconds / size:.{0 if seconds >= 99.5 * size else 1}f} {word}"
    return f"{seconds:.0f} s"


def number(value: float) -> str:
    """A value in three digits and at most 7 characters: 2.31, 0.881, 0.0042, 1.2e-05, 125k."""
    size = abs(value)
    if not math.isfinite(value):
        return "nan" if value != value else "inf"
    if size >= 1_000:
        return count(value)
    if value == 0:
        return "0"
    if size < 1e-3:
        return f"{value:.1e}"
    return f"{value:#.3g}".removesuffix(".")


def mark(value: float) -> str:
    """A round number on an axis: 2.5, 0.05, 1e-05."""
    return count(value) if abs(value) >= 10_000 else f"{value:.6g}"


def count(value: float) -> str:
    """A count in few characters: 640, 1,500, 20k, 1.5M."""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e4)):
        if abs(value) >= size:
            return f"{value / (1e3 if unit == 'k' else size):.3g}{unit}"
    return f"{value:,.0f}"

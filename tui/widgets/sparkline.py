"""A line of the last minutes in one row of braille: two moments a cell, four heights."""

from __future__ import annotations

from collections.abc import Sequence

# Unicode's braille patterns: the dots of a column from the bottom up, left and right.
_LEFT, _RIGHT = (0x40, 0x04, 0x02, 0x01), (0x80, 0x20, 0x10, 0x08)


def sparkline(shares: Sequence[float | None], cells: int) -> str:
    """The newest values, as many as there is room for, the last one at the right end.

    Args:
        shares: oldest first, 0 to 1: by quarters one dot to four. None, not known, has no dot.
    """
    newest = [*([None] * (2 * cells)), *shares][-2 * cells :] if cells > 0 else []
    pairs = zip(newest[::2], newest[1::2], strict=True)
    return "".join(chr(0x2800 + _column(left, _LEFT) + _column(right, _RIGHT)) for left, right in pairs)


def _column(share: float | None, dots: tuple[int, ...]) -> int:
    if share is None:
        return 0
    return sum(dots[: min(1 + int(max(share, 0.0) * 4), 4)])

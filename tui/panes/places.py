"""Places in a file that one goes through: the lines on which some of its rows start."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence


class Places:
    """Lines in the order of the file, counted from 1."""

    def __init__(self, lines: Sequence[int] = ()) -> None:
        self.lines = [*lines]

    def __len__(self) -> int:
        return len(self.lines)

    def extend(self, later: Sequence[int]) -> None:
        """Lines behind all that are here."""
        self.lines += later

    def step(self, line: int, by: int) -> int | None:
        """The place so many further than a line that may be none of them; None beyond the last."""
        place = bisect_right(self.lines, line) - 1 + by if by > 0 else bisect_left(self.lines, line) + by
        return self.lines[place] if 0 <= place < len(self.lines) else None

    def rank(self, line: int) -> int:
        """Which of them a line is, counted from 1; 0 where it is none."""
        place = bisect_left(self.lines, line)
        return place + 1 if place < len(self.lines) and self.lines[place] == line else 0

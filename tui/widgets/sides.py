"""A line with a text at the left, and one at the right where there is room for it."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from .canvas import Canvas


class Sides(Canvas):
    """What is at the left counts; the right gets shorter, then goes."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._left: Content = Content("")
        self._rights: Sequence[Content] = ()

    def show(self, left: Content, rights: Sequence[Content] = ()) -> None:
        """`rights`: the same said ever shorter; the first that there is room for is shown."""
        self._left, self._rights = left, rights
        self.repaint()

    def lay_out(self, width: int, height: int) -> int:
        return 1

    def line(self, index: int, width: int) -> Content:
        left = self._left.truncate(max(width - 2, 0), ellipsis=True)
        room = width - 2 - left.cell_length
        right = next((right for right in self._rights if right.cell_length + 2 <= room), Content(""))
        return Content.assemble(" ", left, " " * max(room - right.cell_length, 0), right, " ")

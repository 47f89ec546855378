"""The line at the top: a text at the left, one in the middle, one at the right."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from .canvas import Canvas


class TopLine(Canvas):
    """Three texts on one line; the middle one gets shorter or goes, then the left is cut."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._left, self._right = Content(""), Content("")
        self._middles: Sequence[Content] = ()

    def show(self, left: Content, middles: Sequence[Content], right: Content) -> None:
        """`middles`: the same said ever shorter; the first that there is room for is shown."""
        self._left, self._middles, self._right = left, middles, right
        self.repaint()

    def lay_out(self, width: int, height: int) -> int:
        return 1

    def line(self, index: int, width: int) -> Content:
        left, right = self._left, self._right
        room = width - left.cell_length - right.cell_length - 2
        fitting = (middle for middle in self._middles if middle.cell_length <= room - 2)
        middle = next(fitting, Content(""))
        left = left.truncate(max(width - right.cell_length - 3, 0), ellipsis=True)
        free = max(room - middle.cell_length, 0)
        return Content.assemble(" ", left, " " * (free // 2), middle, " " * (free - free // 2), right, " ")

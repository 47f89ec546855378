"""The line at the top: a text at the left, one in the middle, one at the right."""

from __future__ import annotations

from textual.content import Content

from .canvas import Canvas


class TopLine(Canvas):
    """Three texts on one line; where there is no room the middle one goes, then the left is cut."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._parts = (Content(""), Content(""), Content(""))

    def show(self, left: Content, middle: Content, right: Content) -> None:
        self._parts = (left, middle, right)
        self.repaint()

    def lay_out(self, width: int, height: int) -> int:
        return 1

    def line(self, index: int, width: int) -> Content:
        left, middle, right = self._parts
        room = width - left.cell_length - right.cell_length - 2
        if middle.cell_length > room - 4:
            middle = Content("")
        left = left.truncate(max(width - right.cell_length - 3, 0), ellipsis=True)
        free = max(room - middle.cell_length, 0)
        return Content.assemble(" ", left, " " * (free // 2), middle, " " * (free - free // 2), right, " ")

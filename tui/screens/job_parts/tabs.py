"""The row with the names of the parts; a click chooses one."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.message import Message

from ...widgets.canvas import Canvas


class PartTabs(Canvas):
    """Shows which part is open, and at the right how it stands."""

    ALLOW_SELECT = False

    class Chosen(Message):
        """A part was clicked, counted from 1."""

        def __init__(self, part: int) -> None:
            super().__init__()
            self.part = part

    def __init__(self, names: tuple[str, ...], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._names = names
        self._part = 1
        self._about = ""
        self._places: list[tuple[int, int, int]] = []

    def show(self, part: int, about: str) -> None:
        """`about`: words at the right, where there is room; not foreign."""
        self._part, self._about = part, about
        self.repaint()

    def lay_out(self, width: int, height: int) -> int:
        return 1

    def line(self, index: int, width: int) -> Content:
        parts: list[Content | str | tuple[str, str]] = []
        self._places, x = [], 0
        for number, name in enumerate(self._names, 1):
            chosen = number == self._part
            text = f"▸{number} {name} " if chosen else f" {number} {name} "
            parts.append((text, "bold $foreground $list-cursor-style" if chosen else "$quiet"))
            self._places.append((x, x + len(text), number))
            x += len(text)
        if x + len(self._about) + 2 <= width:
            parts += [" " * (width - x - len(self._about) - 1), (self._about, "$quiet")]
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        for start, end, number in self._places:
            if start <= event.x < end:
                self.post_message(self.Chosen(number))

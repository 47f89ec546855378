"""The answer that the data has, above the answers of models; as high as it needs to be, and no higher."""

from __future__ import annotations

from textual.content import Content

from ...engines.text import clean
from .canvas import Canvas

MOST_LINES = 4
WORD = "expected  "


class Expected(Canvas):
    """Takes no room where nothing is expected."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._text: str | None = None
        self._lines: list[Content] = []

    def show(self, text: str | None) -> None:
        """`text`: foreign text; None for nothing."""
        if text != self._text:
            self._text = text
            self._fit()

    def on_resize(self) -> None:
        self._fit()
        super().on_resize()

    def _fit(self) -> None:
        room = max(self.app.size.width - len(WORD) - 2, 8)
        self._lines = []
        if self._text is not None:
            whole = Content(clean(self._text[:4000]).expandtabs(4))
            self._lines = [part for line in whole.split("\n") for part in line.wrap(room)]
        if len(self._lines) > MOST_LINES:
            last = self._lines[MOST_LINES - 1].truncate(room - 2)
            self._lines[MOST_LINES - 1 :] = [Content.assemble(last, (" …", "$quiet"))]
        self.styles.height = len(self._lines)
        self.repaint()

    def lay_out(self, width: int, height: int) -> int:
        return len(self._lines)

    def line(self, index: int, width: int) -> Content:
        return Content.assemble(
            (f" {WORD}" if index == 0 else " " * (len(WORD) + 1), "$quiet"), self._lines[index]
        )

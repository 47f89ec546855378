"""The selected job's log and events, wrapped, following the end until one scrolls up."""

from __future__ import annotations

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.content import Content
from textual.selection import Selection
from textual.widget import Widget

from ...engines.store import Summary
from ...monitors.log import Line
from .pane import Pane, PaneCanvas

KEPT_LINES = 2000
STYLES = {"info": "$log-event", "warning": "$warning", "error": "$error"}


class LogLines(PaneCanvas):
    """Lines, each wrapped to the width; marked by the mouse they can be copied."""

    ALLOW_SELECT = True

    def __init__(self) -> None:
        super().__init__(id="log-lines")
        self._lines: list[Line] = []
        self._wrapped: list[tuple[str, str]] = []
        self._wrapped_width = 0
        self._follows = True

    def clear(self) -> None:
        self._lines, self._wrapped, self._follows = [], [], True
        self.repaint()

    def add(self, lines: list[Line]) -> None:
        """Show more lines; the view follows unless somebody has scrolled up."""
        self._lines += lines
        self._wrapped += wrapped_rows(lines, self._wrapped_width)
        if (over := len(self._lines) - KEPT_LINES) > 0:
            rows = len(wrapped_rows(self._lines[:over], self._wrapped_width))
            del self._lines[:over], self._wrapped[:rows]
            self.top -= rows  # what is being read stays where it is
        self.repaint()

    @property
    def at_end(self) -> bool:
        """The last line is in view."""
        return self.top >= self.last_top

    def move_view(self, top: int) -> None:
        self._follows = False
        super().move_view(top)
        self._follows = self.at_end

    def lay_out(self, width: int, height: int) -> int:
        if width != self._wrapped_width:
            self._wrapped, self._wrapped_width = wrapped_rows(self._lines, width), width
        if self._follows:
            self.top = len(self._wrapped)  # further than there is: the view ends where the lines do
        return len(self._wrapped)

    def line(self, index: int, width: int) -> Content:
        text, style = self._wrapped[index]
        return Content.styled(text, style) if style else Content(text)

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract("\n".join(text for text, _ in self._wrapped)), "\n"


def wrapped_rows(lines: list[Line], width: int) -> list[tuple[str, str]]:
    """Rows of text with their style; none before the width is known."""
    rows: list[tuple[str, str]] = []
    for line in lines if width else ():
        style = STYLES.get(line.level, STYLES["info"]) if line.event else ""
        text = f"▸ {line.text}" if line.event else line.text
        if cell_len(text) <= width:
            rows.append((text, style))
        else:
            rows += [(piece.plain.rstrip(), style) for piece in Content(text).wrap(max(width, 2))]
    return rows


class LogPane(Pane):
    NUMBER, TITLE = 5, "Log"

    def __init__(self) -> None:
        super().__init__(id="log")
        self.lines = LogLines()

    @property
    def main(self) -> Widget:
        return self.lines

    def compose(self) -> ComposeResult:
        yield self.lines

    def show_job(self, job: Summary | None) -> None:
        """Another job: its lines come when they are read."""
        self.lines.clear()
        self.say(job.name if job else "")

    def add(self, lines: list[Line], anew: bool) -> None:
        if anew:
            self.lines.clear()
        self.lines.add(lines)

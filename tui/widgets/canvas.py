"""Lines of text of which only those cells are sent to the terminal that changed.

Textual 8.2.8 repaints what is marked dirty and compares nothing: a widget that refreshes itself sends all of
its cells, and over a slow connection the driver's queue then blocks the app. A canvas keeps what it drew,
compares cell by cell, and marks the runs that differ; scrolling is one more change of that kind.

It scrolls by itself, not as Textual's ScrollView: there each change of the number of lines is a new layout,
after which the whole widget is sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest
from typing import ClassVar

from rich.cells import get_character_cell_size
from textual import events
from textual.content import Content
from textual.geometry import Region
from textual.selection import Selection
from textual.strip import Strip
from textual.visual import Visual
from textual.widget import Widget

GAP_CELLS = 6
"""Two changes nearer than this are sent as one: moving the cursor costs as much."""
WHEEL_LINES = 3


class Canvas(Widget):
    """A widget made of lines; a subclass says how many there are and gives each as `Content`.

    Call `repaint` after anything changed.
    """

    DEFAULT_CSS = """
    Canvas {
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """
    SCROLLS: ClassVar[bool] = False
    """Whether the last column is kept for a scrollbar. It is kept always: lines are laid out to the width
    before one knows whether they fit."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self.top = 0
        """The first line in view."""
        self.count = 0
        """How many lines there are."""
        self._rows: list[Strip] = []
        self._rows_width = -1

    def lay_out(self, width: int, height: int) -> int:
        """How many lines there are for a view of so many cells; called before any of them is asked for."""
        raise NotImplementedError

    def line(self, index: int, width: int) -> Content:
        """One line of at most `width` cells."""
        raise NotImplementedError

    @property
    def last_top(self) -> int:
        """Where the view begins when it shows the end."""
        return max(self.count - self.size.height, 0)

    def repaint(self) -> None:
        """Draw anew what differs from what is on the screen."""
        width, height = self.size
        if not self.is_mounted or width <= 0 or height <= 0:
            return
        room = width - 1 if self.SCROLLS else width
        self.count = self.lay_out(room, height)
        self.top = min(max(self.top, 0), self.last_top)
        rows = [self._strip(self.top + y, room) for y in range(height)]
        if self.SCROLLS:
            rows = [Strip.join([row, self._bar(y, height)]) for y, row in enumerate(rows)]
        if len(rows) != len(self._rows) or width != self._rows_width:
            self._rows, self._rows_width = rows, width
            self.refresh()
            return
        dirty = [
            Region(start, y, end - start, 1)
            for y, (new, old) in enumerate(zip(rows, self._rows, strict=True))
            if new != old
            for start, end in changed_runs(old, new)
        ]
        self._rows = rows
        if dirty:
            self.refresh(*dirty)

    def move_view(self, top: int) -> None:
        """Show the lines from this one on, as far as there are enough."""
        self.top = top
        self.repaint()

    def _strip(self, index: int, width: int) -> Strip:
        content = self.line(index, width) if index < self.count else Content("")
        strips = Visual.to_strips(self, content, width, 1, self.visual_style, apply_selection=False)
        strip = strips[0] if strips else Strip.blank(width)
        strip = strip.adjust_cell_length(width, self.visual_style.rich_style).simplify()
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(index)) is not None:
            start, end = span[0], width if span[1] == -1 else span[1]
            style = self.screen.get_component_rich_style("screen--selection")
            parts = strip.divide([min(start, width), min(end, width), width])
            strip = Strip.join([parts[0], parts[1].apply_style(style), *parts[2:]])
        # Where the mouse selects text it asks a cell for its place in the text.
        return strip.apply_offsets(0, index) if self.allow_select else strip

    def _bar(self, y: int, height: int) -> Strip:
        content = Content(" ")
        if self.count > height:
            thumb = max(height * height // self.count, 1)
            start = round(self.top / self.last_top * (height - thumb))
            if start <= y < start + thumb:
                content = Content.styled("▐", "$bar-rest")
        return Visual.to_strips(self, content, 1, 1, self.visual_style, apply_selection=False)[0]

    def render_line(self, y: int) -> Strip:
        """Textual asks for a row of the view."""
        if y < len(self._rows) and self.size.width == self._rows_width:
            return self._rows[y]
        return Strip.blank(self.size.width, self.visual_style.rich_style)

    def on_mount(self) -> None:
        self.call_after_refresh(self.repaint)

    def on_resize(self) -> None:
        self.repaint()

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        if self.SCROLLS:
            event.stop()
            self.move_view(self.top + WHEEL_LINES)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        if self.SCROLLS:
            event.stop()
            self.move_view(self.top - WHEEL_LINES)

    def on_click(self, event: events.Click) -> None:
        """On the scrollbar: go there."""
        if self.SCROLLS and event.x == self.size.width - 1 and self.count > self.size.height:
            event.stop()
            event.prevent_default()
            self.move_view(round(event.y / max(self.size.height - 1, 1) * self.last_top))

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._rows = []
        if self.is_mounted:
            self.call_after_refresh(self.repaint)

    def selection_updated(self, selection: Selection | None) -> None:
        self.repaint()


def changed_runs(old: Strip, new: Strip) -> Iterator[tuple[int, int]]:
    """Runs of cells (start, end) in which two strips differ, near ones as one."""
    start: int | None = None
    end = 0
    for x, (before, after) in enumerate(zip_longest(_cells(old), _cells(new))):
        if before == after:
            continue
        if start is not None and x - end >= GAP_CELLS:
            yield start, end
            start = None
        if start is None:
            start = x
        end = x + 1
    if start is not None:
        yield start, end


def _cells(strip: Strip) -> list[tuple[str, object]]:
    """Character and style of each cell; the second cell of a wide character is an empty one."""
    cells: list[tuple[str, object]] = []
    for text, style, _ in strip:
        for character in text:
            size = get_character_cell_size(character)
            if size == 0 and cells:
                # A combining mark belongs to the cell before it.
                cells[-1] = (cells[-1][0] + character, cells[-1][1])
                continue
            cells.append((character, style))
            cells.extend([("", style)] * (size - 1))
    return cells

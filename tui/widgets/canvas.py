"""Lines of text of which only those cells are sent to the terminal that changed.

Textual 8.2.8 repaints what is marked dirty and compares nothing: a widget that refreshes itself sends all
of its cells, and over a slow connection the driver's queue then blocks the app. A canvas keeps what it
drew, compares cell by cell, and marks the runs that differ; scrolling is one more change of that kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import zip_longest

from rich.cells import get_character_cell_size
from textual.content import Content
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.selection import Selection
from textual.strip import Strip
from textual.visual import Visual

GAP_CELLS = 6
"""Two changes nearer than this are sent as one: moving the cursor costs as much."""


class Canvas(ScrollView):
    """A widget made of lines; a subclass says how many there are and gives each as `Content`.

    Call `repaint` after anything changed.
    """

    DEFAULT_CSS = """
    Canvas {
        overflow-x: hidden;
        overflow-y: hidden;
        scrollbar-size-vertical: 1;
        text-wrap: nowrap;
        text-overflow: ellipsis;
    }
    """

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(id=id, classes=classes)
        self._rows: list[Strip] = []
        self._rows_width = -1

    def lay_out(self, width: int, height: int) -> int:
        """How many lines there are for a view of so many cells; called before any of them is asked for."""
        raise NotImplementedError

    def line(self, index: int, width: int) -> Content:
        """One line of at most `width` cells."""
        raise NotImplementedError

    def repaint(self) -> None:
        """Draw anew what differs from what is on the screen."""
        region = self.scrollable_content_region
        if not self.is_mounted or region.width <= 0 or region.height <= 0:
            return
        count = self.lay_out(region.width, region.height)
        self.virtual_size = Size(region.width, count)
        rows = self._draw(region.size, count)
        if len(rows) != len(self._rows) or region.width != self._rows_width:
            self._rows, self._rows_width = rows, region.width
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

    def _draw(self, size: Size, count: int) -> list[Strip]:
        top = self.scroll_offset.y
        return [self._strip(top + y, size.width, count) for y in range(size.height)]

    def _strip(self, index: int, width: int, count: int) -> Strip:
        content = self.line(index, width) if index < count else Content("")
        strips = Visual.to_strips(self, content, width, 1, self.visual_style, apply_selection=False)
        strip = strips[0] if strips else Strip.blank(width)
        strip = strip.adjust_cell_length(width, self.visual_style.rich_style)
        selection = self.text_selection
        if selection is not None and (span := selection.get_span(index)) is not None:
            start, end = span[0], width if span[1] == -1 else span[1]
            style = self.screen.get_component_rich_style("screen--selection")
            parts = strip.divide([min(start, width), min(end, width), width])
            strip = Strip.join([parts[0], parts[1].apply_style(style), *parts[2:]])
        # Where the mouse selects text it asks a cell for its place in the text.
        return strip.apply_offsets(0, index) if self.allow_select else strip

    def move_view(self, top: int) -> None:
        """Show the lines from this one on, as far as there are enough.

        `scroll_to` does nothing before the scrollbar has come, a frame after the lines.
        """
        self.scroll_target_y = self.scroll_y = min(max(top, 0), self.max_scroll_y)

    def render_line(self, y: int) -> Strip:
        """Textual asks for a row of the view."""
        width = self.scrollable_content_region.width
        if y < len(self._rows) and width == self._rows_width:
            return self._rows[y]
        return Strip.blank(self.size.width, self.visual_style.rich_style)

    def on_mount(self) -> None:
        super().on_mount()
        self.call_after_refresh(self.repaint)

    def on_resize(self) -> None:
        self.repaint()

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._rows = []
        if self.is_mounted:
            self.call_after_refresh(self.repaint)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        """ScrollView's own refreshes the whole view."""
        if self.show_vertical_scrollbar:
            self.vertical_scrollbar.position = new_value
        if round(old_value) != round(new_value):
            self.repaint()

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

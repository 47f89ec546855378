"""A list of which one line is selected: moving, filtering, marking. Only what is in view is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from ..keys import bindings
from .pane import PaneCanvas

Item = TypeVar("Item")


class ListCanvas(PaneCanvas, Generic[Item], inherit_bindings=False):
    """Shows items, a line each; a subclass gives their key and their line.

    It posts `Selected` when another item is selected and `Opened` when one is opened.
    """

    BINDINGS: ClassVar[list[BindingType]] = [*bindings("pane"), *bindings("list")]
    FILTERS: ClassVar[bool] = True
    MARKS: ClassVar[bool] = False
    ADDS: ClassVar[bool] = False

    class Selected(Message):
        """Another item is selected; None where there is none."""

        def __init__(self, canvas: ListCanvas[Any], item: Any) -> None:
            super().__init__()
            self.canvas, self.item = canvas, item

        @property
        def control(self) -> Widget:
            return self.canvas

    class Opened(Message):
        """An item was opened, by Enter or by a click on the selected one."""

        def __init__(self, canvas: ListCanvas[Any], item: Any) -> None:
            super().__init__()
            self.canvas, self.item = canvas, item

        @property
        def control(self) -> Widget:
            return self.canvas

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.items: Sequence[Item] = ()
        """Those that are shown."""
        self.cursor = 0

    def key(self, item: Item) -> str:
        """What makes an item the same one at its next appearance."""
        raise NotImplementedError

    def row(self, item: Item, width: int) -> Content:
        """An item's line."""
        raise NotImplementedError

    @property
    def selected(self) -> Item | None:
        return self.items[self.cursor] if self.cursor < len(self.items) else None

    def show(self, items: Sequence[Item]) -> None:
        """Show these; the selected one stays selected while it is there."""
        before = self.selected
        self.items = items
        if before is not None:
            key = self.key(before)
            if self.cursor >= len(items) or self.key(items[self.cursor]) != key:
                place = next((i for i, item in enumerate(items) if self.key(item) == key), None)
                self.cursor = min(self.cursor, max(len(items) - 1, 0)) if place is None else place
        self.repaint()
        self._keep_in_view()
        if self.selected != before:
            self.post_message(self.Selected(self, self.selected))

    def choose(self, key: str) -> bool:
        """Select an item by its key; False where it is not in the list."""
        place = next((i for i, item in enumerate(self.items) if self.key(item) == key), None)
        if place is not None:
            self._move_to(place)
        return place is not None

    def lay_out(self, width: int, height: int) -> int:
        return len(self.items)

    def line(self, index: int, width: int) -> Content:
        row = self.row(self.items[index], width)
        if index == self.cursor:
            row = row.pad_right(max(width - row.cell_length, 0)).stylize_before("on $list-cursor")
        return row

    def _move_to(self, place: int) -> None:
        place = min(max(place, 0), max(len(self.items) - 1, 0))
        if place == self.cursor:
            return
        self.cursor = place
        self.repaint()
        self._keep_in_view()
        self.post_message(self.Selected(self, self.selected))

    def _keep_in_view(self) -> None:
        height = max(self.size.height, 1)
        if self.cursor < self.top:
            self.move_view(self.cursor)
        elif self.cursor >= self.top + height:
            self.move_view(self.cursor - height + 1)

    def on_click(self, event: events.Click) -> None:
        if event.x >= self.size.width - 1:  # the scrollbar's
            return
        place = self.top + event.y
        if place == self.cursor and event.chain > 1:
            self.action_open()
        self._move_to(place)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "open":
            return self.selected is not None
        if action in ("filter", "mark", "add"):
            return {"filter": self.FILTERS, "mark": self.MARKS, "add": self.ADDS}[action]
        return True

    def action_open(self) -> None:
        if self.selected is not None:
            self.post_message(self.Opened(self, self.selected))

    def action_down(self) -> None:
        self._move_to(self.cursor + 1)

    def action_up(self) -> None:
        self._move_to(self.cursor - 1)

    def action_page_down(self) -> None:
        self._move_to(self.cursor + self.page)

    def action_page_up(self) -> None:
        self._move_to(self.cursor - self.page)

    def action_first(self) -> None:
        self._move_to(0)

    def action_last(self) -> None:
        self._move_to(len(self.items) - 1)

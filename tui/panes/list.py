"""A list of which one line is selected: moving, filtering, marking. Only what is in view is made."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Generic, TypeVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from ...engines.text import one_line
from ..keys import bindings
from .filter import FilterLine
from .pane import Pane, PaneCanvas

MOST_MARKS = 5
"""Marked items beside the selected one: so many curves can be told apart."""

Item = TypeVar("Item")


class ListCanvas(PaneCanvas, Generic[Item], inherit_bindings=False):
    """Shows items, a line each; a subclass gives their key and their line.

    It posts `Selected` when another item is selected, `Opened` when one is opened and `Marked` when others
    are marked, or the marked ones have changed.
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

    class Marked(Message):
        """Other items are marked, or those that are have changed."""

        def __init__(self, canvas: ListCanvas[Any], items: tuple[Any, ...]) -> None:
            super().__init__()
            self.canvas, self.items = canvas, items

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
        self._all: Sequence[Item] = ()
        self._filter = ""
        self._texts: dict[str, tuple[Item, str]] = {}
        self._marks: list[str] = []
        self._marked: tuple[Item, ...] = ()

    def key(self, item: Item) -> str:
        """What makes an item the same one at its next appearance."""
        raise NotImplementedError

    def row(self, item: Item, width: int) -> Content:
        """An item's line."""
        raise NotImplementedError

    def text(self, item: Item) -> str:
        """What the filter looks in; may be foreign."""
        return self.key(item)

    @property
    def selected(self) -> Item | None:
        return self.items[self.cursor] if self.cursor < len(self.items) else None

    @property
    def marked(self) -> tuple[Item, ...]:
        return self._marked

    def is_marked(self, item: Item) -> bool:
        return self.key(item) in self._marks

    @property
    def filter(self) -> str:
        """Words of which all must occur in an item's text; empty: all are shown."""
        return self._filter

    @filter.setter
    def filter(self, words: str) -> None:
        self._filter = words
        self.show(self._all)

    def show(self, items: Sequence[Item]) -> None:
        """Show those that the filter lets through; the selected one stays selected if it is there."""
        before = self.selected
        self._all = items
        self.items = items = self._matching(items)
        if before is not None:
            key = self.key(before)
            if self.cursor >= len(items) or self.key(items[self.cursor]) != key:
                place = next((i for i, item in enumerate(items) if self.key(item) == key), None)
                self.cursor = min(self.cursor, max(len(items) - 1, 0)) if place is None else place
        self._say_filter()
        self.repaint()
        self._keep_in_view()
        if self.selected != before:
            self.post_message(self.Selected(self, self.selected))
        if self._marks:
            self._tell_marks()

    def _matching(self, items: Sequence[Item]) -> Sequence[Item]:
        words = self._filter.casefold().split()
        if not words:
            self._texts = {}
            return items
        # Made once an item: ten thousand are looked through with every letter.
        texts: dict[str, tuple[Item, str]] = {}
        for item in items:
            key = self.key(item)
            known = self._texts.get(key)
            texts[key] = known if known and known[0] is item else (item, self.text(item).casefold())
        self._texts = texts
        return [item for item, text in texts.values() if all(word in text for word in words)]

    def _say_filter(self) -> None:
        pane = next((above for above in self.ancestors if isinstance(above, Pane)), None)
        if pane is not None:
            said = f"{len(self.items):,} of {len(self._all):,} match {one_line(self._filter.strip(), 30)}"
            pane.narrow(said if self._filter.strip() else "")

    def mark_these(self, keys: Sequence[str]) -> None:
        """Mark these, as far as they are in the list, and no others."""
        self._marks = list(keys)[:MOST_MARKS]
        self._tell_marks()

    def _tell_marks(self) -> None:
        if not self._marks:
            marked: tuple[Item, ...] = ()
        else:
            there = {key: item for item in self._all if (key := self.key(item)) in self._marks}
            self._marks = [key for key in self._marks if key in there]
            marked = tuple(there[key] for key in self._marks)
        if marked != self._marked:
            self._marked = marked
            self.repaint()
            self.post_message(self.Marked(self, marked))

    def choose(self, key: str) -> bool:
        """Select an item by its key, even if the filter hides it; False where it is not in the list."""
        if self._filter and all(self.key(item) != key for item in self.items):
            if all(self.key(item) != key for item in self._all):
                return False
            self.filter = ""
        place = next((i for i, item in enumerate(self.items) if self.key(item) == key), None)
        if place is not None:
            self._move_to(place)
        return place is not None

    def lay_out(self, width: int, height: int) -> int:
        return len(self.items)

    def line(self, index: int, width: int) -> Content:
        row = self.row(self.items[index], width)
        if index == self.cursor:
            row = row.pad_right(max(width - row.cell_length, 0)).stylize_before("$list-cursor-style")
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
        if place >= len(self.items):
            return
        if place == self.cursor:
            self.action_open()
        self._move_to(place)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "open":
            return True if self.selected is not None else None
        if action == "mark" and self.MARKS:
            return True if self.selected is not None else None
        if action in ("filter", "mark", "add"):
            return {"filter": self.FILTERS, "mark": self.MARKS, "add": self.ADDS}[action]
        return True

    def why_not(self, action: str) -> str:
        """Why an action can't be done now, for its key."""
        none = "Nothing matches the filter; Esc clears it." if self._filter else "There is nothing here yet."
        return none if action in ("open", "mark") else ""

    def action_open(self) -> None:
        if self.selected is not None:
            self.post_message(self.Opened(self, self.selected))

    def action_mark(self) -> None:
        if self.selected is None:
            return
        key = self.key(self.selected)
        if key in self._marks:
            self._marks.remove(key)
        elif len(self._marks) >= MOST_MARKS:
            self.notify(
                f"{MOST_MARKS} are marked, more can't be told apart; Space on a marked one unmarks it.",
                severity="warning",
                markup=False,
            )
            return
        else:
            self._marks.append(key)
        self._tell_marks()

    async def action_filter(self) -> None:
        line = FilterLine(self)
        # Waited for, so that the next letter is typed there.
        await self.query_ancestor(Pane).mount(line, after=self)
        self.screen.set_focus(line)

    def clear_filter(self) -> bool:
        """Show all again; whether there was a filter."""
        filtered = bool(self._filter)
        if filtered:
            self.filter = ""
        return filtered

    def move_by(self, lines: int) -> None:
        """Select the item so many lines further down."""
        self._move_to(self.cursor + lines)

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

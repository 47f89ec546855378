"""A dialog in which one of a few things is chosen, each with a line about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ..keys import bindings
from ..panes.list import ListCanvas
from ..widgets.keyline import KeyLine


@dataclass(frozen=True)
class Offer:
    """One thing to choose.

    Args:
        value: what the dialog's result is then.
        shown: its line.
        about: what is said below the list while it is selected.
    """

    value: str
    shown: Content
    about: Content = Content("")


class Offers(ListCanvas[Offer]):
    FILTERS = False

    def key(self, item: Offer) -> str:
        return item.value

    def row(self, item: Offer, width: int) -> Content:
        return Content.assemble(" ", item.shown).truncate(width, ellipsis=True)


class Choose(ModalScreen[str]):
    """Its result: the value of what was chosen; None where it was left."""

    CSS_PATH = "choose.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in bindings("rows") if isinstance(binding, Binding) and binding.id == "rows.back"
    ]

    def __init__(self, title: str, offers: Sequence[Offer], chosen: str = "") -> None:
        """`chosen`: the value that is selected at first."""
        super().__init__()
        self._title, self._offers, self._chosen = title, offers, chosen
        self._list = Offers(id="offers")

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield self._list
            yield Static(id="about")
        yield KeyLine(hints={"list.open": "choose"}, id="keys")

    def on_mount(self) -> None:
        box, about = self.query_one("#box"), self.query_one("#about")
        box.border_title = Content(self._title)
        about.display = any(offer.about for offer in self._offers)
        self._list.show(self._offers)
        self._list.choose(self._chosen)
        self.set_focus(self._list)
        self._say()

    def on_resize(self) -> None:
        """What is selected stays in sight below the list."""
        self._list.styles.height = min(len(self._offers), max(self.app.size.height - 9, 2))

    def on_list_canvas_selected(self, message: ListCanvas.Selected) -> None:
        message.stop()
        self._say()

    def _say(self) -> None:
        if (offer := self._list.selected) is not None:
            self.query_one("#about", Static).update(offer.about)

    def on_list_canvas_opened(self, message: ListCanvas.Opened) -> None:
        message.stop()
        self.dismiss(message.item.value)

    def on_click(self, event: events.Click) -> None:
        if event.widget is self:  # beside the box
            self.dismiss()

    def action_back(self) -> None:
        self.dismiss()

"""The keys that work where one was when asking, made from the table of keys."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ..keys import Key, bindings

TITLES: dict[str, str] = {
    "pane": "In this pane",
    "list": "In the list",
    "chart": "In the chart",
    "log": "In the log",
    "app": "Everywhere",
}
"""Of the other places: "Here"."""


class Help(ModalScreen[None]):
    """Lists keys."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("help")

    def __init__(self, keys: Sequence[Key]) -> None:
        """`keys`: those that work on the screen below."""
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        with VerticalScroll(id="box"):
            yield Static(self._text())

    def on_mount(self) -> None:
        box = self.query_one("#box", VerticalScroll)
        box.border_title = " Keys "
        box.border_subtitle = " Esc closes "
        box.focus()

    def _text(self) -> Content:
        lines: list[Content] = []
        for place in dict.fromkeys(key.where for key in self._keys):
            keys = [key for key in self._keys if key.where == place and key.about]
            if keys:
                lines += [Content(""), Content.styled(TITLES.get(place, "Here"), "bold")]
                lines += [Content.assemble((f"  {key.shown:<11} ", "$key"), key.about) for key in keys]
        return Content("\n").join(lines[1:])

    def action_close(self) -> None:
        self.dismiss(None)

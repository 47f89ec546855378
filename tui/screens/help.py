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

PLACES = {"pane": "In this pane", "main": "Here", "app": "Everywhere"}


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
        box = self.query_one("#box")
        box.border_title = " Keys "
        box.border_subtitle = " Esc closes "
        box.focus()

    def _text(self) -> Content:
        lines: list[Content] = []
        for place, title in PLACES.items():
            keys = [key for key in self._keys if key.where == place and key.about]
            if keys:
                lines += [Content(""), Content.styled(title, "bold")]
                lines += [Content.assemble((f"  {key.shown:<11}", "$key"), key.about) for key in keys]
        return Content("\n").join(lines[1:])

    def action_close(self) -> None:
        self.dismiss(None)

"""One of a few values, all on one line; the arrows, space or a click change it."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from ..keys import bindings

WORDS = {"true": "yes", "false": "no", "": "auto"}
"""How values are said that are not words for people."""


class Choice(Widget, can_focus=True):
    """Shows its values, the chosen one marked. The empty value stands for what the plan chooses."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("choice")
    ALLOW_SELECT = False

    class Changed(Message):
        """Another value was chosen."""

        def __init__(self, choice: Choice, value: str) -> None:
            super().__init__()
            self.choice, self.value = choice, value

    def __init__(self, values: tuple[str, ...], value: str) -> None:
        super().__init__()
        self.values, self.value = values, value

    def show(self, value: str) -> None:
        """Show another value, without a message."""
        if value != self.value:
            self.value = value
            self.refresh(layout=True)

    def render(self) -> Content:
        parts: list[tuple[str, str]] = []
        for value in self.values:
            chosen = value == self.value
            cursor = " $list-cursor-style" if self.has_focus else ""
            word = WORDS.get(value, value)
            parts.append((f"[{word}]", f"bold $primary{cursor}") if chosen else (f" {word} ", "$quiet"))
        if self.value not in self.values:  # from an editor: what it is, its error says
            parts.append((f"[{self.value[:20]}]", "$error"))
        return Content.assemble(*parts)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: events.Click) -> None:
        x = 0
        for value in self.values:
            x += len(WORDS.get(value, value)) + 2
            if event.x < x:
                self._choose(value)
                return

    def action_change(self, by: int) -> None:
        place = self.values.index(self.value) if self.value in self.values else -1
        self._choose(self.values[(place + by) % len(self.values)])

    def _choose(self, value: str) -> None:
        if value != self.value:
            self.show(value)
            self.post_message(self.Changed(self, value))

"""An app in which no key is lost between the key that opens a field and the field."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from textual import events
from textual.app import App
from textual.dom import DOMNode
from textual.widgets import Input

from .panes.pane import PaneCanvas


class TypedAhead(App[None]):
    """Hands keys on that were sent to a list before a field opened above it."""

    def __init__(self, css_path: list[str], ansi_color: bool | None) -> None:
        """As Textual's; `ansi_color`: the terminal's own colours."""
        super().__init__(css_path=list(css_path), ansi_color=ansi_color)
        self._sent: WeakKeyDictionary[events.Key, DOMNode] = WeakKeyDictionary()
        """Keys on their way, and who had the focus when they came."""

    async def on_event(self, event: events.Event) -> None:
        """What is typed at once after a key that opens a field is that field's.

        Such keys were sent to the list that had the focus when they came; it has no use for a letter that
        is none of its keys, so they come by here.
        """
        if isinstance(event, events.Key):
            focused = self.focused or self.screen
            if not event.is_forwarded:
                self._sent[event] = focused
            elif isinstance(self._sent.pop(event, None), PaneCanvas) and isinstance(focused, Input):
                self._sent[again := events.Key(event.key, event.character)] = focused
                focused._forward_event(again)
                return
        await super().on_event(event)

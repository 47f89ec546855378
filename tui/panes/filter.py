"""The line in which a list's filter is typed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import events
from textual.binding import BindingType
from textual.widgets import Input

from ..keys import bindings

if TYPE_CHECKING:
    from .list import ListCanvas


class FilterLine(Input):
    """Narrows a list with each letter. It is there only while it is typed in."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("filter")
    DEFAULT_CSS = """
    FilterLine {
        height: 1;
        background: $panel;
    }
    """

    def __init__(self, narrowed: ListCanvas[Any]) -> None:
        super().__init__(narrowed.filter, placeholder="words that must all occur", compact=True)
        self.cursor_blink = False
        self._list = narrowed

    def on_input_changed(self, message: Input.Changed) -> None:
        message.stop()
        self._narrow()

    def _narrow(self) -> None:
        if self.value != self._list.filter:
            self._list.filter = self.value

    def on_blur(self, event: events.Blur) -> None:
        self.remove()

    def action_move(self, by: int) -> None:
        self._narrow()
        self._list.move_by(by)

    def action_keep(self) -> None:
        self._narrow()  # letters that came at once with Enter are told of later
        self._close()

    def action_clear(self) -> None:
        self.value = ""
        self._narrow()
        self._close()

    def _close(self) -> None:
        # At once: focus() waits for a moment, in which the next key would still be typed here.
        self.screen.set_focus(self._list)

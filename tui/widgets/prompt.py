"""A field for a prompt of some lines, in which Enter is left to the screen and a paste keeps its lines."""

from __future__ import annotations

from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.widgets import TextArea

from ...engines.text import clean

OTHERS = frozenset({"ctrl+x", "ctrl+y", "pageup", "pagedown"})
"""Keys of a TextArea (Textual 8.2.8) that mean something else beside answers."""


def _bindings() -> list[BindingType]:
    kept: list[BindingType] = []
    for binding in TextArea.BINDINGS:
        if not isinstance(binding, Binding):
            kept.append(binding)
        elif keys := ",".join(key for key in binding.key.split(",") if key not in OTHERS):
            kept.append(Binding(keys, binding.action, binding.description, show=False))
    return kept


class Prompt(TextArea, inherit_bindings=False):
    """Grows with its text, to what its style allows."""

    BINDINGS: ClassVar[list[BindingType]] = _bindings()

    def __init__(self, text: str = "", placeholder: str = "", *, id: str | None = None) -> None:
        super().__init__(
            text, id=id, placeholder=placeholder, compact=True, highlight_cursor_line=False, soft_wrap=True
        )
        self.cursor_blink = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "cursor_up" and not self.text:
            return False  # in an empty one the screen may have a use for it
        return super().check_action(action, parameters)

    async def _on_key(self, event: events.Key) -> None:
        if event.key == "enter":
            event.prevent_default()  # not a new line: the screen's binding has it

    async def _on_paste(self, event: events.Paste) -> None:
        event.prevent_default()
        if result := self._replace_via_keyboard(clean(event.text), *self.selection):
            self.move_cursor(result.end_location)

    def fill(self, text: str) -> None:
        """Put a text there, as far as a terminal can show it, with the cursor at its end."""
        self.load_text(clean(text))
        self.move_cursor(self.document.end)

    def action_newline(self) -> None:
        self.insert("\n")

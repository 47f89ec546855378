"""The line in which words are typed that a dataset's rows are searched for, and how the search stands."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from ...engines.text import one_line


class SearchLine(Horizontal):
    """It is there while something is typed or searched."""

    class Typed(Message):
        """Other words; `final`: they were ended with Enter."""

        def __init__(self, words: str, *, final: bool) -> None:
            super().__init__()
            self.words, self.final = words, final

    def __init__(self) -> None:
        super().__init__(id="search")
        self._input = Input(id="words", compact=True, select_on_focus=True, placeholder="words in any case")
        self._input.cursor_blink = False
        self._said = ""

    def compose(self) -> ComposeResult:
        yield Static(Content.styled(" / ", "bold $key"), id="slash")
        yield self._input
        yield Static(id="found")

    @property
    def words(self) -> str:
        """What stands there."""
        return self._input.value.strip()

    @property
    def is_typed_in(self) -> bool:
        return self._input.has_focus

    def ask(self) -> None:
        """Ask for the words."""
        self.display = True
        self.screen.set_focus(self._input)

    def clear(self) -> None:
        """Nothing is searched any more."""
        with self._input.prevent(Input.Changed):
            self._input.value = ""
        self.display = False
        self.say("")

    def say(self, found: str) -> None:
        """How the search stands."""
        if found != self._said:
            self._said = found
            self.query_one("#found", Static).update(Content.styled(f" {found} " if found else "", "$quiet"))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if (safe := one_line(event.value)) != event.value.strip():
            self._input.value = safe  # what a paste brought along
            return
        self.post_message(self.Typed(self.words, final=False))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Typed(self.words, final=True))

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        if not self.words:
            self.display = False

"""A setting in a form: its name, what is typed or chosen, and beside it why it is so or what is wrong."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.content import Content
from textual.message import Message
from textual.suggester import Suggester, SuggestFromList
from textual.widget import Widget
from textual.widgets import Input, Static

from ...engines.text import one_line
from ..draft import Entry
from .choice import WORDS, Choice


class SettingField(Horizontal):
    """One line of a form."""

    class Changed(Message):
        """The user changed it."""

        def __init__(self, key: str, text: str) -> None:
            super().__init__()
            self.key, self.text = key, text

    class Entered(Message):
        """Enter was pressed in it."""

        def __init__(self, key: str) -> None:
            super().__init__()
            self.key = key

    def __init__(self, entry: Entry, text: str, label: str = "", suggester: Suggester | None = None) -> None:
        """
        Args:
            text: what stands in it; empty: the default.
            label: its name where that is not the last part of its key.
        """
        super().__init__(classes=f"setting -{entry.kind}")
        self.entry = entry
        self._label = label or entry.label
        self.error = ""
        self._note = Static(classes="note")
        self._said = ""
        if entry.choices and entry.kind != "text":
            values = entry.choices if entry.default else ("", *entry.choices)
            self.control: Input | Choice = Choice(values, text or entry.default)
        else:
            if suggester is None and entry.choices:
                suggester = SuggestFromList(entry.choices)
            self.control = Input(text, compact=True, select_on_focus=False, suggester=suggester)
            self.control.cursor_blink = False

    def compose(self) -> ComposeResult:
        yield Static(Content(self._label), classes="label")
        yield self.control
        yield self._note

    @property
    def text(self) -> str:
        """What stands in it; empty where that is the default."""
        value = self.control.value
        return "" if isinstance(self.control, Choice) and value == self.entry.default else value

    def fill(self, text: str) -> None:
        """Put a text in it, without a message."""
        if isinstance(self.control, Choice):
            self.control.show(text or self.entry.default)
        elif self.control.value != text:
            with self.control.prevent(Input.Changed):
                self.control.value = text
                self.control.cursor_position = len(text)

    def explain(self, default: str, reason: str, error: str) -> None:
        """Say what an empty field comes to and why, or what is wrong with a filled one; foreign texts."""
        self.error = one_line(error, 300)
        if isinstance(self.control, Input):
            placeholder = one_line(default, 200)
            if self.control.placeholder != placeholder:
                self.control.placeholder = placeholder
            note = reason
        else:
            chosen = WORDS.get(default, default) if self.control.value == "" else ""
            note = f"{chosen}: {reason}" if chosen else reason
        said = f"✗ {self.error}" if error else one_line(note, 200)
        if said != self._said:
            self._said = said
            self._note.update(Content.styled(said, "$error" if error else "$quiet"))
        self.set_class(bool(error), "-wrong")

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        # What a paste brings along (line breaks, control characters) is not part of any value.
        safe = "".join(character for character in event.value if character.isprintable())
        if safe != event.value:
            event.input.value = safe
            return
        self.post_message(self.Changed(self.entry.key, self.text))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Entered(self.entry.key))

    def on_choice_changed(self, event: Choice.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(self.entry.key, self.text))

    def on_click(self) -> None:
        target: Widget = self.control
        if not target.has_focus:
            self.screen.set_focus(target)

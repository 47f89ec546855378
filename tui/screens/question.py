"""A question that is answered by yes or no."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Button, Static

from ...engines.text import clean
from ..keys import bindings


class Question(ModalScreen[bool]):
    """Asks; the answer is its result. `no` has the focus, so Enter harms nothing."""

    CSS_PATH = "question.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("question")

    def __init__(self, question: str, explanation: str, yes: str, no: str) -> None:
        """All texts may be foreign."""
        super().__init__()
        self._question, self._explanation = clean(question), clean(explanation)
        self._yes, self._no = clean(yes), clean(no)

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(Content.styled(self._question, "bold"))
            yield Static(Content.styled(self._explanation, "$quiet"))
            with Horizontal(id="answers"):
                yield Button(Content(f"{self._no} (n)"), id="no", compact=True)
                yield Button(Content(f"{self._yes} (y)"), id="yes", compact=True, variant="error")

    def on_mount(self) -> None:
        self.query_one("#no").focus()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        self.dismiss(event.button.id == "yes")

    def action_answer(self, yes: bool) -> None:
        self.dismiss(yes)

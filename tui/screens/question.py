"""A question that is answered by yes or no."""

from __future__ import annotations

from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Button, Static

from ...engines.store import Summary
from ...engines.text import clean, one_line
from ..acts import Acts
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


def ask_to_kill(screen: Screen[Any], job: Summary, acts: Acts) -> None:
    """Ask on a screen whether a job is to end at once, and end it."""
    question = f"End {one_line(job.name, 40)} at once?"
    explanation = "What it trained since its last checkpoint is lost. To keep it, stop the job with s."

    def answered(yes: bool | None) -> None:
        if yes:
            acts.kill(job)

    screen.app.push_screen(Question(question, explanation, "end it", "leave it"), answered)


def ask_to_remove(screen: Screen[Any], job: Summary, acts: Acts) -> None:
    """Ask on a screen whether a job is to be removed with all that it made, and remove it."""
    question = f"Remove the job {one_line(job.name, 40)}?"
    explanation = "Its folder goes, with checkpoints, result, metrics and log. Your own files stay."

    def answered(yes: bool | None) -> None:
        if yes:
            acts.remove(job)

    screen.app.push_screen(Question(question, explanation, "remove it", "keep it"), answered)

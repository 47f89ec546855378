"""What finetui is and the few keys one needs, on one screen, shown once."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ..keys import bindings

PANES = (
    ("1 Jobs", "what trains, waits and has ended; Enter shows a job's page"),
    ("2 Datasets", "your files, and what is wrong with each, before training"),
    ("3 Loss", "how the selected job learns, live; Space compares jobs"),
    ("4 GPU", "this machine: GPUs, memory, processors"),
)
KEYS = (
    ("D", "the demo: a small model learns, here, in about a minute"),
    ("n", "a new job with your own model and file"),
    ("a", "add a dataset file"),
    ("?", "the keys that work where you are"),
    ("Ctrl+P", "every command, and jobs by name"),
    ("q", "leave; jobs go on"),
)


class FirstStart(ModalScreen[str]):
    """Its result is what to begin with: demo, new, add; or nothing."""

    CSS_PATH = "first_start.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("welcome")

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(_text())

    def on_mount(self) -> None:
        box = self.query_one("#box")
        box.border_title = " Welcome to finetui "
        box.border_subtitle = " Enter or Esc: go on "

    def action_go_on(self, to: str) -> None:
        self.dismiss(to)


def _text() -> Content:
    lines = [
        Content("finetui fine-tunes language models in a terminal. You give it a model"),
        Content("and a file of examples; a job trains, and lives on when you leave."),
        Content(""),
        *(Content.assemble((f"{name:<12}", "bold"), about) for name, about in PANES),
        Content(""),
        *(Content.assemble((f"{key:<12}", "bold $key"), about) for key, about in KEYS),
    ]
    return Content("\n").join(lines)

"""What is wrong with a job's data, each with its line and its way out; rows with faults can be left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ...engines.datasets.problem import Problem
from ...engines.text import one_line
from ..keys import bindings
from ..widgets.keyline import KeyLine

MARKS = {"error": ("✗", "$error"), "warning": ("!", "$warning"), "note": ("·", "$quiet")}
MOST_SHOWN = 1000


class Faults(ModalScreen[bool]):
    """Its result: whether rows with errors are to be left out."""

    CSS_PATH = "faults.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("faults")

    def __init__(self, title: str, problems: Sequence[Problem], *, droppable: bool) -> None:
        """`droppable`: whether leaving rows out is all that it takes."""
        super().__init__()
        self._title, self._problems, self._droppable = title, problems, droppable

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            with VerticalScroll(id="list"):
                yield Static(self._lines(), id="lines")
            yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self.query_one("#box").border_title = Content(one_line(self._title, 70))
        self.set_focus(self.query_one("#list"))

    def _lines(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        for problem in self._problems[:MOST_SHOWN]:
            mark, colour = MARKS[problem.severity]
            place = f"line {problem.line}: " if problem.line is not None else ""
            parts += [(f"{mark} ", colour), (f"{place}{one_line(problem.message, 400)}\n", "")]
            if problem.fix:
                parts.append((f"  {one_line(problem.fix, 400)}\n", "$quiet"))
        if (more := len(self._problems) - MOST_SHOWN) > 0:
            parts.append((f"… and {more:,} more: `finetui check` prints them all.\n", "$quiet"))
        return Content.assemble(*parts).rstrip("\n") if parts else Content("Nothing is wrong.")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._droppable if action == "drop" else True

    def action_drop(self) -> None:
        self.dismiss(True)

    def action_back(self) -> None:
        self.dismiss(False)

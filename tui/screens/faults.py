"""What is wrong with a job's data, each with its line and its way out; rows with faults can be left out."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from ...engines.datasets.check import Asked, check
from ...engines.datasets.problem import Problem
from ...engines.datasets.read import UnknownFormat
from ...engines.text import one_line
from ..keys import bindings
from ..watchers import Watcher
from ..widgets.keyline import KeyLine

MARKS = {"error": ("✗", "$error"), "warning": ("!", "$warning"), "note": ("·", "$quiet")}
MOST_SHOWN = 1000


class Faults(ModalScreen[bool]):
    """Its result: whether rows with errors are to be left out."""

    CSS_PATH = "faults.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("faults")

    class Found(Message):
        """All that is wrong with the files."""

        def __init__(self, problems: Sequence[Problem]) -> None:
            super().__init__()
            self.problems = problems

    def __init__(
        self, problems: Sequence[Problem], files: Sequence[Path], format: str | None, *, droppable: bool
    ) -> None:
        """
        Args:
            problems: examples of what is wrong; of what is wrong with rows, all are looked for in `files`.
            format: of the files, where it is not detected.
            droppable: whether leaving rows out is all that it takes.
        """
        super().__init__()
        self._problems, self._files, self._format = problems, files, format
        self._droppable = droppable
        self._reader = Watcher(self.app, "faults", self._read)

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            with VerticalScroll(id="list"):
                yield Static(self._lines(), id="lines")
            yield KeyLine(id="keys")

    def on_mount(self) -> None:
        title = "Rows with faults" if self._droppable else "What was found"
        self.query_one("#box").border_title = Content(title)
        self.set_focus(self.query_one("#list"))
        if any(problem.line is not None for problem in self._problems):
            self._reader.start()

    def on_unmount(self) -> None:
        self._reader.stop()

    def _read(self) -> float:
        self._reader.stop()  # once will do
        with contextlib.suppress(UnknownFormat):
            report = check(self._files, Asked(format=self._format, limit_examples=MOST_SHOWN))
            self.post_message(self.Found([problem for file in report.files for problem in file.problems]))
        return 0.0

    def on_faults_found(self, message: Found) -> None:
        """Of the whole files; what only the plan sees (both files together) is kept at the end."""
        places = {(problem.path, problem.line, problem.id) for problem in message.problems}
        others = [one for one in self._problems if (one.path, one.line, one.id) not in places]
        self._problems = [*message.problems, *others]
        self.query_one("#lines", Static).update(self._lines())

    def _lines(self) -> Content:
        parts: list[str | tuple[str, str]] = []
        for problem in self._problems[:MOST_SHOWN]:
            mark, colour = MARKS[problem.severity]
            place = f"line {problem.line:,}: " if problem.line is not None else ""
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

"""What is wrong with a dataset file: every kind of problem with its places and its way out."""

from __future__ import annotations

import os
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ...engines.datasets.kept.checked import Checked
from ...engines.datasets.problem import Problem
from ...engines.text import clean, one_line
from ..keys import bindings
from ..panes.list import ListCanvas
from ..panes.row import MARKS
from ..panes.wording import by_keys, plural
from ..widgets.keyline import KeyLine

WAY_LINES = 11
"""Of the dialog, for what is selected and its frame."""

Entry = tuple[Problem, int]
"""A problem and its place in the list."""


class ProblemsList(ListCanvas[Entry]):
    FILTERS = False
    names_files = False
    """Whether the places are of several files."""

    def key(self, item: Entry) -> str:
        return str(item[1])

    def row(self, item: Entry, width: int) -> Content:
        problem = item[0]
        sign, style = MARKS[problem.severity]
        place = f"line {problem.line:,}" if problem.line else "the file"
        if problem.column:
            place += f":{problem.column}"
        name = ""
        if self.names_files and problem.path is not None:
            name = f"{one_line(os.path.basename(problem.path), 20):<20} "
        return Content.assemble(
            " ", (sign, style), (f"{name}{place:<14} ", "$quiet"), one_line(clean(problem.message), 400)
        ).truncate(width, ellipsis=True)


class Way(Static):
    """A problem in full, and the way out."""

    def show(self, problem: Problem, count: int, *, by_page: bool = False) -> None:
        """
        Args:
            count: how often the file has it.
            by_page: whether the keys of the file's page are at hand.
        """
        fix = by_keys(problem.fix) if by_page else problem.fix
        sign, style = MARKS[problem.severity]
        often = f" ({count:,} times in this file)" if count > 1 else ""
        self.update(
            Content.assemble(
                (f"{sign}{clean(problem.message)}", style),
                (often, "$quiet"),
                "\n",
                (f"→ {clean(fix)}" if fix else "", ""),
            )
        )


class Problems(ModalScreen[int | str]):
    """Its result: the line to go to, or the check whose rows are to be gone through; None: it was left."""

    CSS_PATH = "problems.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding
        for binding in bindings("rows")
        if isinstance(binding, Binding) and binding.id in ("rows.filter", "rows.back")
    ]

    def __init__(self, checked: Checked) -> None:
        super().__init__()
        self._checked = checked
        self._list = ProblemsList(id="problems")

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield self._list
            yield Way(markup=False, id="way")
        yield KeyLine(hints={"list.open": "to the row", "rows.filter": "only such rows"}, id="keys")

    def on_mount(self) -> None:
        checked = self._checked
        box = self.query_one("#box")
        errors, warnings = plural(checked.errors, "error"), plural(checked.warnings, "warning")
        box.border_title = Content(f"{errors}, {warnings}")
        found = sum(checked.counts.values())
        if found > len(checked.problems):
            box.border_subtitle = Content(f"the first {len(checked.problems):,} of {found:,}")
        self._list.show([(problem, place) for place, problem in enumerate(checked.problems)])
        self.set_focus(self._list)
        self._say()

    def on_resize(self, event: events.Resize) -> None:
        """As tall as its list and a long way out need, where there is room for both."""
        height = event.size.height
        self.query_one("#box").styles.height = min(len(self._checked.problems) + WAY_LINES, height * 9 // 10)

    def on_list_canvas_selected(self, message: ListCanvas.Selected) -> None:
        message.stop()
        self._say()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        entry = self._list.selected
        return entry is not None and entry[0].id in self._checked.places if action == "filter" else True

    def action_filter(self) -> None:
        if (entry := self._list.selected) is not None:
            self.dismiss(entry[0].id)

    def _say(self) -> None:
        self.refresh_bindings()
        if (entry := self._list.selected) is not None:
            self.query_one(Way).show(entry[0], self._checked.counts.get(entry[0].id, 1), by_page=True)

    def on_list_canvas_opened(self, message: ListCanvas.Opened) -> None:
        message.stop()
        problem: Problem = message.item[0]
        if problem.line is not None:
            self.dismiss(problem.line)
        else:
            self.app.notify("It is about the whole file.", timeout=6, markup=False)

    def action_back(self) -> None:
        self.dismiss()

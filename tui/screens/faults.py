"""What is wrong with a job's data, each with its way out and the way to its row; rows can be left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen

from ...engines.datasets.kept.checked import Reading, Rules
from ...engines.datasets.problem import Problem
from ..keys import bindings
from ..messages import OpenDataset
from ..panes.list import ListCanvas
from ..watchers import Watcher
from ..widgets.keyline import KeyLine
from .problems import ProblemsList, Way

if TYPE_CHECKING:
    from ..app import FinetuiApp


class Faults(ModalScreen[bool]):
    """Its result: whether rows with errors are to be left out."""

    CSS_PATH = "faults.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("faults")

    if TYPE_CHECKING:
        app: FinetuiApp  # type: ignore[assignment]

    class Found(Message):
        """All that is wrong with the files; `counts`: how often, of which some are shown."""

        def __init__(self, problems: Sequence[Problem], counts: Counter[str]) -> None:
            super().__init__()
            self.problems, self.counts = problems, counts

    def __init__(
        self,
        problems: Sequence[Problem],
        files: Sequence[Path],
        format: str | None,
        columns: Mapping[str, str] | None = None,
        *,
        droppable: bool,
    ) -> None:
        """
        Args:
            problems: examples of what is wrong; of what is wrong with rows, all are looked for in `files`.
            format: of the files, where it is not detected.
            columns: a known form's keys under the files' own names.
            droppable: whether leaving rows out is all that it takes.
        """
        super().__init__()
        self._problems, self._files = problems, files
        self._rules = Rules(format=format, columns=dict(columns) if columns else None)
        self._droppable = droppable
        self._counts: Counter[str] = Counter(problem.id for problem in problems)
        self._list = ProblemsList(id="list")
        self._reader = Watcher(self.app, "faults", self._read)
        self._reading: Reading | None = None

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield self._list
            yield Way(markup=False, id="way")
        yield KeyLine(hints={"list.open": "to the row"}, id="keys")

    def on_mount(self) -> None:
        title = "Rows with faults" if self._droppable else "What was found"
        self.query_one("#box").border_title = Content(title)
        self._show()
        self.set_focus(self._list)
        if any(problem.line is not None for problem in self._problems):
            self._reader.start()

    def on_unmount(self) -> None:
        self._reader.stop()
        if self._reading is not None:
            self._reading.stop()

    def _read(self) -> float:
        self._reader.stop()  # once will do
        problems: list[Problem] = []
        counts: Counter[str] = Counter()
        for file in dict.fromkeys(self._files):
            self._reading = Reading(self.app.settings.home, file.absolute(), self._rules)
            if (checked := self._reading.run()) is not None:
                problems += checked.problems
                counts.update(checked.counts)
        if problems:
            self.post_message(self.Found(problems, counts))
        return 0.0

    def on_faults_found(self, message: Found) -> None:
        """Of the whole files; what only the plan sees (both files together) is kept at the end."""
        if not self.is_attached:
            return
        places = {(problem.line, problem.id) for problem in message.problems}
        others = [one for one in self._problems if (one.line, one.id) not in places]
        order = ("error", "warning", "note")
        self._problems = sorted([*message.problems, *others], key=lambda one: order.index(one.severity))
        self._counts = message.counts
        self._counts.update(problem.id for problem in others)
        self._show()

    def _show(self) -> None:
        self._list.names_files = len(set(self._files)) > 1
        self._list.show([(problem, place) for place, problem in enumerate(self._problems)])
        box = self.query_one("#box")
        found = sum(self._counts.values())
        if found > len(self._problems):
            box.border_subtitle = Content(f"the first {len(self._problems):,} of {found:,}")
        self._fit()
        self._say()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        """What is selected stays in sight below the list."""
        self._list.styles.height = min(max(len(self._problems), 1), max(self.app.size.height - 10, 2))

    def on_list_canvas_selected(self, message: ListCanvas.Selected) -> None:
        message.stop()
        self._say()

    def _say(self) -> None:
        if (entry := self._list.selected) is not None:
            self.query_one(Way).show(entry[0], self._counts.get(entry[0].id, 1))

    def on_list_canvas_opened(self, message: ListCanvas.Opened) -> None:
        message.stop()
        problem: Problem = message.item[0]
        if problem.path is not None:
            self.app.post_message(
                OpenDataset(Path(problem.path), problem.line, (self._rules.format, self._rules.columns))
            )

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self._droppable if action == "drop" else True

    def action_drop(self) -> None:
        self.dismiss(True)

    def action_back(self) -> None:
        self.dismiss(False)

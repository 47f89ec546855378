"""The training rows that a job's model found hardest, worst first: among them are the label errors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from ...engines.datasets.training.hardest import Hardest, HardRow, Texts, far, hardest, why_none
from ...engines.job import Job
from ...engines.states import UNFINISHED
from ...engines.store import Summary
from ...engines.text import one_line
from ...monitors.jobs import Jobs
from ..keys import bindings
from ..messages import CopyText, Form, OpenDataset
from ..panes.list import ListCanvas
from ..panes.wording import brief, plural, short_path
from ..watchers import Watcher
from ..widgets.keyline import KeyLine
from ..widgets.sides import Sides
from ..widgets.topline import TopLine
from .view import View

if TYPE_CHECKING:
    from ..app import FinetuiApp

LIVE_SECONDS, STILL_SECONDS = 2.0, 5.0
"""Between looks at the file: while the job goes on, and afterwards."""
WASTE_CELLS = 12
TALL = 36
"""From so many rows on more of the selected row is shown."""


class HardestList(ListCanvas[HardRow]):
    """A line a row: its loss, how far that is over its surroundings, its place, and how it begins."""

    FILTERS = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._place_cells = 4

    def key(self, item: HardRow) -> str:
        return str(item.number)

    def show(self, items: Sequence[HardRow]) -> None:
        self._place_cells = max((len(place(row)) for row in items), default=4)
        super().show(items)

    def heading(self, width: int) -> Content:
        """What stands above the columns of a list that is so wide, without its first cell."""
        asked = self._sides(width - 1)[0]  # one is the scrollbar's
        text = f"{'loss':>6} {'over':<7} {'line':>{self._place_cells}}  {'asked':<{asked}}  answer"
        return Content.styled(text, "$quiet")

    def row(self, item: HardRow, width: int) -> Content:
        over = f"{'+' if item.over >= 0 else '−'}{brief(abs(item.over))}"
        head = f"{brief(item.loss):>7} {over:<7} {place(item):>{self._place_cells}}  "
        asked, answer = self._sides(width)
        # By cells, not characters: an answer begins in the same column whatever the prompt is written in.
        prompt = Content.styled(one_line(item.text.prompt, asked), "$quiet").truncate(asked, ellipsis=True)
        gap = " " * (asked - prompt.cell_length + 2)
        return Content.assemble(head, prompt, gap, one_line(item.text.answer, answer)).truncate(
            width, ellipsis=True
        )

    def _sides(self, width: int) -> tuple[int, int]:
        """How many cells the beginnings of prompt and answer have on a line of so many."""
        room = max(width - self._place_cells - 20, 2)
        return room // 2, room - room // 2


def place(row: HardRow) -> str:
    """The line of a row, in at least four characters."""
    return f"{row.text.line:,}".rjust(4) if row.text.line is not None else "   ?"


class Selected(Static):
    """The selected row, as far as there is room."""

    def show(self, row: HardRow | None, cells: int) -> None:
        """`cells`: that prompt and answer may have, each."""
        if row is None:
            self.update(Content(""))
            return
        facts = (
            f"loss {brief(row.loss)} a token, {brief(row.around)} around it at update {row.step:,} · "
            f"{plural(row.tokens, 'trained token')}"
        )
        asked = (
            [("asked   ", "$quiet"), (one_line(row.text.prompt, cells), ""), "\n"] if row.text.prompt else []
        )
        self.update(
            Content.assemble(
                (facts, "$quiet"), "\n", *asked, ("answer  ", "$quiet"), one_line(row.text.answer, cells)
            )
        )


class HardestRows(View[None]):
    """Shows a job's hardest rows, anew while its first epoch goes on."""

    CSS_PATH = "hardest.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("hardest")
    AUTO_FOCUS = "#rows"

    if TYPE_CHECKING:
        app: FinetuiApp  # type: ignore[assignment]

    class Found(Message):
        """The rows as they are now; `none`: why there are none, in words."""

        def __init__(self, found: Hardest | None, none: str) -> None:
            super().__init__()
            self.found, self.none = found, none

    def __init__(self, job: Job, summary: Summary) -> None:
        super().__init__()
        self._job, self._summary = job, summary
        self._found: Hardest | None = None
        self._none = "reading …"
        self._by_line = False
        self._texts: Texts = {}
        self._stamp: tuple[int, int, str] | None = None
        self._list = HardestList(id="rows")

    def compose(self) -> ComposeResult:
        yield TopLine(id="top")
        yield Sides(id="warning")
        yield Sides(id="heading")
        yield self._list
        yield Static(id="none", markup=False)
        yield Selected(id="selected", markup=False)
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self._watcher = Watcher(self.app, "hardest", self._look)
        self._watcher.start()
        self._draw()

    def on_unmount(self) -> None:
        self._watcher.stop()

    # What is seen.

    def _look(self) -> float:
        """In the watcher's thread: the rows, where the file has changed."""
        try:
            status = os.stat(self._job.paths.row_losses)
            stamp = status.st_size, status.st_mtime_ns, ""
        except OSError:
            stamp = 0, 0, why_none(self._job, self._unfinished)
        if stamp != self._stamp:
            self._stamp = stamp
            try:
                found = hardest(self._job, texts=self._texts)
                self.post_message(self.Found(found, stamp[2] or "No row's loss was a finite number."))
            except OSError as error:
                self.post_message(self.Found(None, f"row_losses.jsonl: {error.strerror or error}"))
        return LIVE_SECONDS if self._unfinished else STILL_SECONDS

    @property
    def _unfinished(self) -> bool:
        return self._summary.state.state in UNFINISHED

    def show_jobs(self, jobs: Jobs, problem: str | None) -> None:
        summary = self.summary_of(jobs, self._summary.id)
        if summary is not None and summary != self._summary:
            self._summary = summary
            self._draw()

    def on_hardest_rows_found(self, message: Found) -> None:
        if self.is_attached:
            self._found, self._none = message.found, message.none
            self._list.show(self._ordered())
            self._draw()
            self.refresh_bindings()

    def _ordered(self) -> Sequence[HardRow]:
        rows = self._found.rows if self._found is not None else ()
        return sorted(rows, key=lambda row: (row.text.line or 0, row.number)) if self._by_line else rows

    def on_resize(self, event: events.Resize) -> None:
        self.set_class(event.size.height >= TALL, "-tall")
        self._draw()

    def on_list_canvas_selected(self, message: ListCanvas.Selected) -> None:
        message.stop()
        self._say_selected()

    def _draw(self) -> None:
        if not self.is_attached or not self.query("#top"):
            return
        found = self._found
        name = one_line(self._summary.name, 40)
        left = Content.assemble(("finetui", "bold $primary"), f" · {name} · hardest rows")
        known = far(found, self._summary.state.state, self._unfinished) if found is not None else ""
        file = one_line(short_path(found.data), 200) if found is not None and found.data else ""
        middles = [Content.styled(text, "$quiet") for text in (file, file.rpartition(os.sep)[2])]
        self.query_one(TopLine).show(left, middles, Content(known))
        self._warn(found)
        rows = bool(found is not None and found.rows)
        heading = self.query_one("#heading", Sides)
        heading.show(self._list.heading(self.size.width) if rows else Content(""))
        self._list.display = self.query_one("#selected").display = rows
        none = self.query_one("#none", Static)
        none.display = not rows
        none.update(Content(one_line(self._none)))
        self._say_selected()

    def _warn(self, found: Hardest | None) -> None:
        said = found.stale if found is not None and found.rows else ""
        if not said and found is not None and found.rows and found.not_finite:
            said = f"{plural(found.not_finite, 'row')} more had no finite loss."
        warning = self.query_one("#warning", Sides)
        warning.display = bool(said)
        warning.show(Content.styled(f"! {one_line(said)}", "$warning"))

    def _say_selected(self) -> None:
        lines = 4 if self.has_class("-tall") else 2
        # Less what stands before them and what breaking at words wastes.
        self.query_one(Selected).show(self._list.selected, lines * (self.size.width - 2 - WASTE_CELLS))

    # What is done.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("order", "copy"):
            return bool(self._list.items)
        return True

    def on_list_canvas_opened(self, message: ListCanvas.Opened) -> None:
        message.stop()
        row: HardRow = message.item
        found = self._found
        if found is None or found.data is None or row.text.line is None:
            self.app.tell("Where this row came from is not known any more.", "warning")
        else:
            self.post_message(OpenDataset(found.data, row.text.line, self._form))

    @property
    def _form(self) -> Form | None:
        """How the job reads its rows."""
        try:
            data = self._job.spec().get("data")
        except (OSError, ValueError):
            return None
        format, columns = (
            (data.get("format"), data.get("columns")) if isinstance(data, dict) else (None, None)
        )
        return format if isinstance(format, str) else None, columns if isinstance(columns, dict) else None

    def action_order(self) -> None:
        self._by_line = not self._by_line
        self._list.show(self._ordered())
        self.app.tell("In the file's order." if self._by_line else "Worst first.")

    def action_copy(self) -> None:
        lines = [str(row.text.line) for row in self._list.items if row.text.line is not None]
        self.post_message(CopyText("\n".join(lines), plural(len(lines), "line number")))

    def action_back(self) -> None:
        self.dismiss()

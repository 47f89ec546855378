"""All jobs, newest first: how each stands, on a line. Ten thousand cost as much as those that are seen."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ...engines.states import ALIVE, SYMBOLS
from ...engines.store import Summary
from ...engines.text import one_line
from ...monitors.jobs import Jobs
from ..messages import JobChosen, OpenJob
from ..widgets.canvas import Canvas
from . import wording
from .list import ListCanvas
from .pane import Pane

AGE_SECONDS = 60.0
"""Between looks at how old things are."""

WELCOME = """\
finetui fine-tunes language models, live
in a terminal that its jobs outlive.

[b]D[/b]  try it: a small real job
[b]?[/b]  the keys that work here

Your own, from a shell:
[b]finetui run -t train.jsonl -m MODEL[/b]
"""


class Columns:
    """Which columns a width has, and how wide each is."""

    SYMBOL, GAP = 2, 1

    def __init__(self, width: int) -> None:
        # Name, then what is dropped first where it gets narrow stands last.
        self.model = 28 if width >= 112 else 0
        self.age = 6 if width >= 76 else 0
        self.loss = 7 if width >= 64 else 0
        self.word = 11 if width >= 64 else 0
        self.progress, self.evals = 11, 11
        others = [self.model, self.age, self.loss, self.word, self.progress, self.evals]
        taken = sum(size + self.GAP for size in others if size)
        self.name = max(width - self.SYMBOL - taken, 8)

    def row(self, symbol: Content | str, cells: dict[str, tuple[str, str]]) -> Content:
        """One line; `cells` has (text, style) by column. Numbers stand right, words left."""
        parts: list[Content | str | tuple[str, str]] = [symbol, " "]
        for column, right in (
            ("name", False),
            ("model", False),
            ("word", False),
            ("progress", bool(self.word)),
            ("loss", True),
            ("evals", True),
            ("age", True),
        ):
            width = getattr(self, column)
            if not width:
                continue
            text, style = cells.get(column, ("", ""))
            cell = Content(text).truncate(width, ellipsis=True)
            pad = width - cell.cell_length
            cell = cell.pad_left(pad) if right else cell.pad_right(pad)
            parts += [cell.stylize(style) if style else cell, " "]
        return Content.assemble(*parts[:-1])


class Head(Canvas):
    """The names of the list's columns."""

    ALLOW_SELECT = False

    def lay_out(self, width: int, height: int) -> int:
        return 1

    def line(self, index: int, width: int) -> Content:
        columns = Columns(width - 1)  # the list below keeps a column for its scrollbar
        cells = {
            "name": ("name", ""),
            "model": ("model", ""),
            "word": ("state", ""),
            "progress": ("progress" if columns.word else "state", ""),
            "loss": ("loss", ""),
            "evals": ("eval loss", ""),
            "age": ("age", ""),
        }
        return columns.row(" ", cells).stylize("$quiet")


class JobsList(ListCanvas[Summary]):
    """The jobs, one of them selected, some of them marked."""

    MARKS = True

    def __init__(self) -> None:
        super().__init__(id="jobs-list")
        self._columns = Columns(0)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(AGE_SECONDS, self.repaint)

    def key(self, item: Summary) -> str:
        return item.id

    def lay_out(self, width: int, height: int) -> int:
        self._columns = Columns(width)
        return super().lay_out(width, height)

    def row(self, item: Summary, width: int) -> Content:
        job, state = item, item.state
        style = wording.STYLES.get(state.state, "")
        cells = {
            "name": (one_line(job.name, 80) or job.id, "bold" if state.state in ALIVE else ""),
            "model": (_model(job.model), "$quiet"),
            "word": (str(state.state), style),
            "progress": (self._progress(job), style),
            "loss": (wording.loss(state), ""),
            "evals": (wording.losses(state) or ("" if self._columns.loss else wording.loss(state)), ""),
            "age": (wording.age(time.time() - job.created), "$quiet"),
        }
        return self._columns.row(Content.styled(SYMBOLS.get(state.state, "?"), style), cells)

    def _progress(self, job: Summary) -> str:
        said = wording.progress(job.state)
        # Beside the word for the state it says only what that doesn't.
        return "" if self._columns.word and said == str(job.state.state) else said


def _model(name: str) -> str:
    """A hub id without its organisation, a path without its folders."""
    return one_line(name.rstrip("/").rpartition("/")[2] or name, 60)


class JobsPane(Pane):
    """The list, or a welcome where there are no jobs yet."""

    NUMBER, TITLE = 1, "Jobs"
    DEFAULT_CLASSES: ClassVar[str] = "-reading"

    def __init__(self) -> None:
        super().__init__(id="jobs")
        self.list = JobsList()

    @property
    def main(self) -> Widget:
        return self.list

    def compose(self) -> ComposeResult:
        yield Head(id="jobs-head")
        yield self.list
        yield Static(WELCOME, id="welcome")

    def show(self, jobs: Jobs, problem: str | None) -> None:
        """Show all jobs; `problem`: an engine that could not be asked."""
        self.remove_class("-reading")
        self.set_class(not jobs.summaries and jobs.complete, "-empty")
        self.list.show(jobs.summaries)
        parts = [f"{len(jobs.summaries):,}"] if len(jobs.summaries) > 1 else []
        self.say(", ".join(parts if jobs.complete else [*parts, "reading on"]), problem or "")

    def on_list_canvas_selected(self, message: ListCanvas.Selected) -> None:
        message.stop()
        self.post_message(JobChosen(message.item))

    def on_list_canvas_opened(self, message: ListCanvas.Opened) -> None:
        message.stop()
        self.post_message(OpenJob(message.item.id))

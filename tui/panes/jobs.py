"""All jobs, newest first: how each stands, on a line. Ten thousand cost as much as those that are seen."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ...engines.job import State
from ...engines.machine import machine_id
from ...engines.states import ALIVE, SYMBOLS, JobState
from ...engines.store import Summary
from ...engines.text import one_line
from ...monitors.jobs import Jobs
from ..messages import JobChosen, MarksChanged, OpenJob
from ..widgets.canvas import Canvas
from . import wording
from .list import ListCanvas
from .pace import Pace, is_training
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

    SIGNS, GAP = 3, 1

    def __init__(self, width: int) -> None:
        # What is dropped first where it gets narrow is given room last.
        self.model = 28 if width >= 112 else 0
        self.where = 16 if width >= 88 else 0
        self.left = 8 if width >= 64 else 0
        self.age = 6 if width >= 56 else 0
        self.state, self.losses = 11, 11
        others = (self.model, self.state, self.losses, self.left, self.where, self.age)
        taken = sum(size + self.GAP for size in others if size) + (1 if self.where else 0)
        self.name = max(width - self.SIGNS - taken, 8)

    def row(self, signs: Content | str, cells: dict[str, tuple[str, str]]) -> Content:
        """One line; `cells` has (text, style) by column. Numbers stand right, words left; `story` fills
        the columns from the state to the time left."""
        story = "story" in cells
        told = [size for size in (self.state, self.losses, self.left) if size]
        columns = (
            ("name", self.name, False),
            ("model", self.model, False),
            *((("story", sum(told) + len(told) - 1, False),) if story else ()),
            ("state", 0 if story else self.state, False),
            ("losses", 0 if story else self.losses, True),
            ("left", 0 if story else self.left, True),
            ("where", self.where, False),
            ("age", self.age, True),
        )
        parts: list[Content | str] = [signs]
        for column, width, right in columns:
            if not width:
                continue
            text, style = cells.get(column, ("", ""))
            cell = Content(text).truncate(width, ellipsis=True)
            pad = width - cell.cell_length
            cell = cell.pad_left(pad) if right else cell.pad_right(pad)
            if column == "where":
                parts.append(" ")  # a word that stands left, after a number that stands right
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
            "state": ("state", ""),
            "losses": ("loss", ""),
            "left": ("left", ""),
            "where": ("machine", ""),
            "age": ("age", ""),
        }
        return columns.row("   ", cells).stylize("$quiet")


class JobsList(ListCanvas[Summary]):
    """The jobs, one of them selected, some of them marked."""

    MARKS = True

    def __init__(self) -> None:
        super().__init__(id="jobs-list")
        self._columns = Columns(0)
        self._paces: dict[str, Pace] = {}

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(AGE_SECONDS, self.repaint)

    def key(self, item: Summary) -> str:
        return item.id

    def lay_out(self, width: int, height: int) -> int:
        self._columns = Columns(width)
        return super().lay_out(width, height)

    def text(self, item: Summary) -> str:
        return " ".join((item.name, item.model, item.state.state, item.method, *item.tags, item.id))

    def show(self, items: Sequence[Summary]) -> None:
        training = {job.id: job.state for job in items if is_training(job.state)}
        self._paces = {job_id: self._pace(job_id, state) for job_id, state in training.items()}
        super().show(items)

    def _pace(self, job_id: str, state: State) -> Pace:
        known = self._paces.get(job_id)
        if known is None or known.attempt != state.attempt:
            return Pace.begin(state)
        return known.after(state)

    def row(self, item: Summary, width: int) -> Content:
        state = item.state
        style = wording.STYLES.get(state.state, "")
        said = wording.progress(state)
        cells = {
            "name": (one_line(item.name, 80) or item.id, "bold" if state.state in ALIVE else ""),
            "model": (_model(item.model), "$quiet"),
            "where": (one_line(state.host, 30) if state.machine != machine_id() else "", "$quiet"),
            "age": (wording.age(time.time() - item.created), "$quiet"),
        }
        if why := wording.trouble(state):
            cells["story"] = (f"{said}: {why}", style)
        elif state.state == JobState.queued and state.waiting_for:
            cells["story"] = (f"waits for {one_line(state.waiting_for, 60)}", style)
        else:
            pace = self._paces.get(item.id)
            seconds = pace.seconds_left(state) if pace is not None else None
            cells["state"] = (said, style)
            cells["losses"] = (wording.losses(state), "")
            cells["left"] = ("" if seconds is None else wording.left(seconds), "$quiet")
        sign = SYMBOLS.get(state.state, "?")
        signs = Content.assemble((sign, style), ("◆" if self.is_marked(item) else " ", "$key"), " ")
        return self._columns.row(signs, cells)


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

    def on_list_canvas_marked(self, message: ListCanvas.Marked) -> None:
        message.stop()
        self.post_message(MarksChanged(message.items))

    def on_list_canvas_opened(self, message: ListCanvas.Opened) -> None:
        message.stop()
        self.post_message(OpenJob(message.item.id))

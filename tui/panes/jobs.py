"""All jobs, newest first: how each stands, on a line. Ten thousand cost as much as those that are seen."""

from __future__ import annotations

import time
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ...engines.states import ALIVE, SYMBOLS
from ...engines.store import Summary
from ...engines.text import one_line
from ...monitors.jobs import Jobs
from ..messages import JobChosen
from ..widgets.canvas import Canvas
from . import wording
from .pane import Pane, PaneCanvas

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


class JobsList(PaneCanvas):
    """The jobs, one of them selected."""

    def __init__(self) -> None:
        super().__init__(id="jobs-list")
        self.jobs: tuple[Summary, ...] = ()
        self.cursor = 0
        self._columns = Columns(0)

    @property
    def selected(self) -> Summary | None:
        return self.jobs[self.cursor] if self.cursor < len(self.jobs) else None

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(AGE_SECONDS, self.repaint)

    def show(self, jobs: tuple[Summary, ...]) -> None:
        """Show these; the selected one stays selected while it is there."""
        before = self.selected
        self.jobs = jobs
        if before is not None and (self.cursor >= len(jobs) or jobs[self.cursor].id != before.id):
            place = next((i for i, job in enumerate(jobs) if job.id == before.id), None)
            self.cursor = min(self.cursor, max(len(jobs) - 1, 0)) if place is None else place
        self.repaint()
        self._keep_in_view()
        if self.selected != before:
            self.post_message(JobChosen(self.selected))

    def choose(self, job_id: str) -> bool:
        """Select a job by its id; False where it is not in the list."""
        place = next((i for i, job in enumerate(self.jobs) if job.id == job_id), None)
        if place is not None:
            self._move_to(place)
        return place is not None

    def lay_out(self, width: int, height: int) -> int:
        self._columns = Columns(width)
        return len(self.jobs)

    def line(self, index: int, width: int) -> Content:
        job = self.jobs[index]
        state = job.state
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
        row = self._columns.row(Content.styled(SYMBOLS.get(state.state, "?"), style), cells)
        if index == self.cursor:
            row = row.pad_right(max(width - row.cell_length, 0)).stylize_before("on $list-cursor")
        return row

    def _progress(self, job: Summary) -> str:
        said = wording.progress(job.state)
        # Beside the word for the state it says only what that doesn't.
        return "" if self._columns.word and said == str(job.state.state) else said

    def _move_to(self, place: int) -> None:
        place = min(max(place, 0), max(len(self.jobs) - 1, 0))
        if place == self.cursor:
            return
        self.cursor = place
        self.repaint()
        self._keep_in_view()
        self.post_message(JobChosen(self.selected))

    def _keep_in_view(self) -> None:
        height = max(self.size.height, 1)
        if self.cursor < self.top:
            self.move_view(self.cursor)
        elif self.cursor >= self.top + height:
            self.move_view(self.cursor - height + 1)

    def on_click(self, event: events.Click) -> None:
        if event.x < self.size.width - 1:  # beside the scrollbar
            self._move_to(self.top + event.y)

    def action_down(self) -> None:
        self._move_to(self.cursor + 1)

    def action_up(self) -> None:
        self._move_to(self.cursor - 1)

    def action_page_down(self) -> None:
        self._move_to(self.cursor + self.page)

    def action_page_up(self) -> None:
        self._move_to(self.cursor - self.page)

    def action_first(self) -> None:
        self._move_to(0)

    def action_last(self) -> None:
        self._move_to(len(self.jobs) - 1)


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

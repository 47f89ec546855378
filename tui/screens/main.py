"""The first screen: jobs, datasets, the losses of selected and marked jobs, and the machine, all at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.css.query import NoMatches

from ...engines.datasets.kept.known import Known
from ...engines.gpu import computing
from ...engines.job import State
from ...engines.machine import host
from ...engines.states import ALIVE, ENDED, RESUMABLE, UNFINISHED, JobState
from ...engines.store import Summary
from ...engines.text import one_line
from ...monitors.jobs import Jobs
from ..acts import Acts
from ..keys import bindings
from ..messages import CopyText, OpenNewJob, OpenPlayground
from ..panes.datasets import DatasetsPane
from ..panes.gpu import GpuPane, Hardware, gpu_name, short_gpu_name
from ..panes.jobs import JobsPane
from ..panes.list import ListCanvas
from ..panes.log import LogPane
from ..panes.loss import JobCurves, LossPane
from ..panes.pane import Pane
from ..panes.wording import gibibytes, percent
from ..widgets.bar import bar
from ..widgets.keyline import KeyLine
from ..widgets.topline import TopLine
from .question import ask_to_kill, ask_to_remove
from .view import View

if TYPE_CHECKING:
    from ...monitors.points import Points
    from ..app import FinetuiApp

TALL = 36
"""Rows from which on the log has a pane of its own beside the others; below it is a key away."""

WIDE = 70
"""Columns from which on both columns of panes have room; below it only the one with the focus is there."""


class MainScreen(View[None]):
    """Holds the panes and does what the keys say; what is known comes from the app."""

    if TYPE_CHECKING:
        app: FinetuiApp  # type: ignore[assignment]

    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (WIDE, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (TALL, "-tall")]  # noqa: RUF012 - as Textual declares it

    BINDINGS: ClassVar[list[BindingType]] = bindings("main")
    AUTO_FOCUS = "#jobs-list"

    def __init__(self, acts: Acts) -> None:
        super().__init__()
        self._acts = acts
        self.jobs = JobsPane()
        self.datasets = DatasetsPane()
        self.loss = LossPane()
        self.gpu = GpuPane()
        self.log_pane = LogPane()
        self.marked: tuple[Summary, ...] = ()
        self._points: dict[str, Points] = {}
        self._counts = ""
        self._machine: list[Content] = []
        self._zoomed: Pane | None = None
        self.last_pane = str(self.jobs.id)
        """The name of the one that had the focus last: when the app is left, none has it any more."""

    def compose(self) -> ComposeResult:
        yield TopLine(id="top")
        with Horizontal(id="columns"):
            with Vertical(id="left", classes="column -here"):
                yield self.jobs
                yield self.datasets
            with Vertical(id="right", classes="column"):
                yield self.loss
                yield self.gpu
                yield self.log_pane
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self._show_top()

    def on_descendant_focus(self) -> None:
        self.last_pane = str(self.pane.id)
        self._be_in(self.pane)

    def _be_in(self, pane: Pane) -> None:
        for column in self.query(".column"):
            column.set_class(column is pane.query_ancestor(".column"), "-here")

    @property
    def panes(self) -> tuple[Pane, ...]:
        """In the order of their numbers."""
        return self.jobs, self.datasets, self.loss, self.gpu, self.log_pane

    @property
    def pane(self) -> Pane:
        """The one with the focus."""
        return next((pane for pane in self.panes if pane.has_focus_within), self.jobs)

    @property
    def selected(self) -> Summary | None:
        return self.jobs.list.selected

    def show_jobs(self, jobs: Jobs, problem: str | None) -> None:
        """All jobs as they are now."""
        self.jobs.show(jobs, problem)
        running, queued = jobs.count(ALIVE), jobs.count([JobState.queued])
        self._counts = f"{running} running · {queued} queued" if running or queued else "nothing running"
        self._show_top()

    def show_hardware(self, hardware: Hardware) -> None:
        """The machine as it is now."""
        self.gpu.show(hardware)
        self._machine = _machine(hardware)
        self._show_top()

    @property
    def compared(self) -> list[Summary]:
        """The selected job and those marked."""
        selected = self.selected
        first = [selected] if selected is not None else []
        return [*first, *(job for job in self.marked if selected is None or job.id != selected.id)]

    def show_selected(self, *, anew: bool) -> None:
        """The selected and marked jobs as they are now; `anew`: another is selected, its log comes later."""
        if anew:
            self.log_pane.show_job(self.selected)
        ids = {job.id for job in self.compared}
        self._points = {job_id: points for job_id, points in self._points.items() if job_id in ids}
        self._show_curves()

    def show_points(self, job_id: str, points: Points) -> None:
        if any(job.id == job_id for job in self.compared):
            self._points[job_id] = points
            self._show_curves()

    def _show_curves(self) -> None:
        self.loss.show([JobCurves(job, self._points.get(job.id)) for job in self.compared])
        self.refresh_bindings()

    def show_datasets(self, datasets: tuple[Known, ...]) -> None:
        self.datasets.show(datasets)

    def _show_top(self) -> None:
        try:
            top = self.query_one(TopLine)
        except NoMatches:
            return  # not composed yet
        left = Content.assemble(("finetui", "bold $primary"), (f" · {one_line(host(), 30)}", "$quiet"))
        top.show(left, self._machine, Content.styled(self._counts, "$quiet"))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "back":
            return self._zoomed is not None or any(one.filter for one in self._lists)
        return None if self.why_not(action) else True

    def why_not(self, action: str) -> str:
        if not self.is_mounted:
            return ""
        if action in ("log_scale", "axis"):
            return "The selected job has no losses yet." if self.loss.chart.empty else ""
        if action not in ("stop", "kill", "resume", "duplicate", "remove", "notes", "copy", "playground"):
            return ""
        if self.pane is self.datasets:
            nothing = "" if self.datasets.list.selected else "There is nothing here yet."
            return nothing if action in ("remove", "copy") else "Choose a job first: 1."
        if self.selected is None:
            return "No job is selected; n makes one."
        return _why_not(action, self.selected.state)

    @property
    def _lists(self) -> tuple[ListCanvas[Any], ...]:
        """The one with the focus first."""
        lists = self.jobs.list, self.datasets.list
        return lists[::-1] if self.pane is self.datasets else lists

    def action_focus_pane(self, name: str) -> None:
        pane = next(pane for pane in self.panes if pane.id == name)
        # What has no place on a short screen gets all of it.
        if (self._zoomed or not pane.display) and pane is not self._zoomed:
            self._zoom(pane)
        self._be_in(pane)
        # At once: focus() waits for a moment, in which the next key finds the old pane.
        self.set_focus(pane.main)

    def action_next_pane(self) -> None:
        self._step(1)

    def action_previous_pane(self) -> None:
        self._step(-1)

    def _step(self, by: int) -> None:
        short = self.has_class("-short") and self.pane is not self.log_pane
        panes = [pane for pane in self.panes if not short or pane is not self.log_pane]
        self.action_focus_pane(str(panes[(panes.index(self.pane) + by) % len(panes)].id))

    def action_zoom(self) -> None:
        self._zoom(None if self._zoomed is not None else self.pane)

    def action_back(self) -> None:
        if not any(one.clear_filter() for one in self._lists) and not self.loss.clear_cursor():
            self._zoom(None)
        self.refresh_bindings()

    def _zoom(self, pane: Pane | None) -> None:
        if self._zoomed is not None and self._zoomed.parent is not None:
            self._zoomed.remove_class("-zoom")
            self._zoomed.query_ancestor(".column").remove_class("-zoom")
        left, self._zoomed = self._zoomed, pane
        if pane is not None:
            pane.add_class("-zoom")
            pane.query_ancestor(".column").add_class("-zoom")
        self.query_one("#columns").set_class(pane is not None, "-zoomed")
        if pane is None and left is self.log_pane and self.has_class("-short"):
            self.set_focus(self.jobs.main)  # the log has no place here
        self.refresh_bindings()

    def action_log_scale(self) -> None:
        self.loss.toggle_scale()

    def action_stop(self) -> None:
        if job := self.selected:
            self._acts.stop(job)

    def action_kill(self) -> None:
        if job := self.selected:
            ask_to_kill(self, job, self._acts)

    def action_resume(self) -> None:
        if job := self.selected:
            self._acts.resume(job)

    def action_remove(self) -> None:
        if self.pane is self.datasets:
            if known := self.datasets.list.selected:
                self._acts.forget(known)
        elif job := self.selected:
            ask_to_remove(self, job, self._acts)

    def action_new_job(self) -> None:
        known = self.datasets.list.selected if self.pane is self.datasets else None
        if known is None:
            self.post_message(OpenNewJob())
            return
        data: dict[str, object] = {"train": known.path}
        if columns := self.app.remembered.columns.get(known.path):
            data["columns"] = dict(columns)
        self.post_message(OpenNewJob({"data": data}))

    def action_duplicate(self) -> None:
        if job := self.selected:
            self._acts.duplicate(job)

    def action_playground(self) -> None:
        if job := self.selected:
            self.post_message(OpenPlayground(job.id, tuple(other.id for other in self.marked)))

    def action_notes(self) -> None:
        if job := self.selected:
            self._acts.notes(job)

    def action_copy(self) -> None:
        pane = self.pane
        if pane is self.datasets and (known := self.datasets.list.selected):
            self.post_message(CopyText(str(Path(known.path)), "the dataset's path"))
        elif pane is not self.datasets and (job := self.selected):
            self._acts.copy(job)

    def action_axis(self) -> None:
        self.loss.next_axis()

    def action_demo(self) -> None:
        self._acts.demo()


_HAS_COME_TO = {
    JobState.succeeded: "has succeeded",
    JobState.failed: "has failed",
    JobState.cancelled: "was cancelled",
    JobState.interrupted: "was interrupted",
}


def _why_not(action: str, state: State) -> str:
    """Why something can't be done with a job as it stands; empty: it can."""
    now = state.state
    match action:
        case "stop" if now == JobState.stopping:
            return "It is stopping; K ends it at once."
        case "stop" | "kill" if now not in UNFINISHED:
            return f"It {_HAS_COME_TO.get(now, f'is {now}')}: there is nothing to stop."
        case "resume" if now == JobState.queued:
            return "It is queued and starts by itself."
        case "resume" if now == JobState.succeeded:
            return "It succeeded; there is nothing to resume. d makes the same again, with changes."
        case "resume" if now not in RESUMABLE:
            return f"It is {now}; there is nothing to resume."
        case "remove" if now not in ENDED:
            return f"It is {now}; stop it first (s), then remove it."
        case "playground" if state.result is None and not state.step and now != JobState.succeeded:
            return "It has no result yet to try; the playground needs one, or a checkpoint."
        case _:
            return ""


def _machine(hardware: Hardware) -> list[Content]:
    """The machine on part of a line, ever shorter: the first GPU and how many more, or the processors."""
    gpus = computing(hardware.snapshot.gpus)
    if not gpus:
        host = hardware.host
        text = f"CPU only · {host.cpus} cores · {gibibytes(host.memory_total_bytes)} GiB"
        return [Content.styled(words, "$quiet") for words in (text, "CPU only")]
    gpu = gpus[0]
    more = f" +{len(gpus) - 1}" if len(gpus) > 1 else ""
    long, short = (f"{name}{more}" for name in (gpu_name(gpu), short_gpu_name(gpu)))
    total, used = gpu.memory_total_bytes, gpu.memory_used_bytes
    if gpu.error is not None or not total or used is None:
        trouble = ("not usable", "$error") if gpu.error is not None else ("", "")
        return [Content.assemble((f"{name} ", "$quiet"), trouble) for name in (long, short)]
    busy = "" if gpu.utilisation is None else f"  {percent(gpu.utilisation)}"
    memory = f" {used / 2**30:.0f}/{total / 2**30:.0f} GiB{busy}"
    gauge = bar(10, [(used / total, "▇", "$primary")])
    return [
        Content.assemble((f"{long} ", "$quiet"), gauge, (memory, "$quiet")),
        Content.assemble((f"{short} ", "$quiet"), gauge, (memory, "$quiet")),
        Content.assemble((short + memory, "$quiet")),
    ]

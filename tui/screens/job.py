"""A job's page: how it stands, and five parts of which one is open: all that its directory has."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Vertical
from textual.content import Content
from textual.widget import Widget
from textual.widgets import Static

from ...engines.job import Job
from ...engines.settings import Settings
from ...engines.states import ALIVE, RESUMABLE, UNFINISHED, JobState
from ...engines.store import Summary
from ...engines.text import one_line
from ...monitors.jobs import Jobs
from ..acts import Acts
from ..keys import bindings
from ..looks.page import PageEvents, PageFacts, PageLines, PageLook, PageNumbers, PageSamples
from ..messages import OpenPlayground
from ..panes.loss import JobCurves, LossPane
from ..watchers import Watcher
from ..widgets.keyline import KeyLine
from ..widgets.sides import Sides
from .job_parts import events as events_part
from .job_parts import facts as facts_part
from .job_parts import head
from .job_parts import samples as samples_part
from .job_parts.document import Document
from .job_parts.log import LogPart, PageLog
from .job_parts.numbers import NumbersTable
from .job_parts.tabs import PartTabs
from .question import ask_to_kill, ask_to_remove
from .view import View

if TYPE_CHECKING:
    from ...monitors.extremes import Extremes
    from ...monitors.points import Points
    from ..app import FinetuiApp

PARTS = ("Overview", "Log", "Events", "Samples", "Spec & plan")
OVERVIEW, LOG = 1, 2
WIDE, TALL = 120, 36
"""From so many columns and rows on the log stands below the overview."""


class PageLoss(LossPane):
    """The chart in the page's first part; whose it is stands above."""

    NUMBER, TITLE = 1, "Loss"

    def say(self, about: str = "", below: str = "") -> None:
        super().say()


class JobPage(View[None]):
    """Shows one job; closes where it is removed."""

    CSS_PATH = "job.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("job")

    if TYPE_CHECKING:
        app: FinetuiApp  # type: ignore[assignment]

    def __init__(self, settings: Settings, summary: Summary, acts: Acts) -> None:
        super().__init__()
        self.job = Job(settings.home, summary.id)
        self._summary, self._acts = summary, acts
        self._part = OVERVIEW
        self._extremes: tuple[Extremes, ...] = ()
        self._points: Points | None = None
        self._seconds_left: float | None = None
        self._removed = self._left = False
        self._trouble = ""
        self.loss = PageLoss(id="page-loss", alone=False)
        self.numbers = NumbersTable(id="numbers")
        self.log_part = LogPart()
        self.events = Document(id="events", empty="Nothing has happened yet.")
        self.samples = Document(
            id="samples", empty="No sample yet: the model answers held-out rows at each evaluation."
        )
        self.facts = Document(id="facts")

    def compose(self) -> ComposeResult:
        yield Sides(id="who")
        yield Sides(id="far")
        yield Static(id="trouble")
        yield PartTabs(PARTS, id="tabs")
        with Vertical(id="parts"):
            with Container(id="part-1", classes="part"):
                yield self.loss
                yield self.numbers
            yield self.log_part
            yield Container(self.events, id="part-3", classes="part")
            yield Container(self.samples, id="part-4", classes="part")
            yield Container(self.facts, id="part-5", classes="part")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self._look = PageLook(self, self.job, self._summary.state.state in UNFINISHED)
        self._look.total_steps = self._summary.state.total_steps
        self._watcher = Watcher(self.app, "page", self._look)
        self._watcher.start()
        self._open(OVERVIEW)
        self._draw()

    def on_unmount(self) -> None:
        self._look.closed = True
        self._watcher.stop()

    # What is seen.

    def show_jobs(self, jobs: Jobs, problem: str | None) -> None:
        if not self.is_mounted:
            return
        summary = self.summary_of(jobs, self._summary.id)
        if summary is None:
            if jobs.complete and not self._removed:
                self._removed = True
                self._close_if_removed()
            return
        if summary != self._summary:
            ended = self._summary.state.state in UNFINISHED and summary.state.state not in UNFINISHED
            self._summary = summary
            self._look.alive = summary.state.state in UNFINISHED
            self._look.total_steps = summary.state.total_steps
            if ended or self._look.alive:
                self._watcher.wake()
            self._draw()
            self.refresh_bindings()

    def on_screen_resume(self) -> None:
        self._close_if_removed()

    def _close_if_removed(self) -> None:
        # A dialog may lie above: then it closes first.
        if self._removed and self.is_active and not self._left:
            self._left = True  # the screen may be resumed once more while it goes
            self.app.tell(f"{one_line(self._summary.name, 40)} is gone, and its page with it.")
            self.dismiss()

    def on_page_numbers(self, message: PageNumbers) -> None:
        if self.is_mounted:
            self._points, self._extremes = message.points, message.extremes
            self._seconds_left = message.seconds_left
            self.numbers.show(message.extremes)
            self._draw()
            self.refresh_bindings()

    def on_page_lines(self, message: PageLines) -> None:
        if self.is_mounted:
            self.log_part.show(message.lines, anew=message.anew)

    def on_page_events(self, message: PageEvents) -> None:
        if self.is_mounted:
            self.events.show(events_part.blocks_of(message.events))

    def on_page_samples(self, message: PageSamples) -> None:
        if self.is_mounted:
            self.samples.show(samples_part.blocks_of(message.samples))

    def on_page_facts(self, message: PageFacts) -> None:
        if self.is_mounted:
            self.facts.show(facts_part.blocks_of(message.facts, self.job.paths.folder))

    def on_page_log_missed(self, message: PageLog.Missed) -> None:
        self.app.tell(message.why)

    def _draw(self) -> None:
        self.query_one("#who", Sides).show(*head.who(self._summary))
        self.query_one("#far", Sides).show(*head.how_far(self._summary, self._extremes, self._seconds_left))
        said = head.trouble(self._summary)
        if (plain := said.plain if said is not None else "") != self._trouble:
            self._trouble = plain
            trouble = self.query_one("#trouble", Static)
            trouble.display = said is not None
            trouble.update(said or Content(""))
        self.loss.show([JobCurves(self._summary, self._points)])

    # The parts.

    def on_resize(self, event: events.Resize) -> None:
        big = event.size.width >= WIDE and event.size.height >= TALL
        self.set_class(big, "-big")
        self.set_class(event.size.width >= WIDE, "-wide")
        self._show_parts(big)

    def _show_parts(self, big: bool) -> None:
        for number in range(1, len(PARTS) + 1):
            below = big and self._part == OVERVIEW and number == LOG
            self.query_one(f"#part-{number}").display = number == self._part or below
        self.query_one(PartTabs).show(self._part, "")

    @property
    def _mains(self) -> tuple[Widget, ...]:
        return self.loss.main, self.log_part.log_lines, self.events, self.samples, self.facts

    def _open(self, part: int) -> None:
        self._part = part
        self._show_parts(self.has_class("-big"))
        self.set_focus(self._mains[part - 1])
        self.refresh_bindings()

    def on_part_tabs_chosen(self, message: PartTabs.Chosen) -> None:
        self._open(message.part)

    def action_part(self, part: int) -> None:
        self._open(part)

    def action_step(self, by: int) -> None:
        self._open((self._part - 1 + by) % len(PARTS) + 1)

    def action_back(self) -> None:
        if not self.log_part.back():
            self.dismiss()

    # What is done with the job.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action in ("log_scale", "axis"):
            return self._part == OVERVIEW and self.is_mounted and not self.loss.chart.empty
        return None if self.why_not(action) else True

    def why_not(self, action: str) -> str:
        """Why an action can't work now; empty where it can."""
        state = self._summary.state.state
        if action == "stop" and state == JobState.stopping:
            return "It is stopping already. K ends it at once."
        if action in ("stop", "kill") and state not in UNFINISHED:
            return f"There is nothing to stop: this job is {state}."
        if action == "resume" and state not in RESUMABLE:
            done = "it has succeeded; d starts the same again" if state == JobState.succeeded else str(state)
            return f"It can't be resumed: {done}."
        if action == "remove" and state in ALIVE:
            return f"It is {state}. Stop it first, with s."
        if action == "playground" and state == JobState.queued:
            return "There is nothing to talk to yet: the job waits."
        return ""

    def action_stop(self) -> None:
        self._acts.stop(self._summary)

    def action_kill(self) -> None:
        ask_to_kill(self, self._summary, self._acts)

    def action_resume(self) -> None:
        self._acts.resume(self._summary)

    def action_duplicate(self) -> None:
        self._acts.duplicate(self._summary)

    def action_playground(self) -> None:
        self.post_message(OpenPlayground(self._summary.id))

    def action_remove(self) -> None:
        ask_to_remove(self, self._summary, self._acts)

    def action_notes(self) -> None:
        self._acts.notes(self._summary)

    def action_copy(self) -> None:
        self._acts.copy(self._summary)

    def action_hardest(self) -> None:
        from .hardest import HardestRows

        self.app.push_screen(HardestRows(self.job, self._summary))

    def action_log_scale(self) -> None:
        self.loss.toggle_scale()

    def action_axis(self) -> None:
        self.loss.next_axis()

"""The losses of the selected job and of those marked: in training and on held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widget import Widget

from ...engines.states import ENDED, UNFINISHED
from ...engines.store import Summary
from ...engines.text import one_line
from ..keys import bindings
from ..widgets import ticks
from ..widgets.chart import Chart
from ..widgets.curve import Curve, JobLines, Picture
from . import wording
from .pane import Pane

if TYPE_CHECKING:
    from ...monitors.metrics import Series
    from ...monitors.points import Points

LETTERS = "abcde"
"""Of the marked jobs; each has a colour of the theme."""
AXES = ("step", "tokens", "epoch", "time")


@dataclass(frozen=True)
class JobCurves:
    """A job and what was read of its points; None: nothing yet."""

    job: Summary
    points: Points | None


class LossChart(Chart):
    can_focus = True
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = bindings("chart")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "clear_cursor":
            return self.cursor is not None
        if action in ("cursor", "zoom_x"):
            return not self.empty
        return True

    def action_cursor(self, by: int) -> None:
        self.move_cursor(by)

    def action_zoom_x(self, way: int) -> None:
        if way == 0:
            self.clear_cursor()
        self.zoom(way)

    def action_clear_cursor(self) -> None:
        self.clear_cursor()


class LossPane(Pane):
    NUMBER, TITLE = 3, "Loss"

    def __init__(self, *, id: str = "loss", alone: bool = True) -> None:
        """`alone`: nothing else on the screen says why a job failed."""
        super().__init__(id=id)
        self._alone = alone
        self.chart = LossChart(id=f"{id}-chart")
        self.axis = "step"
        """What was chosen; a job that never wrote it is shown over its steps."""
        self._jobs: Sequence[JobCurves] = ()
        self._drawn: tuple[object, ...] = ()
        self._lines: dict[tuple[str, str, str], tuple[Points, JobLines]] = {}

    @property
    def main(self) -> Widget:
        return self.chart

    def compose(self) -> ComposeResult:
        yield self.chart

    def show(self, jobs: Sequence[JobCurves]) -> None:
        """Draw these; the first is the selected one, the others are marked, of which five are shown."""
        before = self._jobs[0].job.id if self._jobs else None
        self._jobs = jobs[: len(LETTERS) + 1]
        if before != (jobs[0].job.id if jobs else None):
            self.chart.clear_cursor()
        self._draw()

    def toggle_scale(self) -> None:
        self.chart.log_scale = not self.chart.log_scale
        self._draw()

    def next_axis(self) -> None:
        """Along updates, tokens, epochs, time, and again; without those that were never written."""
        there = self._axes
        self.axis = there[(there.index(self._axis) + 1) % len(there)]
        self._draw()

    def clear_cursor(self) -> bool:
        """Take the cursor away; whether there was one."""
        return self.chart.clear_cursor()

    @property
    def _axes(self) -> list[str]:
        """Those that the selected job has."""
        points = self._jobs[0].points if self._jobs else None
        return [axis for axis in AXES if axis == "step" or (points is not None and points.has(axis))]

    @property
    def _axis(self) -> str:
        return self.axis if self.axis in self._axes else "step"

    def on_chart_cursor_moved(self, message: Chart.CursorMoved) -> None:
        message.stop()
        self._say()
        self.screen.refresh_bindings()

    def _say(self) -> None:
        if not self._jobs:
            self.say()
            return
        job, points = self._jobs[0].job, self._jobs[0].points
        step = self.chart.cursor
        if step is None or points is None:
            self.say(job.name, wording.standing(job.state))
        else:
            self.say(job.name, " · ".join(_describe(points, step, self._axis)))

    def _draw(self) -> None:
        self._say()
        axis = self._axis
        drawn = (axis, *(one.job.id for one in self._jobs[:1]))
        self.chart.show(self._picture(axis), anew=drawn != self._drawn)
        self._drawn = drawn

    def _picture(self, axis: str) -> Picture:
        if not self._jobs:
            return Picture(words=("The loss of the selected job, live.",))
        state, points = self._jobs[0].job.state, self._jobs[0].points
        # A job's page says in full above why it failed.
        words = wording.where_it_stands(state)[: None if self._alone else 1]
        if points is None or not len(points.loss) + len(points.eval_loss):
            return Picture(words=words)
        ends = [_end(one, axis, selected=one is self._jobs[0]) for one in self._jobs]
        best = None if points.best is None else (points.place(points.best, axis), f"{points.best:,}")
        return Picture(
            self._all_lines(axis),
            axis,
            max((end for end in ends if end is not None), default=None),
            None in ends,
            tuple(points.place(step, axis) for step in points.checkpoints),
            best,
            words,
            lambda step: _describe(points, step, axis),
        )

    def _all_lines(self, axis: str) -> tuple[JobLines, ...]:
        kept, lines = {}, []
        for one, letter in zip(self._jobs, ("", *LETTERS), strict=False):
            if one.points is None:
                continue
            key = (one.job.id, letter, axis)
            known = self._lines.get(key)
            if known is None or known[0] is not one.points:
                known = (one.points, _lines(one.job.name, letter, one.points, axis))
            kept[key] = known
            lines.append(known[1])
        self._lines = kept
        return tuple(lines)


def _lines(name: str, letter: str, points: Points, axis: str) -> JobLines:
    def curve(name: str, series: Series, style: str, mark: str | None, joined: bool = True) -> Curve:
        if axis != "step" and not points.has(axis):
            series = type(series)(series.steps[:0], series.values[:0])
        return Curve(name, series.steps, points.along(series.steps, axis), series.values, style, mark, joined)

    name = one_line(name, 60)
    if not letter:
        train = curve("train", points.loss, "$chart-train", None)
        return JobLines(name, "", train, curve("eval", points.eval_loss, "$chart-eval", "◆"))
    style = f"$chart-{letter}"
    train = curve("train", points.loss, style, None)
    return JobLines(name, letter, train, curve("eval", points.eval_loss, style, letter, joined=False))


def _end(one: JobCurves, axis: str, *, selected: bool) -> float | None:
    """Where a job will end on an axis, or has; None where that is not known."""
    state, points = one.job.state, one.points
    if points is None or not (selected or state.state in UNFINISHED):
        return 0.0
    if axis == "time":
        return points.newest(axis) if state.state in ENDED else None
    if not state.total_steps:
        return None
    return float(state.total_steps) if axis == "step" else points.foreseen(state.total_steps, axis)


def _describe(points: Points, step: int, axis: str) -> list[str]:
    """A place in all units that are known, that of the axis first."""
    said = {"step": f"update {step:,}"}
    for other in AXES[1:]:
        if points.has(other):
            value = points.place(step, other)
            said[other] = {
                "tokens": f"{ticks.count(value)} tokens",
                "epoch": f"epoch {value:.2f}",
                "time": ticks.duration(value),
            }[other]
    return [said.pop(axis, ""), *said.values()] if axis in said else list(said.values())

"""The losses of the selected job and of those marked: in training and on held-out rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widget import Widget

from ...engines.store import Summary
from ..keys import bindings
from ..widgets.chart import Chart
from ..widgets.curve import Curve
from . import wording
from .pane import Pane

if TYPE_CHECKING:
    from ...monitors.points import Points


@dataclass(frozen=True)
class JobCurves:
    """A job and what was read of its points; None: nothing yet."""

    job: Summary
    points: Points | None


class LossChart(Chart):
    can_focus = True
    ALLOW_SELECT = False
    BINDINGS: ClassVar[list[BindingType]] = bindings("chart")


class LossPane(Pane):
    NUMBER, TITLE = 3, "Loss"

    def __init__(self, *, id: str = "loss") -> None:
        super().__init__(id=id)
        self.chart = LossChart(id=f"{id}-chart")
        self._jobs: Sequence[JobCurves] = ()

    @property
    def main(self) -> Widget:
        return self.chart

    def compose(self) -> ComposeResult:
        yield self.chart

    def show(self, jobs: Sequence[JobCurves]) -> None:
        """Draw these; the first is the selected one, the others are marked."""
        self._jobs = jobs
        job = jobs[0].job if jobs else None
        self.say(job.name if job else "", wording.standing(job.state) if job else "")
        self._draw()

    def toggle_scale(self) -> None:
        self.chart.log_scale = not self.chart.log_scale
        self._draw()

    def next_axis(self) -> None:
        """Along updates, tokens, epochs, time, and again."""

    def _draw(self) -> None:
        if not self._jobs:
            self.chart.show((), None, ("The loss of the selected job, live.",))
            return
        state, points = self._jobs[0].job.state, self._jobs[0].points
        curves: tuple[Curve, ...] = ()
        if points is not None:
            curves = (
                Curve("train", points.loss.steps, points.loss.values, "$chart-train"),
                Curve("eval", points.eval_loss.steps, points.eval_loss.values, "$chart-eval", "◆"),
            )
        self.chart.show(curves, state.total_steps, wording.where_it_stands(state))

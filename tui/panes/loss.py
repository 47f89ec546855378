"""The loss of the selected job: in training and on held-out rows, over its updates."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.widget import Widget

from ...engines.store import Summary
from ..widgets.chart import Chart
from ..widgets.curve import Curve
from . import wording
from .pane import Pane


class LossChart(Chart):
    can_focus = True
    ALLOW_SELECT = False


class LossPane(Pane):
    NUMBER, TITLE = 2, "Loss"

    def __init__(self) -> None:
        super().__init__(id="loss")
        self.chart = LossChart(id="loss-chart")
        self._job: Summary | None = None
        self._curves: tuple[Curve, ...] = ()

    @property
    def main(self) -> Widget:
        return self.chart

    def compose(self) -> ComposeResult:
        yield self.chart

    def show_job(self, job: Summary | None) -> None:
        """Another job, or the same one in another state."""
        self._job = job
        self.say(job.name if job else "", wording.standing(job.state) if job else "")
        self._draw()

    def show_curves(self, curves: tuple[Curve, ...]) -> None:
        """The points that there are by now."""
        self._curves = curves
        self._draw()

    def toggle_scale(self) -> None:
        self.chart.log_scale = not self.chart.log_scale
        self._draw()

    def _draw(self) -> None:
        if self._job is None:
            self.chart.show((), None, ("The loss of the selected job, live.",))
            return
        state = self._job.state
        self.chart.show(self._curves, state.total_steps, wording.where_it_stands(state))

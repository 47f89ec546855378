"""A screen that is told what the app's watchers see, whether it lies on top or below another."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from textual.screen import Screen

from ...engines.datasets.kept.known import Known
from ...engines.store import Summary
from ...monitors.jobs import Jobs
from ..panes.gpu import Hardware

if TYPE_CHECKING:
    from ...monitors.points import Points

Result = TypeVar("Result")


class View(Screen[Result]):
    """Overrides what it wants to hear of."""

    def show_jobs(self, jobs: Jobs, problem: str | None) -> None:
        """All jobs as they are now; `problem`: an engine that could not be asked."""

    def show_points(self, job_id: str, points: Points) -> None:
        """The points of a selected or marked job."""

    def show_hardware(self, hardware: Hardware) -> None:
        """The machine as it is now."""

    def show_datasets(self, datasets: tuple[Known, ...]) -> None:
        """The datasets that are known."""

    def why_not(self, action: str) -> str:
        """Why an action that `check_action` gave None for can't be done now; empty: nothing is to be said."""
        return ""

    def summary_of(self, jobs: Jobs, job_id: str) -> Summary | None:
        """One of all jobs."""
        return next((summary for summary in jobs.summaries if summary.id == job_id), None)

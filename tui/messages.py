"""What watchers tell the app, and what panes and screens ask of it.

Where it can, a newer message replaces one that was not read yet. Panes never talk to each other: they post,
and the app answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from textual.message import Message

from ..engines.store import Summary
from ..monitors.jobs import Jobs
from ..monitors.log import Line

if TYPE_CHECKING:
    from ..engines.datasets.kept.known import Known
    from ..monitors.points import Points
    from .panes.gpu import Hardware

Form = tuple[str | None, Mapping[str, str] | None]
"""How a dataset's rows are read: the name of their form (None: as they look), and a known form's keys under
the file's names (None: they are called so)."""


class JobsChanged(Message):
    """All jobs, after one of them changed."""

    def __init__(self, jobs: Jobs, problem: str | None) -> None:
        super().__init__()
        self.jobs, self.problem = jobs, problem


class PointsRead(Message):
    """The points of one job as they are now."""

    def __init__(self, job_id: str, points: Points) -> None:
        super().__init__()
        self.job_id, self.points = job_id, points


class LogRead(Message):
    """New lines of the watched job's log; `anew`: they are its first."""

    def __init__(self, watch: int, lines: list[Line], anew: bool) -> None:
        super().__init__()
        self.watch, self.lines, self.anew = watch, lines, anew


class HardwareRead(Message):
    """The machine as it was just seen."""

    def __init__(self, hardware: Hardware) -> None:
        super().__init__()
        self.hardware = hardware

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, HardwareRead)


class DatasetsRead(Message):
    """The datasets that are known, newest first, with what is known of each by now."""

    def __init__(self, datasets: tuple[Known, ...]) -> None:
        super().__init__()
        self.datasets = datasets

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, DatasetsRead)


class WatchFailed(Message):
    """A watcher met an error that nobody foresaw: the app ends with it."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


class JobChosen(Message):
    """Another job is selected in the list; None where there is none."""

    def __init__(self, job: Summary | None) -> None:
        super().__init__()
        self.job = job


class MarksChanged(Message):
    """Other jobs are marked for comparison."""

    def __init__(self, marked: tuple[Summary, ...]) -> None:
        super().__init__()
        self.marked = marked


class OpenJob(Message):
    """Show a job's page."""

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id


class OpenDataset(Message):
    """Show a dataset's rows; `line`: where to begin, counted from 1; `form`: how they are read."""

    def __init__(self, path: Path, line: int | None = None, form: Form | None = None) -> None:
        super().__init__()
        self.path, self.line, self.form = path, line, form


class OpenNewJob(Message):
    """Show the form for a new job.

    `values`: what is filled in, nested as in job.toml; empty: the draft that was left, if any.
    """

    def __init__(self, values: dict[str, Any] | None = None) -> None:
        super().__init__()
        self.values = values or {}


class OpenPlayground(Message):
    """Talk to a job's result, its base, and others of that base (`with_jobs`: ids of marked jobs)."""

    def __init__(self, job_id: str, with_jobs: tuple[str, ...] = ()) -> None:
        super().__init__()
        self.job_id, self.with_jobs = job_id, with_jobs


class JobStarted(Message):
    """A job was created and started here: select it."""

    def __init__(self, job_id: str) -> None:
        super().__init__()
        self.job_id = job_id


class CopyText(Message):
    """Put a text on the clipboard of the terminal (OSC 52); `what` says in words what it is."""

    def __init__(self, text: str, what: str) -> None:
        super().__init__()
        self.text, self.what = text, what

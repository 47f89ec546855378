"""All jobs: which of them changed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.app import App

from ...engines.settings import Settings
from ...monitors.jobs import Jobs, JobsMonitor
from ..messages import JobsChanged
from ..usable import trouble

TROUBLE_SECONDS = 5.0


class JobsLook:
    """Looks for changed jobs."""

    def __init__(self, app: App[Any], settings: Settings) -> None:
        self._app, self._monitor, self._home = app, JobsMonitor(settings), settings.home
        self._usable = False

    def __call__(self) -> float:
        if not self._usable and (why := trouble(self._home)):
            self._app.post_message(JobsChanged(Jobs((), complete=False), why))
            return TROUBLE_SECONDS
        self._usable = True
        told = self._monitor.problem
        try:
            jobs = self._monitor.poll()
        except OSError as error:
            # No home, no rights, a disk that went away: it may come back.
            known = replace(self._monitor.latest or Jobs((), complete=False), ended=())
            self._app.post_message(JobsChanged(known, str(error)))
            return TROUBLE_SECONDS
        if jobs is None and told != self._monitor.problem and self._monitor.latest is not None:
            jobs = replace(self._monitor.latest, ended=())  # what ended was told before
        if jobs is not None:
            self._app.post_message(JobsChanged(jobs, self._monitor.problem))
        return self._monitor.wait_seconds

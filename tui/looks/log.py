"""The log of the one job that is selected, as it grows."""

from __future__ import annotations

from typing import Any

from textual.app import App

from ...engines.job import Job
from ...monitors.log import LogTail
from ..messages import LogRead

LIVE_SECONDS, STEADY_SECONDS = 0.25, 1.0
"""Log lines are gathered so long: the first of a burst comes soon, a stream scrolls once a second. A full
pane of new lines is some kilobytes, and the terminal may be far away."""
STILL_SECONDS = 2.0
"""Between looks at the files of a job that has ended."""


class LogLook:
    """Follows a log; another job is chosen from the screen's thread."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._wanted: tuple[int, Job, bool] | None = None
        self._number = 0
        self._begun = 0
        self._log: LogTail | None = None
        self._pause = LIVE_SECONDS

    def choose(self, job: Job | None, alive: bool) -> int:
        """Look at this one from now on; `alive`: its files grow.

        Returns:
            The number of this watch, which its messages carry: another one where the job is another. What
            an earlier watch has read may still be on its way, also of the same job.
        """
        before = self._wanted
        if job is None or before is None or before[1].id != job.id:
            self._number += 1
        self._wanted = None if job is None else (self._number, job, alive)
        return self._number

    def __call__(self) -> float:
        wanted = self._wanted
        if wanted is None:
            return STILL_SECONDS
        number, job, alive = wanted
        if self._begun != number or self._log is None:
            self._begun, self._pause = number, LIVE_SECONDS / 2
            self._log = LogTail(job.paths)
        lines = self._log.read()
        self._pause = min(self._pause * 2, STEADY_SECONDS) if lines else LIVE_SECONDS
        if lines or self._log.restarted:
            self._app.post_message(LogRead(number, lines, self._log.restarted))
        return self._pause if alive else STILL_SECONDS

"""The curves of the selected and all marked jobs, as they grow."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from textual.app import App

from ...engines.job import Job
from ..messages import PointsRead

if TYPE_CHECKING:
    from ...monitors.points import PointsReader

POINTS_SECONDS = 1.0
STILL_SECONDS = 2.0
"""Between looks at the files of jobs that have all ended."""


class PointsLook:
    """Reads points; which jobs' is chosen from the screen's thread."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._wanted: tuple[tuple[Job, bool], ...] = ()
        self._readers: dict[str, PointsReader] = {}

    def choose(self, jobs: Sequence[tuple[Job, bool]]) -> bool:
        """Read these from now on, the first one first; with each, whether it is alive: its files grow.

        Returns:
            Whether one of them was not read before: then the watcher should be woken.
        """
        before = {job.id for job, _ in self._wanted}
        self._wanted = tuple(jobs)
        return any(job.id not in before for job, _ in jobs)

    def __call__(self) -> float:
        # numpy comes with it, after the first frame and in this thread.
        from ...monitors.points import PointsReader

        wanted = self._wanted
        ids = {job.id for job, _ in wanted}
        self._readers = {job_id: reader for job_id, reader in self._readers.items() if job_id in ids}
        for job, _ in wanted:
            reader = self._readers.get(job.id)
            if reader is None:
                reader = self._readers[job.id] = PointsReader(job)
            changed = reader.read()
            while reader.more and any(job.id == other.id for other, _ in self._wanted):
                time.sleep(0)  # the screen's thread gets its turn
                changed |= reader.read()
            if changed:
                self._app.post_message(PointsRead(job.id, reader.points()))
        return POINTS_SECONDS if any(alive for _, alive in wanted) else STILL_SECONDS

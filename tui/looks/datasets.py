"""The datasets that are known: which there are, and what a check finds in each, one file at a time."""

from __future__ import annotations

from typing import Any

import msgspec
from textual.app import App

from ...engines.datasets.kept.known import Known, KnownDatasets
from ...engines.settings import Settings
from ...monitors.jobs import Jobs
from ..messages import DatasetsRead

SOON_SECONDS = 0.2
"""Until the next look while the jobs are not all known: their files are datasets too."""
LOOK_SECONDS = 2.0
"""Between looks at the list and the files' times of change."""
MANY = 500
MANY_SECONDS = 15.0
"""Where there are many files: a stat each adds up."""


class DatasetsLook:
    """Looks for new and changed datasets, and reads those that were not read yet, newest first."""

    def __init__(self, app: App[Any], settings: Settings) -> None:
        self._app, self._datasets = app, KnownDatasets(settings.home)
        self.jobs: Jobs | None = None
        """Set by the app when jobs changed."""
        self._told: tuple[Known, ...] | None = None
        self._read = ""

    def __call__(self) -> float:
        known = self._datasets.known(self.jobs.summaries if self.jobs is not None else ())
        if not known and (self.jobs is None or not self.jobs.complete):
            return SOON_SECONDS  # there may be some: nobody is told yet that there are none
        unread = next((one for one in known if one.rows is None and not one.missing), None)
        if unread is None:
            self._tell(known)
            return LOOK_SECONDS if len(known) < MANY else MANY_SECONDS
        reading = msgspec.structs.replace(unread, reading=True)
        self._tell(tuple(reading if one is unread else one for one in known))
        self._datasets.read(unread)
        # A file that grows while it is read is never done: it must not keep a processor busy.
        again, self._read = unread.path == self._read, unread.path
        return LOOK_SECONDS if again else 0.0

    def _tell(self, known: tuple[Known, ...]) -> None:
        if known != self._told:
            self._told = known
            self._app.post_message(DatasetsRead(known))

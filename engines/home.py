"""Where finetui keeps its files: one folder, every name below it in one class."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from .machine import machine_id


@dataclass(frozen=True)
class Home:
    """The folder that holds jobs, data, environments and what can be thrown away."""

    path: Path

    @classmethod
    def default(cls) -> Home:
        """`$FINETUI_HOME`, else the platform's folder for user data."""
        given = os.environ.get("FINETUI_HOME")
        return cls(Path(given).expanduser().absolute() if given else platformdirs.user_data_path("finetui"))

    @property
    def jobs(self) -> Path:
        return self.path / "jobs"

    @property
    def data(self) -> Path:
        """Canonical rows, named by their hash, shared by jobs."""
        return self.path / "data"

    @property
    def cache(self) -> Path:
        """Derived; may be thrown away at any time."""
        return self.path / "cache"

    @property
    def trainer_environment(self) -> Path:
        return self.path / "envs" / "trainer"

    @property
    def changes(self) -> Path:
        """The feed: a line {job, time} for each change of a state, name or tag."""
        return self.path / "changes.jsonl"

    @property
    def machine(self) -> Path:
        """What belongs to this machine alone, also where the home is shared: locks and leases."""
        return self.path / "machines" / machine_id()

    @property
    def leases(self) -> Path:
        return self.machine / "leases"

    @property
    def scheduler_lock(self) -> Path:
        return self.machine / "scheduler.lock"

    @property
    def scheduler_log(self) -> Path:
        return self.machine / "scheduler.log"

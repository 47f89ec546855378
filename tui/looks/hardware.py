"""GPUs and the host, and what of them is finetui's."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from textual.app import App

from ...engines.gpu import Gpu, Snapshot, computing, memory_of
from ...engines.host import Host
from ...engines.settings import Settings
from ...engines.states import ALIVE
from ...engines.store import Summary
from ...monitors.jobs import Jobs
from ..messages import HardwareRead
from ..panes.gpu import Hardware

if TYPE_CHECKING:
    from ...monitors.hardware import HardwareMonitor

HARDWARE_SECONDS = 2.0


class HardwareLook:
    """Looks at GPUs and the host, and finds out what of it is finetui's."""

    def __init__(self, app: App[Any], settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._monitor: HardwareMonitor | None = None
        self.jobs: Jobs | None = None

    def __call__(self) -> float:
        if self._monitor is None:
            # NVML's wrapper is imported here: not before the first frame.
            from ...engines.hardware import Nvml
            from ...engines.host import HostReader, watched_paths
            from ...monitors.hardware import HardwareMonitor

            paths = watched_paths(os.environ, self._settings.home.path)
            self._monitor = HardwareMonitor(Nvml(), HostReader(paths), watched_seconds=HARDWARE_SECONDS)
        reading = self._monitor.poll(time.monotonic())
        if reading is not None:
            alive = [job for job in (self.jobs.summaries if self.jobs else ()) if job.state.state in ALIVE]
            hardware = hardware_of(reading.snapshot, reading.host, alive)
            self._app.post_message(HardwareRead(hardware))
        return max(self._monitor.wait_seconds(time.monotonic()), 0.05)


def hardware_of(snapshot: Snapshot, host: Host, alive: Iterable[Summary]) -> Hardware:
    """A reading together with what of it belongs to finetui's living jobs."""
    trainers: set[int] = set()
    names: dict[str, tuple[str, ...]] = {}
    for job in alive:
        for uuid in job.state.gpus:
            names[uuid] = (*names.get(uuid, ()), job.name)
        if job.state.trainer is not None and job.state.trainer.alive():
            trainers.add(job.state.trainer.pid)
    gpus = computing(snapshot.gpus)
    return Hardware(snapshot, host, {gpu.uuid: memory_of(gpu, _ours(gpu, trainers)) for gpu in gpus}, names)


def _ours(gpu: Gpu, trainers: set[int]) -> list[int]:
    """The processes on a GPU that a trainer started: it leads a session of its own."""
    found = []
    for process in gpu.processes or ():
        with contextlib.suppress(OSError):
            if os.getsid(process.pid) in trainers:
                found.append(process.pid)
    return found

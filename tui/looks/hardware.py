"""GPUs and the host, and what of them is finetui's."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.app import App

from ...engines.gpu import Gpu, MemorySplit, Snapshot, computing, memory_of
from ...engines.host import Host
from ...engines.job import Job
from ...engines.records import UNREADABLE
from ...engines.settings import Settings
from ...engines.states import ALIVE
from ...engines.store import Summary
from ...monitors.jobs import Jobs
from ..messages import HardwareRead
from ..panes.gpu import Hardware, Shares
from ..panes.machine import SPAN_SECONDS

if TYPE_CHECKING:
    from ...monitors.hardware import HardwareMonitor, Series

HARDWARE_SECONDS = 2.0
IDLE_SECONDS = 10.0  # between the readings shown while no job runs: a still screen sends nothing


class HardwareLook:
    """Looks at GPUs and the host, and finds out what of it is finetui's."""

    def __init__(self, app: App[Any], settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._monitor: HardwareMonitor | None = None
        self._plans: dict[str, tuple[int, bool] | None] = {}
        self._posted_seconds = float("-inf")
        self._was_idle = False
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
            idle = not alive and not computing(reading.snapshot.gpus)
            now = time.monotonic()
            if not (idle and self._was_idle) or now - self._posted_seconds >= IDLE_SECONDS:
                hardware = hardware_of(reading.snapshot, reading.host, alive, self._planned(alive))
                self._app.post_message(HardwareRead(_with_histories(hardware, self._monitor)))
                self._posted_seconds = now
            self._was_idle = idle
        return max(self._monitor.wait_seconds(time.monotonic()), 0.05)

    def _planned(self, alive: Iterable[Summary]) -> dict[str, tuple[int, bool] | None]:
        """What the plans of these jobs ask for; each is read once."""
        self._plans = {
            job.id: self._plans[job.id] if job.id in self._plans else planned_bytes(self._settings, job.id)
            for job in alive
            if job.state.gpus
        }
        return self._plans


def planned_bytes(settings: Settings, job_id: str) -> tuple[int, bool] | None:
    """A job's memory on a GPU by its plan, and whether that is only a floor; None: not known."""
    try:
        estimate = Job(settings.home, job_id).plan()["estimate"]
        for key, at_least in (("memory_bytes", False), ("at_least_bytes", True)):
            value = estimate.get(key)
            if isinstance(value, int) and value > 0:
                return value, at_least
    except (OSError, KeyError, TypeError, AttributeError, *UNREADABLE):
        return None  # removed meanwhile, or written by another version
    return None


def hardware_of(
    snapshot: Snapshot,
    host: Host,
    alive: Iterable[Summary],
    plans: Mapping[str, tuple[int, bool] | None],
) -> Hardware:
    """A reading together with what of it belongs to finetui's living jobs.

    Args:
        plans: by job id, as `planned_bytes` gives them.
    """
    trainers: dict[int, str] = {}
    names: dict[str, tuple[str, ...]] = {}
    planned: dict[str, tuple[int, bool]] = {}
    for job in alive:
        for uuid in job.state.gpus:
            names[uuid] = (*names.get(uuid, ()), job.name)
            plan = plans.get(job.id)
            if plan is not None:
                bytes_, at_least = planned.get(uuid, (0, False))
                planned[uuid] = (bytes_ + plan[0], at_least or plan[1])
        if job.state.trainer is not None and job.state.trainer.alive():
            trainers[job.state.trainer.pid] = job.name
    owners: dict[int, str] = {}
    memory: dict[str, MemorySplit] = {}
    for gpu in computing(snapshot.gpus):
        ours = _ours(gpu, trainers)
        owners.update(ours)
        memory[gpu.uuid] = memory_of(gpu, ours)
    return Hardware(snapshot, host, memory, names, planned, owners)


def _ours(gpu: Gpu, trainers: Mapping[int, str]) -> dict[int, str]:
    """The processes on a GPU that a trainer started, with its job's name: it leads a session of its own."""
    found: dict[int, str] = {}
    for process in gpu.processes or ():
        with contextlib.suppress(OSError):
            leader = os.getsid(process.pid)
            if leader in trainers:
                found[process.pid] = trainers[leader]
    return found


def _with_histories(hardware: Hardware, monitor: HardwareMonitor) -> Hardware:
    work: dict[str, Shares] = {"host": monitor.host.cpu_share.means(SPAN_SECONDS)}
    held = {"host": _shares(monitor.host.memory_used_bytes, hardware.host.memory_total_bytes)}
    for gpu in computing(hardware.snapshot.gpus):
        history = monitor.gpus.get(gpu.uuid)
        if history is not None:
            work[gpu.uuid] = history.utilisation.means(SPAN_SECONDS)
            held[gpu.uuid] = _shares(history.memory_used_bytes, gpu.memory_total_bytes)
    return replace(hardware, work=work, held=held)


def _shares(used_bytes: Series, total_bytes: int | None) -> Shares:
    if not total_bytes:
        return ()
    means = used_bytes.means(SPAN_SECONDS)
    return tuple(None if mean is None else mean / total_bytes for mean in means)

"""Threads that look at jobs, files and hardware for the app, and post what they see as messages.

Daemon threads and not Textual's workers: a slow disk or a sick GPU must not hold up leaving, and Textual
waits for its workers. What they look at is only read (and engines asked to sync), so they may end at any
moment.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from textual.app import App

from ..engines.gpu import Gpu, Snapshot, computing, memory_of
from ..engines.host import Host
from ..engines.job import Job
from ..engines.settings import Settings
from ..engines.states import ALIVE
from ..engines.store import Summary
from ..monitors.jobs import Jobs, JobsMonitor
from ..monitors.log import LogTail
from .messages import HardwareRead, JobsChanged, LogRead, LossRead, WatchFailed
from .panes.gpu import Hardware
from .widgets.curve import Curve

if TYPE_CHECKING:
    from ..monitors.hardware import HardwareMonitor
    from ..monitors.metrics import Metrics

LIVE_SECONDS, STEADY_SECONDS = 0.25, 1.0
"""Log lines are gathered so long: the first of a burst comes soon, a stream scrolls once a second. A full
pane of new lines is some kilobytes, and the terminal may be far away."""
POINTS_SECONDS = 1.0
STILL_SECONDS = 2.0
"""Between looks at the files of a job that has ended."""
HARDWARE_SECONDS = 2.0
TROUBLE_SECONDS = 5.0


class Watcher:
    """Calls `look` again and again in a daemon thread; it returns how many seconds to wait."""

    def __init__(self, app: App[Any], name: str, look: Callable[[], float]) -> None:
        self._app, self._look = app, look
        self._wake, self._ended = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name=f"finetui-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    def stop(self) -> None:
        """Look no more; returns at once."""
        self._ended = True
        self._wake.set()

    def _run(self) -> None:
        while not self._ended:
            self._wake.clear()
            try:
                seconds = self._look()
            except Exception as error:  # noqa: BLE001 - a thread's error would go unseen: the app ends with it
                self._app.post_message(WatchFailed(error))
                return
            self._wake.wait(seconds)


class JobsLook:
    """Looks for changed jobs."""

    def __init__(self, app: App[Any], settings: Settings) -> None:
        self._app, self._monitor = app, JobsMonitor(settings)

    def __call__(self) -> float:
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


class JobLook:
    """Looks at the log and the metrics of the one job that is selected."""

    def __init__(self, app: App[Any]) -> None:
        self._app = app
        self._wanted: tuple[int, Job, bool] | None = None
        self._number = 0
        self._begun = 0
        self._log: LogTail | None = None
        self._metrics: Metrics | None = None
        self._points_at = 0.0
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
        if self._begun != number:
            self._begin(number, job)
        assert self._log is not None
        lines = self._log.read()
        self._pause = min(self._pause * 2, STEADY_SECONDS) if lines else LIVE_SECONDS
        if lines or self._log.restarted:
            self._app.post_message(LogRead(number, lines, self._log.restarted))
        if time.monotonic() >= self._points_at or not alive:
            self._read_points(number)
        return self._pause if alive else STILL_SECONDS

    def _begin(self, number: int, job: Job) -> None:
        # numpy comes with it, after the first frame and in this thread.
        from ..monitors.metrics import Metrics

        self._begun, self._points_at, self._pause = number, 0.0, LIVE_SECONDS / 2
        self._log, self._metrics = LogTail(job.paths), Metrics(job.paths.metrics)

    def _read_points(self, number: int) -> None:
        assert self._metrics is not None
        changed = self._metrics.read()
        while self._metrics.more and self._number == number:
            time.sleep(0)  # the screen's thread gets its turn
            changed |= self._metrics.read()
        self._points_at = time.monotonic() + POINTS_SECONDS
        if changed:
            loss, eval_loss = self._metrics.series("loss"), self._metrics.series("eval_loss")
            curves = (
                Curve("train", loss.steps, loss.values, "$chart-train"),
                Curve("eval", eval_loss.steps, eval_loss.values, "$chart-eval", "◆"),
            )
            self._app.post_message(LossRead(number, curves))


class HardwareLook:
    """Looks at GPUs and the host, and finds out what of it is finetui's."""

    def __init__(self, app: App[Any], settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._monitor: HardwareMonitor | None = None
        self.jobs: Jobs | None = None

    def __call__(self) -> float:
        if self._monitor is None:
            # NVML's wrapper is imported here: not before the first frame.
            from ..engines.hardware import Nvml
            from ..engines.host import HostReader, watched_paths
            from ..monitors.hardware import HardwareMonitor

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

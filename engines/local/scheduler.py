"""The scheduler: one a machine while jobs wait. It fetches models, takes leases, starts supervisors."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec

from ..gpu import Gpu, Snapshot, visible_gpus
from ..hardware import Nvml
from ..home import Home
from ..job import Job, JobBusy
from ..states import JobState
from ..store import Store, Summary
from ..text import one_line
from . import scheduling
from .fetching import Fetch, fetch_key
from .lease import CPU, Lease, holder, take
from .processes import start_detached

TICK_SECONDS = 0.5
LOOK_SECONDS = 10.0
"""Between looks at every job where the feed says nothing: a full disk may have kept a line from it."""
FOREIGN_SHOWN = 3


class Scheduler:
    """One machine's queue, served in the order in which jobs were queued."""

    def __init__(self, home: Home) -> None:
        self.home, self.store = home, Store(home)
        self._supervisors: dict[str, subprocess.Popen[bytes]] = {}
        self._failures: dict[str, tuple[int, float]] = {}
        """How often a job's supervisor crashed before it had the job, and when to try again (monotonic)."""
        self._fetches: dict[str, Fetch] = {}
        self._names: dict[str, str] = {}
        """What jobs that had a device are called, by id."""
        self._waiting: list[Summary] = []
        self._feed: tuple[int, int] | None = None
        self._looked_at = float("-inf")

    def run(self) -> None:
        """Serve until nothing is queued. Returns at once where another scheduler lives."""
        while True:
            lock = scheduling.lock(self.home)
            if lock is None:
                return
            self._feed = None  # what was known before the lock was ours may be old
            with Nvml() as nvml:
                while queue := self._queue():
                    self.serve(queue, nvml.read())
                    time.sleep(TICK_SECONDS)
            self._end_fetches(keep=set())
            os.close(lock)
            # A job that was queued between the last look and the release found the lock taken; see it here.
            if not self.store.queued():
                return

    def _queue(self) -> list[Summary]:
        """The waiting jobs, read anew when the feed has grown: to look at ten thousand jobs takes 40 ms."""
        try:
            stat = self.home.changes.stat()
            feed = (stat.st_ino, stat.st_size)
        except OSError:
            feed = None
        now = time.monotonic()
        if feed is None or feed != self._feed or now - self._looked_at > LOOK_SECONDS:
            self._feed, self._looked_at = feed, now
            self._waiting = self.store.queued()
        return self._waiting

    def serve(self, queue: list[Summary], snapshot: Snapshot) -> None:
        """One round: every waiting job gets what it needs, or is told what it waits for."""
        self._look_after_supervisors()
        wanted: set[str] = set()
        for summary in queue:
            job = Job(self.home, summary.id)
            if summary.id in self._supervisors:
                continue
            try:
                plan = job.plan()
                if plan["model"]["path"] is None:
                    wanted.add(fetch_key(plan))
                self._serve_one(job, plan, snapshot)
            except FileNotFoundError:
                continue  # it was removed
            except (OSError, msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
                # One job's damaged files, or a disk that is full, must not stop the others.
                self._say(job, f"it can't be started: {type(error).__name__}: {error}")
        self._end_fetches(keep=wanted)

    def _serve_one(self, job: Job, plan: dict[str, Any], snapshot: Snapshot) -> None:
        if not self._fetched(job, plan):
            return
        crashes, again = self._failures.get(job.id, (0, 0.0))
        if time.monotonic() < again:
            self._say(
                job, f"another try: its supervisor crashed ({crashes} times); see {self.home.scheduler_log}"
            )
            return
        lease, waiting_for = self._lease(job.id, plan, snapshot)
        if lease is None:
            self._say(job, waiting_for)
            return
        try:
            self._supervisors[job.id] = start_detached(
                "finetui.engines.local.supervisor",
                [str(self.home.path), job.id, f"{lease.device}={lease.descriptor}"],
                self.home.scheduler_log,
                keep=[lease.descriptor],
            )
        finally:
            lease.close()

    def _look_after_supervisors(self) -> None:
        for job_id, process in list(self._supervisors.items()):
            if (code := process.poll()) is not None:
                del self._supervisors[job_id]
                # Tried again ever less often: each try takes a device for a moment.
                crashes = self._failures.get(job_id, (0, 0.0))[0] + 1 if code > 0 else 0
                self._failures[job_id] = crashes, time.monotonic() + min(2**crashes, 60) if crashes else 0.0

    def _end_fetches(self, keep: set[str]) -> None:
        for key in self._fetches.keys() - keep:
            self._fetches.pop(key).end()

    def _fetched(self, job: Job, plan: dict[str, Any]) -> bool:
        """Whether the model lies here; else its download is begun, before any GPU is held for it."""
        name = plan["model"]["name"]
        if plan["model"]["path"] is not None:
            return True
        key = fetch_key(plan)
        fetch = self._fetches.get(key) or Fetch.start(self.home, plan)
        if fetch is None:
            self._say(job, f"{name}: download by an earlier process")
            return False
        self._fetches[key] = fetch
        done, failure = fetch.poll()
        downloading = {"phase": "downloading", **fetch.progress, "waiting_for": f"{name}: download"}
        try:
            with job.hold() as held:
                state = held.state()
                if state.state != JobState.queued:
                    return False
                if failure is not None:
                    del self._fetches[key]
                    held.become(JobState.failed, **failure)
                elif not done and any(getattr(state, field) != value for field, value in downloading.items()):
                    held.update(**downloading)
                elif done and state.phase is not None:
                    held.update(phase=None, done=None, total=None, unit=None, waiting_for=None)
        except JobBusy:
            return False
        return done and failure is None

    def _lease(self, job_id: str, plan: dict[str, Any], snapshot: Snapshot) -> tuple[Lease | None, str]:
        if plan["device"] == CPU:
            lease = take(self.home.leases, CPU, job_id)
            other = None if lease else holder(self.home.leases, CPU)
            return lease, f"the CPU: {self._named(other)} has it" if other else "the CPU"
        if snapshot.problem:
            return None, f"a GPU: {snapshot.problem}"
        gpus = visible_gpus(snapshot, plan.get("environment", {}))
        wanted = plan.get("gpu")
        if wanted is not None:
            gpus = tuple(gpu for gpu in gpus if gpu.uuid == wanted or str(gpu.index) == wanted)
        reasons = []
        for gpu in gpus:
            if gpu.error:
                reasons.append(f"GPU {gpu.index}: {gpu.error}")
            elif other := holder(self.home.leases, gpu.uuid):
                reasons.append(f"GPU {gpu.index}: {self._named(other)} has it")
            elif lack := lacking_memory(gpu, plan):
                reasons.append(lack)
            elif lease := take(self.home.leases, gpu.uuid, job_id):
                return lease, ""
        return None, "; ".join(reasons) or (f"GPU {wanted}: not here" if wanted else "a GPU")

    def _named(self, job_id: str) -> str:
        """A job as people call it; its id where its name does not tell."""
        # Asked for each waiting job in each round.
        if job_id not in self._names:
            summary = self.store.summary(job_id)
            name = one_line(summary.name, 40) if summary is not None else ""
            self._names[job_id] = name or f"job {job_id}"
        return self._names[job_id]

    def _say(self, job: Job, waiting_for: str) -> None:
        with contextlib.suppress(FileNotFoundError):
            if job.state().waiting_for == waiting_for:
                return  # who asks each half second must not stand in the way of commands
        # Whoever holds the lock now changes the job: a stop, most likely.
        with contextlib.suppress(JobBusy, FileNotFoundError, OSError), job.hold() as held:
            state = held.state()
            if state.state == JobState.queued and state.waiting_for != waiting_for:
                held.update(waiting_for=waiting_for)


def lacking_memory(gpu: Gpu, plan: dict[str, Any]) -> str | None:
    """Why a GPU's free memory doesn't cover a plan, and who holds it; None where it does or is unknown."""
    estimate = plan.get("estimate", {})
    need = estimate.get("memory_bytes") or estimate.get("at_least_bytes")
    free = gpu.memory_free_bytes
    if need is None or free is None or free >= need:
        return None
    biggest = sorted(gpu.processes or (), key=lambda process: process.memory_bytes or 0, reverse=True)
    holders = [
        f"{one_line(process.name or 'a process', 20)} (pid {process.pid}, {process.user or 'user unknown'})"
        + (f" {process.memory_bytes / 2**30:.1f} GiB" if process.memory_bytes else "")
        for process in biggest[:FOREIGN_SHOWN]
    ]
    who = f", held by {', '.join(holders)}" if holders else ""
    return (
        f"GPU {gpu.index}: {free / 2**30:.1f} GiB free of the {need / 2**30:.1f} GiB it needs at least{who}"
    )


def main(arguments: list[str]) -> None:
    """`HOME`: serve the queue of this machine, and end with it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Scheduler(Home(Path(arguments[0]))).run()


if __name__ == "__main__":
    main(sys.argv[1:])

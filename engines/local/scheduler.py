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

from ..gpu import Gpu, Snapshot, visible_gpus
from ..hardware import Nvml
from ..home import Home
from ..job import Job, JobBusy
from ..states import JobState
from ..store import Store, Summary
from ..text import one_line
from . import scheduling
from .fetching import Fetch
from .lease import CPU, Lease, holder, take
from .processes import start_detached

TICK_SECONDS = 0.5
FOREIGN_SHOWN = 3


class Scheduler:
    """One machine's queue, served in the order in which jobs were queued."""

    def __init__(self, home: Home) -> None:
        self.home, self.store = home, Store(home)
        self._supervisors: dict[str, subprocess.Popen[bytes]] = {}
        self._fetches: dict[str, Fetch] = {}

    def run(self) -> None:
        """Serve until nothing is queued. Returns at once where another scheduler lives."""
        while True:
            lock = scheduling.lock(self.home)
            if lock is None:
                return
            with Nvml() as nvml:
                while queue := self.store.queued():
                    self.serve(queue, nvml.read())
                    time.sleep(TICK_SECONDS)
            os.close(lock)
            # A job that was queued between the last look and the release found the lock taken; see it here.
            if not self.store.queued():
                return

    def serve(self, queue: list[Summary], snapshot: Snapshot) -> None:
        """One round: every waiting job gets what it needs, or is told what it waits for."""
        self._supervisors = {job: p for job, p in self._supervisors.items() if p.poll() is None}
        for summary in queue:
            job = Job(self.home, summary.id)
            if summary.id in self._supervisors:
                continue
            try:
                plan = job.plan()
            except FileNotFoundError:
                continue
            if not self._fetched(job, plan):
                continue
            lease, waiting_for = self._lease(summary.id, plan, snapshot)
            if lease is None:
                self._say(job, waiting_for)
                continue
            self._supervisors[summary.id] = start_detached(
                "finetui.engines.local.supervisor",
                [str(self.home.path), summary.id, f"{lease.device}={lease.descriptor}"],
                self.home.scheduler_log,
                keep=[lease.descriptor],
            )
            lease.close()

    def _fetched(self, job: Job, plan: dict[str, Any]) -> bool:
        """Whether the model lies here; else its download is begun, before any GPU is held for it."""
        if plan["model"]["path"] is not None:
            return True
        key = f"{plan['model']['name']}@{plan['model']['revision']}"
        fetch = self._fetches.get(key)
        if fetch is None:
            fetch = self._fetches[key] = Fetch.start(self.home, plan)
        done, failure = fetch.poll()
        try:
            with job.hold() as held:
                if held.state().state != JobState.queued:
                    return False
                if failure is not None:
                    del self._fetches[key]
                    held.become(JobState.failed, **failure)
                elif not done:
                    held.update(
                        phase="downloading",
                        **fetch.progress,
                        waiting_for=f"{plan['model']['name']}: download",
                    )
                else:
                    held.update(phase=None, done=None, total=None, unit=None, waiting_for=None)
        except (JobBusy, FileNotFoundError):
            return False
        return done and failure is None

    def _lease(self, job_id: str, plan: dict[str, Any], snapshot: Snapshot) -> tuple[Lease | None, str]:
        if plan["device"] == CPU:
            lease = take(self.home.leases, CPU, job_id)
            return lease, "" if lease else f"the CPU: job {holder(self.home.leases, CPU)} has it"
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
            elif (lack := lacking_memory(gpu, plan)) is not None and holder(
                self.home.leases, gpu.uuid
            ) is None:
                reasons.append(lack)
            elif lease := take(self.home.leases, gpu.uuid, job_id):
                return lease, ""
            else:
                reasons.append(f"GPU {gpu.index}: job {holder(self.home.leases, gpu.uuid)} has it")
        return None, "; ".join(reasons) or f"GPU {wanted}: not here" if wanted else "; ".join(
            reasons
        ) or "a GPU"

    def _say(self, job: Job, waiting_for: str) -> None:
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

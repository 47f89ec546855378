"""The supervisor: one process a job, from the start of its trainer to its last state. `python -m` starts it.

It holds the job's lock, starts the trainer, writes state, log and hardware, obeys requests and judges the
end. The trainer inherits the lock and the leases, so both stay taken while anything of the job lives, and
holds the read end of a pipe whose end of file tells it that the supervisor has gone.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from ..exits import disk_is_full, oom_kills
from ..home import Home
from ..interpreter import TRAINER, environment
from ..job import HeldJob, Job, JobBusy
from ..machine import ProcessIdentity, host, machine_id
from ..states import ALIVE, JobState
from . import scheduling
from .conclude import asked_by_requests, conclude, drop_requests, tell
from .lease import CPU
from .progress import Progress
from .sampler import sample_for_ever

TICK_SECONDS = 0.2
STATE_SECONDS = 1.0
"""A change of phase is written at once, numbers at most so often."""
BEAT_SECONDS = 15.0
QUEUE_SECONDS = 10.0
CONCLUDE_TRIES = 60
"""A second apart: so long an end waits for room on a full disk."""


class Supervision:
    """One attempt of one job."""

    def __init__(self, held: HeldJob, leases: dict[str, int]) -> None:
        """
        Args:
            leases: device to inherited descriptor.
        """
        self.held, self.job, self.leases = held, held.job, leases
        self.asked: str | None = None
        self.terminated = False
        self._told_trainer = self._heard = False
        self._log_start = 0
        self._written: dict[str, Any] = {}
        self._written_at = self._queue_at = 0.0

    def run(self) -> None:
        """Start the trainer and stay until it has ended and its end is written."""
        state = self.held.state()
        if state.state != JobState.queued or not self.leases or self.terminated:
            return  # told to end before it began: the job keeps its place in the queue
        plan = self.job.plan()
        command = [plan["python"], str(TRAINER), "train", str(self.job.paths.folder)]
        command += ["--attempt", str(state.attempt)]
        if newest := self.job.checkpoints()[-1:]:
            command += ["--resume", str(newest[0].path)]
        self.held.become(
            JobState.starting,
            gpus=tuple(device for device in self.leases if device != CPU),
            host=host(),
            machine=machine_id(),
            supervisor=ProcessIdentity.of(os.getpid()),
            trainer=None,
            started=time.time(),
        )
        struck = oom_kills()
        with contextlib.suppress(FileNotFoundError):
            self._log_start = self.job.paths.log.stat().st_size
        progress = Progress(self.job.paths, self.held.state())
        try:
            trainer, life = self._start(command, plan)
        except OSError as error:
            with contextlib.suppress(OSError), open(self.job.paths.log, "a") as log:
                log.write(f"can't start the trainer: {error}\n")
            self._conclude(progress, 127, struck)
            return
        try:
            with contextlib.suppress(OSError):
                self.held.update(trainer=ProcessIdentity.of(trainer.pid))
            threading.Thread(
                target=sample_for_ever, args=(self.job.paths, self.leases, trainer.pid), daemon=True
            ).start()
            while trainer.poll() is None:
                time.sleep(TICK_SECONDS)
                self._obey(trainer)
                self._follow(progress)
        finally:
            # What the trainer started must not outlive it: it would keep lock and lease.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(trainer.pid, signal.SIGKILL)
            trainer.wait()
            os.close(life)
        self._conclude(progress, trainer.returncode, struck)

    def _start(self, command: list[str], plan: dict[str, Any]) -> tuple[subprocess.Popen[bytes], int]:
        read_end, write_end = os.pipe()
        variables = environment(plan)
        gpus = [device for device in self.leases if device != CPU]
        # Empty, not absent, for a CPU job: torch must not touch a GPU that it has no lease for.
        variables["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
        if not gpus:
            variables.setdefault("OMP_NUM_THREADS", str(processors()))
        try:
            with open(self.job.paths.log, "ab") as log:
                trainer = subprocess.Popen(
                    [*command, "--life", str(read_end)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=(read_end, self.held.descriptor, *self.leases.values()),
                    env=variables,
                    cwd=self.job.paths.folder,
                )
        except OSError:
            os.close(write_end)
            raise
        finally:
            os.close(read_end)
        return trainer, write_end

    def _obey(self, trainer: subprocess.Popen[bytes]) -> None:
        self.asked = asked_by_requests(self.held) or self.asked
        if self.asked == "kill":
            with contextlib.suppress(ProcessLookupError):
                os.killpg(trainer.pid, signal.SIGKILL)
        elif self.asked == "stop" or self.terminated:
            # A signal to end is nobody's request: what is said of the end must not claim one.
            why = None if self.asked else "a signal told the supervisor to end the job"
            with contextlib.suppress(OSError):  # a full disk: it is kept here, and the trainer hears of it
                if self.held.state().state != JobState.stopping:
                    self.held.become(JobState.stopping, message=why)
            if not self._told_trainer:
                trainer.send_signal(signal.SIGTERM)
                self._told_trainer = True

    def _follow(self, progress: Progress) -> None:
        fields = progress.read()
        now = time.monotonic()
        # A full disk must not end a job that may go on: what can't be written now is written later.
        with contextlib.suppress(OSError):
            tell(self.held, progress)
            if progress.heard and not self._heard:
                # Once: a job that is asked to stop before its trainer has spoken never runs.
                if self.held.state().state == JobState.starting:
                    self.held.become(JobState.running, **fields)
                    self._written, self._written_at = fields, now
                self._heard = True
            elif fields != self._written and (
                fields.get("phase") != self._written.get("phase") or now - self._written_at > STATE_SECONDS
            ):
                self.held.update(**fields)
                self._written, self._written_at = fields, now
            elif now - self._written_at > BEAT_SECONDS:
                self.held.beat()
                self._written_at = now
        if now - self._queue_at > QUEUE_SECONDS:
            self._queue_at = now
            with contextlib.suppress(OSError):  # no room, no more processes: the job goes on
                scheduling.ensure(self.job.home)

    def _conclude(self, progress: Progress, returncode: int, struck: int) -> None:
        asked = self.asked or asked_by_requests(self.held)
        out_of_host_memory, disk_full = oom_kills() > struck, disk_is_full(self.job.paths.folder)
        for _ in range(CONCLUDE_TRIES):
            try:
                # Where an earlier try came as far as its event, that has been made good by now.
                if self.held.state().state in ALIVE:
                    conclude(
                        self.held,
                        progress,
                        returncode=returncode,
                        asked=asked,
                        log_start=self._log_start,
                        out_of_host_memory=out_of_host_memory,
                        disk_full=disk_full,
                    )
                drop_requests(self.held)
                return
            except OSError as error:
                # A full disk: whoever syncs later finds the trainer's last word, or that it was cut off.
                with contextlib.suppress(OSError):
                    sys.stderr.write(f"can't write the end of {self.job.id}: {error}\n")
                time.sleep(1)


def processors() -> int:
    """How many processors this process may use; macOS has no affinity."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def main(arguments: list[str]) -> None:
    """`HOME JOB DEVICE=DESCRIPTOR…`: supervise one attempt, then see to the queue."""
    home = Home(Path(arguments[0]))
    job = Job(home, arguments[1])
    leases = {device: int(descriptor) for device, _, descriptor in (a.rpartition("=") for a in arguments[2:])}
    supervision: Supervision | None = None
    early = threading.Event()

    def terminate(*_: object) -> None:
        early.set()
        if supervision is not None:
            supervision.terminated = True

    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, terminate)
    deadline = time.monotonic() + 10
    while True:
        try:
            # A reader that syncs holds the lock for a moment.
            with job.hold() as held:
                supervision = Supervision(held, leases)
                supervision.terminated = early.is_set()
                supervision.run()
            break
        except JobBusy:
            if time.monotonic() > deadline:
                break
            time.sleep(0.05)
        except FileNotFoundError:
            break
    for descriptor in leases.values():
        os.close(descriptor)
    scheduling.ensure(home)


if __name__ == "__main__":
    main(sys.argv[1:])

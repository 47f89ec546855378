"""Whoever is killed, by whatever signal and whenever: nothing is lost, nothing doubled, nothing lies."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from signal import SIGHUP, SIGKILL, SIGTERM

import psutil
import pytest
from finetui.engines.job import Job
from finetui.engines.local import scheduling
from finetui.engines.states import ALIVE, JobState
from local.workbench import Workbench

S = JobState
HUB_MODEL = "organisation/tiny"


@dataclass(frozen=True)
class Case:
    """Who is killed, how, at which moment, and where the job stands when that has sunk in."""

    victim: str
    """app, scheduler, download, supervisor, trainer, or `both`: supervisor and trainer."""
    signal: signal.Signals
    moment: str
    """queued, downloading, stopping, or a phase of the trainer (`training@7`)."""
    then: JobState | None
    """None: the job simply goes on."""
    says: str | None = None
    """What its message tells people."""

    @property
    def name(self) -> str:
        return f"{self.victim}-{self.signal.name[3:]}-{self.moment}"


CASES = [
    # The app and its terminal are nobody that a job needs.
    Case("app", SIGKILL, "queued", None),
    Case("app", SIGKILL, "downloading", None),
    Case("app", SIGKILL, "training@7", None),
    Case("app", SIGTERM, "queued", None),
    Case("app", SIGTERM, "saving", None),
    Case("app", SIGHUP, "queued", None),
    Case("app", SIGHUP, "downloading", None),
    Case("app", SIGHUP, "loading", None),
    Case("app", SIGHUP, "training@7", None),
    Case("app", SIGKILL, "stopping", S.paused, "stopped as asked"),
    # The next command starts another scheduler.
    Case("scheduler", SIGKILL, "queued", None),
    Case("scheduler", SIGTERM, "queued", None),
    Case("scheduler", SIGHUP, "queued", None),
    Case("scheduler", SIGKILL, "downloading", None),
    Case("scheduler", SIGTERM, "downloading", None),
    Case("scheduler", SIGHUP, "downloading", None),
    Case("download", SIGKILL, "downloading", S.failed, "killed"),
    Case("download", SIGTERM, "downloading", S.failed, "signal"),
    # The trainer hears of its supervisor's end by its pipe, and saves.
    Case("supervisor", SIGKILL, "loading", S.cancelled, "signal from outside"),
    Case("supervisor", SIGKILL, "tokenising", S.cancelled, "signal from outside"),
    Case("supervisor", SIGKILL, "rehearsing", S.cancelled, "signal from outside"),
    Case("supervisor", SIGKILL, "training@7", S.paused, "signal from outside"),
    Case("supervisor", SIGKILL, "evaluating@10", S.paused, "signal from outside"),
    Case("supervisor", SIGKILL, "saving", S.paused, "signal from outside"),
    Case("supervisor", SIGKILL, "stopping", S.paused, "stopped as asked"),
    Case("supervisor", SIGTERM, "loading", S.cancelled, "signal from outside"),
    Case("supervisor", SIGTERM, "training@7", S.paused, "signal from outside"),
    Case("supervisor", SIGTERM, "saving", S.paused, "signal from outside"),
    Case("supervisor", SIGTERM, "stopping", S.paused, "stopped as asked"),
    Case("supervisor", SIGHUP, "loading", None),
    Case("supervisor", SIGHUP, "training@7", None),
    # The trainer: a kill is a failure that a resume mends, a TERM a stop.
    Case("trainer", SIGKILL, "loading", S.failed, "SIGKILL"),
    Case("trainer", SIGKILL, "tokenising", S.failed, "SIGKILL"),
    Case("trainer", SIGKILL, "rehearsing", S.failed, "SIGKILL"),
    Case("trainer", SIGKILL, "training@0", S.failed, "SIGKILL"),
    Case("trainer", SIGKILL, "training@7", S.failed, "SIGKILL"),
    Case("trainer", SIGKILL, "evaluating@10", S.failed, "SIGKILL"),
    Case("trainer", SIGKILL, "saving", S.failed, "SIGKILL"),
    Case("trainer", SIGKILL, "stopping", S.failed, "SIGKILL"),
    Case("trainer", SIGTERM, "loading", S.cancelled, "signal from outside"),
    Case("trainer", SIGTERM, "training@7", S.paused, "signal from outside"),
    Case("trainer", SIGTERM, "evaluating@10", S.paused, "signal from outside"),
    Case("trainer", SIGTERM, "saving", S.paused, "signal from outside"),
    Case("trainer", SIGTERM, "stopping", S.paused, "stopped as asked"),
    Case("trainer", SIGHUP, "training@7", None),
    Case("trainer", SIGHUP, "saving", None),
    # Power, or an administrator's kill -9 of everything.
    Case("both", SIGKILL, "loading", S.interrupted, "without a word"),
    Case("both", SIGKILL, "training@7", S.interrupted, "without a word"),
    Case("both", SIGKILL, "saving", S.interrupted, "without a word"),
    Case("both", SIGKILL, "stopping", S.paused, "stopped as asked"),
    # A shutdown tells everybody.
    Case("both", SIGTERM, "loading", S.cancelled, "signal from outside"),
    Case("both", SIGTERM, "training@7", S.paused, "signal from outside"),
    # All steps are done, and the result is not there yet.
    Case("trainer", SIGKILL, "saving@20", S.failed, "SIGKILL"),
    Case("both", SIGKILL, "saving@20", S.interrupted, "without a word"),
    Case("trainer", SIGTERM, "saving@20", S.succeeded),
    Case("supervisor", SIGTERM, "saving@20", S.succeeded),
    Case("supervisor", SIGKILL, "saving@20", S.succeeded),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_kill_neither_loses_nor_doubles_nor_lies(case: Case, bench: Workbench) -> None:
    with created_by_an_app(bench, case) as (job, app), bench.watched(job):
        bring_to(bench, job, case.moment)
        before = job.state()

        victims = find(bench, job, app, case.victim)
        assert victims, f"no {case.victim} at {case.moment}"
        strike(victims, case.signal)

        if case.then is None:
            if case.signal != SIGHUP:
                # Its zombie may wait for the app to look after it: that is as good as gone.
                bench.wait_until(lambda: not set(victims) & set(bench.processes()))
                bench.wait_until(lambda: case.victim != "scheduler" or not bench.scheduler_lives())
            scheduling.ensure(bench.home)  # as every command does
            assert job.state().state == before.state
            assert job.state().attempt == before.attempt
        elif case.moment == "stopping" and case.victim != "both":
            release(bench)
        if case.then is not None:
            bench.wait_for(job, lambda state: state.state not in ALIVE and state.state != S.queued)
            state = bench.wait_for(job, case.then)
            assert case.says is None or case.says in (state.message or "")
            bench.wait_gone(job)
            bench.check_settled(job)
            assert job.state() == state
        release(bench)
        if case.then not in (None, S.succeeded):
            bench.engine.resume(job)
        bench.wait_for(job, S.succeeded)
        bench.wait_gone(job)
        bench.check_settled(job)
        bench.check_complete(job)


@contextlib.contextmanager
def created_by_an_app(bench: Workbench, case: Case) -> Iterator[tuple[Job, psutil.Popen]]:
    """The job, and the process that created it; queued ones wait for a job that has the device."""
    first = None
    if case.moment == "queued":
        bench.steer(job="first", hold=["training@3"])
        first = bench.start("first")
        bench.wait_phase(first, "training@3")
    else:
        hold = ["training@7", "stopping"] if case.moment == "stopping" else [case.moment]
        bench.steer(hold=hold)
    path = bench.folder / "job.toml"
    path.write_text(bench.spec_text(model=HUB_MODEL if case.moment == "downloading" else None))
    # -P as the app's own script has: the tests' folder is not the app's.
    command = [sys.executable, "-P", str(Path(__file__).with_name("creator.py")), str(path)]
    app = psutil.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        assert app.stdout is not None
        yield Job(bench.home, app.stdout.readline().strip()), app
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(app.pid, SIGKILL)
        app.wait()
    if first:
        bench.wait_for(first, S.succeeded)
        bench.check_complete(first)


def bring_to(bench: Workbench, job: Job, moment: str) -> None:
    if moment == "queued":
        bench.wait_for(job, lambda state: state.waiting_for and "first" in state.waiting_for)
    elif moment == "downloading":
        bench.wait_for(job, lambda state: state.phase == "downloading")
        bench.wait_until(bench.downloads)
    elif moment == "stopping":
        bench.wait_phase(job, "training@7")
        bench.engine.stop(job, now=False)
        bench.wait_for(job, S.stopping)
    else:
        bench.wait_phase(job, moment)
        bench.wait_for(job, S.running)


def find(bench: Workbench, job: Job, app: psutil.Popen, victim: str) -> list[psutil.Process]:
    match victim:
        case "app":
            return [app]
        case "scheduler":
            return bench.schedulers()
        case "download":
            return bench.downloads()
        case "supervisor":
            return bench.supervisors(job)
        case "trainer":
            return bench.trainers(job)
        case _:
            return bench.supervisors(job) + bench.trainers(job)


def strike(victims: list[psutil.Process], with_signal: signal.Signals) -> None:
    """The signal, to all at once, and to their group as a terminal does that closes."""
    if with_signal == SIGKILL:
        # Nobody may see another's end and react before it is struck itself.
        for victim in victims:
            victim.send_signal(signal.SIGSTOP)
        for victim in victims:
            victim.send_signal(SIGKILL)
    else:
        for victim in victims:
            os.killpg(victim.pid, with_signal)


def release(bench: Workbench) -> None:
    bench.steer(hold=None)
    bench.steer(job="first", hold=None)

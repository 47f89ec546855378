"""A job belongs to one machine and one boot of it, and a process is told from another that got its number."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import psutil
import pytest
from finetui.engines.engine import EngineError
from finetui.engines.job import Job
from finetui.engines.local import scheduling
from finetui.engines.machine import ProcessIdentity, machine_id
from finetui.engines.states import JobState
from local.workbench import Workbench

S = JobState
SYNC = """
import sys
from finetui.engines.engine import find_engine
from finetui.engines.job import Job
from finetui.engines.settings import Settings
settings = Settings.load()
find_engine("local", settings).sync(Job(settings.home, sys.argv[1]))
"""


def elsewhere() -> dict[str, str]:
    """The environment of another machine that shares the home."""
    return os.environ | {"FINETUI_MACHINE_ID": "elsewhere"}


def created_elsewhere(bench: Workbench, name: str) -> Job:
    """A job that another machine created and started."""
    path = bench.folder / f"{name}.toml"
    path.write_text(bench.spec_text(name))
    command = [sys.executable, "-P", str(Path(__file__).with_name("creator.py")), str(path)]
    app = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=elsewhere())
    assert app.stdout is not None
    job = Job(bench.home, app.stdout.readline().strip())
    app.kill()
    app.communicate()
    return job


def try_everything(bench: Workbench, job: Job) -> None:
    """All that could change a job, from this machine."""
    bench.engine.sync(job)
    for now in (False, True):
        with pytest.raises(EngineError, match="belongs to"):
            bench.engine.stop(job, now=now)
    with pytest.raises(EngineError, match="belongs to"):
        bench.engine.resume(job)
    bench.engine.start(job)
    scheduling.ensure(bench.home)


def content(job: Job) -> dict[str, bytes]:
    """What a job's own files hold that only its holder writes."""
    return {path.name: path.read_bytes() for path in (job.paths.state, job.paths.events)}


def test_a_job_of_another_machine_is_never_changed_from_here(bench: Workbench) -> None:
    bench.steer(hold=["training@7"])
    running = created_elsewhere(bench, "running")
    bench.wait_phase(running, "training@7")
    bench.wait_for(running, lambda state: state.state == S.running and state.step == 7)
    queued = created_elsewhere(bench, "queued")
    bench.wait_for(queued, lambda state: state.waiting_for)
    before = content(running), content(queued)
    schedulers = {process.pid for process in bench.schedulers()}

    for job in (running, queued):
        try_everything(bench, job)

    assert (content(running), content(queued)) == before
    assert running.requests() == queued.requests() == []
    assert {process.pid for process in bench.schedulers()} == schedulers
    assert bench.store.queued() == []
    assert not bench.home.scheduler_lock.exists()

    bench.steer(hold=None)
    for job in (running, queued):
        bench.wait_for(job, S.succeeded)
        bench.check_complete(job)


def test_a_job_that_died_on_another_machine_is_judged_there(bench: Workbench) -> None:
    bench.steer(hold=["training@7"])
    job = created_elsewhere(bench, "bot")
    bench.wait_phase(job, "training@7")
    bench.wait_for(job, lambda state: state.state == S.running and state.step == 7)
    for process in [*bench.supervisors(job), *bench.trainers(job)]:
        process.suspend()
    for process in [*bench.supervisors(job), *bench.trainers(job)]:
        process.kill()
    bench.wait_gone(job)
    before = content(job)

    try_everything(bench, job)
    assert content(job) == before
    assert job.state().state == S.running
    supervisor = job.state().supervisor
    assert supervisor is not None
    assert supervisor.alive() is None, "from here it can't be told"

    subprocess.run([sys.executable, "-P", "-c", SYNC, job.id], env=elsewhere(), check=True)
    assert job.state().state == S.interrupted
    bench.check_events(job)


def test_two_machines_that_share_a_home_share_no_device(bench: Workbench) -> None:
    bench.steer(hold=["training@7"])
    theirs = created_elsewhere(bench, "theirs")
    bench.wait_phase(theirs, "training@7")
    before = bench.runs()
    assert len(before) == 1
    assert not bench.home.leases.exists(), "their lease is not in our folder"
    bench.steer(hold=None)
    bench.wait_for(theirs, S.succeeded)


def as_if_running(job: Job, supervisor: ProcessIdentity, trainer: ProcessIdentity) -> None:
    """Write what a supervisor has written when its trainer runs."""
    with job.hold() as held:
        held.become(S.starting, supervisor=supervisor)
        held.become(S.running, trainer=trainer, step=3)


def gone() -> ProcessIdentity:
    """A process that lived on this machine."""
    with subprocess.Popen(["sleep", "60"]) as process:
        identity = ProcessIdentity.of(process.pid)
        process.kill()
    assert identity is not None
    assert identity.alive() is False
    return identity


def test_a_job_of_an_earlier_boot_was_interrupted(bench: Workbench) -> None:
    job = bench.create()
    mine = ProcessIdentity.of(os.getpid())
    assert mine is not None
    # The same number lives in this boot: it is we.
    earlier = msgspec.structs.replace(mine, boot="an earlier boot")
    assert mine.alive() is True
    assert earlier.alive() is False
    as_if_running(job, earlier, earlier)

    bench.engine.sync(job)

    state = job.state()
    assert (state.state, state.reason) == (S.interrupted, "killed")
    assert state.supervisor is None
    assert state.trainer is None
    bench.engine.resume(job)
    bench.wait_for(job, S.succeeded)
    bench.wait_gone(job)
    bench.check_complete(job)


@contextmanager
def an_innocent() -> Iterator[psutil.Process]:
    """A process that has nothing to do with any job."""
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as process:
        try:
            yield psutil.Process(process.pid)
        finally:
            process.kill()


@contextmanager
def somebody_holds(job: Job) -> Iterator[None]:
    """A process that inherited the job's lock goes on living."""
    with job.hold() as held:
        heir = subprocess.Popen(["sleep", "60"], pass_fds=[held.descriptor])
    try:
        yield
    finally:
        heir.kill()
        heir.wait()


@pytest.mark.parametrize("differs", ["started", "boot", "namespace", "machine"])
def test_a_process_that_got_a_trainers_number_is_not_killed_for_it(differs: str, bench: Workbench) -> None:
    job = bench.create()
    with an_innocent() as innocent:
        identity = ProcessIdentity.of(innocent.pid)
        assert identity is not None
        other = identity.started - 5 if differs == "started" else "another"
        as_if_running(job, gone(), msgspec.structs.replace(identity, **{differs: other}))
        with somebody_holds(job):
            bench.engine.stop(job, now=True)
            assert innocent.status() == psutil.STATUS_SLEEPING
            assert job.state().state == S.running
    bench.engine.sync(job)
    assert job.state().state == S.cancelled


def test_a_trainer_is_left_to_its_supervisor_while_that_lives(bench: Workbench) -> None:
    job = bench.create()
    mine = ProcessIdentity.of(os.getpid())
    assert mine is not None
    with an_innocent() as trainer:
        identity = ProcessIdentity.of(trainer.pid)
        assert identity is not None
        as_if_running(job, mine, identity)
        with somebody_holds(job):
            bench.engine.stop(job, now=True)
            assert trainer.status() == psutil.STATUS_SLEEPING
            assert [request["verb"] for _, request in job.requests()] == ["kill"]
    bench.engine.sync(job)
    assert job.state().state == S.cancelled


def test_a_trainer_without_supervisor_is_killed_when_it_is_provably_the_trainer(bench: Workbench) -> None:
    job = bench.create()
    with an_innocent() as trainer:
        identity = ProcessIdentity.of(trainer.pid)
        assert identity is not None
        as_if_running(job, gone(), identity)
        with somebody_holds(job):
            bench.engine.stop(job, now=True)
            bench.wait_until(lambda: identity.alive() is False)
    bench.engine.sync(job)
    assert job.state().state == S.cancelled


def test_a_machine_has_one_name(bench: Workbench) -> None:
    job = bench.create()
    assert job.state().machine == machine_id()
    assert not job.foreign(job.state())
    bench.engine.stop(job, now=True)

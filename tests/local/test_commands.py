"""Start, stop and resume: what each does in each state, and that a moment's collision spoils none."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from finetui.engines.engine import EngineError
from finetui.engines.job import Job
from finetui.engines.states import RESUMABLE, JobState
from local.workbench import Workbench

S = JobState


def train_until(bench: Workbench, moment: str, name: str = "bot") -> Job:
    """A job that trains and waits at a moment."""
    bench.steer(hold=[moment])
    job = bench.start(name)
    bench.wait_phase(job, moment)
    bench.wait_for(job, S.running)
    return job


def a_paused(bench: Workbench) -> Job:
    job = train_until(bench, "training@7")
    bench.engine.stop(job, now=False)
    return job


def a_cancelled(bench: Workbench) -> Job:
    job = train_until(bench, "training@7")
    bench.engine.stop(job, now=True)
    return job


def a_failed(bench: Workbench) -> Job:
    bench.steer(fail={"at": "training@7", "reason": "not_finite", "message": "the loss is NaN"})
    return bench.start()


def an_interrupted(bench: Workbench) -> Job:
    job = train_until(bench, "training@7")
    for process in bench.supervisors(job) + bench.trainers(job):
        process.suspend()
    for process in bench.supervisors(job) + bench.trainers(job):
        process.kill()
    bench.wait_until(lambda: not bench.trainer_lives(job))
    bench.wait_gone(job)
    bench.engine.sync(job)
    return job


def a_succeeded(bench: Workbench) -> Job:
    return bench.start()


ENDINGS: dict[JobState, Callable[[Workbench], Job]] = {
    S.paused: a_paused,
    S.cancelled: a_cancelled,
    S.failed: a_failed,
    S.interrupted: an_interrupted,
    S.succeeded: a_succeeded,
}


@pytest.mark.parametrize("ending", ENDINGS, ids=str)
def test_an_ended_job_is_not_stopped_and_resumed_unless_it_succeeded(
    ending: JobState, bench: Workbench
) -> None:
    job = ENDINGS[ending](bench)
    bench.wait_for(job, ending)
    bench.wait_gone(job)

    for now in (False, True):
        with pytest.raises(EngineError, match=f"{job.id} is {ending}"):
            bench.engine.stop(job, now=now)
    assert job.state().state == ending

    bench.steer(hold=None, fail=None)
    if ending in RESUMABLE:
        bench.engine.resume(job)
        bench.wait_for(job, S.succeeded)
        bench.wait_gone(job)
        assert job.state().attempt == 2
        assert [run["attempt"] for run in bench.runs()] == [1, 2]
    with pytest.raises(EngineError, match="is succeeded"):
        bench.engine.resume(job)
    bench.check_complete(job)


def test_a_resumed_job_goes_on_from_its_checkpoint(bench: Workbench) -> None:
    job = a_cancelled(bench)
    bench.wait_for(job, S.cancelled)
    bench.wait_gone(job)
    bench.engine.resume(job)

    queued = next(event for event in reversed(job.events()) if event["data"].get("to") == S.queued)
    assert queued["message"] == "from step 5"
    assert job.state().step == 5

    bench.steer(hold=None)
    bench.wait_for(job, S.succeeded)
    bench.wait_gone(job)
    bench.check_complete(job)


def test_a_running_job_is_not_resumed(bench: Workbench) -> None:
    job = train_until(bench, "training@7")
    with pytest.raises(EngineError, match="still running"):
        bench.engine.resume(job)
    bench.steer(hold=None)
    bench.wait_for(job, S.succeeded)
    bench.wait_gone(job)
    bench.check_complete(job)


def test_a_queued_job_is_taken_from_the_queue_at_once(bench: Workbench) -> None:
    first = train_until(bench, "training@3", "first")
    second = bench.start("second")
    bench.wait_for(second, lambda state: state.waiting_for)
    with pytest.raises(EngineError, match="queued"):
        bench.engine.resume(second)

    with bench.watched(second):
        bench.engine.stop(second, now=False)
        assert second.state().state == S.cancelled
        assert second.state().waiting_for is None

    bench.steer(hold=None)
    bench.wait_for(first, S.succeeded)
    assert second.state().state == S.cancelled
    assert [run["job"] for run in bench.runs()] == [first.id]
    bench.check_events(second)


def test_a_job_taken_from_the_queue_while_it_waits_to_go_on_keeps_its_checkpoint(bench: Workbench) -> None:
    job = a_paused(bench)
    bench.wait_for(job, S.paused)
    bench.wait_gone(job)
    first = train_until(bench, "training@3", "first")
    bench.engine.resume(job)

    bench.engine.stop(job, now=True)

    assert job.state().state == S.paused
    bench.steer(hold=None)
    bench.wait_for(first, S.succeeded)
    bench.engine.resume(job)
    bench.wait_for(job, S.succeeded)
    bench.wait_gone(job)
    bench.check_events(job)


def test_a_stop_that_came_as_the_attempt_ended_does_not_stop_the_next_one(bench: Workbench) -> None:
    job = a_paused(bench)
    bench.wait_for(job, S.paused)
    bench.wait_gone(job)
    job.request("stop", "somebody who was late")

    bench.steer(hold=None)
    bench.engine.resume(job)

    assert job.requests() == []
    bench.wait_for(job, lambda state: state.state in (S.succeeded, S.paused))
    bench.wait_gone(job)
    bench.check_complete(job)


def holding_for(job: Job, seconds: float) -> threading.Thread:
    """Somebody who syncs holds a job for a moment; returns when it is held."""
    held = threading.Event()

    def hold() -> None:
        with job.hold():
            held.set()
            time.sleep(seconds)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait()
    return thread


def test_a_stop_waits_for_whoever_holds_a_queued_job_for_a_moment(bench: Workbench) -> None:
    job = bench.create()
    holder = holding_for(job, 0.1)
    bench.engine.stop(job, now=False)
    holder.join()
    assert job.state().state == S.cancelled
    assert job.requests() == []


def test_a_resume_waits_for_whoever_holds_an_ended_job_for_a_moment(bench: Workbench) -> None:
    job = bench.create()
    bench.engine.stop(job, now=False)
    holder = holding_for(job, 0.1)
    bench.engine.resume(job)
    holder.join()
    bench.wait_for(job, S.succeeded)
    bench.wait_gone(job)
    bench.check_complete(job)


def test_a_stop_before_the_first_step_leaves_nothing_to_go_on_from(bench: Workbench) -> None:
    job = train_until(bench, "loading")
    bench.engine.stop(job, now=False)
    state = bench.wait_for(job, S.cancelled)
    assert state.message == "stopped as asked; nothing was trained yet"
    bench.steer(hold=None)
    bench.wait_gone(job)
    bench.engine.resume(job)
    bench.wait_for(job, S.succeeded)
    bench.wait_gone(job)
    bench.check_complete(job)


def test_whoever_has_no_patience_for_a_stop_can_kill(bench: Workbench) -> None:
    bench.steer(deaf=True)
    job = train_until(bench, "training@7")
    bench.engine.stop(job, now=False)
    bench.wait_for(job, S.stopping)
    assert bench.trainer_lives(job)

    bench.engine.stop(job, now=True)

    state = bench.wait_for(job, S.cancelled)
    assert state.message == "killed as asked"
    bench.wait_gone(job)
    bench.check_settled(job)
    bench.check_events(job)


def test_a_trainer_that_finished_before_it_heard_of_the_stop_succeeded(bench: Workbench) -> None:
    bench.steer(deaf=True)
    job = train_until(bench, "training@7")
    bench.engine.stop(job, now=False)
    bench.wait_for(job, S.stopping)
    bench.steer(hold=None)
    bench.wait_for(job, S.succeeded)
    bench.wait_gone(job)
    bench.check_complete(job)


def test_many_who_stop_at_once_stop_once(bench: Workbench) -> None:
    job = train_until(bench, "training@7")
    errors: list[Exception] = []

    def stop() -> None:
        try:
            bench.engine.stop(job, now=False)
        except EngineError:
            pass  # the others were faster
        except Exception as error:
            errors.append(error)

    stoppers = [threading.Thread(target=stop) for _ in range(8)]
    for stopper in stoppers:
        stopper.start()
    for stopper in stoppers:
        stopper.join()
    assert errors == []
    bench.wait_for(job, S.paused)
    bench.wait_gone(job)
    bench.check_events(job)
    bench.steer(hold=None)
    bench.engine.resume(job)
    bench.wait_for(job, S.succeeded)
    bench.wait_gone(job)
    bench.check_complete(job)


def test_whoever_starts_a_job_twice_has_one(bench: Workbench) -> None:
    job = bench.create()
    starters = [threading.Thread(target=bench.engine.start, args=(job,)) for _ in range(6)]
    for starter in starters:
        starter.start()
    for starter in starters:
        starter.join()
    bench.wait_for(job, S.succeeded)
    bench.wait_gone(job)
    bench.check_complete(job)
    assert len(bench.runs()) == 1

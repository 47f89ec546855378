"""A model that must be fetched: before a device is taken, once, and no longer than anybody wants it."""

from __future__ import annotations

import pytest
from finetui.engines.local.lease import CPU, holder
from finetui.engines.records import read_lines
from finetui.engines.states import JobState
from local.workbench import Workbench

S = JobState
MODEL = "organisation/tiny"


def test_no_device_is_held_for_a_download(bench: Workbench) -> None:
    bench.steer(hold=["downloading"])
    job = bench.start(model=MODEL)
    state = bench.wait_for(job, lambda state: state.phase == "downloading" and state.total)
    assert (state.state, state.done, state.total, state.unit) == (S.queued, 1, 2, "bytes")
    assert state.waiting_for == f"{MODEL}: download"
    assert holder(bench.home.leases, CPU) is None

    other = bench.start("other")
    bench.wait_for(other, S.succeeded)

    bench.steer(hold=None)
    bench.wait_for(job, S.succeeded)
    bench.check_complete(job)


@pytest.mark.parametrize(
    ("reason", "message"),
    [("gated_model", "organisation/tiny is gated"), ("model_not_found", "there is no organisation/tiny")],
)
def test_a_model_that_can_not_be_fetched_fails_its_jobs_with_the_way_out(
    reason: str, message: str, bench: Workbench
) -> None:
    bench.steer(fetch={"reason": reason, "message": message})
    jobs = [bench.create(name, model=MODEL) for name in ("one", "two")]
    bench.engine.start(jobs[0])
    for job in jobs:
        state = bench.wait_for(job, S.failed)
        assert (state.reason, state.message) == (reason, message)
        assert state.advice
        assert state.phase is None
        bench.check_events(job)
    assert bench.runs() == []

    bench.steer(fetch=None)
    for job in jobs:
        bench.engine.resume(job)
        bench.wait_for(job, S.succeeded)


def test_two_jobs_of_one_model_share_a_download(bench: Workbench) -> None:
    bench.steer(hold=["downloading"])
    jobs = [bench.create(name, model=MODEL) for name in ("one", "two")]
    bench.engine.start(jobs[0])
    for job in jobs:
        bench.wait_for(job, lambda state: state.phase == "downloading")
    assert len(bench.downloads()) == 1
    bench.steer(hold=None)
    for job in jobs:
        bench.wait_for(job, S.succeeded)


def test_a_download_that_nobody_wants_any_more_ends(bench: Workbench) -> None:
    bench.steer(hold=["downloading"])
    job = bench.start(model=MODEL)
    bench.wait_for(job, lambda state: state.phase == "downloading")
    bench.wait_until(bench.downloads)

    bench.engine.stop(job, now=False)

    state = job.state()
    assert (state.state, state.phase, state.total) == (S.cancelled, None, None)
    bench.wait_until(lambda: not bench.downloads(), 5, "for the download to end")
    bench.check_events(job)


def test_a_download_ends_for_one_job_and_goes_on_for_another(bench: Workbench) -> None:
    bench.steer(hold=["downloading"])
    unwanted = bench.create("unwanted", model="organisation/other")
    wanted = bench.create("wanted", model=MODEL)
    bench.engine.start(wanted)
    bench.wait_until(lambda: len(bench.downloads()) == 2)
    bench.engine.stop(unwanted, now=True)
    bench.wait_until(lambda: len(bench.downloads()) == 1, 5)
    assert MODEL in bench.downloads()[0].cmdline()
    bench.steer(hold=None)
    bench.wait_for(wanted, S.succeeded)


def test_a_download_that_outlived_its_scheduler_is_not_begun_a_second_time(bench: Workbench) -> None:
    bench.steer(hold=["downloading"])
    job = bench.start(model=MODEL)
    bench.wait_for(job, lambda state: state.phase == "downloading")
    bench.wait_until(bench.downloads)
    for scheduler in bench.schedulers():
        scheduler.kill()
    bench.wait_until(lambda: not bench.scheduler_lives())

    bench.engine.start(job)

    bench.wait_until(bench.schedulers)
    bench.wait_for(job, lambda state: state.waiting_for == f"{MODEL}: download by an earlier process")
    assert len(bench.downloads()) == 1
    bench.steer(hold=None)
    bench.wait_for(job, S.succeeded)
    assert all(not line["doubled"] for line in read_lines(bench.folder / "fetches.jsonl"))


def test_a_download_that_dies_without_a_word_is_told_from_its_output(bench: Workbench) -> None:
    line = 'case "$2" in fetch) echo "OSError: [Errno 28] No space left on device" >&2; exit 1;; esac'
    python = bench.an_interpreter("full/python", f'{line}\n{bench.python} "$@"')
    job = bench.start(model=MODEL, python=str(python))
    state = bench.wait_for(job, S.failed)
    assert (state.reason, state.message) == ("disk_full", "OSError: [Errno 28] No space left on device")

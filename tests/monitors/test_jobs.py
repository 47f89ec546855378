"""Which jobs changed: real job directories, real changes, and no look at what can't have changed."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from finetui.engines import store as store_module
from finetui.engines.job import Job, announce
from finetui.engines.states import JobState
from finetui.monitors import jobs as jobs_module
from finetui.monitors.jobs import BUSY_SECONDS, QUIET_SECONDS, SYNC_SECONDS, Jobs, JobsMonitor
from homes.jobs import add_job, settings_of

S = JobState


def settle(monitor: JobsMonitor) -> Jobs:
    """Poll until nothing is left to read; the jobs as they are then."""
    while monitor.poll() is not None:
        pass
    assert monitor.latest is not None
    return monitor.latest


def names(jobs: Jobs) -> list[str]:
    return [summary.name for summary in jobs.summaries]


def test_an_empty_home_has_no_jobs_and_then_its_first(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    monitor = JobsMonitor(settings)
    assert names(settle(monitor)) == []
    add_job(settings, "first")
    assert names(settle(monitor)) == ["first"]


def test_a_new_job_a_changed_one_and_a_removed_one_are_seen(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    old = add_job(settings, "old", S.paused)
    monitor = JobsMonitor(settings)
    settle(monitor)
    new = add_job(settings, "new", S.succeeded)
    assert names(settle(monitor)) == ["new", "old"]
    with old.hold() as held:
        held.become(S.queued)
    assert settle(monitor).summaries[1].state.state == S.queued
    shutil.rmtree(new.paths.folder)
    announce(settings.home, new.id)
    assert names(settle(monitor)) == ["old"]


def test_numbers_of_a_running_job_are_seen_without_the_feed(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    job = add_job(settings, "running", S.running, step=1, total_steps=10)
    monitor = JobsMonitor(settings)
    settle(monitor)
    assert monitor.wait_seconds == BUSY_SECONDS
    with job.hold() as held:
        held.update(step=2)
        jobs = monitor.poll()
        assert jobs is not None and jobs.summaries[0].state.step == 2
        held.beat()
        assert monitor.poll() is None, "a heartbeat is no change"


def test_an_end_is_told_once(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    job = add_job(settings, "running", S.running)
    monitor = JobsMonitor(settings)
    settle(monitor)
    with job.hold() as held:
        held.become(S.succeeded)
    jobs = monitor.poll()
    assert jobs is not None and [summary.id for summary in jobs.ended] == [job.id]
    assert settle(monitor).ended == jobs.ended, "it stays the last thing that happened"
    assert monitor.wait_seconds == QUIET_SECONDS
    add_job(settings, "another")
    jobs = monitor.poll()
    assert jobs is not None and jobs.ended == ()


def test_a_replaced_feed_means_looking_at_all(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    job = add_job(settings, "quiet", S.paused)
    monitor = JobsMonitor(settings)
    settle(monitor)
    # As announce does at 4 MiB; what stood in the old feed and was not read yet is not lost.
    with job.hold() as held:
        held.become(S.queued)
    os.replace(settings.home.changes, settings.home.changes.with_suffix(".old"))
    other = add_job(settings, "other")
    jobs = settle(monitor)
    assert {summary.id: summary.state.state for summary in jobs.summaries} == {
        job.id: S.queued,
        other.id: S.queued,
    }


def test_finished_jobs_cost_nothing_while_idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = settings_of(tmp_path)
    for number in range(20):
        add_job(settings, f"finished-{number}", S.succeeded)
    monitor = JobsMonitor(settings)
    settle(monitor)
    looked: list[object] = []
    real: Callable[..., Any] = os.stat

    def noted(path: Any, *args: Any, **more: Any) -> os.stat_result:
        looked.append(path)
        return real(path, *args, **more)

    monkeypatch.setattr(jobs_module.os, "stat", noted)
    monkeypatch.setattr(store_module.os, "listdir", lambda path: pytest.fail(f"listed {path}"))
    for _ in range(10):
        assert monitor.poll() is None
    assert looked == []


def test_the_newest_come_first_where_there_are_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jobs_module, "FIRST_JOBS", 3)
    settings = settings_of(tmp_path)
    for number in range(5):
        add_job(settings, f"job-{number}", S.succeeded)
    monitor = JobsMonitor(settings)
    first = monitor.poll()
    assert first is not None and not first.complete
    assert names(first) == ["job-4", "job-3", "job-2"]
    assert monitor.wait_seconds == 0
    rest = monitor.poll()
    assert rest is not None and rest.complete
    assert names(rest) == ["job-4", "job-3", "job-2", "job-1", "job-0"]


def test_a_job_whose_processes_are_gone_is_judged_by_its_engine(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    job = add_job(settings, "orphan", S.running, machine=None)
    now = [0.0]
    monitor = JobsMonitor(settings, clock=lambda: now[0])
    assert settle(monitor).summaries[0].state.state == S.running
    now[0] += SYNC_SECONDS
    jobs = settle(monitor)
    assert jobs.summaries[0].state.state == S.interrupted
    assert Job(settings.home, job.id).state().state == S.interrupted


def test_an_engine_that_is_not_installed_is_said_and_harms_nothing(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    job = add_job(settings, "elsewhere", S.running)
    with job.hold() as held:
        held.update(engine="moonbase")
    now = [0.0]
    monitor = JobsMonitor(settings, clock=lambda: now[0])
    settle(monitor)
    now[0] += SYNC_SECONDS
    settle(monitor)
    assert monitor.problem is not None and "moonbase" in monitor.problem

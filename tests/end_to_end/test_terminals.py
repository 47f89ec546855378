"""A terminal is not what a job lives on: the app in a real tmux, killed with everything in it."""

from __future__ import annotations

import sys

from finetui.engines.states import JobState
from homes.tmux import Tmux, tmux
from local.conftest import bench
from local.workbench import Workbench

__all__ = ["bench", "tmux"]

APP = f"{sys.executable} -m finetui.tui.cli"


def test_a_job_started_in_the_app_outlives_the_whole_tmux_server(bench: Workbench, tmux: Tmux) -> None:
    # Given the app in a tmux of 80 by 24, and a demo that a key has started
    bench.steer(step_seconds=0.1)
    tmux.open("first", APP)
    tmux.wait_for("first", "D")
    tmux.press("first", "D")
    bench.wait_until(bench.store.ids, 30, "for the job that D starts")
    job = bench.store.find("last")
    bench.wait_for(job, JobState.running)
    tmux.wait_for("first", "●  demo")

    # When the server dies, and with it every terminal
    tmux("kill-server")

    # Then the app is gone and the job goes on to its end
    bench.wait_until(lambda: not bench.processes("finetui.tui.cli"), 10, "for the app to end")
    assert job.state().state == JobState.running
    bench.wait_for(job, JobState.succeeded)
    bench.check_complete(job)


def test_two_apps_on_one_home_tell_the_same_and_take_turns(bench: Workbench, tmux: Tmux) -> None:
    bench.steer(hold=["training@5"])
    tmux.open("first", APP)
    tmux.open("second", APP)
    tmux.wait_for("first", "D")
    tmux.press("first", "D")
    bench.wait_until(bench.store.ids, 30, "for the job that D starts")
    job = bench.store.find("last")
    # The second still shows the welcome of an empty home, until a job is there
    for name in ("first", "second"):
        tmux.wait_for(name, "●  demo")

    # The second stops what the first has started; one job, one end
    bench.wait_phase(job, "training@5")
    tmux.press("second", "s")
    bench.wait_for(job, JobState.paused)
    assert bench.store.ids() == [job.id]
    for name in ("first", "second"):
        tmux.wait_for(name, "paused")
        tmux.press(name, "q")
    bench.wait_until(lambda: not bench.processes("finetui.tui.cli"), 10, "for the apps to end")


def test_the_demo_is_watched_live_and_leaves_by_itself(bench: Workbench, tmux: Tmux) -> None:
    bench.steer(step_seconds=0.05)
    # The stand-in has no answers, so the comparison after the app fails; that it comes is what counts.
    tmux.open("demo", f"{APP} demo; sleep 60")
    tmux.wait_for("demo", "Loss")
    bench.wait_for(bench.store.find("last"), JobState.succeeded)
    tmux.wait_for("demo", "loading the model for the comparison")

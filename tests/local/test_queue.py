"""The queue and its leases: one scheduler a machine, one job a device, and nobody who waits is forgotten."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from finetui.engines.local import scheduling
from finetui.engines.local.lease import CPU, holder, take
from finetui.engines.states import JobState
from local.workbench import Workbench

S = JobState

# Takes the device when told the round's number, says whether it has it, and gives it back when told to.
RACER = """
import sys
from pathlib import Path
from finetui.engines.local.lease import take
folder = Path(sys.argv[1])
for line in sys.stdin:
    lease = take(folder, "GPU-0", sys.argv[2])
    print("mine" if lease else "taken", flush=True)
    sys.stdin.readline()
    if lease:
        lease.close()
    print("given back", flush=True)
"""


def test_of_two_that_race_for_a_device_one_gets_it_a_hundred_times(tmp_path: Path) -> None:
    racers = [
        subprocess.Popen(
            [sys.executable, "-P", "-c", RACER, str(tmp_path), name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("a", "b")
    ]

    def tell_all() -> list[str]:
        for racer in racers:
            assert racer.stdin is not None
            racer.stdin.write("go\n")
            racer.stdin.flush()
        return [racer.stdout.readline().strip() for racer in racers if racer.stdout]

    for _ in range(100):
        answers = tell_all()
        assert sorted(answers) == ["mine", "taken"]
        assert holder(tmp_path, "GPU-0") == "ab"[answers.index("mine")]
        tell_all()
        assert holder(tmp_path, "GPU-0") is None
    for racer in racers:
        racer.communicate()


def test_a_lease_is_held_by_whoever_inherits_it(tmp_path: Path) -> None:
    lease = take(tmp_path, "GPU-0", "first")
    assert lease is not None
    heir = subprocess.Popen(["sleep", "60"], pass_fds=[lease.descriptor])
    lease.close()
    try:
        assert take(tmp_path, "GPU-0", "second") is None
        assert holder(tmp_path, "GPU-0") == "first"
        other = take(tmp_path, "GPU-1", "second")
        assert other is not None
        other.close()
    finally:
        heir.kill()
        heir.wait()
    freed = take(tmp_path, "GPU-0", "second")
    assert freed is not None
    freed.close()


def test_of_two_schedulers_one_serves(bench: Workbench) -> None:
    command = [sys.executable, "-P", "-m", "finetui.engines.local.scheduler", str(bench.home.path)]
    bench.steer(steps=1)
    for number in range(10):
        job = bench.create(f"job-{number}")
        schedulers = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(2)]
        bench.wait_for(job, S.succeeded)
        for scheduler in schedulers:
            assert scheduler.communicate()[1] == b""
            assert scheduler.returncode == 0
    assert len(bench.runs()) == 10  # and none of them twice at once: every test looks at that


def test_a_job_that_is_queued_as_the_scheduler_ends_is_started_all_the_same(bench: Workbench) -> None:
    # The queue is empty as soon as a supervisor has its job: the scheduler ends within half a second of it.
    bench.steer(steps=1, step_seconds=0)
    for number in range(6):
        ender = bench.start(f"ender-{number}")
        bench.wait_for(ender, lambda state: state.state != S.queued)
        time.sleep(0.09 * number)  # somewhere before, in or after the moment in which it gives up its lock
        late = bench.start(f"late-{number}")
        bench.wait_for(late, S.succeeded)
        bench.check_events(late)


def test_a_thousand_looks_at_the_scheduler_start_one(bench: Workbench) -> None:
    bench.steer(hold=["training@0"])
    job = bench.start()
    waiting = bench.start("waiting")
    bench.wait_for(waiting, lambda state: state.waiting_for)
    for _ in range(20):
        scheduling.ensure(bench.home)
    # One that was started before the other had its lock finds it taken, and ends.
    bench.wait_until(lambda: len(bench.schedulers()) == 1, 5)
    bench.steer(hold=None)
    for one in (job, waiting):
        bench.wait_for(one, S.succeeded)


def test_jobs_start_in_the_order_in_which_they_were_queued(bench: Workbench) -> None:
    bench.steer(steps=1)
    jobs = [bench.create(f"job-{number}") for number in range(4)]
    bench.engine.start(jobs[0])
    for job in jobs:
        bench.wait_for(job, S.succeeded)
    assert [run["job"] for run in bench.runs()] == [job.id for job in jobs]


def test_after_the_scheduler_was_killed_the_supervisor_of_a_running_job_starts_another(
    bench: Workbench,
) -> None:
    bench.steer(job="first", hold=["training@3"])
    first = bench.start("first")
    bench.wait_phase(first, "training@3")
    second = bench.start("second")
    bench.wait_for(second, lambda state: state.waiting_for)
    for scheduler in bench.schedulers():
        scheduler.kill()

    bench.steer(job="first", hold=None)

    # No command is called: the first job's end sees to the queue.
    bench.wait_for(second, S.succeeded)
    bench.check_complete(second)


def test_a_device_is_not_given_away_while_a_trainer_without_supervisor_lives_on_it(bench: Workbench) -> None:
    bench.steer(job="deaf", hold=["training@7"], deaf=True)
    deaf = bench.start("deaf")
    bench.wait_phase(deaf, "training@7")
    bench.wait_for(deaf, lambda state: state.trainer)
    second = bench.start("second")
    bench.wait_for(second, lambda state: state.waiting_for)
    with bench.watched(deaf):
        for supervisor in bench.supervisors(deaf):
            supervisor.kill()
        bench.wait_until(lambda: not bench.supervisors(deaf))

        # Several rounds of the scheduler, and the trainer neither hears nor ends.
        time.sleep(1.5)
        assert bench.trainer_lives(deaf)
        assert deaf.state().state == S.running
        assert second.state().state == S.queued
        assert "deaf has it" in (second.state().waiting_for or "")

        bench.engine.stop(deaf, now=False)
        time.sleep(0.2)
        assert bench.trainer_lives(deaf), "a polite stop kills nobody"

        bench.engine.stop(deaf, now=True)
        bench.wait_until(lambda: not bench.trainer_lives(deaf))
        state = bench.wait_for(deaf, S.cancelled)
        assert state.message == "killed as asked"
    bench.wait_for(second, S.succeeded)
    bench.check_complete(second)
    bench.check_events(deaf)


def test_a_job_whose_interpreter_has_gone_does_not_stop_the_queue(bench: Workbench) -> None:
    gone = bench.an_interpreter("gone/python")
    broken = bench.create("broken", python=str(gone))
    download = bench.create("download", model="organisation/tiny", python=str(gone))
    gone.unlink()
    good = bench.create("good")
    bench.engine.start(good)

    bench.wait_for(good, S.succeeded)
    for job in (broken, download):
        state = bench.wait_for(job, S.failed)
        assert state.reason == "missing_package"
        assert str(gone) in (state.message or "")
        bench.check_events(job)


@pytest.mark.parametrize("damage", ["{}", "no JSON", '{"model": 3}'])
def test_a_damaged_plan_does_not_stop_the_queue(damage: str, bench: Workbench) -> None:
    broken = bench.create("broken")
    plan = json.loads(broken.paths.plan.read_text())
    if damage == '{"model": 3}':
        damage = json.dumps(plan | {"model": 3})
    elif damage == "{}":
        del plan["python"]
        damage = json.dumps(plan)
    broken.paths.plan.write_text(damage)
    good = bench.create("good")
    bench.engine.start(good)
    bench.wait_for(good, S.succeeded)
    assert broken.state().state == S.queued
    bench.engine.stop(broken, now=True)
    assert broken.state().state == S.cancelled


def test_a_supervisor_that_can_not_start_is_tried_again_ever_less_often(bench: Workbench) -> None:
    job = bench.create()
    whole = job.paths.plan.read_text()
    job.paths.plan.write_text(whole.replace('"python":', '"snake":'))
    bench.engine.start(job)

    def tries() -> int:
        return bench.home.scheduler_log.read_text().count("Traceback")

    bench.wait_for(job, lambda state: "scheduler.log" in (state.waiting_for or ""))
    time.sleep(2)
    assert tries() <= 2

    job.paths.plan.write_text(whole)
    bench.wait_for(job, S.succeeded)
    bench.wait_gone(job)
    bench.check_complete(job)


def test_what_a_job_waits_for_is_written_once_and_stays(bench: Workbench) -> None:
    bench.steer(job="first", hold=["training@3"])
    first = bench.start("first")
    bench.wait_phase(first, "training@3")
    second = bench.start("second", model="organisation/tiny")  # its download ends at once
    bench.wait_for(second, lambda state: state.waiting_for and "first has it" in state.waiting_for)
    written = os.stat(second.paths.state).st_mtime_ns
    time.sleep(1.2)
    assert os.stat(second.paths.state).st_mtime_ns == written
    bench.steer(job="first", hold=None)
    bench.wait_for(second, S.succeeded)


def test_a_home_without_jobs_needs_no_scheduler(bench: Workbench) -> None:
    scheduling.ensure(bench.home)
    assert bench.schedulers() == []
    assert not bench.home.scheduler_lock.exists()


def test_the_cpu_is_one_lease(bench: Workbench) -> None:
    bench.steer(hold=["training@0"])
    job = bench.start()
    bench.wait_for(job, S.running)
    assert holder(bench.home.leases, CPU) == job.id
    assert take(bench.home.leases, CPU, "another") is None
    bench.steer(hold=None)
    bench.wait_for(job, S.succeeded)
    bench.wait_until(lambda: holder(bench.home.leases, CPU) is None)


def test_a_supervisor_that_is_told_to_end_before_it_has_its_job_leaves_it_queued(bench: Workbench) -> None:
    job = bench.create()
    lease = take(bench.home.leases, CPU, job.id)
    assert lease is not None
    with job.hold():
        command = [sys.executable, "-P", "-m", "finetui.engines.local.supervisor", str(bench.home.path)]
        device = f"{CPU}={lease.descriptor}"
        supervisor = psutil.Popen([*command, job.id, device], pass_fds=[lease.descriptor])
        lease.close()
        bench.wait_until(lambda: catches(supervisor.pid, signal.SIGTERM))
        supervisor.terminate()
    assert supervisor.wait(10) == 0
    assert not [event for event in job.events() if event["data"].get("to") in (S.stopping, S.cancelled)]
    bench.wait_for(job, S.succeeded)  # the supervisor's last act was to look after the queue
    bench.check_complete(job)


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal (proc(5), SigCgt)."""
    status = Path(f"/proc/{pid}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask, 16) & 1 << number - 1)

"""Jobs on GPUs that a stand-in for NVIDIA's driver shows: leased one a job, shared with strangers, lost."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from finetui.engines.engine import EngineError
from finetui.engines.job import Job
from finetui.engines.local.lease import holder
from finetui.engines.planning.memory import CUDA_CONTEXT_BYTES
from finetui.engines.records import read_lines
from finetui.engines.states import JobState
from local.workbench import Workbench
from nvml.stand_in import GIB, StandIn

S = JobState
UUID = "GPU-00000000-aaaa-bbbb-cccc-000000000000"


@dataclass(frozen=True)
class Machine:
    """A workbench with one H100."""

    bench: Workbench
    nvml: StandIn

    def waits(self, job: Job, *words: str) -> str:
        """What a job waits for, once it has all these words."""
        state = self.bench.wait_for(
            job, lambda state: all(word in (state.waiting_for or "") for word in words)
        )
        assert state.state == S.queued
        return state.waiting_for or ""


@pytest.fixture
def machine(bench: Workbench, nvml_here: StandIn, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """One GPU, seen by this process and by all that it starts."""
    monkeypatch.setenv("LD_LIBRARY_PATH", nvml_here.environment()["LD_LIBRARY_PATH"])
    nvml_here.set_gpu(0)
    return Machine(bench, nvml_here)


@contextlib.contextmanager
def a_stranger(machine: Machine, memory_bytes: int) -> Iterator[int]:
    """A process of somebody else's that holds memory of the GPU while it lives; its pid."""
    with subprocess.Popen(["sleep", "600"]) as process:
        machine.nvml.add_process(0, process.pid, memory_bytes)
        machine.nvml.set_gpu(0, memory_used_bytes=0)
        try:
            yield process.pid
        finally:
            process.kill()


def test_a_job_gets_the_gpu_by_its_uuid_and_no_keys(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = machine.bench
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "WANDB_API_KEY"):
        monkeypatch.setenv(name, "a secret value")
    monkeypatch.setenv("NCCL_DEBUG", "INFO")
    bench.steer(hold=["training@7"])
    job = bench.start(device="auto")
    bench.wait_phase(job, "training@7")
    state = bench.wait_for(job, S.running)
    assert job.plan()["device"] == "cuda"
    assert state.gpus == (UUID,)
    assert holder(bench.home.leases, UUID) == job.id

    bench.steer(hold=None)
    bench.wait_for(job, S.succeeded)
    bench.wait_gone(job)
    bench.check_complete(job)
    environment = bench.runs()[0]["environment"]
    assert environment["CUDA_VISIBLE_DEVICES"] == UUID
    assert "a secret value" not in environment.values()
    assert environment["NCCL_DEBUG"] == "INFO"
    assert environment["HF_HUB_OFFLINE"] == "1"
    assert read_lines(job.paths.hardware)[0]["gpu"] == UUID


def test_a_job_for_the_cpu_sees_no_gpu(machine: Machine) -> None:
    job = machine.bench.start(device="cpu")
    machine.bench.wait_for(job, S.succeeded)
    assert machine.bench.runs()[0]["environment"]["CUDA_VISIBLE_DEVICES"] == ""
    assert job.state().gpus == ()


def test_the_second_job_starts_by_itself_though_whoever_created_both_has_gone(machine: Machine) -> None:
    bench = machine.bench
    bench.steer(job="first", hold=["training@7"])
    jobs = []
    for name in ("first", "second"):
        path = bench.folder / f"{name}.toml"
        path.write_text(bench.spec_text(name, device="cuda"))
        command = [sys.executable, "-P", str(Path(__file__).with_name("creator.py")), str(path)]
        app = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
        assert app.stdout is not None
        jobs.append(Job(bench.home, app.stdout.readline().strip()))
        os.killpg(app.pid, signal.SIGHUP)
        app.communicate()
    first, second = jobs
    machine.waits(second, "GPU 0", "first has it")
    bench.wait_phase(first, "training@7")

    bench.steer(job="first", hold=None)

    bench.wait_for(second, S.succeeded)
    for job in jobs:
        bench.check_complete(job)
    assert {run["environment"]["CUDA_VISIBLE_DEVICES"] for run in bench.runs()} == {UUID}


def test_two_jobs_on_two_gpus_run_at_once(machine: Machine) -> None:
    bench = machine.bench
    machine.nvml.set_gpu(1)
    bench.steer(hold=["training@7"])
    jobs = [bench.start(name, device="cuda") for name in ("one", "two")]
    for job in jobs:
        bench.wait_phase(job, "training@7")
    assert len({run["environment"]["CUDA_VISIBLE_DEVICES"] for run in bench.runs()}) == 2
    bench.steer(hold=None)
    for job in jobs:
        bench.wait_for(job, S.succeeded)


def test_a_job_waits_for_the_gpu_that_it_names_while_another_is_free(machine: Machine) -> None:
    bench = machine.bench
    machine.nvml.set_gpu(1)
    bench.steer(job="first", hold=["training@7"])
    first = bench.start("first", device="cuda", gpu="1")
    bench.wait_phase(first, "training@7")
    second = bench.start("second", device="cuda", gpu="1")
    machine.waits(second, "GPU 1: first has it")
    bench.steer(job="first", hold=None)
    bench.wait_for(second, S.succeeded)


@pytest.mark.parametrize("device", ["auto", "cuda", "cpu"])
def test_a_gpu_that_is_not_there_is_refused_before_the_job_is_made(machine: Machine, device: str) -> None:
    with pytest.raises(EngineError, match=r"local\.gpu"):
        machine.bench.create(device=device, gpu="7")


def test_a_gpu_that_is_asked_for_is_never_replaced_by_the_cpu(bench: Workbench, nvml_here: StandIn) -> None:
    with pytest.raises(EngineError, match=r"local\.gpu is 0, but there is no GPU"):
        bench.create(device="auto", gpu="0")


def test_a_job_waits_for_memory_that_a_stranger_holds_and_names_him(machine: Machine) -> None:
    bench = machine.bench
    machine.nvml.set_gpu(0, memory_total_bytes=24 * GIB)
    with a_stranger(machine, 23 * GIB + 400 * 1024**2) as pid:
        job = bench.start(device="cuda")
        said = machine.waits(job, f"pid {pid}", "23.4 GiB")
        assert "sleep" in said
        assert f"{CUDA_CONTEXT_BYTES / GIB:.1f} GiB it needs" in said
        assert bench.runs() == []
        assert holder(bench.home.leases, UUID) is None, "no lease is held while it waits"
    machine.nvml.remove_process(0, pid)
    bench.wait_for(job, S.succeeded)
    bench.check_complete(job)


def test_memory_that_a_stranger_leaves_over_is_enough(machine: Machine) -> None:
    with a_stranger(machine, 60 * GIB):
        job = machine.bench.start(device="cuda")
        machine.bench.wait_for(job, S.succeeded)


def test_a_job_waits_for_a_gpu_that_is_lost_and_starts_when_it_is_back(machine: Machine) -> None:
    bench = machine.bench
    job = bench.create(device="cuda")
    machine.nvml.lose_gpu(0)
    bench.engine.start(job)
    said = machine.waits(job, "GPU")
    assert "bus" in said or "lost" in said
    machine.nvml.lose_gpu(0, 0)
    bench.wait_for(job, S.succeeded, 60)


def test_a_job_waits_for_a_driver_that_went_away_and_says_why(machine: Machine) -> None:
    bench = machine.bench
    job = bench.create(device="cuda")
    machine.nvml.driver_goes()
    bench.engine.start(job)
    machine.waits(job, "driver")
    machine.nvml.driver_comes_back()
    bench.wait_for(job, S.succeeded, 60)


def test_where_gpus_are_hidden_no_job_falls_back_to_the_cpu(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(EngineError, match="hides them all"):
        machine.bench.create(device="auto")
    with pytest.raises(EngineError, match="leaves none"):
        machine.bench.create(device="cuda")


def test_the_shell_that_creates_a_job_counts_not_the_one_that_started_the_scheduler(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = machine.bench
    machine.nvml.set_gpu(1)
    bench.steer(job="first", hold=["training@7"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(bench.folder / "first's"))
    first, waiting = bench.create("first", device="cuda"), bench.create("waiting", device="cuda")
    bench.engine.start(first)
    bench.wait_phase(first, "training@7")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES")
    monkeypatch.delenv("HF_HUB_CACHE")
    # Started by the scheduler of the first shell, which lives while `waiting` waits.
    second = bench.start("second", device="cuda")
    bench.wait_for(second, S.succeeded)
    environment = next(run["environment"] for run in bench.runs() if run["job"] == second.id)
    assert environment["CUDA_VISIBLE_DEVICES"] == UUID
    assert "HF_HUB_CACHE" not in environment
    bench.steer(job="first", hold=None)
    bench.wait_for(waiting, S.succeeded)
    environment = next(run["environment"] for run in bench.runs() if run["job"] == waiting.id)
    assert environment["HF_HUB_CACHE"] == str(bench.folder / "first's")


def test_a_gpu_is_not_free_while_a_killed_jobs_child_lives_on_it(machine: Machine) -> None:
    bench = machine.bench
    bench.steer(job="first", hold=["training@7"], child=True)
    first = bench.start("first", device="cuda")
    bench.wait_phase(first, "training@7")
    bench.wait_for(first, S.running)
    child = next(iter(psutil.Process(bench.runs()[0]["pid"]).children()))
    for process in [*bench.supervisors(first), *bench.trainers(first)]:
        process.suspend()
    for process in [*bench.supervisors(first), *bench.trainers(first)]:
        process.kill()
    second = bench.start("second", device="cuda")
    machine.waits(second, "first has it")
    assert child.is_running()
    bench.engine.sync(first)
    assert first.state().state == S.running
    child.kill()
    bench.wait_for(second, S.succeeded)
    bench.engine.sync(first)
    assert first.state().state == S.interrupted

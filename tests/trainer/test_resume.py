"""Stopped or killed and resumed, the curve is that of a job nothing happened to, to the last bit."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest
from trainer.workshop import Job, Workshop, until

pytestmark = pytest.mark.torch

METHODS = ("lora", "qlora", "full")


@pytest.fixture(scope="module")
def unbroken(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Job]:
    """A job of each method that nothing happens to, with dropout, rehearsal, evaluations and samples."""
    folder = tmp_path_factory.mktemp("unbroken")
    jobs = {method: workshop.job(folder / method, method) for method in METHODS}
    workshop.run_all(list(jobs.values()))
    for job in jobs.values():
        assert job.outcome["outcome"] == "succeeded"
    return jobs


def test_sigterm_saves_at_the_next_update_and_the_resumed_job_is_the_same(
    workshop: Workshop, unbroken: dict[str, Job], tmp_path: Path
) -> None:
    # Without the rehearsal: that it changes nothing is thereby shown too. Update 4 is in the second epoch.
    job = workshop.job(tmp_path / "job", "lora", rehearse=False)
    process = workshop.start("train", job.folder, "--attempt", 1)
    until(process, "update 4/6: loss")
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGINT)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 0
    assert job.outcome["outcome"] == "stopped"
    step = job.outcome["step"]
    assert step in (4, 5)
    assert job.checkpoints()[-1] == step
    assert not (job.folder / "result").exists()

    status, _ = workshop.run("train", job.folder, "--attempt", 2, "--resume", job.checkpoint(step))
    assert status == 0
    assert job.outcome["outcome"] == "succeeded"
    assert job.outcome["attempt"] == 2
    assert job.curve() == unbroken["lora"].curve()
    assert same_weights(job, unbroken["lora"], "adapter_model.safetensors")


def test_a_killed_job_resumes_from_its_last_whole_checkpoint(
    workshop: Workshop, unbroken: dict[str, Job], tmp_path: Path
) -> None:
    job = workshop.job(tmp_path / "job", "qlora", save_every=2)
    process = workshop.start("train", job.folder, "--attempt", 1)
    until(process, "update 5/6: loss")
    process.kill()
    process.wait()
    assert job.said("outcome") == []
    assert 4 in job.checkpoints()
    # As if it had been killed in the middle of a save, and of a line.
    half = job.checkpoint(5)
    half.mkdir(exist_ok=True)
    (half / "optimizer.pt").write_bytes(b"half of it")
    (half / "complete.json").unlink(missing_ok=True)
    with (job.folder / "metrics.jsonl").open("a") as file:
        file.write('{"attempt": 1, "st')

    status, _ = workshop.run("train", job.folder, "--attempt", 2, "--resume", job.checkpoint(4))
    assert status == 0
    assert not half.exists()
    assert job.curve() == unbroken["qlora"].curve()
    assert same_weights(job, unbroken["qlora"], "adapter_model.safetensors")


def test_end_of_file_on_the_life_line_stops_an_evaluation_and_it_is_made_up_for(
    workshop: Workshop, unbroken: dict[str, Job], tmp_path: Path
) -> None:
    # At the end of the first epoch: the order of the next one must be found again, too.
    job = workshop.job(tmp_path / "job", "full")
    life, held = os.pipe()
    process = workshop.start("train", job.folder, "--attempt", 1, "--life", life, pass_fds=[life])
    os.close(life)
    until(process, "update 3/6: loss")
    os.close(held)
    assert process.wait(60) == 0
    assert job.outcome["outcome"] == "stopped"
    step = job.outcome["step"]
    assert step in (3, 4)

    status, _ = workshop.run("train", job.folder, "--attempt", 2, "--resume", job.checkpoint(step))
    assert status == 0
    assert job.curve() == unbroken["full"].curve()
    assert same_weights(job, unbroken["full"], "model.safetensors")


def test_a_stop_before_the_first_update_ends_it_at_once(workshop: Workshop, tmp_path: Path) -> None:
    job = workshop.job(tmp_path / "job")
    life, held = os.pipe()
    process = workshop.start("train", job.folder, "--attempt", 1, "--life", life, pass_fds=[life])
    os.close(life)
    os.close(held)
    assert process.wait(5) == 0
    assert job.outcome["outcome"] == "stopped"
    assert job.outcome["step"] == 0
    assert job.checkpoints() == []


def test_a_stop_while_torch_is_being_imported_ends_it_at_once(workshop: Workshop, tmp_path: Path) -> None:
    job = workshop.job(tmp_path / "job")
    process = workshop.start("train", job.folder, "--attempt", 1)
    while not job.said("phase", phase="loading"):
        assert process.poll() is None
        time.sleep(0.01)
    asked = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert time.monotonic() - asked < 2
    assert job.outcome == {**job.outcome, "outcome": "stopped", "step": 0}


def test_a_job_that_is_done_says_so_again_without_training(
    workshop: Workshop, unbroken: dict[str, Job]
) -> None:
    job = unbroken["lora"]
    points = len(job.lines("metrics.jsonl"))
    status, _ = workshop.run("train", job.folder, "--attempt", 2, "--resume", job.checkpoint(6))
    assert status == 0
    assert job.outcome == {**job.outcome, "outcome": "succeeded", "attempt": 2, "step": 6}
    assert len(job.lines("metrics.jsonl")) == points


def test_killed_between_training_and_result_only_the_result_is_made(
    workshop: Workshop, unbroken: dict[str, Job]
) -> None:
    job = unbroken["qlora"]
    before = (job.folder / "result" / "adapter_model.safetensors").read_bytes()
    (job.folder / "result").rename(job.folder / "result.partial")
    status, _ = workshop.run("train", job.folder, "--attempt", 2, "--resume", job.checkpoint(6))
    assert status == 0
    assert job.outcome["outcome"] == "succeeded"
    assert job.lines("metrics.jsonl", attempt=2) == []
    assert (job.folder / "result" / "adapter_model.safetensors").read_bytes() == before


def test_a_half_saved_checkpoint_is_not_resumed_from(workshop: Workshop, tmp_path: Path) -> None:
    job = workshop.job(tmp_path / "job")
    job.checkpoint(3).mkdir(parents=True)
    status, _ = workshop.run("train", job.folder, "--attempt", 1, "--resume", job.checkpoint(3))
    assert status == 1
    assert job.outcome["reason"] == "unsupported"
    assert "complete.json" in job.outcome["message"]


def same_weights(one: Job, other: Job, name: str) -> bool:
    return (one.folder / "result" / name).read_bytes() == (other.folder / "result" / name).read_bytes()

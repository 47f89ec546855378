"""The whole path with the real trainer: spec, plan, queue, supervisor, torch, result, answer."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.demo.job import FOLDER
from finetui.engines.engine import find_engine
from finetui.engines.job import Job
from finetui.engines.records import read_lines
from finetui.engines.settings import Settings
from finetui.engines.spec import parse
from finetui.engines.states import ENDED, JobState
from finetui.engines.store import Store
from finetui.monitors.metric_table import table_of

pytestmark = [pytest.mark.torch, pytest.mark.timeout(600)]

SHORT: dict[str, Any] = {"max_steps": 10, "eval_every": 4}
FINETUI = [sys.executable, "-m", "finetui.tui.cli"]


def finetui(*arguments: str) -> Any:
    """A command's one JSON document."""
    command = [*FINETUI, *arguments, "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=580, check=False)
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def wait_until(holds: Callable[[], object], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.05)


class Jobs:
    """Small real jobs on the bundled model, on the CPU."""

    def __init__(self) -> None:
        self.settings = Settings.load()
        self.store = Store(self.settings.home)
        self.engine = find_engine("local", self.settings)

    def start(self, name: str, method: str = "qlora", **train: Any) -> Job:
        values = {
            "name": name,
            "model": str(FOLDER / "model"),
            "method": method,
            "data": {"train": str(FOLDER / "data" / "valid.jsonl"), "valid_rows": 12},
            "train": {"max_steps": 40, "eval_every": 10, "batch_size": 8, "sample_tokens": 4} | train,
            "local": {"device": "cpu", "python": sys.executable},
        }
        spec = parse(values, Path.cwd())
        job = self.store.create(spec, self.engine.plan(spec))
        self.engine.start(job)
        return job

    def wait_for_step(self, job: Job, step: int) -> None:
        def there() -> bool:
            # By the trainer's own lines: state.json tells a second later, and these updates are quick.
            assert job.state().state not in ENDED, self.story(job)
            return any(row["step"] >= step for row in table_of(job))

        wait_until(there, 240, f"step {step} of {job.id}")

    def wait_for_phase(self, job: Job, phase: str) -> None:
        """Until the trainer says that it is in a phase: for those that come again, the second time."""
        again = phase in ("evaluating", "saving")

        def there() -> bool:
            assert job.state().state not in ENDED, self.story(job)
            said = [line for line in read_lines(job.paths.progress) if line.get("phase") == phase]
            steps = {line.get("step") for line in read_lines(job.paths.metrics) if "loss" in line}
            return bool(said) and (not again or len(steps) >= 4) and job.state().trainer is not None

        wait_until(there, 240, f"{phase} of {job.id}")

    def wait_for_end(self, job: Job) -> JobState:
        def ended() -> bool:
            self.engine.sync(job)
            return job.state().state in ENDED

        wait_until(ended, 240, f"the end of {job.id}")
        return job.state().state

    def story(self, job: Job) -> str:
        log = job.paths.log.read_text() if job.paths.log.exists() else ""
        return f"{job.state()}\n{job.events()}\n{log}"


def losses(job: Job) -> list[tuple[int, str, float]]:
    """What must be equal to the last bit."""
    names = ("loss", "eval_loss", "learning_rate")
    return [(row["step"], name, row[name]) for row in table_of(job) for name in names if name in row]


def test_losses_after_every_way_to_die_equal_an_unbroken_jobs_to_the_last_bit() -> None:
    # Given a job that nothing disturbs
    jobs = Jobs()
    unbroken = jobs.start("unbroken")
    assert jobs.wait_for_end(unbroken) == JobState.succeeded, jobs.story(unbroken)
    expected = losses(unbroken)
    assert [step for step, name, _ in expected if name == "eval_loss"] == [0, 10, 20, 30, 40]
    assert [step for step, name, _ in expected if name == "loss"] == list(range(1, 41))

    # When another's trainer is killed, then its supervisor, and then it is stopped politely
    job = jobs.start("broken")
    jobs.wait_for_step(job, 13)
    trainer = job.state().trainer
    assert trainer is not None
    os.kill(trainer.pid, signal.SIGKILL)
    assert jobs.wait_for_end(job) == JobState.failed
    assert job.state().reason == "killed"

    jobs.engine.resume(job)
    jobs.wait_for_step(job, 16)
    supervisor = job.state().supervisor
    assert supervisor is not None
    os.kill(supervisor.pid, signal.SIGKILL)
    assert jobs.wait_for_end(job) in (JobState.paused, JobState.interrupted), jobs.story(job)

    jobs.engine.resume(job)
    jobs.wait_for_step(job, 25)
    jobs.engine.stop(job, now=False)
    assert jobs.wait_for_end(job) == JobState.paused, jobs.story(job)

    jobs.engine.resume(job)
    assert jobs.wait_for_end(job) == JobState.succeeded, jobs.story(job)

    # Then it took four attempts, and not one number differs
    assert job.state().attempt == 4
    assert losses(job) == expected
    assert job.state().first_eval_loss == unbroken.state().first_eval_loss


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[int, str, float]]:
    """The losses of a short job that nothing disturbs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FINETUI_HOME", str(tmp_path_factory.mktemp("undisturbed")))
        jobs = Jobs()
        job = jobs.start("undisturbed", **SHORT)
        assert jobs.wait_for_end(job) == JobState.succeeded, jobs.story(job)
        return losses(job)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM], ids=["KILL", "TERM"])
@pytest.mark.parametrize("phase", ["loading", "tokenising", "rehearsing", "training", "evaluating", "saving"])
def test_the_real_trainer_killed_in_each_phase(
    phase: str, number: signal.Signals, expected: list[tuple[int, str, float]]
) -> None:
    # Given a job whose trainer has just begun a phase
    jobs = Jobs()
    job = jobs.start(phase, **SHORT)
    jobs.wait_for_phase(job, phase)
    trainer = job.state().trainer
    assert trainer is not None

    # When it gets a signal
    os.kill(trainer.pid, number)
    ended = jobs.wait_for_end(job)

    # Then its state says what became of it, and going on gives the losses of an undisturbed job
    if number == signal.SIGKILL:
        assert (ended, job.state().reason) == (JobState.failed, "killed"), jobs.story(job)
    else:
        assert ended in (JobState.paused, JobState.cancelled), jobs.story(job)
        assert (ended == JobState.paused) == bool(job.checkpoints())
    jobs.engine.resume(job)
    assert jobs.wait_for_end(job) == JobState.succeeded, jobs.story(job)
    assert losses(job) == expected


@pytest.mark.parametrize("method", ["lora", "full"])
def test_the_other_methods_go_the_same_way(method: str) -> None:
    jobs = Jobs()
    job = jobs.start(method, method=method, max_steps=4, eval_every=2, warmup=0.5, epochs=1)
    assert jobs.wait_for_end(job) == JobState.succeeded, jobs.story(job)
    weights = "model.safetensors" if method == "full" else "adapter_model.safetensors"
    assert (job.paths.result / weights).is_file()
    # A warm-up of half of four updates: the rate climbs twice, then falls
    rates = [row["learning_rate"] for row in table_of(job) if "learning_rate" in row]
    assert rates[0] < rates[1] > rates[2] > rates[3]


def test_word_problems_are_trained_and_answered(shared: Path) -> None:
    # Given 200 real rows in a format of their own
    rows = (shared / "data" / "gsm8k_train.jsonl").read_text().splitlines()[:200]
    data = Settings.load().home.path.parent / "gsm8k.jsonl"
    data.write_text("\n".join(rows) + "\n")
    given = ["--set", "train.max_steps=12", "--set", "train.learning_rate=0.002", "--set", "local.device=cpu"]

    # When they are trained on with one command
    job_id = finetui("run", "-t", str(data), "-m", str(FOLDER / "model"), *given)["id"]
    watched = subprocess.run(
        [*FINETUI, "watch", job_id], capture_output=True, text=True, timeout=580, check=False
    )
    assert watched.returncode == 0, watched

    # Then loss fell, there is an adapter, and both answer
    shown = finetui("show", job_id)
    assert shown["eval_loss"] < shown["first_eval_loss"] - 0.05
    assert (Path(shown["result"]) / "adapter_model.safetensors").is_file()
    question = json.loads(rows[0])["question"]
    asked = finetui("ask", question, "-m", job_id, "-m", f"{job_id}@base", "--max-tokens", "12")
    assert [answer["error"] for answer in asked["answers"]] == [None, None]
    assert all(answer["tokens"] > 0 for answer in asked["answers"])


def test_the_demo_teaches_something_that_the_base_plainly_lacks() -> None:
    result = finetui("demo")
    known, new = result["accuracy"]
    assert known["rows"] >= 100
    assert known["base"] <= 0.05 * known["rows"]
    assert known["tuned"] >= 0.85 * known["rows"]
    assert new["tuned"] > new["base"]
    assert result["eval_loss_after"] < 0.5 * result["eval_loss_before"]
    saved = Path(result["folder"]) / "evals" / "demo.json"
    assert json.loads(saved.read_text())["accuracy"] == result["accuracy"]

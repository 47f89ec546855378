"""Job directories in every state, made by the moves of the table."""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

import msgspec
from finetui.engines.engine import Plan
from finetui.engines.home import Home
from finetui.engines.job import Job
from finetui.engines.settings import Settings
from finetui.engines.spec import JobSpec
from finetui.engines.states import JobState
from finetui.engines.store import Store

S = JobState
PATHS: dict[JobState, tuple[JobState, ...]] = {
    S.queued: (),
    S.starting: (S.starting,),
    S.running: (S.starting, S.running),
    S.stopping: (S.starting, S.running, S.stopping),
    S.paused: (S.starting, S.running, S.stopping, S.paused),
    S.interrupted: (S.starting, S.running, S.interrupted),
    S.succeeded: (S.starting, S.running, S.succeeded),
    S.failed: (S.starting, S.running, S.failed),
    S.cancelled: (S.cancelled,),
}
"""How a job comes to each state."""


def settings_of(folder: Path) -> Settings:
    """Settings with an empty home in a folder."""
    return Settings(Home(folder / "home"), folder / "config.toml")


def add_job(
    settings: Settings,
    name: str,
    state: JobState = S.queued,
    *,
    machine: str | None = "another",
    model: str = "org/tiny",
    metrics: int = 0,
    log: str = "",
    **fields: Any,
) -> Job:
    """A job that came to `state` by the moves of the table; `fields` of its state; `metrics` updates of loss.

    They belong to another machine, so that nobody here judges them as dead; None: to this one.
    """
    spec = JobSpec(name=name, engine="local", model=model)
    document = {"format": 1, "method": "qlora", "data": {"train": {"sha256": "0" * 64}}, "values": {}}
    job = Store(settings.home).create(spec, Plan(document))
    if metrics:
        write_metrics(job, metrics)
    if log:
        job.paths.log.write_text(log, "utf-8")
    with job.hold() as held:
        for step in PATHS[state][:-1]:
            held.become(step)
        if PATHS[state]:
            held.become(PATHS[state][-1], **fields)
        elif fields:
            held.update(**fields)
        if machine is not None:
            held.update(machine=machine, host="gpu-box-3")
    return job


def write_metrics(job: Job, updates: int, *, first: int = 1, attempt: int = 1, seed: int = 7) -> None:
    """Loss that falls as losses do, with an evaluation every tenth of the way."""
    chance = random.Random(seed)
    with open(job.paths.metrics, "ab") as file:
        for step in range(first, first + updates):
            value = 0.9 + 1.6 * math.exp(-step / (updates / 4)) + chance.gauss(0, 0.06)
            line = {
                "attempt": attempt,
                "step": step,
                "time": 1.8e9 + step,
                "loss": value,
                "learning_rate": 2e-4,
            }
            file.write(msgspec.json.encode(line) + b"\n")
            if step % max(updates // 10, 1) == 0:
                smooth = 0.97 + 1.6 * math.exp(-step / (updates / 4))
                file.write(
                    msgspec.json.encode({"attempt": attempt, "step": step, "eval_loss": smooth}) + b"\n"
                )


def busy_home(folder: Path) -> Settings:
    """A home with jobs in most states, the newest of them running."""
    settings = settings_of(folder)
    add_job(
        settings,
        "faq-v2",
        S.succeeded,
        metrics=300,
        step=300,
        total_steps=300,
        loss=0.91,
        first_eval_loss=1.904,
        eval_loss=0.881,
    )
    add_job(
        settings,
        "big-70b",
        S.failed,
        model="meta-llama/Llama-3.1-70B-Instruct",
        reason="out_of_memory",
        message="The GPU has no memory left: 78.2 of 79.6 GiB are in use.",
        advice="Lower train.max_length or train.micro_batch_size.",
        step=3,
        total_steps=900,
    )
    add_job(
        settings,
        "summaries",
        S.paused,
        metrics=80,
        step=80,
        total_steps=240,
        loss=1.4,
        eval_loss=1.5,
        first_eval_loss=2.2,
    )
    add_job(
        settings, "night-run", S.interrupted, step=12, total_steps=100, message="the machine was rebooted"
    )
    add_job(settings, "classifier", S.queued, waiting_for="a free GPU")
    log = "".join(f"update {step}/1000: loss {2.6 - step / 500:.4f}\n" for step in range(1, 641))
    add_job(
        settings,
        "support-bot",
        S.running,
        model="meta-llama/Llama-3.1-8B-Instruct",
        metrics=640,
        log=log,
        phase="training",
        step=640,
        total_steps=1000,
        loss=1.024,
        first_eval_loss=2.312,
        eval_loss=1.046,
    )
    return settings

"""Jobs that go on while the screen is measured: a process that writes what a supervisor and a trainer write.

`python benchmarks/live_jobs.py HOME JOBS LINES`: that many running jobs, named chatty-1 and so on; each
gets a point and a new state a second, and LINES lines of log a second. It says `ready` and ends when its
stdin does.
"""

# ruff: noqa: T201 (it is a program: what it prints is its result)

from __future__ import annotations

import contextlib
import math
import select
import sys
import time
from pathlib import Path

import msgspec
from finetui.engines.home import Home
from finetui.engines.job import Job
from finetui.engines.settings import Settings
from finetui.engines.states import JobState

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from homes.jobs import add_job

TOTAL = 5_000
BEGUN = 400
"""Updates that each job has done when it is first seen."""


def losses(number: int, step: int) -> float:
    return 0.9 + 1.6 * math.exp(-step / 700) + 0.05 * math.sin(step * 1.7 + number)


def write(jobs: list[Job], lines: int) -> None:
    """A point and a state a second for each job, its lines spread over the second, until stdin ends."""
    ticks = max(lines, 1)
    with contextlib.ExitStack() as open_files:
        held = [open_files.enter_context(job.hold()) for job in jobs]
        logs = [open_files.enter_context(open(job.paths.log, "a", 1, "utf-8")) for job in jobs]
        points = [open_files.enter_context(open(job.paths.metrics, "ab", 0)) for job in jobs]
        begun, tick = time.monotonic(), 0
        while True:
            step = BEGUN + tick // ticks
            for number in range(len(jobs)):
                loss = losses(number, step)
                if tick % ticks == 0:
                    point = {"attempt": 1, "step": step, "time": time.time(), "loss": loss}
                    points[number].write(msgspec.json.encode(point) + b"\n")
                    held[number].update(step=step, loss=loss)
                if lines:
                    logs[number].write(f"update {step}/{TOTAL}: loss {loss:.4f}, line {tick % ticks}\n")
            tick += 1
            wait = begun + tick / ticks - time.monotonic()
            if select.select([sys.stdin], [], [], max(wait, 0))[0]:
                return


def main() -> None:
    home, count, lines = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    settings = Settings(Home(home), home.parent / "config.toml")
    jobs = []
    for number in range(count):
        job = add_job(
            settings,
            f"chatty-{number + 1}",
            JobState.running,
            phase="training",
            step=BEGUN,
            total_steps=TOTAL,
            loss=losses(number, BEGUN),
        )
        points = (
            {"attempt": 1, "step": step, "time": time.time() - BEGUN + step, "loss": losses(number, step)}
            for step in range(1, BEGUN)
        )
        job.paths.metrics.write_bytes(b"".join(msgspec.json.encode(point) + b"\n" for point in points))
        jobs.append(job)
    print("ready", flush=True)
    write(jobs, lines)


if __name__ == "__main__":
    main()

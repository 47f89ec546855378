"""What the loss chart costs: milliseconds for a million points, and bytes a second while it is live.

`python benchmarks/chart.py [--points 1000000] [--seconds 30]`. Live: the whole app in a real pseudo terminal
with a running job that gets a point a second, beside the same where nothing comes.
"""

# ruff: noqa: T201 (it is a program: what it prints is its result)

from __future__ import annotations

import argparse
import math
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
from finetui.engines.job import State
from finetui.engines.states import JobState
from finetui.engines.store import Summary
from finetui.monitors.points import Points, PointsReader
from finetui.tui.panes.loss import JobCurves, LossPane

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from homes.jobs import add_job, settings_of
from homes.terminal import Terminal

SIZES = ((80, 24), (180, 50))
PLOTS = ((32, 9), (78, 20), (178, 46))
"""Of the chart alone: at 80 by 24, the same zoomed, and 180 by 50 zoomed."""
BEGUN, TOTAL = 400, 5000
SETTLING_SECONDS = 12.0


def line(step: int, dice: random.Random) -> bytes:
    loss = 0.9 + 1.6 * math.exp(-step / 700) + dice.gauss(0, 0.06)
    point = {"attempt": 1, "step": step, "time": 1.8e9 + step, "loss": loss, "epoch": step / 2000}
    lines = msgspec.json.encode({**point, "num_tokens": step * 5123}) + b"\n"
    if step % 50 == 0:
        held_out = {"attempt": 1, "step": step, "time": 1.8e9 + step, "eval_loss": loss + 0.04}
        lines += msgspec.json.encode(held_out) + b"\n"
    return lines


def milliseconds(act: Callable[[], object], times: int = 7) -> float:
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        act()
        took.append(time.perf_counter() - begun)
    return statistics.median(took) * 1000


def draw(folder: Path, count: int) -> None:
    settings = settings_of(folder)
    job = add_job(settings, "long", JobState.running, step=count, total_steps=count, phase="training")
    dice = random.Random(7)
    with open(job.paths.metrics, "wb") as file:
        file.writelines(line(step, dice) for step in range(1, count + 1))
    begun = time.perf_counter()
    reader = PointsReader(job)
    reader.read()
    while reader.more:
        reader.read()
    points = reader.points()
    read = (time.perf_counter() - begun) * 1000
    print(f"{count:,} points: read in {read:,.0f} ms, in a thread", flush=True)
    for width, height in PLOTS:
        for name, jobs, axis, log in (
            ("one job", 1, "step", False),
            ("one job, log", 1, "step", True),
            ("one job over tokens", 1, "tokens", False),
            ("six jobs", 6, "step", False),
        ):
            took = one_drawing(job.id, points, jobs, axis, log, width, height)
            print(f"  {width}×{height}  {name:<20} {took:6.1f} ms drawn, {read + took:8.0f} ms with reading")


def one_drawing(
    job_id: str, points: Points, jobs: int, axis: str, log: bool, width: int, height: int
) -> float:
    """Milliseconds from new points to the lines of the chart."""
    pane = LossPane()
    pane.axis, pane.chart.log_scale = axis, log
    state = State(
        state=JobState.running,
        since=0.0,
        engine="local",
        machine="another",
        host="box",
        step=len(points.loss),
        total_steps=len(points.loss),
    )
    shown = [Summary(f"{job_id}-{number}", "long", "org/tiny", "qlora", 0.0, state) for number in range(jobs)]

    def act() -> None:
        # New points each time, as a live job has them: nothing is known of them yet.
        pane.show([JobCurves(summary, replace(points)) for summary in shown])
        pane.chart.lay_out(width, height)

    return milliseconds(act)


def live(folder: Path, columns: int, rows: int, keys: str, seconds: float, points: bool) -> float:
    """Bytes a second, after the app has settled."""
    settings = settings_of(folder)
    job = add_job(
        settings, "live", JobState.running, step=BEGUN, total_steps=TOTAL, phase="training", loss=1.0
    )
    dice = random.Random(7)
    step = BEGUN
    job.paths.metrics.write_bytes(b"".join(line(number, dice) for number in range(1, step + 1)))
    terminal = Terminal(settings.home.path, columns, rows)
    try:
        terminal.wait_for("train")
        terminal.press(keys)
        sent, begun = 0, time.monotonic()
        with open(job.paths.metrics, "ab", 0) as file:
            while (passed := time.monotonic() - begun) < SETTLING_SECONDS + seconds:
                if passed < SETTLING_SECONDS:
                    sent = len(terminal.raw)
                if points and passed > step - BEGUN:
                    step += 1
                    file.write(line(step, dice))
                terminal.read(0.1)
        return (len(terminal.raw) - sent) / seconds
    finally:
        terminal.end()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--points", type=int, default=1_000_000)
    arguments.add_argument("--seconds", type=float, default=30.0)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if asked.points:
            draw(Path(folder) / "long", asked.points)
        for columns, rows in SIZES if asked.seconds else ():
            for name, keys in (("beside the others", ""), ("zoomed", "3z"), ("zoomed, over time", "3zxxx")):
                sent = [
                    live(
                        Path(folder) / f"{columns}{name}{points}", columns, rows, keys, asked.seconds, points
                    )
                    for points in (True, False)
                ]
                print(
                    f"{columns}×{rows}  {name:<18} {sent[0]:5.0f} B/s, without points {sent[1]:5.0f} B/s",
                    flush=True,
                )


if __name__ == "__main__":
    main()

"""What the app costs on its terminal, beside a bare Textual app, `wandb leet` and `btop` in the same run.

`python benchmarks/screen.py [--rounds 9] [--seconds 20] [--wandb PATH] [--only first idle live keys]`: time
to the first full frame, CPU and bytes while nothing happens and while a job goes on, keys to their paint
beside three chatty jobs, and memory. Figures are those of one machine: compare them within one run.
"""

# ruff: noqa: T201 (it is a program: what it prints is its result)

from __future__ import annotations

import argparse
import contextlib
import os
import platform
import random
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from finetui.engines.home import Home
from jobs_list import write_jobs
from pseudo_terminal import HAS_BENCH, Program, opened

HERE = Path(__file__).resolve().parent
SIZES = ((80, 24), (180, 50))
SETTLING_SECONDS = 6.0
"""What an app may do after its start before it counts as idle."""
PRESSES = 300


@dataclass
class App:
    """A program to measure; `ready`: what its first full frame shows, whatever else it reads later."""

    name: str
    arguments: list[str]
    ready: str
    environment: dict[str, str] = field(default_factory=dict)

    def open(self, size: tuple[int, int]) -> contextlib.AbstractContextManager[Program]:
        return opened(self.arguments, *size, self.environment)


BARE = App("bare Textual", [sys.executable, str(HERE / "bare_app.py")], r"bare.*support-bot-5 .*quit")


def finetui(home: Path, name: str) -> App:
    (home.parent / "config.toml").touch()
    environment = {"FINETUI_HOME": str(home), "XDG_CONFIG_HOME": str(home.parent)}
    # The line of keys comes last: all panes are drawn then.
    return App(name, [sys.executable, "-m", "finetui.tui.cli"], r"finetui.*Jobs.*Loss.*leave", environment)


def verdict(value: float, most: float) -> str:
    return "ok" if value <= most else "MISSED"


def first_frames(apps: list[App], rounds: int) -> None:
    print(f"\nfirst full frame at 80×24, ms, median of {rounds} (fastest to slowest); goal: 1.2 × bare")
    taken: dict[str, list[float]] = {app.name: [] for app in apps}
    for _ in range(rounds):
        for app in apps:
            with app.open((80, 24)) as program:
                taken[app.name].append(program.wait_for(app.ready) * 1000)
    bare = statistics.median(taken[BARE.name])
    for name, times in taken.items():
        median = statistics.median(times)
        judged = verdict(median / bare, 1.2) if name.startswith("finetui") else ""
        spread = f"({min(times):.0f} to {max(times):.0f})"
        print(f"  {name:<24} {median:5.0f}  {spread:<14} {median / bare:.2f} × {judged}")


def watched(program: Program, seconds: float) -> tuple[float, float, float]:
    """CPU share of one core, bytes a second, resident MiB."""
    cpu, sent, begun = program.cpu_seconds(), program.bytes, time.perf_counter()
    program.run_for(seconds)
    took = time.perf_counter() - begun
    return (
        (program.cpu_seconds() - cpu) / took,
        (program.bytes - sent) / took,
        program.memory_bytes() / 2**20,
    )


def idle(apps: list[App], seconds: float) -> None:
    print(f"\nidle for {seconds:.0f} s; goals of finetui: 0.5 % CPU, 0 B/s, 90 MiB")
    for size in SIZES:
        for app in apps:
            with app.open(size) as program:
                program.wait_for(app.ready)
                program.run_for(SETTLING_SECONDS)
                cpu, sent, memory = watched(program, seconds)
            judged = ""
            if app.name.startswith("finetui"):
                judged = verdict(max(cpu / 0.005, 2.0 if sent else 0.0, memory / 90), 1.0)
            line = f"{cpu:6.2%} CPU {sent:7.0f} B/s {memory:6.1f} MiB"
            print(f"  {size[0]:>3}×{size[1]} {app.name:<24} {line}  {judged}")


@contextlib.contextmanager
def live_jobs(home: Path, count: int, lines: int) -> Iterator[None]:
    """Running jobs that go on while the block runs."""
    program = [sys.executable, str(HERE / "live_jobs.py"), str(home), str(count), str(lines)]
    with subprocess.Popen(program, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as writer:
        assert writer.stdin and writer.stdout
        if writer.stdout.readline() != b"ready\n":
            raise RuntimeError("the jobs did not start")
        yield
        writer.stdin.close()


def live(seconds: float) -> None:
    print(f"\none job with a point, a line of log and a state a second, {seconds:.0f} s; goal: 5,000 B/s")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "home"
            with live_jobs(home, 1, 1):
                app = finetui(home, "finetui, all panes")
                with app.open(size) as program:
                    program.wait_for("chatty-1")
                    program.run_for(SETTLING_SECONDS)
                    cpu, sent, memory = watched(program, seconds)
        line = f"{cpu:6.2%} CPU {sent:7.0f} B/s {memory:6.1f} MiB"
        print(f"  {size[0]:>3}×{size[1]} {app.name:<24} {line}  {verdict(sent, 5000)}")


def rows_of(program: Program, pattern: str) -> list[int]:
    return [y for y, line in enumerate(program.screen.display) if re.search(pattern, line)]


def presses(program: Program, pattern: str, count: int) -> list[float]:
    """Milliseconds from a key to the paint of the line that it selects; the cursor goes up and down."""
    first, second = rows_of(program, pattern)[:2]
    found = re.search(pattern, program.screen.display[first])
    assert found is not None
    column = found.end() - 1
    chance = random.Random(1)

    def colours() -> tuple[str, str]:
        return tuple(program.screen.buffer[y][column].bg for y in (first, second))  # type: ignore[return-value]

    taken = []
    for number in range(count + 5):
        program.run_for(chance.uniform(0.03, 0.15))
        before, begun = colours(), time.perf_counter()
        program.press("j" if number % 2 == 0 else "k")
        while colours() == before:
            if time.perf_counter() > begun + 5:
                raise TimeoutError(f"a key did nothing:\n{program.text}")
            program.pump(0.05)
        if number >= 5:
            taken.append((program.last - begun) * 1000)
    return taken


def show_presses(name: str, size: tuple[int, int], taken: list[float], judge: bool) -> None:
    median, slow = statistics.median(taken), statistics.quantiles(taken, n=100)[98]
    judged = verdict(max(median / 20, slow / 50), 1.0) if judge else ""
    line = f"median {median:5.1f}  p99 {slow:5.1f}  max {max(taken):5.1f}"
    print(f"  {size[0]:>3}×{size[1]} {name:<24} {line}  {judged}")


def keys() -> None:
    print(f"\nkey to paint, ms, of {PRESSES} presses; goals of finetui, beside three jobs of a point and")
    print("20 lines of log a second each: median 20, p99 50")
    for size in SIZES:
        with BARE.open(size) as program:
            program.wait_for(BARE.ready)
            show_presses(BARE.name, size, presses(program, "support-bot-", PRESSES), judge=False)
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder) / "home"
            with live_jobs(home, 3, 20):
                app = finetui(home, "finetui, 3 chatty jobs")
                with app.open(size) as program:
                    program.wait_for("chatty-3")
                    program.run_for(3.0)
                    show_presses(app.name, size, presses(program, "● +chatty-", PRESSES), judge=True)


def others(wandb: str | None, folder: Path) -> list[App]:
    """What else is on this machine to compare with; says why not."""
    found = []
    executable = wandb or shutil.which("wandb")
    if executable is None:
        print("no `wandb` here (pip install wandb, or --wandb PATH): `wandb leet` is left out")
    else:
        run = _wandb_run(Path(executable), folder)
        if run is not None:
            # Its chart: braille dots beside its run's name.
            found.append(App("wandb leet, 1,000 steps", [executable, "leet", str(run)], "[\u2801-\u28ff]"))
    if shutil.which("btop") is None:
        print("no `btop` here: it is left out")
    else:
        # A config of its own; its first frame has the boxes of cpu, memory and processes.
        own = {"XDG_CONFIG_HOME": str(folder / "btop")}
        found.append(App("btop", ["btop", "--utf-force"], r"cpu.*(mem|proc)", own))
    return found


def _wandb_run(executable: Path, folder: Path) -> Path | None:
    """An offline run of 1,000 steps, written by the wandb that is measured."""
    script = (
        "import math, wandb\n"
        "run = wandb.init(mode='offline', project='p', settings=wandb.Settings(console='off'))\n"
        "for i in range(1000): run.log({'train/loss': 2.5 * math.exp(-i / 300) + 0.3, 'train/lr': 1e-4})\n"
        "run.finish()\n"
    )
    python = executable.absolute().parent / "python"
    environment = os.environ | {"WANDB_DIR": str(folder), "WANDB_SILENT": "true"}
    done = subprocess.run(
        [str(python), "-c", script], env=environment, capture_output=True, timeout=180, check=False
    )
    runs = list(folder.glob("wandb/offline-run-*/*.wandb"))
    if done.returncode or not runs:
        print(f"`wandb leet` is left out: {done.stderr.decode(errors='replace').strip()[-200:]}")
        return None
    return runs[0]


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--rounds", type=int, default=9)
    arguments.add_argument("--seconds", type=float, default=20.0)
    arguments.add_argument("--wandb", help="its executable, where it is not on PATH")
    parts = ("first", "idle", "live", "keys")
    arguments.add_argument("--only", nargs="+", choices=parts, default=parts)
    asked = arguments.parse_args()
    print(f"Python {platform.python_version()}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    if not HAS_BENCH:
        print("no folder shared/bench beside the checkout: measured with the terminal of the tests")
    with tempfile.TemporaryDirectory() as folder:
        apps = [BARE]
        for count in (10, 10_000):
            home = Path(folder) / f"home-{count}" / "home"
            write_jobs(Home(home), count)
            apps.append(finetui(home, f"finetui, {count:,} jobs"))
        if {"first", "idle"} & set(asked.only):
            apps += others(asked.wandb, Path(folder))
        if "first" in asked.only:
            first_frames(apps, asked.rounds)
        if "idle" in asked.only:
            idle(apps, asked.seconds)
        if "live" in asked.only:
            live(asked.seconds)
        if "keys" in asked.only:
            keys()


if __name__ == "__main__":
    main()

"""What the screen costs while nothing happens: CPU and bytes to the terminal, over many finished jobs.

`python benchmarks/idle_screen.py [--jobs 10000] [--seconds 30]`, in a real pseudo terminal of 80 by 24 and of
180 by 50, beside a bare Textual app in the same run.
"""

# ruff: noqa: T201 (it is a program: what it prints is its result)

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import psutil
from finetui.engines.home import Home

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from homes.terminal import START, Terminal
from jobs_list import write_jobs

BARE = "from textual.app import App; App().run()"
SETTLING_SECONDS = 12.0


def measure(terminal: Terminal, seconds: float) -> tuple[float, float]:
    """CPU share of one core, and bytes a second, after the app has settled."""
    process = psutil.Process(terminal.pid)
    until = time.monotonic() + SETTLING_SECONDS
    while time.monotonic() < until:
        terminal.read(0.2)
    before, sent = process.cpu_times(), len(terminal.raw)
    start = time.monotonic()
    while time.monotonic() < start + seconds:
        terminal.read(0.5)
    after = process.cpu_times()
    took = time.monotonic() - start
    busy = after.user + after.system - before.user - before.system
    return busy / took, (len(terminal.raw) - sent) / took


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--jobs", type=int, default=10_000)
    arguments.add_argument("--seconds", type=float, default=30.0)
    asked = arguments.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder) / "home")
        write_jobs(home, asked.jobs)
        print(f"{asked.jobs:,} finished jobs, {asked.seconds:.0f} s each")
        for columns, rows in ((80, 24), (180, 50)):
            for name, start in (("bare Textual", BARE), ("finetui", START)):
                terminal = Terminal(home.path, columns, rows, start)
                try:
                    cpu, sent = measure(terminal, asked.seconds)
                    print(f"{columns}×{rows}  {name:<13} {cpu:6.2%} CPU  {sent:7.0f} B/s")
                finally:
                    terminal.end()


if __name__ == "__main__":
    main()

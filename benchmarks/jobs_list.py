"""How long the list of many finished jobs takes: the first time, with an index, and the newest without one.

`python benchmarks/jobs_list.py [--jobs 10000]`. Each figure is that of a fresh process, from the start of
its interpreter to its last line, as `finetui jobs` would take it; the files are in the kernel's cache.
"""

# ruff: noqa: T201 (it is a program: what it prints is its result)

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec
import tomli_w
from finetui.engines.home import Home
from finetui.engines.job import State
from finetui.engines.machine import host, machine_id
from finetui.engines.states import JobState

FIRST = 1_700_000_000
"""Unix seconds; the jobs are a minute apart."""

LIST = "print(len(Store(home).jobs()))"
NEWEST = "print(len(Store(home).newest(50)))"
PROGRAM = "import sys; from pathlib import Path; from finetui.engines.home import Home\n" + (
    "from finetui.engines.store import Store; home = Home(Path(sys.argv[1]))\n"
)


def write_jobs(home: Home, count: int) -> None:
    """Finished jobs: the files that `Store.create` and a supervisor leave, without waiting for disks."""
    reasons = {
        f"value_{n}": {"value": n, "reason": "a reason in some words, as each value has one"}
        for n in range(24)
    }
    for number in range(count):
        created = float(FIRST + 60 * number)
        job_id = time.strftime("%Y%m%d-%H%M%S-support-bot", time.localtime(created))
        folder = home.jobs / job_id
        folder.mkdir(parents=True)
        spec = {
            "name": f"support-bot {number % 40}",
            "engine": "local",
            "model": "org/name",
            "method": "qlora",
        }
        (folder / "job.toml").write_text(tomli_w.dumps(spec | {"data": {"train": "/data/rows.jsonl"}}))
        rows = {"path": "/data/x.jsonl", "sha256": f"{number % 100:064x}", "rows": 600}
        plan = {"format": 1, "method": "qlora", "data": {"train": rows, "system": None}, "values": reasons}
        (folder / "plan.json").write_bytes(msgspec.json.encode(plan | {"job": job_id, "created": created}))
        state = State(
            JobState.succeeded,
            created,
            "local",
            machine_id(),
            host(),
            step=112,
            total_steps=112,
            loss=0.9,
            eval_loss=1.04,
        )
        (folder / "state.json").write_bytes(msgspec.json.encode(state))
        os.utime(folder / "state.json", (created, created))
        (folder / "lock").touch()


def seconds(home: Home, code: str) -> float:
    before = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", PROGRAM + code, str(home.path)],
        check=True,
        stdout=subprocess.DEVNULL,
        timeout=600,
    )
    return time.perf_counter() - before


def command(home: Home, *arguments: str) -> float:
    before = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "finetui.tui.cli", *arguments],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=os.environ | {"FINETUI_HOME": str(home.path)},
        timeout=600,
    )
    return time.perf_counter() - before


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--jobs", type=int, default=10_000)
    count = arguments.parse_args().jobs
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        write_jobs(home, count)
        print(f"{count:,} finished jobs; Python {platform.python_version()}, {os.cpu_count()} cores")
        print(f"finetui jobs, no index   {command(home, 'jobs'):6.2f} s")
        print(f"imports alone            {seconds(home, ''):6.2f} s")
        print(f"newest 50, no index      {seconds(home, NEWEST):6.2f} s")
        print(f"first list, no index     {seconds(home, LIST):6.2f} s")
        print(f"list with a warm index   {min(seconds(home, LIST) for _ in range(3)):6.2f} s")
        print(f"finetui jobs, index      {min(command(home, 'jobs') for _ in range(3)):6.2f} s")
        print(f"finetui jobs --json      {min(command(home, 'jobs', '--json') for _ in range(3)):6.2f} s")


if __name__ == "__main__":
    main()

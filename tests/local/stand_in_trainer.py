"""Speaks the trainer's side of docs/job.md without torch, so that a hundred endings can be tried in a minute.

What it trains is nothing; what it writes, and how it ends, is as the contract says. Steered by the JSON file
that STAND_IN_TRAINER names, read anew at each step; `jobs` holds what differs for a job of that name:
`steps`, `step_seconds`, `eval_every`; `hold`: phases in which it waits until they are taken out, as
"loading", "training@7" or "stopping" (asked to end, not yet at it); `fail`: {"at": phase, "reason",
"message"}; `crash`: {"at": phase, "signal" or "code", "says"}; `deaf`: true ignores SIGTERM and the end of
its supervisor; `child`: true starts a process that has all its descriptors; `needs`: names that `versions`
reports as missing; `fetch`: {"reason", "message"} of a download that fails.

Beside that file it writes `runs.jsonl`, a line a start, and holds `JOB.alive` and `DEVICE.alive` by flock
while it lives: `doubled` names those that another trainer held at its start.
"""

import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

stop = threading.Event()
PLACE = Path(os.environ["STAND_IN_TRAINER"])
OVERRIDES: list[str] = []


def steering() -> dict[str, Any]:
    order = json.loads(PLACE.read_text())
    for name, own in order.pop("jobs", {}).items():
        if name in OVERRIDES:
            order |= own
    return order


def held_at(*names: str) -> bool:
    return not set(names).isdisjoint(steering().get("hold", []))


def is_first(name: str) -> bool:
    """Whether no other process holds this; from now on we do, until we die in whatever way."""
    descriptor = os.open(PLACE.parent / f"{name}.alive", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC)
    for _ in range(20):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.002)  # a test that looks holds it for microseconds, another trainer for longer
    return False


def append(path: Path, line: dict[str, Any]) -> None:
    with open(path, "a") as file:
        file.write(json.dumps(line) + "\n")


class Attempt:
    def __init__(self, job: Path, attempt: int, resume: Path | None) -> None:
        self.job, self.attempt = job, attempt
        self.step = json.loads((resume / "complete.json").read_text())["step"] if resume else 0
        self.say("environment.jsonl", argv=sys.argv, start=self.step)

    def say(self, name: str, **line: Any) -> None:
        append(self.job / name, {"time": time.time(), "attempt": self.attempt, **line})

    def phase(self, name: str, done: int | None = None, total: int | None = None) -> None:
        self.say("progress.jsonl", kind="phase", phase=name, done=done, total=total, unit="steps")
        here = (name, f"{name}@{self.step}")
        while held_at(*here) and not stop.is_set():
            time.sleep(0.01)
        order = steering()
        if (order.get("fail") or {}).get("at") in here:
            failure = order["fail"]
            self.outcome("failed", reason=failure["reason"], message=failure["message"], advice="")
            sys.exit(1)
        if (order.get("crash") or {}).get("at") in here:
            crash = order["crash"]
            print(crash.get("says", ""), flush=True)
            if "signal" in crash:
                os.kill(os.getpid(), crash["signal"])
            os._exit(crash.get("code", 3))
        if stop.is_set() and name not in ("evaluating", "saving"):  # what was begun is finished
            while held_at("stopping"):
                time.sleep(0.01)
            if self.step:
                self.save()
            self.outcome("stopped")
            sys.exit(0)

    def outcome(self, outcome: str, **more: Any) -> None:
        self.say("progress.jsonl", kind="outcome", outcome=outcome, step=self.step, **more)

    def save(self) -> None:
        folder = self.job / "checkpoints" / f"checkpoint-{self.step}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "adapter_model.safetensors").write_bytes(b"weights")
        self.phase("saving", self.step)
        marker = folder / "complete.json"
        if not marker.exists():
            marker.with_suffix(".new").write_text(json.dumps({"step": self.step, "time": time.time()}))
            marker.with_suffix(".new").rename(marker)
            self.say("progress.jsonl", kind="checkpoint", step=self.step, path=str(folder), eval_loss=None)

    def run(self) -> None:
        for name in ("loading", "tokenising", "rehearsing"):
            self.phase(name)
        total = steering().get("steps", 20)
        every = steering().get("eval_every", 5)
        self.say("progress.jsonl", kind="total", total_steps=total)
        if self.step == 0:
            self.evaluate()
        while self.step < total:
            self.phase("training", self.step, total)
            time.sleep(steering().get("step_seconds", 0.005))
            self.step += 1
            # A loss that depends on the step alone: a resumed job must show the same ones.
            self.say("metrics.jsonl", step=self.step, loss=round(2 / self.step, 6), memory_bytes=1 << 20)
            if self.step % every == 0:
                self.evaluate()
                self.save()
        self.save()
        partial = self.job / "result.partial"
        partial.mkdir(exist_ok=True)
        (partial / "adapter_model.safetensors").write_bytes(b"weights")
        if not (self.job / "result").exists():
            partial.rename(self.job / "result")
        self.outcome("succeeded")

    def evaluate(self) -> None:
        self.phase("evaluating", self.step)
        self.say("metrics.jsonl", step=self.step, eval_loss=round(3 / (self.step + 1), 6))


def watch(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    if not steering().get("deaf"):
        stop.set()


def versions() -> None:
    missing = steering().get("needs", [])
    print(json.dumps({"python": sys.version.split()[0], "packages": {}, "missing": missing}))


def fetch() -> None:
    print(
        json.dumps({"kind": "phase", "phase": "downloading", "done": 1, "total": 2, "unit": "bytes"}),
        flush=True,
    )
    first = is_first("download")
    append(PLACE.parent / "fetches.jsonl", {"pid": os.getpid(), "doubled": [] if first else ["download"]})
    while held_at("downloading"):
        time.sleep(0.01)
    if order := steering().get("fetch"):
        print(json.dumps({"kind": "outcome", "outcome": "failed", **order}), flush=True)
        sys.exit(1)


def train(arguments: list[str]) -> None:
    options = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    job = Path(arguments[0])
    OVERRIDES.append((job / "job.toml").read_text().split('name = "')[1].split('"')[0])
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: None if steering().get("deaf") else stop.set())
    device = os.environ.get("CUDA_VISIBLE_DEVICES") or "cpu"
    run = {
        "job": job.name,
        "attempt": int(options["--attempt"]),
        "pid": os.getpid(),
        "environment": dict(os.environ),
        "doubled": [name for name in (job.name, device) if not is_first(name)],
    }
    if steering().get("child"):
        # As a data loader's worker, which is forked and has all descriptors.
        subprocess.Popen(["sleep", "600"], close_fds=False)
    append(PLACE.parent / "runs.jsonl", run)
    threading.Thread(target=watch, args=(int(options["--life"]),), daemon=True).start()
    resume = Path(options["--resume"]) if "--resume" in options else None
    Attempt(job, int(options["--attempt"]), resume).run()


def main(arguments: list[str]) -> None:
    # arguments: the trainer's folder, a verb, and what belongs to it; as a Python would be called.
    match arguments[1]:
        case "versions":
            versions()
        case "fetch":
            fetch()
        case "train":
            train(arguments[2:])


if __name__ == "__main__":
    main(sys.argv[1:])

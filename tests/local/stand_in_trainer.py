"""Speaks the trainer's side of docs/job.md without torch, so that a hundred endings can be tried in a minute.

What it trains is nothing; what it writes, and how it ends, is as the contract says. Steered by the JSON file
that STAND_IN_TRAINER names, read anew at each step:
`steps`, `step_seconds`, `eval_every`; `hold`: a phase (or "training@N") in which it waits until that is taken
out; `fail`: {"at": phase, "reason", "message"}; `crash`: {"at": phase, "signal" or "code"}; `deaf`: true ignores
SIGTERM and the end of its supervisor; `needs`: names that `versions` reports as missing.
"""

import json
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

stop = threading.Event()


def steering() -> dict[str, Any]:
    try:
        return json.loads(Path(os.environ["STAND_IN_TRAINER"]).read_text())
    except (KeyError, OSError, ValueError):
        return {}


class Attempt:
    def __init__(self, job: Path, attempt: int, resume: Path | None) -> None:
        self.job, self.attempt = job, attempt
        self.step = json.loads((resume / "complete.json").read_text())["step"] if resume else 0

    def append(self, name: str, **line: Any) -> None:
        with open(self.job / name, "a") as file:
            file.write(json.dumps({"time": time.time(), "attempt": self.attempt, **line}) + "\n")

    def phase(self, name: str, done: int | None = None, total: int | None = None) -> None:
        self.append("progress.jsonl", kind="phase", phase=name, done=done, total=total, unit="steps")
        here = (name, f"{name}@{done}")
        while steering().get("hold") in here and not stop.is_set():
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
        if stop.is_set() and name != "saving":
            if self.step:
                self.save()
            self.outcome("stopped")
            sys.exit(0)

    def outcome(self, outcome: str, **more: Any) -> None:
        self.append("progress.jsonl", kind="outcome", outcome=outcome, step=self.step, **more)

    def save(self) -> None:
        folder = self.job / "checkpoints" / f"checkpoint-{self.step}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "adapter_model.safetensors").write_bytes(b"weights")
        self.phase("saving")
        (folder / "complete.json").write_text(json.dumps({"step": self.step, "time": time.time()}))
        self.append("progress.jsonl", kind="checkpoint", step=self.step, path=str(folder), eval_loss=None)

    def run(self) -> None:
        for name in ("loading", "tokenising", "rehearsing"):
            self.phase(name)
        total = steering().get("steps", 20)
        every = steering().get("eval_every", 5)
        self.append("progress.jsonl", kind="total", total_steps=total)
        if self.step == 0:
            self.evaluate()
        while self.step < total:
            self.phase("training", self.step, total)
            time.sleep(steering().get("step_seconds", 0.01))
            self.step += 1
            # A loss that depends on the step alone: a resumed job must show the same ones.
            self.append("metrics.jsonl", step=self.step, loss=round(2 / self.step, 6), memory_bytes=1 << 20)
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
        self.append("metrics.jsonl", step=self.step, eval_loss=round(3 / (self.step + 1), 6))


def watch(descriptor: int) -> None:
    while os.read(descriptor, 1):
        pass
    if not steering().get("deaf"):
        stop.set()


def main(arguments: list[str]) -> None:
    # arguments: the trainer's folder, a verb, and what belongs to it; as a Python would be called.
    verb, rest = arguments[1], arguments[2:]
    if verb == "versions":
        print(
            json.dumps(
                {"python": sys.version.split()[0], "packages": {}, "missing": steering().get("needs", [])}
            )
        )
        return
    if verb == "fetch":
        order = steering().get("fetch", {})
        print(
            json.dumps({"kind": "phase", "phase": "downloading", "done": 1, "total": 2, "unit": "bytes"}),
            flush=True,
        )
        while steering().get("hold") == "downloading":
            time.sleep(0.01)
        if order.get("reason"):
            print(json.dumps({"kind": "outcome", "outcome": "failed", **order}), flush=True)
            sys.exit(1)
        return
    options = dict(zip(rest[1::2], rest[2::2], strict=True))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: None if steering().get("deaf") else stop.set())
    threading.Thread(target=watch, args=(int(options["--life"]),), daemon=True).start()
    resume = Path(options["--resume"]) if "--resume" in options else None
    Attempt(Path(rest[0]), int(options["--attempt"]), resume).run()


if __name__ == "__main__":
    main(sys.argv[1:])

"""What the trainer says of itself: the JSON lines in the job's folder."""

from __future__ import annotations

import json
import math
import os
import sys
import threading
import time
from pathlib import Path
from typing import Any, Literal

PHASE_SECONDS = 0.25
"""Within a phase, no more than four lines a second."""


class JsonLines:
    """A file that grows by whole lines, each in one write.

    A process killed in the middle of a write leaves half a line, which readers take as not there yet; the
    next line would be glued to it, so it is cut off first.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        content = path.read_bytes()
        if content and not content.endswith(b"\n"):
            os.ftruncate(self._descriptor, content.rfind(b"\n") + 1)

    def write(self, line: dict[str, Any]) -> None:
        os.write(self._descriptor, json.dumps(finite(line), ensure_ascii=False).encode() + b"\n")


def say(text: str) -> None:
    """A line on stdout, at once: the job's log, or a verb's answer."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def finite(value: Any) -> Any:
    """The same value with null for NaN and infinities, which JSON does not have."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [finite(inner) for inner in value]
    return value


class Progress:
    """The job's files, written by rank 0 alone; safe to call from any thread.

    Args:
        job: the job's folder.
        attempt: number of this attempt, on every line.
        writes: false on every rank but the first, which then says nothing.
    """

    def __init__(self, job: Path, attempt: int, writes: bool = True) -> None:
        self.step = 0
        """Updates made so far, as far as anything was said of them."""
        self._job = job
        self._attempt = attempt
        self._writes = writes
        self._lock = threading.Lock()
        self._files: dict[str, JsonLines] = {}
        self._phase = ""
        self._phase_time = 0.0

    def phase(self, phase: str, done: int | None = None, total: int | None = None, unit: str = "") -> None:
        """What is being done and how far it is; rate-limited while the phase stays the same."""
        now = time.monotonic()
        if phase == self._phase and now - self._phase_time < PHASE_SECONDS:
            return
        self._phase, self._phase_time = phase, now
        self._say("phase", phase=phase, done=done, total=total, unit=unit)

    @property
    def doing(self) -> str:
        """The phase we are in."""
        return self._phase

    def total(self, total_steps: int) -> None:
        self._say("total", total_steps=total_steps)

    def checkpoint(self, step: int, path: Path, eval_loss: float | None) -> None:
        self._say("checkpoint", step=step, path=str(path), eval_loss=eval_loss)

    def sample(self, step: int, prompt: Any, expected: str, answer: str) -> None:
        self._say("sample", step=step, prompt=prompt, expected=expected, answer=answer)

    def note(self, level: Literal["info", "warning"], message: str, **data: Any) -> None:
        self._say("note", level=level, message=message, data=data)

    def outcome(self, outcome: Literal["succeeded", "stopped", "failed"], **why: str) -> None:
        """The attempt's last line."""
        self._say("outcome", outcome=outcome, step=self.step, **why)

    def metrics(self, step: int, **values: float | None) -> None:
        """A line of metrics.jsonl: `values` by the Trainer's names."""
        self.step = step
        self._append("metrics.jsonl", {"attempt": self._attempt, "step": step, "time": time.time(), **values})

    def row_losses(self, step: int, **line: Any) -> None:
        """A line of row_losses.jsonl: an update of the first epoch."""
        self._append("row_losses.jsonl", {"attempt": self._attempt, "step": step, **line})

    def environment(self, **facts: Any) -> None:
        """This attempt's line of environment.jsonl."""
        self._append("environment.jsonl", {"attempt": self._attempt, "time": time.time(), **facts})

    def _say(self, kind: str, **fields: Any) -> None:
        self._append(
            "progress.jsonl", {"kind": kind, "time": time.time(), "attempt": self._attempt, **fields}
        )

    def _append(self, name: str, line: dict[str, Any]) -> None:
        if not self._writes:
            return
        with self._lock:
            if name not in self._files:
                self._files[name] = JsonLines(self._job / name)
            self._files[name].write(line)

"""A model's download by the trainer's `fetch` verb while its jobs wait; its progress and failure."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field
from typing import Any

from ..follow import Follower
from ..home import Home
from ..records import parse_lines
from .exits import ADVICE, Ending, log_tail, verdict
from .interpreter import TRAINER, environment


@dataclass
class Fetch:
    """One download of one revision; several jobs may wait for it."""

    process: subprocess.Popen[bytes]
    follower: Follower
    progress: dict[str, Any] = field(default_factory=dict)
    """`done`, `total` and `unit`, as in a job's state."""
    failure: dict[str, Any] | None = None

    @classmethod
    def start(cls, home: Home, plan: dict[str, Any]) -> Fetch:
        """Begin it, with the hub's token from the environment or its own file."""
        model = plan["model"]
        command = [plan["python"], str(TRAINER), "fetch", model["name"]]
        if model["revision"]:
            command += ["--revision", model["revision"]]
        if model["remote_code"]:
            command.append("--remote-code")
        home.machine.mkdir(parents=True, exist_ok=True)
        output = home.machine / f"fetch-{model['name'].replace('/', '--')}.jsonl"
        errors = output.with_suffix(".log")
        with open(output, "wb") as out, open(errors, "wb") as err:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                env=environment(hub=True) | plan.get("environment", {}),
            )
        return cls(process, Follower(output))

    def poll(self) -> tuple[bool, dict[str, Any] | None]:
        """Whether it is done, and the fields of a failed state where it can't be."""
        for line in parse_lines(self.follower.read()):
            if line.get("kind") == "phase":
                self.progress = {name: line.get(name) for name in ("done", "total", "unit")}
            elif line.get("kind") == "outcome" and line.get("outcome") == "failed":
                reason = str(line.get("reason"))
                advice = line.get("advice") or ADVICE.get(reason)
                self.failure = {"reason": reason, "message": line.get("message"), "advice": advice}
        code = self.process.poll()
        if code is None:
            return False, None
        if code != 0 and self.failure is None:
            tail = log_tail(self.follower.path.with_suffix(".log"))
            end = verdict(Ending(None, code, None, False, tail))
            self.failure = {"reason": end.reason or "killed", "message": end.message, "advice": end.advice}
        return code == 0, self.failure

"""A model's download by the trainer's `fetch` verb while its jobs wait; its progress and failure."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from ..exits import ADVICE, Ending, log_tail, verdict
from ..follow import Follower
from ..home import Home
from ..interpreter import TRAINER, environment
from ..records import parse_lines


def fetch_key(plan: dict[str, Any]) -> str:
    """What is fetched, as jobs may share it: with the model's own code it is another download."""
    model = plan["model"]
    return f"{model['name']}@{model['revision'] or 'main'}" + ("@code" if model["remote_code"] else "")


@dataclass
class Fetch:
    """One download of one revision; several jobs may wait for it."""

    process: subprocess.Popen[bytes] | None
    """None where it could not even be started; the reason is in the log."""
    follower: Follower
    progress: dict[str, Any] = field(default_factory=dict)
    """`done`, `total` and `unit`, as in a job's state."""
    failure: dict[str, Any] | None = None

    @classmethod
    def start(cls, home: Home, plan: dict[str, Any]) -> Fetch | None:
        """Begin it, with the hub's token from the environment or its own file.

        Returns:
            None where a download of the same that an earlier scheduler began still goes on.
        """
        model = plan["model"]
        command = [plan["python"], str(TRAINER), "fetch", model["name"]]
        if model["revision"]:
            command += ["--revision", model["revision"]]
        if model["remote_code"]:
            command.append("--remote-code")
        # Revisions have slashes too, and two of one model are two downloads.
        name = quote(fetch_key(plan), safe="@")
        home.machine.mkdir(parents=True, exist_ok=True)
        output = home.machine / f"fetch-{name}.jsonl"
        # The download holds it, as a trainer its lease, and so outlives whoever began it.
        lock = os.open(output.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with open(output, "wb") as out, open(output.with_suffix(".log"), "wb") as err:
                try:
                    process = subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=out,
                        stderr=err,
                        start_new_session=True,
                        pass_fds=[lock],
                        env=environment(plan, hub=True),
                    )
                except OSError as error:
                    process = None
                    err.write(f"can't start the trainer: {error}\n".encode())
        except BlockingIOError:
            return None
        finally:
            os.close(lock)
        return cls(process, Follower(output))

    def end(self) -> None:
        """End it: nobody waits for it any more. What came so far stays in the hub's cache."""
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def poll(self) -> tuple[bool, dict[str, Any] | None]:
        """Whether it is done, and the fields of a failed state where it can't be."""
        for line in parse_lines(self.follower.read()):
            if line.get("kind") == "phase":
                self.progress = {name: line.get(name) for name in ("done", "total", "unit")}
            elif line.get("kind") == "outcome" and line.get("outcome") == "failed":
                reason = str(line.get("reason"))
                advice = line.get("advice") or ADVICE.get(reason)
                self.failure = {"reason": reason, "message": line.get("message"), "advice": advice}
        code = 127 if self.process is None else self.process.poll()
        if code is None:
            return False, None
        if code != 0 and self.failure is None:
            tail = log_tail(self.follower.path.with_suffix(".log"))
            end = verdict(Ending(None, code, None, False, tail))
            self.failure = {"reason": end.reason or "killed", "message": end.message, "advice": end.advice}
        return code == 0, self.failure

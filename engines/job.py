"""A job's directory: its names, state and lock; the only code that writes state, events and requests."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
import time
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from .home import Home
from .machine import ProcessIdentity, machine_id
from .records import append_line, parse_lines, read_json, read_lines, write_json
from .states import TRANSITIONS, UNFINISHED, JobState, TransitionError


class JobPaths:
    """Every file name of a job, from its folder. docs/job.md says who writes which."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.spec = folder / "job.toml"
        self.plan = folder / "plan.json"
        self.state = folder / "state.json"
        self.events = folder / "events.jsonl"
        self.progress = folder / "progress.jsonl"
        self.metrics = folder / "metrics.jsonl"
        self.row_losses = folder / "row_losses.jsonl"
        self.environment = folder / "environment.jsonl"
        self.log = folder / "log.txt"
        self.hardware = folder / "hardware.jsonl"
        self.checkpoints = folder / "checkpoints"
        self.result = folder / "result"
        self.requests = folder / "requests"
        self.lock = folder / "lock"


class State(msgspec.Struct, frozen=True, omit_defaults=True):
    """state.json: where a job stands. Bytes, unix seconds, and updates (steps) as units."""

    state: JobState
    since: float
    engine: str
    machine: str
    host: str
    attempt: int = 1
    phase: str | None = None
    done: float | None = None
    total: float | None = None
    unit: str | None = None
    step: int | None = None
    total_steps: int | None = None
    epoch: float | None = None
    loss: float | None = None
    first_loss: float | None = None
    """The first loss in training, of all attempts."""
    eval_loss: float | None = None
    first_eval_loss: float | None = None
    peak_memory_bytes: int | None = None
    started: float | None = None
    """When this attempt's trainer was started."""
    supervisor: ProcessIdentity | None = None
    trainer: ProcessIdentity | None = None
    gpus: tuple[str, ...] = ()
    waiting_for: str | None = None
    remote: dict[str, Any] | None = None
    reason: str | None = None
    message: str | None = None
    advice: str | None = None
    result: str | None = None


class Checkpoint(msgspec.Struct, frozen=True):
    """A complete checkpoint: everything that a later attempt needs."""

    step: int
    path: Path
    eval_loss: float | None = None


class JobBusy(Exception):
    """Somebody else holds the job's lock: leave a request instead."""


class Job:
    """A job as anybody may see it. Writing its state needs `hold()`; a request needs nothing."""

    def __init__(self, home: Home, job_id: str) -> None:
        self.home, self.id = home, job_id
        self.paths = JobPaths(home.jobs / job_id)

    def __repr__(self) -> str:
        return f"Job({self.id})"

    def state(self) -> State:
        """Where it stands.

        Raises:
            FileNotFoundError: the job was removed, or is not wholly created.
        """
        return msgspec.json.decode(self.paths.state.read_bytes(), type=State)

    def spec(self) -> dict[str, Any]:
        """job.toml: what was asked, as plain values."""
        return tomllib.loads(self.paths.spec.read_text("utf-8"))

    def plan(self) -> dict[str, Any]:
        """plan.json: what followed from it, as plain values."""
        return read_json(self.paths.plan)

    def events(self) -> list[dict[str, Any]]:
        return read_lines(self.paths.events)

    def checkpoints(self) -> list[Checkpoint]:
        """Complete checkpoints, oldest first; what a crash left half-written does not count."""
        found = []
        for marker in self.paths.checkpoints.glob("checkpoint-*/complete.json"):
            try:
                value = read_json(marker)
                found.append(Checkpoint(int(value["step"]), marker.parent, value.get("eval_loss")))
            except (OSError, msgspec.DecodeError, KeyError, TypeError, ValueError):
                continue
        return sorted(found, key=lambda checkpoint: checkpoint.step)

    def request(self, verb: str, by: str) -> None:
        """Ask the holder of the lock for something (`stop`, `kill`); it sees it within a second."""
        self.paths.requests.mkdir(exist_ok=True)
        content = msgspec.json.encode({"verb": verb, "time": time.time(), "by": by})
        number = len(os.listdir(self.paths.requests)) + 1
        while True:
            final = self.paths.requests / f"{number:03}.json"
            temporary = self.paths.requests / f".{number:03}.{os.getpid()}.{threading.get_ident()}"
            try:
                temporary.write_bytes(content)
                # link, not open("x"): the request appears whole or not at all.
                os.link(temporary, final)
                return
            except FileExistsError:
                number += 1
            finally:
                temporary.unlink(missing_ok=True)

    def requests(self) -> list[tuple[Path, dict[str, Any]]]:
        """Open requests in the order of their numbers."""
        found = []
        with contextlib.suppress(FileNotFoundError):
            for path in sorted(self.paths.requests.glob("[0-9]*.json")):
                with contextlib.suppress(OSError, msgspec.DecodeError):
                    if isinstance(request := read_json(path), dict):
                        found.append((path, request))
        return found

    @contextlib.contextmanager
    def hold(self, *, descriptor: int | None = None) -> Iterator[HeldJob]:
        """Hold the job's lock; only then can its state be changed.

        Args:
            descriptor: a lock that this process already has by inheritance.

        Raises:
            JobBusy: another process holds it.
            FileNotFoundError: the job was removed.
        """
        if descriptor is None:
            descriptor = os.open(self.paths.lock, os.O_RDWR | os.O_CLOEXEC)
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise JobBusy(f"job {self.id} is held by another process") from error
            held = HeldJob(self, descriptor)
            held.mend()
            yield held
        finally:
            # Closing frees the lock only when nobody inherited it: a trainer keeps it.
            os.close(descriptor)

    def foreign(self, state: State) -> bool:
        """Whether the job belongs to another machine, from which alone it may be changed."""
        return state.machine != machine_id()


class HeldJob:
    """A job whose lock is held: the one writer of state.json and events.jsonl."""

    def __init__(self, job: Job, descriptor: int) -> None:
        self.job, self.descriptor = job, descriptor
        self._unwritten: State | None = None

    def state(self) -> State:
        """Where it stands; what a full disk did not take before is written first.

        Raises:
            OSError: it still can't be written.
        """
        if self._unwritten is not None:
            self._write(self._unwritten)
        return self.job.state()

    def mend(self) -> None:
        """Finish a state change that a crash cut off between its event and state.json: the event counts."""
        try:
            state = self.job.state()
        except FileNotFoundError:
            return
        for event in reversed(_last_events(self.job.paths.events)):
            match event:
                case {"kind": "state", "time": int() | float() as at, "data": {"to": str() as new, **data}}:
                    if new not in TRANSITIONS:
                        continue
                    if new != state.state and at >= state.since:
                        fields = _cleared(JobState(new))
                        fields |= {name: data.get(name) for name in ("reason", "message", "advice", "result")}
                        attempt = data.get("attempt", state.attempt)
                        changed = msgspec.structs.replace(
                            state, **fields, state=JobState(new), since=at, attempt=attempt
                        )
                        self._write(changed)
                    return

    def update(self, **fields: Any) -> State:
        """Change fields of the state, not the state itself."""
        state = msgspec.structs.replace(self.state(), **fields)
        self._write(state)
        return state

    def become(self, new: JobState, *, message: str | None = None, **fields: Any) -> State:
        """Move to another state: the event first, durable, then state.json, then the feed.

        Args:
            message: said in words to people; kept in the state.
            fields: other fields of `State` that change with it (`reason`, `advice`, `result` …).

        Raises:
            TransitionError: the table has no such move.
        """
        old = self.state()
        if new not in TRANSITIONS[old.state]:
            raise TransitionError(self.job.id, old.state, new)
        now = time.time()
        state = msgspec.structs.replace(
            old, **{**_cleared(new), **fields, "state": new, "since": now, "message": message}
        )
        data = {"from": old.state, "to": new, "attempt": state.attempt}
        for name in ("reason", "message", "advice", "result"):
            if (value := getattr(state, name)) is not None:
                data[name] = value
        level = {JobState.failed: "error", JobState.interrupted: "warning"}.get(new, "info")
        self.event("state", message or f"{old.state} → {new}", level=level, data=data, durable=True, at=now)
        self._write(state)
        # The feed is for readers' comfort: without room for it the job has changed all the same.
        with contextlib.suppress(OSError):
            announce(self.job.home, self.job.id)
        return state

    def event(
        self,
        kind: str,
        message: str,
        *,
        level: str = "info",
        data: dict[str, Any] | None = None,
        durable: bool = False,
        at: float | None = None,
    ) -> None:
        """Append to events.jsonl."""
        record = {"time": at or time.time(), "level": level, "kind": kind, "message": message}
        append_line(self.job.paths.events, record | {"data": data or {}}, durable=durable)

    def beat(self) -> None:
        """The heartbeat that other machines see: state.json's time of change."""
        os.utime(self.job.paths.state)

    def _write(self, state: State) -> None:
        self._unwritten = state
        write_json(self.job.paths.state, state)
        self._unwritten = None


def _cleared(new: JobState) -> dict[str, Any]:
    """Fields of the former state that mean nothing in a new one."""
    fields: dict[str, Any] = {"reason": None, "advice": None, "waiting_for": None}
    if new not in UNFINISHED:
        fields |= {"phase": None, "done": None, "total": None, "unit": None}
    return fields


def announce(home: Home, job_id: str) -> None:
    """Append to the feed of changes; at 4 MiB it begins anew, and its readers look at every job once."""
    with contextlib.suppress(FileNotFoundError):
        if home.changes.stat().st_size > 4 << 20:
            os.replace(home.changes, home.changes.with_suffix(".old"))
    append_line(home.changes, {"job": job_id, "time": time.time()})


def _last_events(path: Path) -> list[dict[str, Any]]:
    """The events in the last 64 KiB."""
    try:
        with open(path, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - (64 << 10)))
            lines = file.read().split(b"\n")[:-1]
    except FileNotFoundError:
        return []
    return list(parse_lines(lines))

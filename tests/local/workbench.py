"""A home, a model, data and a steered trainer for the local engine, and eyes for what lives."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import struct
import sys
import threading
import time
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import psutil
from finetui.engines.home import Home
from finetui.engines.job import Job, State
from finetui.engines.local.engine import LocalEngine
from finetui.engines.records import read_lines
from finetui.engines.settings import Settings
from finetui.engines.spec import parse
from finetui.engines.states import ALIVE, ENDED, TRANSITIONS, JobState
from finetui.engines.store import Store

STAND_IN = Path(__file__).with_name("stand_in_trainer.py")
POLL_SECONDS = 0.01
STEPS = 20
UNBROKEN = {step: {"loss": round(2 / step, 6)} for step in range(1, STEPS + 1)}
for _step in range(0, STEPS + 1, 5):
    UNBROKEN.setdefault(_step, {})["eval_loss"] = round(3 / (_step + 1), 6)


class Workbench:
    """One home in which jobs run with the stand-in for the trainer."""

    def __init__(self, folder: Path) -> None:
        """`folder` becomes home, model, data and steering; the environment must lead there already."""
        self.folder = folder
        self._steering: dict[str, Any] = {}
        self._steering_lock = threading.Lock()
        self.python = self.an_interpreter("python")
        self.model = a_model(folder / "model")
        self.data = folder / "rows.jsonl"
        rows = [
            {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}]}
            for n in range(60)
        ]
        self.data.write_text("".join(json.dumps(row) + "\n" for row in rows))
        (folder / "config.toml").write_text(f'[local]\npython = "{self.python}"\n')
        self.steer()
        self.settings = Settings.load()
        self.home: Home = self.settings.home
        self.store = Store(self.home)
        self.engine = LocalEngine(self.settings)

    # -- what is there

    def an_interpreter(self, name: str, line: str = f'exec "{sys.executable}" -ES "{STAND_IN}" "$@"') -> Path:
        """A `python` that runs the stand-in trainer, or does what the shell's `line` says."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{line}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return path

    def steer(self, *, job: str | None = None, **orders: Any) -> None:
        """Tell trainers what to do from now on, all or those of jobs with that name; None takes it back."""
        with self._steering_lock:
            target = self._steering.setdefault("jobs", {}).setdefault(job, {}) if job else self._steering
            target.update(orders)
            for name in [name for name, value in target.items() if value is None]:
                del target[name]
            place = self.folder / "steering.json"
            place.with_suffix(".new").write_text(json.dumps(self._steering))
            place.with_suffix(".new").rename(place)

    def spec_text(
        self, name: str = "bot", model: str | None = None, method: str | None = None, **local: Any
    ) -> str:
        """A job.toml on the CPU, unless `local` says otherwise."""
        options = {"device": "cpu"} | local
        lines = [f'name = "{name}"', f'model = "{model or self.model}"', "[data]", f'train = "{self.data}"']
        if method:
            lines.insert(0, f'method = "{method}"')
        return (
            "\n".join([*lines, "[local]", *(f'{key} = "{value}"' for key, value in options.items())]) + "\n"
        )

    def create(self, name: str = "bot", model: str | None = None, **options: Any) -> Job:
        """A queued job that nobody starts."""
        spec = parse(tomllib.loads(self.spec_text(name, model, **options)), self.folder)
        return self.store.create(spec, self.engine.plan(spec))

    def start(self, name: str = "bot", model: str | None = None, **options: Any) -> Job:
        """A job that is on its way."""
        job = self.create(name, model, **options)
        self.engine.start(job)
        return job

    # -- what lives

    def processes(self, *words: str) -> list[psutil.Process]:
        """Living processes of this home whose command lines have all these words."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                line = " ".join(process.cmdline())
                if process.pid == os.getpid() or not all(word in line for word in words):
                    continue
                # A download's command line doesn't name the home, the others' do.
                ours = str(self.folder) in line or (
                    STAND_IN.name in line and process.environ().get("FINETUI_HOME") == str(self.home.path)
                )
                if ours and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
        return found

    def schedulers(self) -> list[psutil.Process]:
        return self.processes("finetui.engines.local.scheduler")

    def scheduler_lives(self) -> bool:
        """By its lock: a killed process loses its command line some time before it lets go of its files."""
        return _locked(self.home.scheduler_lock)

    def supervisors(self, job: Job) -> list[psutil.Process]:
        return self.processes("finetui.engines.local.supervisor", job.id)

    def trainers(self, job: Job) -> list[psutil.Process]:
        return self.processes(STAND_IN.name, " train ", f"{job.id} --attempt")

    def downloads(self) -> list[psutil.Process]:
        return self.processes(STAND_IN.name, " fetch ")

    def trainer_lives(self, job: Job) -> bool:
        """By the lock that the stand-in holds: no moment of doubt, unlike a look at pids."""
        return _locked(self.folder / f"{job.id}.alive")

    def runs(self) -> list[dict[str, Any]]:
        """Every start of a trainer."""
        return read_lines(self.folder / "runs.jsonl")

    # -- waiting

    def wait_until(self, holds: Callable[[], object], seconds: float = 20, what: str = "") -> None:
        """Poll until something holds."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s in vain {what}")
            time.sleep(POLL_SECONDS)

    def wait_for(self, job: Job, state: JobState | Callable[[State], object], seconds: float = 20) -> State:
        """Poll a job's state until it is this one, or the predicate holds."""
        deadline = time.monotonic() + seconds
        while True:
            found = job.state()
            if (found.state == state) if isinstance(state, JobState) else state(found):
                return found
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {seconds} s for {state}; {self.report(job)}")
            time.sleep(POLL_SECONDS)

    def wait_phase(self, job: Job, moment: str, seconds: float = 20) -> None:
        """Until the newest attempt's trainer is at a moment such as `loading` or `training@7`."""
        name, _, step = moment.partition("@")

        def there() -> bool:
            lines = read_lines(job.paths.progress)
            if not lines or lines[-1].get("attempt") != job.state().attempt:
                return False
            return lines[-1].get("phase") == name and (not step or lines[-1].get("done") == int(step))

        self.wait_until(there, seconds, f"for {moment}: {self.report(job)}")

    def wait_gone(self, job: Job, seconds: float = 20) -> None:
        """Until neither supervisor nor trainer of a job lives."""
        self.wait_until(lambda: not _locked(job.paths.lock), seconds, f"for the end of {self.report(job)}")
        self.wait_until(lambda: not self.supervisors(job) and not self.trainers(job), seconds)

    def report(self, job: Job) -> str:
        logs = [job.paths.events, job.paths.log, self.home.scheduler_log]
        return f"{job.state()}\n" + "\n".join(path.read_text() for path in logs if path.exists())

    # -- what must hold whatever happened

    def check_events(self, job: Job) -> None:
        """The chain of states is unbroken, legal, and ends where the job stands."""
        now = JobState.queued
        for event in job.events():
            if event["kind"] != "state":
                continue
            old, new = JobState(event["data"]["from"]), JobState(event["data"]["to"])
            assert old == now, f"{old} → {new} after {now}: {self.report(job)}"
            assert new in TRANSITIONS[old], f"{old} → {new}: {self.report(job)}"
            now = new
        assert now == job.state().state, self.report(job)

    def check_complete(self, job: Job, steps: int = STEPS) -> None:
        """It succeeded, with everything that an unbroken job has, once."""
        state = job.state()
        assert state.state == JobState.succeeded, self.report(job)
        assert state.result == str(job.paths.result)
        assert [path.name for path in job.paths.result.iterdir()] == ["adapter_model.safetensors"]
        points = metrics(job)
        assert points == {step: values for step, values in UNBROKEN.items() if step <= steps}
        assert (state.loss, state.step) == (points[steps]["loss"], steps)
        assert state.first_eval_loss == UNBROKEN[0]["eval_loss"]
        told = [event["data"]["step"] for event in job.events() if event["kind"] == "checkpoint"]
        assert len(told) == len(set(told)), f"told twice: {told}"
        assert not list(job.paths.requests.glob("*")), "open requests are left"
        self.check_events(job)

    def check_never_doubled(self) -> None:
        doubled = [run for run in self.runs() if run["doubled"]]
        assert not doubled, f"two trainers at once: {doubled}"
        attempts = [(run["job"], run["attempt"]) for run in self.runs()]
        assert len(attempts) == len(set(attempts)), f"an attempt was started twice: {attempts}"

    @contextlib.contextmanager
    def watched(self, job: Job) -> Iterator[None]:
        """As an app that stands open: it syncs all the time, and no state that it sees may be a lie."""
        lies: list[str] = []
        ended = threading.Event()

        def look() -> None:
            while not ended.wait(POLL_SECONDS):
                try:
                    self.engine.sync(job)
                    before = job.state()
                    lives = self.trainer_lives(job)
                    after = job.state()
                    if lives and before.state in ENDED and after.since == before.since:
                        lies.append(f"{before.state} while its trainer lives")
                except Exception as error:
                    lies.append(f"sync raised {error!r}")

        watcher = threading.Thread(target=look)
        watcher.start()
        try:
            yield
        finally:
            ended.set()
            watcher.join()
        assert not lies, f"{lies[:3]}: {self.report(job)}"

    def check_settled(self, job: Job) -> None:
        """Nothing of it lives, so its lock is free and a sync leaves no state that claims life."""
        self.engine.sync(job)
        assert job.state().state not in ALIVE, self.report(job)
        with job.hold():
            pass

    def clear(self) -> list[str]:
        """Kill whatever still lives here; who that was."""
        left = []
        # A scheduler may start something while we look: again until nothing is found.
        while found := self.processes():
            for process in found:
                with contextlib.suppress(psutil.Error):
                    left.append(" ".join(process.cmdline()))
                    process.kill()
            psutil.wait_procs(found, timeout=5)
        return left


def metrics(job: Job) -> dict[int, dict[str, float]]:
    """Points by step, as docs/job.md says: the last written counts, and an attempt hides what it redoes."""
    starts = {line["attempt"]: line["start"] for line in read_lines(job.paths.environment)}
    points: dict[int, dict[str, float]] = {}
    attempt = 0
    for line in read_lines(job.paths.metrics):
        if line["attempt"] != attempt:
            attempt = line["attempt"]
            points = {step: values for step, values in points.items() if step <= starts[attempt]}
        values = {name: line[name] for name in ("loss", "eval_loss") if name in line}
        points.setdefault(line["step"], {}).update(values)
    return points


def a_model(folder: Path) -> Path:
    """The smallest folder that passes for a model: a config, and one tensor of 64 bytes."""
    folder.mkdir()
    (folder / "config.json").write_text('{"model_type": "llama"}')
    header = msgspec.json.encode({"weight": {"dtype": "F32", "shape": [4, 4], "data_offsets": [0, 64]}})
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(header)) + header + bytes(64))
    return folder


def _locked(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        # Shared, so that a look never stands in the way of another's; only for a moment in that of a holder.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return False
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)

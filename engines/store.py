"""All jobs of a home: create, list, find, remove. Ten thousand finished ones cost a stat each."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import time
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from .engine import Plan
from .home import Home
from .job import Job, JobBusy, State, announce
from .machine import host, machine_id
from .notes import notes_path, read_notes
from .records import UNREADABLE, append_line, replace_bytes, write_json
from .spec import JobSpec, write_spec
from .states import ALIVE, UNFINISHED, JobState

TAKEN = (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR)
"""What rename(2) says where a folder with files, or a file, has the new name."""

UNINDEXED = 1000
"""So many jobs are read in a moment without an index."""

TICK_SECONDS = 0.05
"""Longer than the tick of any kernel's file times (1 to 10 ms), with room for a slow disk."""


class JobNotFound(Exception):
    """No job, or more than one, goes by that name; the message says which are near."""


class Summary(msgspec.Struct, frozen=True):
    """A job in a list: what was asked, in brief, and all of its state."""

    id: str
    name: str
    model: str
    method: str
    created: float
    state: State
    data: tuple[str, ...] = ()
    """The hashes of the canonical rows that it refers to."""
    tags: tuple[str, ...] = ()
    """What the user called it."""

    def to_json(self) -> dict[str, Any]:
        head = {key: getattr(self, key) for key in ("id", "name", "model", "method", "created", "tags")}
        return head | {"attempt": self.state.attempt} | msgspec.to_builtins(self.state)


class _Entry(msgspec.Struct, frozen=True):
    # state.json and user.toml are replaced at each change: inode and time of change name their content.
    stamp: tuple[int, int, int, int]
    summary: Summary


class _Index(msgspec.Struct, frozen=True):
    entries: dict[str, _Entry]
    # Another version's entries may lack what this one relies on, where a default would hide it.
    format: int = 1


class Store:
    """The jobs of one home."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self._entries: dict[str, _Entry] | None = None
        self._unwritten = 0

    def create(self, spec: JobSpec, plan: Plan) -> Job:
        """Make a job's directory, whole or not at all, in state queued. The engine's `start` sets it going.

        Raises:
            FileNotFoundError: the plan's rows are gone: another job that had them was removed since.
            OSError: the home can't be written.
        """
        self.home.jobs.mkdir(parents=True, exist_ok=True)
        now = time.time()
        stem = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(now))}-{slug(spec.name)}"
        # Filled under a name that no reader looks at, then renamed: rename onto an existing, non-empty
        # folder fails, so two creators of one id never share it.
        draft = self.home.jobs / f".draft-{os.getpid()}-{time.monotonic_ns()}"
        draft.mkdir()
        try:
            write_spec(spec, draft / "job.toml")
            (draft / "lock").touch()
            state = State(JobState.queued, now, spec.engine, machine_id(), host())
            write_json(draft / "state.json", state)
            created = {"time": now, "level": "info", "kind": "created", "message": "queued", "data": {}}
            append_line(draft / "events.jsonl", created)
            with self._data_lock():
                _check_rows(plan)
                job_id = self._claim(draft, stem, plan.document | {"created": now})
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        announce(self.home, job_id)
        return Job(self.home, job_id)

    def _claim(self, draft: Path, stem: str, plan: dict[str, Any]) -> str:
        for number in range(1, 10_000):
            job_id = stem if number == 1 else f"{stem}-{number}"
            write_json(draft / "plan.json", plan | {"job": job_id})
            try:
                draft.rename(self.home.jobs / job_id)
            except OSError as error:
                if error.errno not in TAKEN:
                    raise
            else:
                return job_id
        raise OSError(f"can't claim an id below {self.home.jobs}")

    def ids(self) -> list[str]:
        """All jobs' ids, newest first."""
        try:
            names = os.listdir(self.home.jobs)
        except FileNotFoundError:
            return []
        return sorted((name for name in names if not name.startswith(".")), key=_order, reverse=True)

    def newest(self, count: int) -> list[Summary]:
        """The newest jobs, without the index."""
        found = []
        for job_id in self.ids():
            if len(found) >= count:
                break
            if summary := self.summary(job_id):
                found.append(summary)
        return found

    def summary(self, job_id: str) -> Summary | None:
        """One job's entry, read anew; None where it is not (or no longer) a job."""
        job = Job(self.home, job_id)
        try:
            state, plan, spec = job.state(), job.plan(), job.spec()
            return Summary(
                id=job_id,
                name=spec["name"],
                model=spec["model"],
                method=plan["method"],
                created=plan["created"],
                state=state,
                data=_hashes(plan),
                tags=read_notes(job).tags,
            )
        except (OSError, LookupError, TypeError, AttributeError, ValueError, *UNREADABLE):
            return None  # not whole, broken, or of a version that we don't know

    def jobs(self) -> list[Summary]:
        """All jobs, newest first; unchanged ones from the index, which can be thrown away."""
        entries = self._entries if self._entries is not None else self._read_index()
        fresh: dict[str, _Entry] = {}
        jobs = os.fspath(self.home.jobs)  # joining Paths costs more than the looks themselves
        for job_id in self.ids():
            try:
                stat = os.stat(f"{jobs}/{job_id}/state.json")
            except OSError:
                continue
            changed, stamp = stat.st_mtime, (stat.st_ino, stat.st_mtime_ns, 0, 0)
            with contextlib.suppress(OSError):  # most jobs have none
                notes = os.stat(notes_path(f"{jobs}/{job_id}"))
                changed = max(changed, notes.st_mtime)
                stamp = (*stamp[:2], notes.st_ino, notes.st_mtime_ns)
            entry = entries.get(job_id)
            if entry is None or entry.stamp != stamp:
                summary = self.summary(job_id)
                if summary is None:
                    continue
                # A file system's clock ticks every few milliseconds, and a freed inode is given to the next
                # file: two changes within a tick look alike, so what is that young is read again.
                young = abs(time.time() - changed) < TICK_SECONDS
                entry = _Entry((0, 0, 0, 0) if young else stamp, summary)
                # A running job changes with each step: its entry saves the next reader nothing.
                self._unwritten += summary.state.state not in UNFINISHED
            fresh[job_id] = entry
        self._unwritten += len(entries.keys() - fresh.keys())
        self._entries = fresh
        if self._unwritten > 20:
            self._write_index(fresh)
            self._unwritten = 0
        return [entry.summary for entry in fresh.values()]

    def find(self, ref: str) -> Job:
        """A job by its id, a unique prefix of it, its name, or `last`.

        Raises:
            JobNotFound: none, or several.
        """
        ids = self.ids()
        if ref in ids and self._is_job(ref):
            return Job(self.home, ref)
        if ref == "last" and (newest := self.newest(1)):
            return Job(self.home, newest[0].id)
        begins = [job_id for job_id in ids if job_id.startswith(ref)] if ref else []
        matches = [job_id for job_id in begins if self._is_job(job_id)]
        if not matches:
            matches = [summary.id for summary in self.jobs() if summary.name == ref]
        if len(matches) == 1:
            return Job(self.home, matches[0])
        if matches:
            shown = ", ".join(matches[:5]) + (" …" if len(matches) > 5 else "")
            raise JobNotFound(f"{ref!r} means {len(matches)} jobs: {shown}; give more of the id")
        raise JobNotFound(f"there is no job {ref!r}; `finetui jobs` lists them")

    def _is_job(self, job_id: str) -> bool:
        return (self.home.jobs / job_id / "state.json").is_file()

    def queued(self) -> list[Summary]:
        """This machine's queued jobs in the order in which they were queued."""
        mine = machine_id()
        waiting = [s for s in self.jobs() if s.state.state == JobState.queued and s.state.machine == mine]
        return sorted(waiting, key=lambda summary: (summary.state.since, summary.id))

    def remove(self, job: Job, *, checkpoints_only: bool = False) -> int:
        """Remove a job that nothing of lives, or only its checkpoints.

        Returns:
            Bytes freed.

        Raises:
            JobBusy: it is running, or waits on another machine; stop it first.
        """
        with job.hold() as held:
            state = held.state()
            if state.state in ALIVE:
                raise JobBusy(f"job {job.id} is {state.state}; stop it first")
            if job.foreign(state) and state.state in UNFINISHED:
                raise JobBusy(f"job {job.id} waits on {state.host}; stop it there first")
            target = job.paths.checkpoints if checkpoints_only else job.paths.folder
            freed = _size(target)
            if checkpoints_only:
                shutil.rmtree(target, ignore_errors=True)
                held.event("removed", "checkpoints removed", data={"bytes": freed})
                announce(self.home, job.id)
                return freed
            data = self._data_of(job.id)
            # Renamed first: a reader never sees half a job.
            grave = self.home.jobs / f".removed-{job.id}-{os.getpid()}"
            target.rename(grave)
        shutil.rmtree(grave, ignore_errors=True)
        announce(self.home, job.id)
        for left in self.home.jobs.glob(".removed-*"):  # of a removal that a crash cut off
            shutil.rmtree(left, ignore_errors=True)
        return freed + self._drop_data(data or ())

    def _drop_data(self, hashes: Iterable[str]) -> int:
        freed = 0
        with self._data_lock():
            used = {summary.id: summary.data for summary in self.jobs()}
            for job_id in self.ids():
                if job_id not in used:
                    if (data := self._data_of(job_id)) is None:
                        return 0  # a job that we can't read may need them
                    used[job_id] = data
            for sha in set(hashes).difference(*used.values()):
                path = self.home.data / f"{sha}.jsonl"
                freed += _size(path)
                path.unlink(missing_ok=True)
        return freed

    def _data_of(self, job_id: str) -> tuple[str, ...] | None:
        """The hashes of a job's rows; None where its plan can't be read."""
        try:
            return _hashes(Job(self.home, job_id).plan())
        except (FileNotFoundError, NotADirectoryError):
            return ()  # no job
        except (OSError, LookupError, TypeError, AttributeError, *UNREADABLE):
            return None

    @contextlib.contextmanager
    def _data_lock(self) -> Iterator[None]:
        """Held while rows are looked for by a job's creation, or by a removal."""
        self.home.data.mkdir(parents=True, exist_ok=True)
        with open(self.home.data / ".lock", "ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield

    @property
    def is_indexed(self) -> bool:
        """Whether `jobs` will be quick: there is an index, or so few jobs that none is needed."""
        return self._index.exists() or len(self.ids()) < UNINDEXED

    @property
    def _index(self) -> Path:
        return self.home.cache / "jobs.json"

    def _read_index(self) -> dict[str, _Entry]:
        try:
            index = msgspec.json.decode(self._index.read_bytes(), type=_Index)
        except (OSError, *UNREADABLE):
            return {}
        return index.entries if index.format == _Index({}).format else {}

    def _write_index(self, entries: dict[str, _Entry]) -> None:
        with contextlib.suppress(OSError):  # a full disk must not stop a list
            self.home.cache.mkdir(parents=True, exist_ok=True)
            replace_bytes(self._index, msgspec.json.encode(_Index(entries)))


def _order(job_id: str) -> tuple[str, str, int]:
    # -10 is newer than -9: the number after a collision counts as a number.
    head, _, tail = job_id.rpartition("-")
    # (isdecimal: "²" is a digit to Python, and no number.)
    return (job_id[:15], head, int(tail)) if tail.isdecimal() and len(head) > 15 else (job_id[:15], job_id, 1)


def _check_rows(plan: Plan) -> None:
    """The rows lie there since the plan was made; removing another job may have taken them meanwhile."""
    for part in plan.document["data"].values():
        if isinstance(part, dict) and "path" in part and not Path(part["path"]).exists():
            raise FileNotFoundError(f"{part['path']}: the rows were removed with another job; plan again")


def _hashes(plan: dict[str, Any]) -> tuple[str, ...]:
    return tuple(part["sha256"] for part in plan["data"].values() if isinstance(part, dict))


def _size(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def slug(name: str) -> str:
    """A name as part of an id: lower-case ASCII letters, digits and dashes, at most 40."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "job"

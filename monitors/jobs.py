"""Knows which jobs changed, without looking at those that can't have: 10,000 finished ones cost nothing.

What ended changes only by somebody's word, and that is told in the home's feed of changes. What will change
by itself (queued, starting, running, stopping) is looked at each time, and its engine is asked now and then
to bring it up to date. It has no thread: somebody with a worker calls `poll`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import msgspec

from ..engines.engine import EngineError, find_engine
from ..engines.follow import Follower
from ..engines.job import Job
from ..engines.machine import machine_id
from ..engines.records import parse_lines
from ..engines.settings import Settings
from ..engines.states import ALIVE, ENDED, UNFINISHED, JobState
from ..engines.store import Store, Summary

BUSY_SECONDS = 0.5
"""Between looks while something will change by itself."""
QUIET_SECONDS = 1.0
SYNC_SECONDS = 5.0
START_SECONDS = 30.0
"""Between calls of an engine's `start` for what waits: it replaces a scheduler that died."""
FIRST_JOBS = 200
"""Shown before the rest is read: a cold disk takes seconds for 10,000."""


@dataclass(frozen=True)
class Jobs:
    """All jobs at one moment, newest first."""

    summaries: tuple[Summary, ...]
    complete: bool = True
    """False while only the newest have been read."""
    ended: tuple[Summary, ...] = ()
    """Those that came to an end since the moment before."""

    def count(self, states: Iterable[JobState]) -> int:
        wanted = frozenset(states)
        return sum(summary.state.state in wanted for summary in self.summaries)


class JobsMonitor:
    """Follows the jobs of a home."""

    def __init__(self, settings: Settings, *, clock: Callable[[], float] = time.monotonic) -> None:
        """`clock`: monotonic seconds, which decide when engines are asked."""
        self.latest: Jobs | None = None
        self.problem: str | None = None
        """Why an engine could not be asked, in words; None while all can."""
        self._settings = settings
        self._home = settings.home
        self._store = Store(settings.home)
        self._clock = clock
        self._feed: Follower | None = None
        self._known: dict[str, Summary] = {}
        self._order: list[str] | None = None
        self._stamps: dict[str, tuple[int, int]] = {}
        self._sync_at = self._start_at = clock()
        self._turn = 0
        self._unfinished_of: Jobs | None = None
        self._unfinished_ids: list[str] = []

    @property
    def wait_seconds(self) -> float:
        """How long until the next look is worth its while."""
        if self.latest is None or not self.latest.complete:
            return 0.0
        return BUSY_SECONDS if self._unfinished() else QUIET_SECONDS

    def poll(self) -> Jobs | None:
        """All jobs if anything changed, else None. Reads files and may start processes: use a worker."""
        if self.latest is None:
            return self._first()
        before = dict.fromkeys(self._unfinished())
        changed = self._follow() if self.latest.complete else self._scan()
        changed |= self._look_at_unfinished()
        self._ask_engines()
        if not changed and self.latest.complete:
            return None
        ended = [self._known[job_id] for job_id in before if job_id in self._known]
        return self._publish(tuple(summary for summary in ended if summary.state.state in ENDED))

    def _first(self) -> Jobs:
        # The feed's end is found before the jobs are read: a change in between is seen twice, never missed.
        self._feed, _ = Follower.at_tail(self._home.changes, 0)
        newest = self._store.newest(FIRST_JOBS + 1)
        self._known = {summary.id: summary for summary in newest[:FIRST_JOBS]}
        return self._publish(complete=len(newest) <= FIRST_JOBS)

    def _publish(self, ended: tuple[Summary, ...] = (), *, complete: bool = True) -> Jobs:
        if self._order is None:
            ordered = sorted(self._known.values(), key=lambda job: (job.created, job.id), reverse=True)
            self._order = [summary.id for summary in ordered]
        self.latest = Jobs(tuple(self._known[job_id] for job_id in self._order), complete, ended)
        return self.latest

    def _scan(self) -> bool:
        self._known = {summary.id: summary for summary in self._store.jobs()}
        self._order = None
        return True

    def _follow(self) -> bool:
        assert self._feed is not None
        lines = self._feed.read()
        restarted = self._feed.restarted
        while self._feed.more:
            lines += self._feed.read()
        if restarted:
            return self._scan()
        changed = False
        for job_id in {str(line.get("job")) for line in parse_lines(lines)}:
            changed |= self._read(job_id)
        return changed

    def _read(self, job_id: str) -> bool:
        summary = self._store.summary(job_id)
        if summary is None:
            if (self._home.jobs / job_id / "state.json").exists() or job_id not in self._known:
                return False  # not readable for now, or never was one
            del self._known[job_id]
            self._order = None
            return True
        if job_id not in self._known:
            self._order = None
        changed = self._known.get(job_id) != summary
        self._known[job_id] = summary
        return changed

    def _unfinished(self) -> list[str]:
        # Asked for at each look, so it is kept with the moment that it belongs to.
        if self.latest is not None and self.latest is not self._unfinished_of:
            self._unfinished_of = self.latest
            jobs = self.latest.summaries
            self._unfinished_ids = [job.id for job in jobs if job.state.state in UNFINISHED]
        return self._unfinished_ids

    def _look_at_unfinished(self) -> bool:
        changed = False
        for job_id in self._unfinished():
            job = Job(self._home, job_id)
            try:
                status = os.stat(job.paths.state)
                stamp = (status.st_ino, status.st_mtime_ns)
                if self._stamps.get(job_id) == stamp or job_id not in self._known:
                    continue
                state = job.state()
            except (OSError, msgspec.MsgspecError):
                continue
            self._stamps[job_id] = stamp
            # A heartbeat changes the time of change and nothing else.
            if state != self._known[job_id].state:
                self._known[job_id] = msgspec.structs.replace(self._known[job_id], state=state)
                changed = True
        return changed

    def _ask_engines(self) -> None:
        now = self._clock()
        unfinished = [self._known[job_id] for job_id in self._unfinished() if job_id in self._known]
        if now >= self._sync_at:
            self._sync_at = now + SYNC_SECONDS
            self.problem = None
            for summary in unfinished:
                if summary.state.state in ALIVE:
                    self._ask(summary, start=False)
        if now >= self._start_at:
            self._start_at = now + START_SECONDS
            self._turn += 1
            mine = machine_id()
            waiting: dict[str, list[Summary]] = {}
            for summary in unfinished:
                if summary.state.state == JobState.queued and summary.state.machine == mine:
                    waiting.setdefault(summary.state.engine, []).append(summary)
            # One of each engine, another each time: `start` of any job sees to the whole local queue.
            for queue in waiting.values():
                self._ask(queue[self._turn % len(queue)], start=True)

    def _ask(self, summary: Summary, *, start: bool) -> None:
        job = Job(self._home, summary.id)
        try:
            engine = find_engine(summary.state.engine, self._settings)
            if start:
                engine.start(job)
            else:
                engine.sync(job)
        except FileNotFoundError:
            return  # removed meanwhile
        except EngineError as error:
            self.problem = f"{error.message}: {error.advice}" if error.advice else error.message
        except Exception as error:  # noqa: BLE001 - a plug-in's fault must not end the watch over all jobs
            self.problem = f"engine {summary.state.engine}: {type(error).__name__}: {error}"

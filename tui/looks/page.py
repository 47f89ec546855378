"""One job's directory for its page: metrics, log, events, samples, and what was asked and settled."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from textual.message import Message
from textual.message_pump import MessagePump

from ...engines.follow import Follower
from ...engines.job import Job
from ...engines.notes import Notes, notes_path, read_notes
from ...engines.records import UNREADABLE, parse_lines, read_json, read_lines
from ...engines.text import clean
from ...monitors.log import Line, LogTail
from ...monitors.samples import Sample, SamplesReader

if TYPE_CHECKING:
    from ...monitors.extremes import Extremes, ExtremesReader
    from ...monitors.points import Points, PointsReader

LIVE_SECONDS, STEADY_SECONDS = 0.25, 1.0
"""The first of a burst comes soon, a stream once a second: the terminal may be far away."""
STILL_SECONDS = 2.0
"""Between looks at the files of a job that has ended."""
TAIL_LINES = 10_000
MOST_EVENTS = 2_000
MOST_SPEC_BYTES = 256 << 10


@dataclass(frozen=True)
class Facts:
    """What was asked and what followed. Foreign values, as they lie in the files."""

    spec: str
    """job.toml as it is, safe for a terminal; empty where it can't be read."""
    plan: dict[str, Any]
    environments: tuple[dict[str, Any], ...]
    """One an attempt."""
    notes: Notes
    problems: tuple[str, ...]
    """What can't be read, in words."""


class PageNumbers(Message):
    """The metrics as they are now."""

    def __init__(self, points: Points, extremes: tuple[Extremes, ...], seconds_left: float | None) -> None:
        super().__init__()
        self.points, self.extremes, self.seconds_left = points, extremes, seconds_left

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, PageNumbers)


class PageLines(Message):
    """New lines of the log; `anew`: they are its first."""

    def __init__(self, lines: list[Line], anew: bool) -> None:
        super().__init__()
        self.lines, self.anew = lines, anew


class PageEvents(Message):
    """All events, oldest first, as they lie in the file."""

    def __init__(self, events: tuple[dict[str, Any], ...]) -> None:
        super().__init__()
        self.events = events


class PageSamples(Message):
    """All samples, newest first."""

    def __init__(self, samples: tuple[Sample, ...]) -> None:
        super().__init__()
        self.samples = samples


class PageFacts(Message):
    """What was asked and settled, read anew."""

    def __init__(self, facts: Facts) -> None:
        super().__init__()
        self.facts = facts


class PageLook:
    """Reads what is new of one job; `alive` and `total_steps` are set from the screen's thread."""

    def __init__(self, target: MessagePump, job: Job, alive: bool) -> None:
        """`alive`: its files grow."""
        self._target, self._job = target, job
        self.alive = alive
        self.total_steps: int | None = None
        self.closed = False
        self._pause = LIVE_SECONDS / 2
        self._log = LogTail(job.paths, TAIL_LINES)
        self._events_feed = Follower(job.paths.events)
        self._events: list[dict[str, Any]] = []
        self._samples = SamplesReader(job.paths.progress)
        self._facts_stamp: tuple[tuple[int, int], ...] | None = None
        self._points: PointsReader | None = None
        self._extremes: ExtremesReader | None = None
        self._begun = False

    def __call__(self) -> float:
        self._look_at_facts()
        fresh = self._look_at_log()
        self._look_at_events()
        self._look_at_samples()
        self._look_at_metrics()
        self._begun = True
        self._pause = min(self._pause * 2, STEADY_SECONDS) if fresh else LIVE_SECONDS
        return self._pause if self.alive else STILL_SECONDS

    def _look_at_log(self) -> bool:
        lines = self._log.read()
        if lines or self._log.restarted or not self._begun:
            self._target.post_message(PageLines(lines, self._log.restarted or not self._begun))
        return bool(lines)

    def _look_at_events(self) -> None:
        lines = self._events_feed.read()
        if self._events_feed.restarted:
            self._events = []
        while self._events_feed.more and not self.closed:
            lines = [*lines[-MOST_EVENTS:], *self._events_feed.read()]
        self._events = [*self._events, *parse_lines(lines)][-MOST_EVENTS:]
        if lines or self._events_feed.restarted or not self._begun:
            self._target.post_message(PageEvents(tuple(self._events)))

    def _look_at_samples(self) -> None:
        changed = self._samples.read()
        while self._samples.more and not self.closed:
            time.sleep(0)  # the screen's thread gets its turn
            changed |= self._samples.read()
        if changed or not self._begun:
            self._target.post_message(PageSamples(self._samples.samples))

    def _look_at_metrics(self) -> None:
        # numpy comes with them, after the first frame and in this thread.
        from ...monitors.extremes import ExtremesReader, seconds_left
        from ...monitors.points import PointsReader

        if self._points is None or self._extremes is None:
            self._points, self._extremes = PointsReader(self._job), ExtremesReader(self._job.paths.metrics)
        changed = self._points.read()
        changed |= self._extremes.read()
        while (self._points.more or self._extremes.more) and not self.closed:
            time.sleep(0)
            changed |= self._points.read()
            changed |= self._extremes.read()
        if changed or not self._begun:
            points, total = self._points.points(), self.total_steps
            left = seconds_left(points, total) if total else None
            self._target.post_message(PageNumbers(points, self._extremes.extremes(), left))

    def _look_at_facts(self) -> None:
        paths = self._job.paths
        files = (paths.spec, paths.plan, paths.environment, Path(notes_path(paths.folder)))
        stamp = tuple(_stamp(path) for path in files)
        if stamp == self._facts_stamp:
            return
        self._facts_stamp = stamp
        problems: list[str] = []
        try:
            with open(paths.spec, "rb") as file:
                spec = clean(file.read(MOST_SPEC_BYTES).decode("utf-8", "replace"))
        except OSError as error:
            spec = ""
            problems.append(f"job.toml: {error.strerror or error}")
        try:
            plan = read_json(paths.plan)
            if not isinstance(plan, dict):
                raise msgspec.DecodeError("it holds no object")
        except OSError as error:
            plan = {}
            problems.append(f"plan.json: {error.strerror or error}")
        except UNREADABLE as error:
            plan = {}
            problems.append(f"plan.json can't be read: {error}")
        try:
            environments = tuple(read_lines(paths.environment))
        except OSError as error:
            environments = ()
            problems.append(f"environment.jsonl: {error.strerror or error}")
        facts = Facts(spec, plan, environments, read_notes(self._job), tuple(problems))
        self._target.post_message(PageFacts(facts))


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0
    return status.st_ino, status.st_mtime_ns

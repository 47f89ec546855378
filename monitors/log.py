"""The end of a job's log, and its events between the lines, followed as they grow; text made safe.

log.txt has no times, so the events of before are put around it: those that the log outlived first, then the
log, then what was written after its last line (how the job ended). What comes later stands where it came.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..engines.follow import Follower
from ..engines.job import JobPaths
from ..engines.records import parse_lines
from ..engines.text import clean, one_line

TAIL_LINES = 1000
EVENT_LINES = 100
BATCH_LINES = 1000
"""At most so many lines a reading: what a flood leaves out is said."""
LONGEST_CHARACTERS = 2000
QUIET_KINDS = frozenset({"sample"})
LEVELS = {"warning": "warning: ", "error": "error: "}


@dataclass(frozen=True)
class Line:
    """One line to show. `event` is true for what finetui says, false for what the trainer printed."""

    text: str
    event: bool = False
    level: str = "info"


class LogTail:
    """Follows log.txt and events.jsonl of one job."""

    def __init__(self, paths: JobPaths, tail_lines: int = TAIL_LINES) -> None:
        """`tail_lines`: of what was printed before, so many are read."""
        self.restarted = False
        """After `read`: the log was begun anew, and the lines are its first."""
        self._paths, self._tail_lines = paths, tail_lines
        self._log: Follower | None = None
        self._events: Follower | None = None

    def read(self) -> list[Line]:
        """The lines that are new; at first the last ones. Text is safe for a terminal, and no markup."""
        self.restarted = False
        if self._log is None or self._events is None:
            return self._first()
        events = [_event(event) for event in parse_lines(self._events.read()) if _shown(event)]
        lines = self._log.read()
        self.restarted = self._log.restarted
        count = len(lines)
        while self._log.more:
            # Of a flood a screen shows the end; what came before is only counted.
            new = self._log.read()
            count += len(new)
            lines = [*lines[-BATCH_LINES:], *new]
        shown = [Line(printed(line)) for line in lines[-BATCH_LINES:]]
        left_out = count - len(shown)
        if left_out > 0:
            shown.insert(0, Line(f"… {left_out:,} lines left out", event=True))
        return shown + events

    def _first(self) -> list[Line]:
        self._log, lines = Follower.at_tail(self._paths.log, self._tail_lines)
        self._events, found = Follower.at_tail(self._paths.events, EVENT_LINES)
        events = [event for event in parse_lines(found) if _shown(event)]
        try:
            written = os.stat(self._paths.log).st_mtime
        except OSError:
            written = float("inf")
        before, after = _split(events, written)
        return [
            *(_event(event) for event in before),
            *(Line(printed(line)) for line in lines),
            *(_event(event) for event in after),
        ]


def printed(line: bytes) -> str:
    """A line of log.txt as a terminal would have left it: the last of what carriage returns overwrote."""
    text = line.decode("utf-8", "replace").rstrip("\r")
    return clean(text.rpartition("\r")[2][:LONGEST_CHARACTERS]).expandtabs(8).replace("\n", " ").rstrip()


def _split(events: list[dict[str, Any]], at: float) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    times = [event.get("time") for event in events]
    # The supervisor writes the end right behind the log's last line, and file systems count coarsely.
    later = (i for i, t in enumerate(times) if isinstance(t, int | float) and t >= at - 0.5)
    place = next(later, len(events))
    return events[:place], events[place:]


def _shown(event: dict[str, Any]) -> bool:
    return str(event.get("kind")) not in QUIET_KINDS


def _event(event: dict[str, Any]) -> Line:
    data = event.get("data")
    parts: Iterable[Any] = [event.get("message")]
    if event.get("kind") == "state" and isinstance(data, dict):
        told = event.get("message")
        parts = [data.get("to"), told if told != f"{data.get('from')} → {data.get('to')}" else None]
        parts = [*parts, data.get("advice")]
    text = one_line(": ".join(str(part) for part in parts if part), LONGEST_CHARACTERS)
    level = str(event.get("level"))
    moment = event.get("time")
    clock = ""
    if isinstance(moment, int | float) and 0 <= moment < 4e9:
        clock = time.strftime("%H:%M ", time.localtime(moment))
    return Line(f"{clock}{LEVELS.get(level, '')}{text}", event=True, level=level)

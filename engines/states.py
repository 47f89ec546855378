"""The states of a job and the moves between them: one table, for every engine and every reader."""

from __future__ import annotations

from enum import StrEnum


class JobState(StrEnum):
    queued = "queued"
    starting = "starting"
    running = "running"
    stopping = "stopping"
    paused = "paused"
    interrupted = "interrupted"
    succeeded = "succeeded"
    failed = "failed"
    cancelled = "cancelled"


S = JobState

ENDED = frozenset({S.paused, S.interrupted, S.succeeded, S.failed, S.cancelled})
"""Nothing of the job lives; only a user's word changes it."""

TRANSITIONS: dict[JobState, frozenset[JobState]] = {
    # A queued job ends before it starts when it is stopped, or when its model can't be fetched.
    S.queued: frozenset({S.starting, S.cancelled, S.paused, S.failed}),
    S.starting: frozenset({S.running, S.stopping}) | ENDED,
    S.running: frozenset({S.stopping}) | ENDED,
    # A job that ended by itself while it was asked to stop succeeded or failed all the same.
    S.stopping: ENDED,
    S.paused: frozenset({S.queued}),
    S.interrupted: frozenset({S.queued}),
    S.failed: frozenset({S.queued}),
    S.cancelled: frozenset({S.queued}),
    S.succeeded: frozenset(),
}

ALIVE = frozenset({S.starting, S.running, S.stopping})
"""Something of the job should be living: its lock is held, or it was interrupted."""

UNFINISHED = ALIVE | {S.queued}
"""Will change by itself; readers look at these."""

RESUMABLE = frozenset({S.paused, S.interrupted, S.failed, S.cancelled})
"""Can be queued again; with a checkpoint it goes on from there, without one from the start."""

SYMBOLS: dict[JobState, str] = {
    S.queued: "◌",
    S.starting: "◔",
    S.running: "●",
    S.stopping: "◑",
    S.paused: "‖",
    S.interrupted: "↯",
    S.succeeded: "✓",
    S.failed: "✗",
    S.cancelled: "–",
}
"""One character a state, each of another shape: colour is never the only sign."""


class TransitionError(Exception):
    """A move that the table doesn't have."""

    def __init__(self, job: str, old: JobState, new: JobState) -> None:
        super().__init__(f"job {job} is {old}: it can't become {new}")
        self.job, self.old, self.new = job, old, new

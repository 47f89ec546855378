"""How fast a job trains, from what was seen of it while the app looked: the time that it still takes."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

from ...engines.job import State
from ...engines.states import JobState

LEAST_UPDATES, LEAST_SECONDS = 3, 5.0
"""Fewer tell nothing."""


def is_training(state: State) -> bool:
    """Whether its updates are being counted right now."""
    known = state.step is not None and state.total_steps is not None
    return state.state == JobState.running and state.phase in (None, "training") and known


@dataclass(frozen=True)
class Pace:
    """Where one attempt was when it was first and last seen at another update; seconds are monotonic."""

    attempt: int
    first_step: int
    first_seconds: float
    last_step: int
    last_seconds: float

    @classmethod
    def begin(cls, state: State) -> Pace:
        now, step = time.monotonic(), state.step or 0
        return cls(state.attempt, step, now, step, now)

    def after(self, state: State) -> Pace:
        """With what is seen now."""
        step = state.step or 0
        if step == self.last_step:
            return self
        return replace(self, last_step=step, last_seconds=time.monotonic())

    def seconds_left(self, state: State) -> float | None:
        """Seconds until the last update; None while too little was seen."""
        updates, seconds = self.last_step - self.first_step, self.last_seconds - self.first_seconds
        if updates < LEAST_UPDATES or seconds < LEAST_SECONDS or state.total_steps is None:
            return None
        return max(state.total_steps - self.last_step, 0) * seconds / updates

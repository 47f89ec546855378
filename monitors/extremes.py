"""Each metric of a job in a line: its last, lowest and highest value and where they were; the pace.

Imports numpy; it has no thread: use it from a worker.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ..engines.follow import Follower, tail
from ..engines.records import parse_lines
from .metrics import Metrics
from .points import Points

ORDER = (
    "loss",
    "eval_loss",
    "mean_token_accuracy",
    "eval_mean_token_accuracy",
    "learning_rate",
    "grad_norm",
    "entropy",
    "eval_entropy",
    "tokens_per_second",
    "memory_bytes",
    "num_tokens",
    "epoch",
)
"""What every trainer writes, the most telling first; others come behind, by name."""
NOT_METRICS = frozenset({"attempt", "step", "time"})
MOST_NAMES = 100
SEARCHED_LINES = 300
"""So many lines at both ends of the file are searched for further names."""
PACE_POINTS = 50


@dataclass(frozen=True)
class Extremes:
    """What a metric came to. Values are in the metric's own unit, steps are updates."""

    name: str
    last: float
    lowest: float
    lowest_step: int
    highest: float
    highest_step: int


class ExtremesReader:
    """Follows one job's metrics.jsonl, with all names that it has."""

    def __init__(self, path: Path) -> None:
        self._path = path
        head = Follower(path, chunk_bytes=1 << 17).read()[:SEARCHED_LINES]
        self._metrics = Metrics(path, (*ORDER, *self._further(head, ())))

    @property
    def more(self) -> bool:
        """There is more than was read."""
        return self._metrics.more

    def read(self) -> bool:
        """Take in what is new; whether anything may differ."""
        if further := self._further(tail(self._path, SEARCHED_LINES), self._metrics.names):
            self._metrics = Metrics(self._path, (*self._metrics.names, *further))
        return self._metrics.read() or bool(further)

    def extremes(self) -> tuple[Extremes, ...]:
        """All metrics that have a value."""
        found = []
        for name in self._metrics.names:
            series = self._metrics.series(name)
            finite = np.isfinite(series.values)
            if not finite.any():
                continue
            steps, values = series.steps[finite], series.values[finite]
            low, high = int(values.argmin()), int(values.argmax())
            found.append(
                Extremes(
                    name,
                    float(values[-1]),
                    float(values[low]),
                    int(steps[low]),
                    float(values[high]),
                    int(steps[high]),
                )
            )
        return tuple(found)

    @staticmethod
    def _further(lines: Iterable[bytes], known: tuple[str, ...]) -> list[str]:
        skipped = NOT_METRICS.union(ORDER, known)
        names = {
            name
            for line in parse_lines(list(lines))
            for name, value in line.items()
            # A struct has one field a name, so it must be one that Python takes for an attribute's.
            if name not in skipped and name.isidentifier() and not name.startswith("_") and _is_number(value)
        }
        return sorted(names)[: max(MOST_NAMES - len(known), 0)]


def _is_number(value: object) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def seconds_left(points: Points, total_steps: int) -> float | None:
    """How long the remaining updates take at the pace of the last ones; None before there is a pace.

    Evaluations and saves are part of the pace; a pause between two attempts is not.
    """
    time = points.axes["time"]
    finite = np.isfinite(time.values)
    steps, values = time.steps[finite][-PACE_POINTS:], time.values[finite][-PACE_POINTS:]
    if len(steps) < 3:
        return None
    each = np.diff(values) / np.diff(steps)
    usual = float(np.median(each))
    each = each[(each >= 0) & (each <= max(usual * 50, 1e-9))]
    if not len(each) or usual <= 0:
        return None
    return float(each.mean()) * max(total_steps - int(steps[-1]), 0)

"""A job's losses over its updates, and where its updates stand in tokens, epochs and time.

Imports numpy; it has no thread: use it from a worker.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..engines.job import Job
from .metrics import Metrics, Series

AXES = ("step", "tokens", "epoch", "time")
"""What the x axis can be; `time` is seconds since the job's first point."""
_SOURCES = {"tokens": "num_tokens", "epoch": "epoch", "time": "time"}


@dataclass(frozen=True)
class Points:
    """What a chart draws of one job."""

    loss: Series
    eval_loss: Series
    axes: dict[str, Series]
    """For `tokens`, `epoch` and `time`: the axis' value at those steps at which it was written."""
    checkpoints: tuple[int, ...] = ()
    """Steps of complete checkpoints."""
    best: int | None = None
    """The step of the checkpoint with the lowest held-out loss."""

    def has(self, axis: str) -> bool:
        """Whether an axis was ever written."""
        if axis == "step":
            return True
        values = self.axes[axis].values
        return bool(len(values) and (np.isfinite(values[-1]) or np.isfinite(values).any()))

    def along(self, steps: NDArray[np.int64], axis: str) -> NDArray[np.float64]:
        """Where steps lie on an axis; NaN where the axis was never written. It never goes back.

        Args:
            axis: one of `AXES`; between written steps it is interpolated, after the last one it stays. Tokens
                and epochs begin at 0.
        """
        if axis == "step":
            return steps.astype(np.float64)
        known = self.axes[axis]
        finite = np.isfinite(known.values)
        at, places = (
            (known.steps, known.values) if finite.all() else (known.steps[finite], known.values[finite])
        )
        if not len(at):
            return np.full(len(steps), np.nan)
        if len(at) == len(steps) and np.array_equal(at, steps):
            return np.maximum.accumulate(places)
        if axis != "time" and at[0] > 0:
            at, places = np.append(0, at), np.append(0.0, places)
        # A clock that was set back would fold the curve.
        return np.interp(steps, at, np.maximum.accumulate(places))

    def place(self, step: int, axis: str) -> float:
        """Where one step lies on an axis, as `along` says it."""
        return float(self.along(np.array([step], np.int64), axis)[0])

    def newest(self, axis: str) -> float | None:
        """Where the last point lies on an axis."""
        ends = [int(series.steps[-1]) for series in (self.loss, self.eval_loss) if len(series)]
        return self.place(max(ends), axis) if ends and self.has(axis) else None

    def foreseen(self, total_steps: int, axis: str) -> float | None:
        """Where the last of all updates will lie on an axis if it goes on so; None where nobody can say."""
        if axis == "step":
            return float(total_steps)
        ends = self.axes[axis].steps[np.isfinite(self.axes[axis].values)]
        if not len(ends) or int(ends[-1]) <= 0:
            return None
        return self.place(int(ends[-1]), axis) * max(total_steps / int(ends[-1]), 1.0)


class PointsReader:
    """Reads one job's points; new bytes only."""

    def __init__(self, job: Job) -> None:
        self._job = job
        self._metrics = Metrics(job.paths.metrics, ("loss", "eval_loss", *_SOURCES.values()))
        self._checkpoints: tuple[tuple[int, float | None], ...] = ()
        self._read_once = False

    @property
    def more(self) -> bool:
        """There is more than was read."""
        return self._metrics.more

    def read(self) -> bool:
        """Take in what is new; whether `points` may differ. True at the first call."""
        changed = self._metrics.read()
        checkpoints = tuple((point.step, point.eval_loss) for point in self._job.checkpoints())
        changed |= checkpoints != self._checkpoints or not self._read_once
        self._checkpoints, self._read_once = checkpoints, True
        return changed

    def points(self) -> Points:
        """As it reads now."""
        axes = {axis: self._metrics.series(name) for axis, name in _SOURCES.items()}
        time = axes["time"]
        begun = time.values[np.isfinite(time.values)][:1]
        if len(begun):
            axes["time"] = Series(time.steps, np.maximum(time.values - begun[0], 0.0))
        judged = [(loss, step) for step, loss in self._checkpoints if loss is not None]
        return Points(
            self._metrics.series("loss"),
            self._metrics.series("eval_loss"),
            axes,
            tuple(step for step, _ in self._checkpoints),
            min(judged)[1] if judged else None,
        )

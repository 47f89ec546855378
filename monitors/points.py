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

    def along(self, steps: NDArray[np.int64], axis: str) -> NDArray[np.float64]:
        """Where steps lie on an axis; NaN where the axis was never written.

        Args:
            axis: one of `AXES`; between written steps it is interpolated, before and after them extended.
        """
        if axis == "step":
            return steps.astype(np.float64)
        known = self.axes[axis]
        finite = np.isfinite(known.values)
        if not finite.any():
            return np.full(len(steps), np.nan)
        return np.interp(steps, known.steps[finite], known.values[finite])


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
        if len(time):
            axes["time"] = Series(time.steps, time.values - time.values[0])
        judged = [(loss, step) for step, loss in self._checkpoints if loss is not None]
        return Points(
            self._metrics.series("loss"),
            self._metrics.series("eval_loss"),
            axes,
            tuple(step for step, _ in self._checkpoints),
            min(judged)[1] if judged else None,
        )

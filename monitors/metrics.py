"""Reads a job's metrics.jsonl as series that grow: new bytes only, a million lines in about a second.

The reading rule (docs/job.md): of several lines for one (step, metric) the last written counts, in step
order; an attempt that starts at step k hides older attempts' lines above k. An attempt's first line is that
of its first update, k + 1, or of an evaluation at k that the attempt before it owed. null is a gap. It has
no thread and imports numpy: use it from a worker.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from ..engines.follow import Follower

SHOWN = ("loss", "eval_loss")
"""What the app draws."""


@dataclass(frozen=True)
class Series:
    """One metric over a job's life: increasing steps, and a value (NaN: a gap) at each."""

    steps: NDArray[np.int64]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.steps)

    @property
    def newest(self) -> float | None:
        """The last value that is a number."""
        finite = self.values[np.isfinite(self.values)]
        return float(finite[-1]) if len(finite) else None


EMPTY = Series(np.empty(0, np.int64), np.empty(0, np.float64))

# Attempts, steps and values of the lines that have the metric, in the order of the file.
_Points = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]


class Metrics:
    """The metrics of one job, brought up to date by `read`."""

    def __init__(self, path: Path, names: tuple[str, ...] = SHOWN) -> None:
        """`names`: the metrics that are wanted; the decoder skips all others."""
        self.names = names
        self._feed = Follower(path)
        # Only what is wanted is made into objects: the rest of a line costs next to nothing.
        count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
        value = float | None | msgspec.UnsetType
        fields: list[Any] = [("step", count), ("attempt", count, 1)]
        fields += [(name, value, msgspec.UNSET) for name in dict.fromkeys(("loss", *names))]
        self._decoder = msgspec.json.Decoder(msgspec.defstruct("Line", fields, gc=False))
        self._reset()

    def _reset(self) -> None:
        self._starts: dict[int, int] = {}
        self._parts: dict[str, list[_Points]] = {name: [] for name in self.names}
        self._cached: dict[str, Series] = {}

    @property
    def more(self) -> bool:
        """There is more than was read: read again, after giving others their turn."""
        return self._feed.more

    def read(self) -> bool:
        """Take in at most a mebibyte of new lines; whether any series may have changed."""
        lines = self._feed.read()
        restarted = self._feed.restarted
        if restarted:
            self._reset()
        points = self._decode(lines)
        if not points:
            return restarted
        attempts = np.array([point.attempt for point in points], np.int64)
        steps = np.array([point.step for point in points], np.int64)
        for index in np.unique(attempts, return_index=True)[1]:
            first = points[index]
            made = 0 if first.loss is msgspec.UNSET else 1
            self._starts.setdefault(first.attempt, first.step - made)
        for name in self.names:
            column = [getattr(point, name) for point in points]
            present = np.array([value is not msgspec.UNSET for value in column], bool)
            if present.any():
                values = np.array(
                    [np.nan if value is None else value for value in column if value is not msgspec.UNSET],
                    np.float64,
                )
                self._parts[name].append((attempts[present], steps[present], values))
        # A new attempt may hide lines of a metric that it has no line of yet.
        self._cached.clear()
        return True

    def series(self, name: str) -> Series:
        """One metric as it reads now; an empty series where it has no line."""
        if name not in self._cached:
            self._cached[name] = self._make(name)
        return self._cached[name]

    def _decode(self, lines: list[bytes]) -> list[Any]:
        if not lines:
            return []
        try:
            return self._decoder.decode_lines(b"\n".join(lines))
        except msgspec.MsgspecError:
            pass  # one of them is no metrics line: what a crash left of it
        found = []
        for line in lines:
            try:
                found.append(self._decoder.decode(line))
            except msgspec.MsgspecError:
                continue
        return found

    def _make(self, name: str) -> Series:
        parts = self._parts[name]
        if not parts:
            return EMPTY
        if len(parts) > 1:
            parts[:] = [tuple(np.concatenate([part[i] for part in parts]) for i in range(3))]  # type: ignore[list-item]
        attempts, steps, values = parts[0]
        visible = self._visible(attempts, steps)
        if visible is not None:
            steps, values = steps[visible], values[visible]
        if (np.diff(steps) > 0).all():
            return Series(steps, values)
        order = np.argsort(steps, kind="stable")
        steps, values = steps[order], values[order]
        last = np.append(np.diff(steps) > 0, True)
        return Series(steps[last], values[last])

    def _visible(self, attempts: NDArray[np.int64], steps: NDArray[np.int64]) -> NDArray[np.bool_] | None:
        """Which lines no later attempt hides; None where there is one attempt."""
        if len(self._starts) < 2:
            return None
        known = sorted(self._starts)
        lowest = np.full(len(known), np.iinfo(np.int64).max, np.int64)
        for index in range(len(known) - 2, -1, -1):
            lowest[index] = min(lowest[index + 1], self._starts[known[index + 1]])
        return steps <= lowest[np.searchsorted(known, attempts)]

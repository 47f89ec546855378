"""What a chart draws: curves of jobs and how they look. Free of numpy, so that it can be named early."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Curve:
    """Values over steps, and where these lie on the x axis. A value that is not finite is a gap."""

    name: str
    steps: NDArray[np.int64]
    """Increasing."""
    x: NDArray[np.float64]
    """One a step, not decreasing, finite."""
    values: NDArray[np.float64]
    style: str
    """A style of the theme, such as "$chart-train"."""
    mark: str | None = None
    """A character at each point: colour is never the only difference."""
    joined: bool = True
    """Whether a line goes through the points."""

    def __len__(self) -> int:
        return len(self.steps)


@dataclass(frozen=True)
class JobLines:
    """The curves of one job. `letter`: written on its curves; empty for the job that is selected."""

    name: str
    letter: str
    train: Curve
    eval: Curve

    @property
    def curves(self) -> tuple[Curve, Curve]:
        return self.train, self.eval


@dataclass(frozen=True)
class Picture:
    """All that a chart shows."""

    jobs: tuple[JobLines, ...] = ()
    """The first is the selected one."""
    axis: str = "step"
    """What x is: step, tokens, epoch or time (in seconds)."""
    end: float | None = None
    """Where the x axis ends at least: known early, so that it stands still."""
    grows: bool = False
    """Nobody knows where x ends: some room is left, and more when that is used up."""
    checkpoints: tuple[float, ...] = ()
    """Where they lie on the x axis."""
    best: tuple[float, str] | None = None
    """Where the best checkpoint lies, and its name."""
    words: Sequence[str] = ()
    """Shown instead while there are no points."""
    describe: Callable[[int], Sequence[str]] = field(default=lambda step: (f"{step:,}",))
    """What to say of a step of the first job, the most important first."""

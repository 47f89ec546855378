"""A curve as a chart takes it: numbers and how they look. Free of numpy, so that it can be named early."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Curve:
    """Values over steps. `steps` increase; a value that is not finite is a gap."""

    name: str
    steps: NDArray[np.int64]
    values: NDArray[np.float64]
    style: str
    """A style of the theme, such as "$chart-train"."""
    mark: str | None = None
    """A character at each point: colour is never the only difference."""

"""What watchers and panes tell the app. Where it can, a newer one replaces one that was not read yet."""

from __future__ import annotations

from textual.message import Message

from ..engines.store import Summary
from ..monitors.jobs import Jobs
from ..monitors.log import Line
from .panes.gpu import Hardware
from .widgets.curve import Curve


class JobsChanged(Message):
    """All jobs, after one of them changed."""

    def __init__(self, jobs: Jobs, problem: str | None) -> None:
        super().__init__()
        self.jobs, self.problem = jobs, problem


class JobChosen(Message):
    """Another job is selected in the list; None where there is none."""

    def __init__(self, job: Summary | None) -> None:
        super().__init__()
        self.job = job


class LossRead(Message):
    """The curves of the watched job; `watch` says which watch it is."""

    def __init__(self, watch: int, curves: tuple[Curve, ...]) -> None:
        super().__init__()
        self.watch, self.curves = watch, curves

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, LossRead)


class LogRead(Message):
    """New lines of the watched job's log; `anew`: they are its first."""

    def __init__(self, watch: int, lines: list[Line], anew: bool) -> None:
        super().__init__()
        self.watch, self.lines, self.anew = watch, lines, anew


class HardwareRead(Message):
    """The machine as it was just seen."""

    def __init__(self, hardware: Hardware) -> None:
        super().__init__()
        self.hardware = hardware

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, HardwareRead)


class WatchFailed(Message):
    """A watcher met an error that nobody foresaw: the app ends with it."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error

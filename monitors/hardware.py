"""Watches the GPUs and the machine: decides when to look, and keeps what was seen as histories.

It has no thread: somebody with a worker calls `poll`, which looks when it is time. While nobody watches
(`watched` is false) it looks rarely, so that histories are there when somebody comes back.
"""

import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ..engines.gpu import Gpu, Snapshot
from ..engines.hardware import Nvml
from ..engines.host import Host, HostReader

WATCHED_SECONDS = 1.0
UNWATCHED_SECONDS = 10.0
KEPT_SECONDS = 15 * 60.0
# Looking may cost this share of the time: a sick GPU that takes a second to answer is asked every 20 s.
COST_SHARE = 0.05


class Series:
    """One value over time, as far back as the last KEPT_SECONDS; None where it could not be read.

    A worker adds while a screen reads: reading takes a copy in one step and never iterates over the deque.
    """

    def __init__(self, kept_seconds: float = KEPT_SECONDS) -> None:
        self._kept_seconds = kept_seconds
        # A bound on memory at any pace: ten points a second.
        self._points: deque[tuple[float, float | None]] = deque(maxlen=round(kept_seconds * 10))

    def add(self, at: float, value: float | None) -> None:
        """A value at a time (unix seconds); what has become too old is dropped."""
        self._points.append((at, value))
        while self._points and self._points[0][0] < at - self._kept_seconds:
            self._points.popleft()

    @property
    def points(self) -> tuple[tuple[float, float | None], ...]:
        """(unix seconds, value), oldest first."""
        return tuple(self._points)

    @property
    def newest(self) -> float | None:
        """The last value that could be read."""
        return next((value for _, value in reversed(self.points) if value is not None), None)

    def means(self, bucket_seconds: float) -> tuple[float | None, ...]:
        """Means of spans of this length, oldest first; None where nothing could be read.

        Spans begin at multiples of their length, and the one that is going on is left out: what was drawn of
        them stays the same and moves on once a span.
        """
        points = self.points
        if not points:
            return ()
        spans: dict[int, list[float]] = {}
        for at, value in points:
            if value is not None:
                spans.setdefault(int(at // bucket_seconds), []).append(value)
        first, last = (int(at // bucket_seconds) for at in (points[0][0], points[-1][0]))
        kept = (spans.get(span) for span in range(first, last))
        return tuple(sum(values) / len(values) if values else None for values in kept)


@dataclass(frozen=True)
class GpuHistory:
    """What a GPU or a slice did: 0 to 1, bytes in use, degrees Celsius, watts."""

    utilisation: Series = field(default_factory=Series)
    memory_used_bytes: Series = field(default_factory=Series)
    temperature_celsius: Series = field(default_factory=Series)
    power_watts: Series = field(default_factory=Series)

    @property
    def empty(self) -> bool:
        """Nothing could be read for as long as a history lasts."""
        series = (self.utilisation, self.memory_used_bytes, self.temperature_celsius, self.power_watts)
        return all(one.newest is None for one in series)


@dataclass(frozen=True)
class HostHistory:
    """What the machine did: share of its processors in use (0 to 1), bytes of memory in use."""

    cpu_share: Series = field(default_factory=Series)
    memory_used_bytes: Series = field(default_factory=Series)


@dataclass(frozen=True)
class Reading:
    """The GPUs and the machine as they were seen together."""

    snapshot: Snapshot
    host: Host


class HardwareMonitor:
    """Looks at the hardware when it is time, and remembers.

    `latest` is the newest reading (None before the first), `gpus` the histories by uuid, `host` the
    machine's. Set `watched` while somebody looks at them.
    """

    def __init__(
        self,
        nvml: Nvml,
        host: HostReader,
        *,
        watched_seconds: float = WATCHED_SECONDS,
        unwatched_seconds: float = UNWATCHED_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`watched_seconds`, `unwatched_seconds`: between looks. `clock` (monotonic) tells a look's cost."""
        self.watched = True
        self.latest: Reading | None = None
        self.gpus: dict[str, GpuHistory] = {}
        self.host = HostHistory()
        self._nvml = nvml
        self._host = host
        self._watched_seconds = watched_seconds
        self._unwatched_seconds = unwatched_seconds
        self._clock = clock
        self._looked_at: float | None = None
        self._cost_seconds = 0.0

    def wait_seconds(self, now: float) -> float:
        """How long until the next look is due; `now` in monotonic seconds. 0 or less: it is due."""
        if self._looked_at is None:
            return 0.0
        interval = self._watched_seconds if self.watched else self._unwatched_seconds
        return self._looked_at + max(interval, self._cost_seconds / COST_SHARE) - now

    def poll(self, now: float) -> Reading | None:
        """Look if it is time; the new reading, else None. `now` in monotonic seconds.

        A look takes milliseconds and, with a sick GPU, seconds: call it from a worker.
        """
        if self.wait_seconds(now) > 0:
            return None
        begun = self._clock()
        reading = Reading(self._nvml.read(), self._host.read())
        self._cost_seconds = self._clock() - begun
        self._looked_at = now
        self._remember(reading)
        self.latest = reading
        return reading

    def _remember(self, reading: Reading) -> None:
        at = reading.snapshot.time
        seen = {part.uuid: part for gpu in reading.snapshot.gpus for part in (gpu, *gpu.slices)}
        known = {**self.gpus, **{uuid: GpuHistory() for uuid in seen if uuid not in self.gpus}}
        for uuid, history in known.items():
            _remember_gpu(history, at, seen.get(uuid))
        # A new dictionary: a screen may be going through the old one.
        self.gpus = {uuid: history for uuid, history in known.items() if uuid in seen or not history.empty}
        host = reading.host
        self.host.cpu_share.add(at, host.cpu_share)
        self.host.memory_used_bytes.add(at, host.memory_total_bytes - host.memory_available_bytes)


def _remember_gpu(history: GpuHistory, at: float, gpu: Gpu | None) -> None:
    """A GPU that is not seen leaves a gap: None."""
    history.utilisation.add(at, gpu and gpu.utilisation)
    history.memory_used_bytes.add(at, gpu and gpu.memory_used_bytes)
    history.temperature_celsius.add(at, gpu and gpu.temperature_celsius)
    history.power_watts.add(at, gpu and gpu.power_watts)

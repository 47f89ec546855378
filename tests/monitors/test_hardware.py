"""The hardware is looked at when it is time, and what was seen is kept."""

from pathlib import Path

import pytest
from finetui.engines.hardware import Nvml
from finetui.engines.host import HostReader
from finetui.monitors.hardware import HardwareMonitor, Series
from nvml.stand_in import GIB, StandIn


class Clock:
    """A clock that a test turns; `tick` seconds pass at each look at it."""

    def __init__(self, tick: float = 0.0) -> None:
        self.seconds = 0.0
        self.tick = tick

    def __call__(self) -> float:
        self.seconds += self.tick
        return self.seconds


def test_it_looks_each_second_while_watched_and_rarely_otherwise(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0)
    monitor = HardwareMonitor(Nvml(), HostReader(), clock=Clock())

    assert monitor.poll(now=100.0) is not None
    assert monitor.poll(now=100.5) is None
    assert monitor.wait_seconds(now=100.5) == 0.5
    assert monitor.poll(now=101.0) is not None

    monitor.watched = False
    assert monitor.poll(now=110.9) is None
    assert monitor.poll(now=111.0) is not None

    # Somebody comes back: the next look is due at once.
    monitor.watched = True
    assert monitor.wait_seconds(now=113.0) < 0


def test_a_machine_that_answers_slowly_is_asked_rarely(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0)
    monitor = HardwareMonitor(Nvml(), HostReader(), clock=Clock(tick=2.0))
    monitor.poll(now=0.0)
    assert monitor.wait_seconds(now=0.0) == 40.0


def test_each_gpu_has_its_history(nvml_here: StandIn) -> None:
    monitor = HardwareMonitor(Nvml(), HostReader(), clock=Clock())
    nvml_here.set_gpu(0, uuid="GPU-one", utilisation=0.25, temperature_celsius=40, power_watts=100)
    nvml_here.set_gpu(1, uuid="GPU-two")
    monitor.poll(now=0.0)
    nvml_here.set_gpu(0, utilisation=0.75, memory_used_bytes=GIB)
    reading = monitor.poll(now=1.0)

    assert reading is not None
    assert monitor.latest is reading
    assert set(monitor.gpus) == {"GPU-one", "GPU-two"}
    one = monitor.gpus["GPU-one"]
    assert [value for _, value in one.utilisation.points] == [0.25, 0.75]
    assert one.memory_used_bytes.newest == GIB
    assert one.temperature_celsius.newest == 40
    assert one.power_watts.newest == 100.0
    assert one.utilisation.points[-1][0] == reading.snapshot.time
    assert monitor.host.cpu_share.points[0][1] is None
    assert (monitor.host.memory_used_bytes.newest or 0) > 0


def test_what_could_not_be_seen_leaves_a_gap(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0, uuid="GPU-one", utilisation=0.5)
    monitor = HardwareMonitor(Nvml(), HostReader(), clock=Clock())
    monitor.poll(now=0.0)
    nvml_here.driver_goes()
    reading = monitor.poll(now=1.0)
    assert reading is not None
    assert reading.snapshot.problem is not None
    assert [value for _, value in monitor.gpus["GPU-one"].utilisation.points] == [0.5, None]
    assert monitor.gpus["GPU-one"].utilisation.newest == 0.5


def test_a_slice_has_a_history_of_its_own(nvml_here: StandIn) -> None:
    nvml_here.set_gpu(0, uuid="GPU-one")
    cut = nvml_here.add_slice(0, 0)
    monitor = HardwareMonitor(Nvml(), HostReader(), clock=Clock())
    monitor.poll(now=0.0)
    assert monitor.gpus[cut].memory_used_bytes.newest == 0


def test_what_is_too_old_is_dropped() -> None:
    series = Series(kept_seconds=10)
    for second in range(100):
        series.add(float(second), second / 100)
    assert [at for at, _ in series.points] == [float(second) for second in range(89, 100)]


def test_a_history_is_drawn_by_spans_of_time_that_stand_still() -> None:
    series = Series()
    assert series.means(10) == ()
    for at, value in ((1000.0, 0.2), (1008.0, 0.4), (1010.0, 1.0), (1032.0, None), (1041.0, 0.5)):
        series.add(at, value)
    # 1010 to 1019, nothing from 1020 on, and what began at 1040 is not over.
    assert series.means(10) == (pytest.approx(0.3), 1.0, None, None)
    before = series.means(10)
    series.add(1049.0, 0.9)
    assert series.means(10) == before


def test_without_a_driver_the_machine_is_watched_all_the_same(tmp_path: Path, nvml_here: StandIn) -> None:
    nvml_here.refuse_to_open(9)
    monitor = HardwareMonitor(Nvml(), HostReader([tmp_path]), clock=Clock())
    reading = monitor.poll(now=0.0)
    assert reading is not None
    assert reading.snapshot.problem is not None
    assert (reading.host.disks[0].free_bytes or 0) > 0

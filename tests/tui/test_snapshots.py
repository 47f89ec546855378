"""How the first screen looks, over real job directories. What changes by itself (clock, load) is fixed."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
from finetui.engines.gpu import Gpu, GpuProcess, MemorySplit, Snapshot
from finetui.engines.host import Disk, Host
from finetui.engines.records import read_lines
from finetui.engines.settings import Settings
from finetui.tui.app import FinetuiApp
from finetui.tui.looks import hardware as looks
from finetui.tui.messages import HardwareRead
from finetui.tui.panes.gpu import Hardware
from finetui.tui.screens import main
from textual.pilot import Pilot

GIB = 2**30
HOST = Host(0.0, 0.34, 16, 5.0, 128 * GIB, 97 * GIB, None, (Disk(Path("/home"), 412 * GIB, 1000 * GIB),))
GPUS = (
    Gpu(
        0, "GPU-a", "NVIDIA H100 80GB HBM3", 80 * GIB, 57 * GIB, 22 * GIB, GIB, 0.92, 61, 412.0, 700.0,
        processes=(GpuProcess(1, None, None, None, 41 * GIB),),
    ),
    Gpu(
        1, "GPU-b", "NVIDIA H100 80GB HBM3", 80 * GIB, 3 * GIB, 76 * GIB, GIB, 0.0, 84, 660.0, 700.0,
        throttled=("power cap",),
    ),
)  # fmt: skip
WITH_GPUS = Hardware(
    Snapshot(0.0, GPUS, "580.95.05", "13.0"),
    HOST,
    {"GPU-a": MemorySplit(41 * GIB, 16 * GIB, 22 * GIB), "GPU-b": MemorySplit(0, 3 * GIB, 76 * GIB)},
    {"GPU-a": ("support-bot",)},
)
WITHOUT = Hardware(Snapshot(0.0, problem="no NVIDIA driver found"), HOST)

Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine and its clock stand still."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(main, "host", lambda: "gpu-box-3")


@pytest.fixture
def hardware(monkeypatch: pytest.MonkeyPatch) -> Callable[[Hardware], None]:
    """Chooses what the machine has."""

    def choose(hardware: Hardware) -> None:
        def look(self: looks.HardwareLook) -> float:
            self._app.post_message(HardwareRead(hardware))
            return 1000.0

        monkeypatch.setattr(looks.HardwareLook, "__call__", look)

    return choose


def at_noon(settings: Settings) -> Settings:
    """Events as if all had happened at 12:00."""
    for path in settings.home.jobs.glob("*/events.jsonl"):
        lines = [msgspec.json.encode(event | {"time": 1_800_014_400}) for event in read_lines(path)]
        path.write_bytes(b"\n".join(lines) + b"\n")
    return settings


def shown(*keys: str, empty: bool = False) -> Callable[[Pilot[None]], Awaitable[None]]:
    """Waits for jobs, points and lines, then presses keys."""

    async def before(pilot: Pilot[None]) -> None:
        app = pilot.app
        assert isinstance(app, FinetuiApp)

        def there() -> bool:
            if empty:
                return app.main.jobs.has_class("-empty") and len(app.main.gpu.lines._lines) > 1
            log, chart = app.main.log_pane.lines, app.main.loss.chart
            return not chart.empty and log.count > 600 and len(app.main.gpu.lines._lines) > 1

        while not there():
            await pilot.pause(0.02)
        await pilot.press(*keys)
        await pilot.pause(0.1)

    return before


def test_a_small_terminal_shows_all_at_once(
    busy: Settings, hardware: Callable[[Hardware], None], snap_compare: Compare
) -> None:
    hardware(WITH_GPUS)
    assert snap_compare(FinetuiApp(at_noon(busy)), terminal_size=(80, 24), run_before=shown())


def test_a_larger_terminal_shows_more(
    busy: Settings, hardware: Callable[[Hardware], None], snap_compare: Compare
) -> None:
    hardware(WITH_GPUS)
    assert snap_compare(FinetuiApp(at_noon(busy)), terminal_size=(120, 36), run_before=shown("L"))


def test_the_list_of_jobs_zoomed(
    busy: Settings, hardware: Callable[[Hardware], None], snap_compare: Compare
) -> None:
    hardware(WITHOUT)
    assert snap_compare(FinetuiApp(at_noon(busy)), terminal_size=(120, 36), run_before=shown("z", "j"))


def test_the_welcome(settings: Settings, hardware: Callable[[Hardware], None], snap_compare: Compare) -> None:
    hardware(WITHOUT)
    assert snap_compare(FinetuiApp(settings), terminal_size=(80, 24), run_before=shown(empty=True))


def test_the_question_before_killing(
    busy: Settings, hardware: Callable[[Hardware], None], snap_compare: Compare
) -> None:
    hardware(WITHOUT)
    assert snap_compare(FinetuiApp(at_noon(busy)), terminal_size=(80, 24), run_before=shown("K"))

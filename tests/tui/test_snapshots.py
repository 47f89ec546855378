"""How each screen looks, over real job directories. What changes by itself (clock, load) is fixed.

After a change that is meant to be seen: `pytest tests/tui/test_snapshots.py --snapshot-update`, and look at
what changed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from finetui.engines.gpu import Gpu, GpuProcess, MemorySplit, Snapshot
from finetui.engines.host import Disk, Host
from finetui.engines.settings import Settings
from finetui.tui.app import FinetuiApp
from finetui.tui.looks import hardware as looks
from finetui.tui.messages import HardwareRead, OpenDataset, OpenNewJob, OpenPlayground
from finetui.tui.panes.gpu import Hardware
from finetui.tui.remembered import Remembered
from finetui.tui.screens import main
from finetui.tui.screens.dataset import DatasetPage
from finetui.tui.screens.job import JobPage
from finetui.tui.screens.new_job import NewJob
from finetui.tui.screens.playground import Playground
from homes.talking import talking_job
from homes.waiting import until
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
Open = Callable[[Pilot[None]], Awaitable[None]]
NOON = 1_800_014_400.0

SIZES = [(80, 24), (120, 36), (200, 60)]
"""In the app's own colours."""
COLOURS = ["finetui-light", "none"]
"""At 80 by 24; `none` is NO_COLOR."""
LOOKS = [*((size, "finetui") for size in SIZES), *((SIZES[0], colours) for colours in COLOURS)]


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The machine and its clock stand still, and the user's home is the test's folder."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    monkeypatch.setattr(time, "time", lambda: NOON)
    monkeypatch.setattr(main, "host", lambda: "gpu-box-3")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def hardware(monkeypatch: pytest.MonkeyPatch) -> Callable[[Hardware], None]:
    """Chooses what the machine has; without being asked it has two GPUs."""

    def choose(hardware: Hardware) -> None:
        def look(self: looks.HardwareLook) -> float:
            self._app.post_message(HardwareRead(hardware))
            return 1000.0

        monkeypatch.setattr(looks.HardwareLook, "__call__", look)

    choose(WITH_GPUS)
    return choose


@dataclass
class Looker:
    """Compares the app with its picture, in one size and colours."""

    compare: Compare
    size: tuple[int, int]

    def __call__(self, settings: Settings, open_screen: Open) -> bool:
        return self.compare(FinetuiApp(settings), terminal_size=self.size, run_before=open_screen)


@pytest.fixture(params=LOOKS, ids=[f"{size[0]}x{size[1]}-{colours}" for size, colours in LOOKS])
def looks_right(
    request: pytest.FixtureRequest,
    settings: Settings,
    snap_compare: Compare,
    monkeypatch: pytest.MonkeyPatch,
) -> Looker:
    size, colours = request.param
    if colours == "none":
        monkeypatch.setenv("NO_COLOR", "1")
        colours = ""
    Remembered(theme=colours).save(settings.home)
    return Looker(snap_compare, size)


def of(pilot: Pilot[None]) -> FinetuiApp:
    assert isinstance(pilot.app, FinetuiApp)
    return pilot.app


def words(pilot: Pilot[None]) -> str:
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


def shown(*keys: str, seen: str = "", still: str = "") -> Open:
    """Waits for the first screen with all that it has, presses keys, and waits for words to come or go."""

    async def before(pilot: Pilot[None]) -> None:
        app = of(pilot)
        await until(pilot, lambda: app.jobs is not None and app.jobs.complete)
        if app.jobs is not None and app.jobs.summaries:
            log, chart = app.main.log_pane.lines, app.main.loss.chart
            await until(pilot, lambda: not chart.empty and len(log._lines) > 600)
        await until(pilot, lambda: len(app.main.gpu.lines._lines) > 1)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.05)
        await until(pilot, lambda: seen in words(pilot) and (not still or still not in words(pilot)))
        await pilot.pause(0.2)

    return before


def test_the_first_screen(busy: Settings, looks_right: Looker) -> None:
    assert looks_right(busy, shown())


def test_marked_jobs_in_one_chart(busy: Settings, snap_compare: Compare) -> None:
    Remembered().save(busy.home)
    keys = ("G", "space", "up", "up", "space", "g", "3", "z", "left")
    assert Looker(snap_compare, SIZES[1])(busy, shown(*keys, seen="faq-v2"))


def test_the_list_of_jobs_zoomed(busy: Settings, snap_compare: Compare) -> None:
    Remembered().save(busy.home)
    assert Looker(snap_compare, SIZES[1])(busy, shown("z", "j"))


def test_a_machine_without_gpus(
    busy: Settings, hardware: Callable[[Hardware], None], snap_compare: Compare
) -> None:
    hardware(WITHOUT)
    Remembered().save(busy.home)
    assert Looker(snap_compare, SIZES[0])(busy, shown())


def test_the_first_start(settings: Settings, snap_compare: Compare) -> None:
    assert Looker(snap_compare, SIZES[0])(settings, shown(seen="Welcome"))


def test_a_home_without_jobs(settings: Settings, looks_right: Looker) -> None:
    assert looks_right(settings, shown())


def test_the_question_before_killing(busy: Settings, looks_right: Looker) -> None:
    assert looks_right(busy, shown("K", seen="at once?"))


def test_the_keys(busy: Settings, looks_right: Looker) -> None:
    assert looks_right(busy, shown("question_mark", seen="In this pane"))


def test_the_palette(busy: Settings, snap_compare: Compare) -> None:
    Remembered().save(busy.home)
    assert Looker(snap_compare, SIZES[0])(busy, shown("ctrl+p", *"faq", seen="faq-v2, succeeded"))


def page_of_the_newest(part: str) -> Open:
    """A part of the page of the job that is selected at the start."""

    async def before(pilot: Pilot[None]) -> None:
        await shown("enter")(pilot)
        await until(pilot, lambda: isinstance(pilot.app.screen, JobPage) and "2 Log" in words(pilot))
        page = pilot.app.screen
        assert isinstance(page, JobPage)
        await until(pilot, lambda: page._points is not None)
        await pilot.press(part)
        await pilot.pause(0.5)

    return before


def test_a_jobs_page(busy: Settings, looks_right: Looker) -> None:
    assert looks_right(busy, page_of_the_newest("1"))


@pytest.mark.parametrize("part", ["2", "3", "4", "5"])
def test_the_parts_of_a_jobs_page(busy: Settings, snap_compare: Compare, part: str) -> None:
    Remembered().save(busy.home)
    assert Looker(snap_compare, SIZES[0])(busy, page_of_the_newest(part))


def test_the_form_for_a_new_job(settings: Settings, looks_right: Looker) -> None:
    async def before(pilot: Pilot[None]) -> None:
        await shown()(pilot)
        pilot.app.post_message(
            OpenNewJob({"model": "org/tiny", "train": {"epochs": 2, "learning_rate": 0.5}})
        )
        await until(pilot, lambda: isinstance(pilot.app.screen, NewJob))
        await until(pilot, lambda: "It takes a dataset" in words(pilot))
        await pilot.pause(0.5)

    assert looks_right(settings, before)


def test_the_form_unfolded(settings: Settings, snap_compare: Compare) -> None:
    Remembered().save(settings.home)

    async def before(pilot: Pilot[None]) -> None:
        await shown()(pilot)
        pilot.app.post_message(OpenNewJob({"model": "org/tiny"}))
        await until(pilot, lambda: isinstance(pilot.app.screen, NewJob))
        await pilot.press("ctrl+t")
        await until(pilot, lambda: "learning_rate" in words(pilot))
        await pilot.pause(0.5)

    assert Looker(snap_compare, SIZES[2])(settings, before)


def test_two_models_beside_each_other(settings: Settings, looks_right: Looker, tmp_path: Path) -> None:
    job = talking_job(settings, tmp_path)

    async def before(pilot: Pilot[None]) -> None:
        await until(pilot, lambda: of(pilot).jobs is not None)
        pilot.app.post_message(OpenPlayground(job.id))
        await until(pilot, lambda: isinstance(pilot.app.screen, Playground) and "GiB" in words(pilot))
        await pilot.press("ctrl+n")
        await until(pilot, lambda: "expected" in words(pilot))
        await pilot.press("enter")
        await until(pilot, lambda: "same" in words(pilot) and "differs" in words(pilot))
        await pilot.pause(0.3)

    assert looks_right(settings, before)


def test_rows_of_a_dataset(settings: Settings, looks_right: Looker, tmp_path: Path) -> None:
    path = tmp_path / "questions.jsonl"
    rows = (
        {"question": f"What is {n} + {n}?", "answer": f"{n} + {n} = {2 * n}.\n#### {2 * n}"}
        for n in range(1, 31)
    )
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows))

    async def before(pilot: Pilot[None]) -> None:
        await shown()(pilot)
        pilot.app.post_message(OpenDataset(path))
        await until(pilot, lambda: isinstance(pilot.app.screen, DatasetPage))
        page = pilot.app.screen
        assert isinstance(page, DatasetPage)
        await until(pilot, lambda: page._checked is not None and page._model_sought)
        await until(pilot, lambda: "of 30" in words(pilot))
        await pilot.pause(0.3)

    assert looks_right(settings, before)

"""The GPU pane at every size: what is where, what was planned, who holds it, and what goes wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from finetui.engines.gpu import Gpu, GpuProcess, MemorySplit, Snapshot
from finetui.engines.hardware import Nvml
from finetui.engines.host import Disk, Host, HostReader
from finetui.engines.settings import Settings
from finetui.engines.states import JobState
from finetui.engines.store import Store
from finetui.tui.app import FinetuiApp
from finetui.tui.looks import hardware as looks
from finetui.tui.looks.hardware import hardware_of, planned_bytes
from finetui.tui.panes.gpu import Hardware
from finetui.tui.widgets.bar import bar
from finetui.tui.widgets.sparkline import sparkline
from homes.jobs import add_job
from nvml.stand_in import StandIn

GIB = 2**30
HOST = Host(0.0, 0.34, 16, 5.0, 128 * GIB, 97 * GIB, None, (Disk(Path("/home"), 412 * GIB, 1000 * GIB),))
SMALL, LARGE = (80, 24), (180, 50)


def gpu(index: int, used: int = 57, *processes: GpuProcess, throttled: tuple[str, ...] = ()) -> Gpu:
    return Gpu(
        index, f"GPU-{index}", "NVIDIA H100 80GB HBM3", 80 * GIB, used * GIB, (79 - used) * GIB, GIB, 0.92,
        61, 412.0, 700.0, processes=processes, throttled=throttled,
    )  # fmt: skip


ONE = Hardware(
    Snapshot(
        0.0,
        (
            gpu(
                0,
                57,
                GpuProcess(7, "mia", "python3", "", 41 * GIB),
                GpuProcess(8, "tom", "jupyter", "", 16 * GIB),
            ),
        ),
        "580.95.05",
    ),
    HOST,
    {"GPU-0": MemorySplit(41 * GIB, 16 * GIB, 22 * GIB)},
    {"GPU-0": ("support-bot",)},
    {"GPU-0": (60 * GIB, False)},
    {7: "support-bot"},
    {"GPU-0": (0.1, 0.3, 0.6, 0.9) * 10},
    {"GPU-0": (0.7,) * 40},
)


@pytest.fixture(autouse=True)
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pane shows what a test gives it."""

    def look(self: looks.HardwareLook) -> float:
        return 1000.0

    monkeypatch.setattr(looks.HardwareLook, "__call__", look)


async def pane(settings: Settings, hardware: Hardware, size: tuple[int, int], *keys: str) -> tuple[str, str]:
    """What is in view in the pane, and all that can be scrolled to."""
    app = FinetuiApp(settings)
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        app.main.show_hardware(hardware)
        await pilot.press("4", *keys)
        await pilot.pause()
        lines = app.main.gpu.lines
        view = "\n".join(strip.text.rstrip() for strip in lines._rows)
        return view, "\n".join(content.plain.rstrip() for content in lines._lines)


async def test_a_gpu_shows_whose_memory_is_whose_and_what_was_planned(settings: Settings) -> None:
    view, everything = await pane(settings, ONE, SMALL)
    assert "H100  support-bot" in view and "92 %  61 °C" in view
    assert "57.0/80.0 GiB" in view
    assert "▇ finetui ▅ others ┃ plan 60.0" in view
    gauge = next(line for line in view.splitlines() if "57.0/80.0" in line)
    # Ours, others, free; the mark of 60 of 80 GiB lies in what is free.
    assert "".join(dict.fromkeys(gauge.split(" ")[0])) == "▇▅┃░"
    # Who holds it is a few lines further down.
    assert "▇ support-bot" in everything and "jupyter" in everything and "16.0 GiB" in everything


async def test_there_is_room_for_all_of_it_on_a_large_terminal(settings: Settings) -> None:
    view, everything = await pane(settings, ONE, LARGE, "z")
    assert view.rstrip() == everything.rstrip()
    assert "92 %  61 °C  412 W" in view
    assert "┃ planned 60.0" in view and "░ free" in view
    assert "mia" in view and "tom" in view and "work " in view and "memory " in view and "10 min" in view
    own, other = (next(line for line in view.splitlines() if user in line) for user in ("mia", "tom"))
    assert view.index(own) < view.index(other)


async def test_a_floor_is_said_to_be_one(settings: Settings) -> None:
    hardware = Hardware(ONE.snapshot, HOST, ONE.memory, ONE.jobs, {"GPU-0": (5 * GIB, True)})
    _, everything = await pane(settings, hardware, LARGE, "z")
    assert "┃ at least 5.0" in everything


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_eight_gpus_have_a_line_each(settings: Settings, size: tuple[int, int]) -> None:
    gpus = [gpu(index, 10 * index, throttled=("too hot",) if index == 5 else ()) for index in range(7)]
    lost = Gpu(7, "GPU-7", "NVIDIA H100 80GB HBM3", error="The GPU is lost: restart the machine.")
    view, everything = await pane(settings, Hardware(Snapshot(0.0, (*gpus, lost)), HOST), size)
    rows = everything.splitlines()
    for index in range(7):
        assert any(
            row.split()[0] == str(index) and f"{10 * index}/80" in row and "92 %" in row for row in rows
        ), index
    assert any(row.startswith(" 7") and "The GPU is" in row for row in rows)
    assert "5 ! slowed down: too hot" in everything
    assert " 6 " in view
    assert all(len(row) <= size[0] for row in rows)


async def test_without_a_gpu_the_machine_and_why(settings: Settings) -> None:
    why = (
        "no NVIDIA driver was found on this machine: " + "install it, or run finetui where the GPUs are. " * 6
    )
    hardware = Hardware(
        Snapshot(0.0, problem=why), HOST, work={"host": (0.2, 0.9)}, held={"host": (0.5, 0.5)}
    )
    view, everything = await pane(settings, hardware, SMALL)
    assert "34 % of 16" in view and "31.0/128 GiB" in view and "412 GiB free" in view
    assert "CPU ⣀" not in everything.split("no NVIDIA")[1]
    assert everything.rstrip().endswith("… (z: all)"), "it is cut short, and a key shows it all"
    assert len(everything.split("no NVIDIA")[1].splitlines()) <= 3
    _, zoomed = await pane(settings, hardware, LARGE, "z")
    assert zoomed.rstrip().endswith("where the GPUs are.")


async def test_where_it_is_short_histories_give_way_to_the_machine(settings: Settings) -> None:
    past = (0.2, 0.9)
    two = Hardware(
        Snapshot(0.0, (gpu(0), gpu(1))),
        HOST,
        {"GPU-0": MemorySplit(41 * GIB, 16 * GIB, 22 * GIB)},
        work={"GPU-0": past, "GPU-1": past, "host": past},
    )
    view, everything = await pane(settings, two, (120, 36))
    assert "CPU" in view and "RAM" in view and "disk" in view
    assert "work " not in everything
    assert "▇ finetui" in view and "▅ others" in view and "▆ used" in view, "each has its word"


async def test_what_cannot_be_read_is_no_zero(settings: Settings) -> None:
    bare = Gpu(0, "GPU-0", "NVIDIA GB10", processes=None)
    _, everything = await pane(settings, Hardware(Snapshot(0.0, (bare,)), HOST), LARGE)
    assert "memory not readable" in everything and "the driver lists no processes" in everything
    assert "0 °C" not in everything and "0 W" not in everything


async def test_the_driver_is_watched_while_a_gpu_is_lost(settings: Settings, nvml_here: StandIn) -> None:
    for index in range(8):
        nvml_here.set_gpu(index, memory_used_bytes=index * GIB, utilisation=0.5)
    nvml_here.add_process(1, os.getpid(), 20 * GIB)
    nvml, host = Nvml(), HostReader()
    app = FinetuiApp(settings)
    async with app.run_test(size=LARGE) as pilot:
        await pilot.pause()
        no_plans: Mapping[str, tuple[int, bool] | None] = {}

        async def look() -> str:
            app.main.show_hardware(hardware_of(nvml.read(), host.read(), [], no_plans))
            await pilot.press("4")
            return "\n".join(content.plain for content in app.main.gpu.lines._lines)

        before = await look()
        assert str(os.getpid()) in before and "21/80" in before
        # Memory in use and nobody to be seen: hidden, not others'.
        assert "7  hidden from here" in before
        nvml_here.lose_gpu(2)
        after = await look()
        lost = next(row for row in after.splitlines() if row.startswith(" 2"))
        assert "2/80" not in lost and len(lost) > 10


def test_a_plan_is_a_job_s_on_its_gpu(settings: Settings) -> None:
    job = add_job(settings, "support-bot", JobState.running, gpus=["GPU-0"])
    plan = {**job.plan(), "estimate": {"memory_bytes": None, "at_least_bytes": 5 * GIB}}
    job.paths.plan.write_bytes(msgspec.json.encode(plan))
    assert planned_bytes(settings, job.id) == (5 * GIB, True)
    alive = Store(settings.home).jobs()
    hardware = hardware_of(ONE.snapshot, HOST, alive, {job.id: (5 * GIB, True)})
    assert hardware.planned == {"GPU-0": (5 * GIB, True)} and hardware.jobs == {"GPU-0": ("support-bot",)}
    job.paths.plan.write_bytes(b"{")
    assert planned_bytes(settings, job.id) is None


def test_a_bar_has_its_mark_inside() -> None:
    assert bar(10, [(0.5, "█", "")], mark=(0.7, "bold")).plain == "█████░░┃░░"
    assert bar(10, [(0.5, "█", "")], mark=(3.0, "bold")).plain == "█████░░░░┃"
    assert bar(4, [(0.01, "█", ""), (1.0, "▒", "")]).plain == "█▒▒▒"


def test_a_history_has_its_newest_at_the_right() -> None:
    assert sparkline((0.0, 0.3, 0.6, 1.0), 3) == "\u2800⣠⣾"
    assert sparkline((0.5, None), 1) == "⡆"
    assert sparkline((), 2) == "\u2800\u2800"
    assert sparkline((1.0,), 0) == ""

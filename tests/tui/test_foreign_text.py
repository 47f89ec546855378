"""Text from outside, at every place where the app shows it: it comes out as text or not at all."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from finetui.engines.gpu import Gpu, GpuProcess, MemorySplit, Snapshot
from finetui.engines.host import Host
from finetui.engines.settings import Settings
from finetui.engines.states import JobState
from finetui.tui.app import FinetuiApp
from finetui.tui.panes.gpu import Hardware
from homes.jobs import add_job
from homes.terminal import Terminal

EVIL = "[/nope]\x1b]52;c;RVZJTA==\x07\x1b]0;EVILTITLE\x07\x1b[31m\x9b31m\x00\r\n\x1bPq\x1b\\[bold]ok字\u202e"
ALLOWED = re.compile(
    rb"\x1b\[[?>=<]?[0-9;:$]*[ -/]*[@-~]"  # what Textual's driver writes: CSI …
    rb"|\x1b[()][A-Z0-9]|\x1b[78=>]"
    rb"|\x1b\]22;[a-z-]*\x07"  # … and the shape of the mouse's pointer
)


def evil_home(settings: Settings) -> None:
    log = f"before\n{EVIL}\nafter\x1b[2J\n"
    add_job(settings, f"fine {EVIL}", JobState.failed, model=EVIL, reason=EVIL, message=EVIL, advice=EVIL)
    add_job(settings, f"waits {EVIL}", JobState.queued, waiting_for=EVIL)
    job = add_job(settings, EVIL, JobState.running, model=EVIL, phase=EVIL, metrics=20, log=log)
    with job.hold() as held:
        held.update(host=EVIL, step=3, total_steps=20)
        held.event("note", EVIL, level=EVIL, data={EVIL: EVIL})


def test_nothing_of_it_reaches_the_terminal(settings: Settings, terminals: Callable[..., Terminal]) -> None:
    evil_home(settings)
    terminal = terminals(settings, 120, 36)
    terminal.wait_for("after")
    for key in "jkjjzzLs":
        terminal.press(key)
        terminal.read(0.3)
    for key, shown in (("?", "In this pane"), ("\x10", "Search for commands")):
        terminal.press(key)
        terminal.wait_for(shown)
        terminal.press("\x1b")
        terminal.wait_for(lambda text, shown=shown: shown not in text)
    terminal.press("q")
    terminal.wait_for_end()
    assert terminal.code == 0
    assert b"[/nope]" in terminal.raw, "it is shown, as text"
    rest = ALLOWED.sub(b"", terminal.raw)
    assert b"\x1b" not in rest, rest[max(rest.find(b"\x1b") - 40, 0) :][:120]
    for bad in (b"\x07", b"\x00", b"\xc2\x9b", b"EVILTITLE", b"RVZJTA", "\u202e".encode()):
        assert bad not in rest, bad


async def test_names_of_gpus_and_processes_are_harmless(settings: Settings) -> None:
    gpu = Gpu(
        0, "GPU-1", EVIL, 80 << 30, 40 << 30, 40 << 30, 1 << 30, 0.5, 60, 300.0, 700.0,
        throttled=(EVIL,), processes=(GpuProcess(1, EVIL, EVIL, EVIL, 1 << 30),), error=None,
    )  # fmt: skip
    broken = Gpu(1, "GPU-2", EVIL, error=EVIL)
    host = Host(0.0, 0.5, 8, 1.0, 64 << 30, 32 << 30, None, ())
    split = {"GPU-1": MemorySplit(30 << 30, 10 << 30, 40 << 30)}
    hardware = Hardware(Snapshot(0.0, (gpu, broken), EVIL, EVIL, EVIL), host, split, {"GPU-1": (EVIL,)})
    app = FinetuiApp(settings)
    async with app.run_test(size=(100, 30)) as pilot:
        await pilot.pause()
        app.main.show_hardware(hardware)
        app.tell(EVIL, "error")
        await pilot.pause(0.2)
        shown = "\n".join(
            "".join(segment.text for segment in line) for line in app.screen._compositor.render_strips()
        )
    assert "[/nope]" in shown and "[bold]ok字" in shown
    assert not any((ord(letter) < 32 and letter != "\n") or 0x7F <= ord(letter) < 0xA0 for letter in shown)


@pytest.mark.parametrize(
    "name", ["[/nope]", "[red", "[@click=app.bell]x[/]", "$primary", "\x00", "", "字" * 100]
)
async def test_any_name_can_be_shown(settings: Settings, name: str) -> None:
    add_job(settings, name, JobState.running, step=1, total_steps=2)
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        while not app.main.jobs.list.items:
            await pilot.pause(0.05)
        await pilot.press("K")
        await pilot.pause()
        await pilot.press("n")
        assert app.is_running

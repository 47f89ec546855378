"""Text from outside, at every place where the app shows it: it comes out as text or not at all."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from finetui.engines.datasets.kept.known import remember
from finetui.engines.gpu import Gpu, GpuProcess, MemorySplit, Snapshot
from finetui.engines.host import Host
from finetui.engines.notes import Notes, write_notes
from finetui.engines.records import append_line
from finetui.engines.settings import Settings
from finetui.engines.states import JobState
from finetui.tui.app import FinetuiApp
from finetui.tui.panes.gpu import Hardware
from finetui.tui.remembered import Remembered
from homes.jobs import add_job
from homes.talking import talking_job
from homes.terminal import Terminal

EVIL = "[/nope]\x1b]52;c;RVZJTA==\x07\x1b]0;EVILTITLE\x07\x1b[31m\x9b31m\x00\r\n\x1bPq\x1b\\[bold]ok字\u202e"
ALLOWED = re.compile(
    rb"\x1b\[[?>=<]?[0-9;:$]*[ -/]*[@-~]"  # what Textual's driver writes: CSI …
    rb"|\x1b[()][A-Z0-9]|\x1b[78=>]"
    rb"|\x1b\]22;[a-z-]*\x07"  # … and the shape of the mouse's pointer
)

COPIED = re.compile(rb"\x1b\]52;c;([A-Za-z0-9+/=]*)\x07")
"""What the app puts on the clipboard: encoded, so that nothing of it acts."""


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


def test_nothing_of_it_reaches_the_terminal_from_any_screen(
    settings: Settings, terminals: Callable[..., Terminal], tmp_path: Path
) -> None:
    """Rows, answers, samples, metrics' names, file names, notes: every screen, by its keys."""
    job = talking_job(settings, tmp_path, f"talks {EVIL}")
    write_notes(job, Notes(tags=(EVIL.replace(",", ""),), note=EVIL))
    sample = {"kind": "sample", "time": 1.0, "attempt": 1, "step": 1, "prompt": EVIL, "expected": EVIL}
    append_line(job.paths.progress, sample | {"answer": EVIL})
    append_line(job.paths.environment, {"attempt": 1, "argv": [EVIL], "versions": {EVIL: EVIL}})
    job.paths.log.write_text(f"before\n{EVIL}\nError: {EVIL}\n", "utf-8")
    data = tmp_path / EVIL.replace("/", "|").replace("\0", "")
    rows = [{"question": EVIL, "answer": EVIL}, {"question": 1, EVIL: EVIL}]
    data.write_text("".join(json.dumps(row) + "\n" for row in rows))
    remember(settings.home, data)
    Remembered().save(settings.home)
    terminal = terminals(settings, 100, 30)
    terminal.wait_for("talks")
    terminal.wait_for("2 Datasets")
    for keys in (
        ("\r", "2", "3", "4", "5", "t", "\x1b", "y", "\x1b", "\x1b"),  # the job's page, part by part
        ("p", "\x0e", "\x0e", "\x0e", "\r", "\x19", "\x1b", "\x1b", "\x1b"),  # its playground
        ("2", "\r", "\x1b[C", "w", "\x1b", "\x1b"),  # rows of a dataset
        ("n", "\x1bOQ", "\x1b", "\x1b", "1"),  # the form, with the choice of files
    ):
        for key in keys:
            terminal.press(key)
            until = time.monotonic() + 0.5
            while time.monotonic() < until:
                terminal.read()
    terminal.press("\x11")
    terminal.wait_for_end()
    assert terminal.code == 0
    rest = ALLOWED.sub(b"", COPIED.sub(b"", terminal.raw))
    assert b"\x1b" not in rest, rest[max(rest.find(b"\x1b") - 40, 0) :][:120]
    # (A row is shown with its control characters as pictures: what they enclosed is then plain text.)
    for bad in (b"\x00", b"\xc2\x9b", "\u202e".encode()):
        assert bad not in rest, bad
    assert base64.b64decode(b"RVZJTA==") not in b"".join(map(base64.b64decode, COPIED.findall(terminal.raw)))

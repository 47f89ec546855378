"""Keys that come faster than the app opens what they are for are not lost; to the shell and back."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

from finetui.engines.settings import Settings
from finetui.engines.states import JobState
from finetui.tui.app import FinetuiApp
from finetui.tui.screens.job import JobPage
from homes.jobs import add_job
from homes.terminal import Terminal
from homes.waiting import ready, until
from textual import events
from textual.keys import _character_to_key


def burst(app: FinetuiApp, *keys: str) -> None:
    """As a terminal does that has read them all at once."""
    for key in keys:
        one = len(key) == 1
        app.post_message(events.Key(_character_to_key(key) if one else key, key if one else None))


async def test_the_palette_takes_what_was_typed_and_not_what_was_found_before(settings: Settings) -> None:
    for number in range(300):
        add_job(settings, f"gsm{number}", JobState.succeeded)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 300)
        for number in (200, 107, 31):
            burst(app, "ctrl+p", *f"gsm{number}", "enter")
            await until(pilot, lambda: isinstance(app.screen, JobPage))
            assert app.main.selected is not None and app.main.selected.name == f"gsm{number}"
            await pilot.press("escape")
            await until(pilot, lambda: app.screen is app.main)


async def test_a_filter_typed_at_once_is_kept(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        jobs = app.main.jobs.list
        for _ in range(3):
            burst(app, "/", *"sum", "enter")
            await until(pilot, lambda: jobs.filter == "sum")
            await pilot.pause()
            assert jobs.has_focus and [job.name for job in jobs.items] == ["summaries"]
            burst(app, "/", *"zz", "escape")
            await until(pilot, lambda: not jobs.filter)
            await pilot.pause()
            assert jobs.has_focus and len(jobs.items) == 6


def test_ctrl_z_leads_to_the_shell_and_fg_back(
    busy: Settings, terminals: Callable[[Settings], Terminal]
) -> None:
    terminal = terminals(busy)
    terminal.wait_for("support-bot")
    terminal.press("\x1a")
    deadline, stopped = time.monotonic() + 10, False
    while not stopped and time.monotonic() < deadline:
        terminal.read()  # what it sends last must have room
        pid, status = os.waitpid(terminal.pid, os.WNOHANG | os.WUNTRACED)
        stopped = pid == terminal.pid and os.WIFSTOPPED(status)
    assert stopped
    while terminal.read():
        pass
    assert b"\x1b[?1049l" in terminal.raw, "the shell's own screen is back"
    terminal.screen.reset()
    os.kill(terminal.pid, signal.SIGCONT)
    terminal.wait_for("support-bot")
    terminal.press("q")
    terminal.wait_for_end()
    assert terminal.code == 0

"""How the app ends, in a real terminal: keys, signals, a terminal that vanishes. Jobs are never touched."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest
from finetui.engines.settings import Settings
from finetui.engines.states import JobState
from homes.jobs import add_job
from homes.terminal import Terminal

Start = Callable[..., Terminal]


def jobs_on_disk(settings: Settings) -> dict[str, bytes]:
    return {
        str(path.relative_to(settings.home.jobs)): path.read_bytes()
        for path in sorted(settings.home.jobs.rglob("*"))
        if path.is_file()
    }


def open_app(terminals: Start, settings: Settings) -> Terminal:
    terminal = terminals(settings)
    terminal.wait_for("support-bot")
    return terminal


def assert_restored(terminal: Terminal) -> None:
    """The alternate screen is left, the cursor shown, the mouse let go."""
    for sequence in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1000l"):
        assert terminal.raw.rindex(sequence) > terminal.raw.index(b"\x1b[?1049h")


def test_q_leaves_and_says_that_jobs_go_on(busy: Settings, terminals: Start) -> None:
    before = jobs_on_disk(busy)
    terminal = open_app(terminals, busy)
    terminal.press("q")
    terminal.wait_for_end()
    assert terminal.code == 0
    assert b"2 jobs go on; `finetui` brings you back." in terminal.raw
    assert_restored(terminal)
    assert jobs_on_disk(busy) == before


def test_ctrl_c_hints_and_leaves_when_pressed_twice(busy: Settings, terminals: Start) -> None:
    terminal = open_app(terminals, busy)
    terminal.press("\x03")
    terminal.wait_for("Ctrl+C again leaves")
    assert terminal.code is None
    terminal.press("\x03")
    terminal.wait_for_end()
    assert terminal.code == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_leaves_with_the_terminal_restored(
    busy: Settings, terminals: Start, number: signal.Signals
) -> None:
    terminal = open_app(terminals, busy)
    os.kill(terminal.pid, number)
    terminal.wait_for_end()
    assert terminal.code == 128 + number
    assert_restored(terminal)


ASLEEP = """
import sys
from textual.app import App
from textual.widgets import Static
from finetui.tui import endings

class Asleep(App[None]):
    def compose(self):
        yield Static("nothing to do")

app = Asleep()
with endings.handled(app):
    app.run()
sys.exit(app.return_code or 0)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_wakes_an_app_that_has_nothing_to_do(
    busy: Settings, terminals: Start, number: signal.Signals
) -> None:
    # Given an app without a timer that would wake it
    terminal = terminals(busy, start=ASLEEP)
    terminal.wait_for("nothing to do")
    while terminal.read(1.0):
        pass
    os.kill(terminal.pid, number)
    assert terminal.wait_for_end(3.0) < 3.0
    assert terminal.code == 128 + number


def test_when_the_terminal_vanishes_the_app_ends_at_once(busy: Settings, terminals: Start) -> None:
    before = jobs_on_disk(busy)
    terminal = open_app(terminals, busy)
    terminal.vanish()
    assert terminal.wait_for_end(2.0) < 2.0
    assert jobs_on_disk(busy) == before


def test_it_ends_too_where_hangups_are_ignored(
    busy: Settings, terminals: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    # As under nohup, and where a shell keeps the signal from its children.
    signal_before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        terminal = terminals(busy)
    finally:
        signal.signal(signal.SIGHUP, signal_before)
    terminal.wait_for("support-bot")
    terminal.vanish()
    assert terminal.wait_for_end(2.0) < 2.0


def test_it_ends_while_the_terminal_takes_nothing_more(busy: Settings, terminals: Start) -> None:
    terminal = open_app(terminals, busy)
    # Nobody reads: the driver's queue fills and blocks the app. Then the connection breaks.
    for size in (100, 81, 120, 82, 140, 83, 160, 84):
        terminal.resize(size, 40)
        time.sleep(0.05)
    terminal.vanish()
    assert terminal.wait_for_end(2.0) < 2.0


def test_a_storm_of_sizes_is_survived(busy: Settings, terminals: Start) -> None:
    terminal = open_app(terminals, busy)
    for turn in range(200):
        terminal.resize(20 + turn * 7 % 150, 3 + turn * 5 % 50)
        terminal.read(0.002)
    terminal.resize(80, 24)
    terminal.press("?")
    terminal.wait_for("In this pane")
    terminal.press("\x1b")
    terminal.wait_for(lambda text: "In this pane" not in text and "4 GPU" in text)
    terminal.press("q")
    terminal.wait_for_end()
    assert terminal.code == 0


def test_an_idle_screen_sends_next_to_nothing(settings: Settings, terminals: Start) -> None:
    add_job(settings, "finished", JobState.succeeded, metrics=50, log="the end\n")
    terminal = terminals(settings)
    terminal.wait_for("finished")
    terminal.wait_for("RAM")
    until = time.monotonic() + 2
    while time.monotonic() < until:
        terminal.read()
    before = len(terminal.raw)
    until = time.monotonic() + 3
    while time.monotonic() < until:
        terminal.read()
    # Only a machine whose memory moves is drawn: a line each two seconds.
    assert len(terminal.raw) - before < 1500

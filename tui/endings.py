"""How the app ends when nobody pressed q: signals, and a terminal that vanishes.

Textual 8.2.8 handles neither SIGTERM nor SIGHUP, and lives on at half a core when its terminal is gone: its
writer waits for ever on a dead descriptor. So SIGTERM and SIGINT leave in good order, with the terminal
restored; SIGHUP too where there still is a terminal; and a thread waits for the terminal's end and then
ends the process at once. Nothing is lost by that: jobs live in processes of their own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import select
import signal
import sys
import termios
import threading
from collections.abc import Iterator
from types import FrameType
from typing import Any

from textual.app import App

GRACE_SECONDS = 5.0
"""A leave in good order that takes longer (a terminal that takes no more bytes) is cut short."""


@contextlib.contextmanager
def handled(app: App[Any]) -> Iterator[None]:
    """While inside, signals and a vanished terminal end the app. For the main thread."""
    terminal = _terminal()
    attributes = None
    if terminal is not None:
        with contextlib.suppress(termios.error):
            attributes = termios.tcgetattr(terminal)
        threading.Thread(
            target=_wait_for_end_of, args=(terminal,), name="finetui-terminal", daemon=True
        ).start()

    def leave(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGHUP and (terminal is None or _gone(terminal, 0)):
            os._exit(128 + number)
        timer = threading.Timer(GRACE_SECONDS, _cut_short, args=(terminal, attributes, 128 + number))
        timer.daemon = True
        timer.start()
        app.exit(return_code=128 + number)
        # Python goes on waiting for input where a signal interrupted it (PEP 475): without this the app would
        # leave when its next timer wakes it.
        with contextlib.suppress(RuntimeError):  # before its loop runs, or after
            asyncio.get_running_loop().call_soon_threadsafe(lambda: None)

    before = {
        number: signal.signal(number, leave) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminal() -> int | None:
    with contextlib.suppress(AttributeError, OSError, ValueError):
        descriptor = sys.__stdin__.fileno()  # type: ignore[union-attr]
        return descriptor if os.isatty(descriptor) else None
    return None


def _gone(terminal: int, milliseconds: int | None) -> bool:
    """Whether the terminal's other end is closed, asked for so long (None: until it is)."""
    waiter = select.poll()
    # No event is asked for: the end is always told (poll(2)), and input is not ours to see.
    waiter.register(terminal, 0)
    return bool(waiter.poll(milliseconds))


def _wait_for_end_of(terminal: int) -> None:
    if _gone(terminal, None):
        os._exit(128 + signal.SIGHUP)


def _cut_short(terminal: int | None, attributes: list[Any] | None, code: int) -> None:
    if terminal is not None and attributes is not None:
        with contextlib.suppress(termios.error, OSError):
            termios.tcsetattr(terminal, termios.TCSANOW, attributes)
    os._exit(code)

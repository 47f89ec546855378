"""Threads that look at jobs, files and hardware for the app; what they see is posted as messages.

Daemon threads and not Textual's workers: a slow disk or a sick GPU must not hold up leaving, and Textual
waits for its workers. What they look at (`looks`) is only read (and engines asked to sync), so they may end
at any moment.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from textual.message_pump import MessagePump

from .messages import WatchFailed


class Watcher:
    """Calls `look` again and again in a daemon thread; it returns how many seconds to wait."""

    def __init__(self, target: MessagePump, name: str, look: Callable[[], float]) -> None:
        """`target`: hears of an error; `look` posts what it sees to whom it likes."""
        self._target, self._look = target, look
        self._wake, self._ended = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name=f"finetui-{name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def wake(self) -> None:
        """Look at once."""
        self._wake.set()

    def stop(self) -> None:
        """Look no more; returns at once."""
        self._ended = True
        self._wake.set()

    def _run(self) -> None:
        while not self._ended:
            self._wake.clear()
            try:
                seconds = self._look()
            except Exception as error:  # noqa: BLE001 - a thread's error would go unseen: the app ends with it
                self._target.post_message(WatchFailed(error))
                return
            self._wake.wait(seconds)

"""Being asked to stop: SIGTERM, or the end of file on the descriptor that ties us to whoever started us.

Set up before torch is imported: its import takes seconds, and a stop in them must not be lost. Python runs
its signal handlers between byte codes only, which a long call into C delays; the wake-up descriptor is
written by the C handler at once, and a thread reads it.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Callable


class Stopped(Exception):
    """Training was left where no update is pending: what is kept is the last checkpoint, if there is one."""


class Stop:
    """The wish to stop.

    Until `wait_for_boundary` nothing is worth saving, and a stop ends the process at once; from then on it
    only sets `requested`, which training looks at between updates and in evaluations.

    Args:
        leave: called, once, in another thread, for a stop at once; ends the process.
    """

    def __init__(self, leave: Callable[[], None]) -> None:
        self._leave = leave
        self._lock = threading.Lock()
        self._requested = threading.Event()
        self._at_once = True

    @property
    def requested(self) -> bool:
        return self._requested.is_set()

    def listen(self, life: int | None) -> None:
        """Obey SIGTERM and the end of file on `life`; ignore what a closing terminal sends."""
        reader, writer = os.pipe()
        os.set_blocking(writer, False)
        signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        signal.signal(signal.SIGTERM, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if life is not None:
            os.set_inheritable(life, False)
        threading.Thread(target=self._watch, args=(reader, life), name="stop", daemon=True).start()

    def wait_for_boundary(self) -> None:
        """From here on there is something to save: a stop waits for the end of the update."""
        with self._lock:
            self._at_once = False

    def _watch(self, signals: int, life: int | None) -> None:
        watched = [signals] if life is None else [signals, life]
        while True:
            ready, _, _ = select.select(watched, [], [])
            if signals in ready or os.read(ready[0], 4096) == b"":
                break
        with self._lock:
            self._requested.set()
            if self._at_once:
                self._leave()

"""Seeing to it that a scheduler lives while jobs wait: what every command, app and supervisor calls."""

from __future__ import annotations

import fcntl
import os
import subprocess

from ..home import Home
from ..store import Store
from .processes import start_detached

_started: list[subprocess.Popen[bytes]] = []


def lock(home: Home) -> int | None:
    """Take the machine's scheduler lock without waiting; None where a scheduler lives."""
    home.machine.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(home.scheduler_lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def ensure(home: Home) -> None:
    """Start a scheduler where jobs of this machine wait and none lives. Anybody may call it at any time."""
    _started[:] = [process for process in _started if process.poll() is None]
    if not home.jobs.is_dir() or not Store(home).queued():
        return
    descriptor = lock(home)
    if descriptor is None:
        return
    os.close(descriptor)
    # Two that get here at once start two; the second finds the lock taken and ends.
    _started.append(start_detached("finetui.engines.local.scheduler", [str(home.path)], home.scheduler_log))

"""Which machine this is, and whether a process that was written down still lives."""

from __future__ import annotations

import hashlib
import os
import socket
import uuid
from functools import cache
from pathlib import Path

import msgspec


@cache
def machine_id() -> str:
    """A name for this machine that survives reboots: of its machine-id (or network card) and host name.

    The host name counts because containers made from one image share /etc/machine-id.
    `FINETUI_MACHINE_ID` overrides it where host names change at every start.
    """
    if given := os.environ.get("FINETUI_MACHINE_ID"):
        return given
    try:
        source = Path("/etc/machine-id").read_text().strip()
    except OSError:
        source = ""
    source = source or f"{uuid.getnode():x}"
    return hashlib.sha256(f"{source} {host()}".encode()).hexdigest()[:16]


def host() -> str:
    """This machine's name, as people know it."""
    return socket.gethostname()


@cache
def boot_id() -> str:
    """A name for this boot of the machine; pids of another boot mean nothing."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        import psutil  # where there is no /proc: Linux does without

        return f"{psutil.boot_time():.0f}"


@cache
def _pid_namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


class ProcessIdentity(msgspec.Struct, frozen=True):
    """One process, named so that no other can be taken for it."""

    pid: int
    started: float
    """Start time: seconds since boot on Linux (a clock set anew does not move it), else unix seconds."""
    boot: str
    namespace: str
    machine: str

    @classmethod
    def of(cls, pid: int) -> ProcessIdentity | None:
        """The identity of a living process; None where it has gone."""
        started = _started(pid)
        return None if started is None else cls(pid, started, boot_id(), _pid_namespace(), machine_id())

    def alive(self) -> bool | None:
        """True, False, or None where it can't be told from here (another machine or pid namespace)."""
        if self.machine != machine_id():
            return None
        if self.boot != boot_id():
            return False
        if self.namespace != _pid_namespace():
            return None
        started = _started(self.pid)
        return started is not None and abs(started - self.started) < 0.02


def _started(pid: int) -> float | None:
    """When a process started; None where there is none, or only its zombie."""
    try:
        # proc(5): the fields after the last ")" begin with the state, field 3; starttime is field 22.
        # Bytes: the name between the brackets is cut at 15 of them, in the middle of a character too.
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        return None if fields[0] == b"Z" else int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            return None
    except (OSError, IndexError, ValueError):
        return None
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    except psutil.Error:
        return None

"""Processes that outlive us: how they are started and ended, and whether logging out would kill them."""

from __future__ import annotations

import getpass
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from ..machine import ProcessIdentity


def start_detached(
    module: str, arguments: Sequence[str], log: Path, keep: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a module of ours in a session of its own, without a terminal.

    SIGHUP is ignored from the first instruction on: the disposition is inherited.

    Args:
        log: where its output goes.
        keep: descriptors that it inherits (locks).

    Returns:
        The process; poll it, so that its end leaves no zombie while we live.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "ab") as output:
        return subprocess.Popen(
            # -P: the working directory is the user's and may hold a finetui/ or a json.py.
            ["nohup", sys.executable, "-P", "-m", module, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            pass_fds=tuple(keep),
            cwd="/",
        )


def logout_kills() -> str | None:
    """A warning with the mending command where logging out ends a user's processes; else None.

    systemd-logind does so with KillUserProcesses=yes and no lingering (logind.conf(5)).
    """
    if not Path("/run/systemd/system").is_dir():
        return None
    kills = False
    places = [Path("/usr/lib/systemd"), Path("/run/systemd"), Path("/etc/systemd")]
    files = [path / "logind.conf" for path in places]
    files += [file for path in places for file in sorted((path / "logind.conf.d").glob("*.conf"))]
    for file in files:
        try:
            found = re.findall(r"^\s*KillUserProcesses\s*=\s*(\S+)", file.read_text(), re.MULTILINE)
        except OSError:
            continue
        if found:
            kills = found[-1].lower() in ("yes", "true", "1", "on")
    user = getpass.getuser()
    if not kills or os.geteuid() == 0 or Path("/var/lib/systemd/linger", user).exists():
        return None
    return (
        f"logging out ends your processes on this machine, jobs too; `loginctl enable-linger {user}` mends it"
    )


def kill_group(trainer: ProcessIdentity | None) -> bool:
    """SIGKILL a trainer and its children, if that pid is provably still the trainer; whether it was sent."""
    return trainer is not None and _sent(trainer, os.killpg, signal.SIGKILL)


def terminate(supervisor: ProcessIdentity | None) -> bool:
    """SIGTERM a supervisor, which then stops its job, if that pid is provably it; whether it was sent."""
    return supervisor is not None and _sent(supervisor, os.kill, signal.SIGTERM)


def _sent(to: ProcessIdentity, send: Callable[[int, int], None], number: int) -> bool:
    if not to.alive():
        return False
    try:
        send(to.pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True

"""A process that was written down is recognised, and no other is taken for it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec
import pytest
from finetui.engines import machine
from finetui.engines.machine import ProcessIdentity, boot_id, host, machine_id

WAIT = "import sys; sys.stdin.read()"


@contextmanager
def waiting(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that lives until the end of the block."""
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        yield process


def identity(pid: int) -> ProcessIdentity:
    found = ProcessIdentity.of(pid)
    assert found is not None
    return found


def test_a_process_is_recognised_while_it_lives() -> None:
    with waiting(sys.executable, "-c", WAIT) as process:
        seen = identity(process.pid)
        assert seen == identity(process.pid) and seen.alive() is True
        assert msgspec.json.decode(msgspec.json.encode(seen), type=ProcessIdentity) == seen
    assert seen.alive() is False
    assert ProcessIdentity.of(process.pid) is None


def test_a_zombie_does_not_live() -> None:
    with waiting(sys.executable, "-c", WAIT) as process:
        seen = identity(process.pid)
        assert process.stdin
        process.stdin.close()
        # Waits for the end without taking the zombie away.
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert seen.alive() is False and ProcessIdentity.of(process.pid) is None


def test_a_pid_that_was_given_again_is_another_process() -> None:
    here = identity(os.getpid())
    assert msgspec.structs.replace(here, started=here.started - 5).alive() is False
    assert msgspec.structs.replace(here, boot="another boot").alive() is False


def test_what_cannot_be_known_from_here_is_not_guessed() -> None:
    here = identity(os.getpid())
    assert msgspec.structs.replace(here, machine="another").alive() is None
    assert msgspec.structs.replace(here, namespace="pid:[1]").alive() is None


@pytest.mark.parametrize("name", ["a) R 1 2 (b", "spaces and )", "abcdefghijklmné", "\udcff\udcfe"])
def test_a_process_lives_whatever_its_name_is(tmp_path: Path, name: str) -> None:
    """The kernel keeps 15 bytes of a program's name, and may cut it in the middle of a character."""
    program = tmp_path / name
    shutil.copy("/bin/cat", program)
    with waiting(str(program)) as process:
        assert identity(process.pid).alive() is True


def test_a_machine_has_one_name_that_can_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine_id() == machine_id() and len(machine_id()) == 16
    monkeypatch.setenv("FINETUI_MACHINE_ID", "gpu-box-3")
    machine_id.cache_clear()
    try:
        assert machine_id() == "gpu-box-3"
    finally:
        machine_id.cache_clear()


def test_machines_of_one_image_differ_by_their_host_name(monkeypatch: pytest.MonkeyPatch) -> None:
    here = machine_id()
    machine_id.cache_clear()
    monkeypatch.setattr(machine, "host", lambda: "another-container")
    try:
        assert machine_id() != here
    finally:
        machine_id.cache_clear()


def test_another_process_gives_the_same_names() -> None:
    code = "from finetui.engines.machine import *; print(machine_id(), boot_id(), host())"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.split() == [machine_id(), boot_id(), host()]

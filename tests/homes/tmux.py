"""A tmux server of a test's own: a real terminal that outlives the app, or dies with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

COLUMNS, LINES = 80, 24


class Tmux:
    """One tmux server of its own: nothing of the user's is seen or touched."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def __call__(self, *arguments: str) -> str:
        command = ["tmux", "-f", "/dev/null", "-S", str(self.socket), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=20, check=False).stdout

    def open(self, name: str, command: str) -> None:
        """Run a command in a session of its own."""
        # So that what an app copies (OSC 52) becomes a buffer of the server.
        copying = ("start-server", ";", "set-option", "-s", "set-clipboard", "on", ";")
        size = ("-x", str(COLUMNS), "-y", str(LINES))
        deadline = time.monotonic() + 10
        # A server that was just killed refuses the next session for a moment.
        while name not in self("list-sessions", "-F", "#{session_name}").split():
            assert time.monotonic() < deadline, "tmux opens no session"
            self(*copying, "new-session", "-d", "-s", name, *size, command)

    def screen(self, name: str) -> str:
        return self("capture-pane", "-p", "-t", name)

    def wait_for(self, name: str, text: str, seconds: float = 20) -> None:
        """Until a session's screen shows a text."""
        deadline = time.monotonic() + seconds
        while text not in self.screen(name):
            if time.monotonic() > deadline:
                raise AssertionError(f"no {text!r} on the screen:\n{self.screen(name)}")
            time.sleep(0.05)

    @property
    def copied(self) -> str:
        """What the programs in it put on the clipboard last."""
        return self("show-buffer")

    def press(self, name: str, *keys: str) -> None:
        """Keys as tmux names them; other text is typed."""
        self("send-keys", "-t", name, *keys)


@pytest.fixture
def tmux(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tmux]:
    if shutil.which("tmux") is None:
        pytest.skip("tmux is not installed")
    # A socket's path is at most 107 bytes long; pytest's own folders may be longer.
    server = Tmux(Path(f"/tmp/finetui-test-{os.getpid()}.tmux"))
    yield server
    server("kill-server")
    server.socket.unlink(missing_ok=True)

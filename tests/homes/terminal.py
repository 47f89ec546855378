"""The app in a real pseudo terminal: keys go in, a screen comes out, and the terminal can vanish."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import pyte

START = """
import sys
from pathlib import Path
from finetui.engines.home import Home
from finetui.engines.settings import Settings
from finetui.tui.app import run
home = Path(sys.argv[1])
sys.exit(run(Settings(Home(home), home.parent / "config.toml")))
"""


class Terminal:
    """One run of the app. `raw` is all that it sent, `screen` what a terminal made of it."""

    def __init__(self, home: Path, columns: int = 80, rows: int = 24, start: str = START) -> None:
        """`start`: what Python runs there; it gets the home as its argument."""
        self.raw = b""
        self.bytes_a_second: float | None = None
        """How much the line to this terminal carries; None: all at once."""
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            for name in ("COLUMNS", "LINES"):  # they would count more than the terminal's size
                os.environ.pop(name, None)
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor")
            # Not execv: readline puts COLUMNS and LINES where os.environ does not see them.
            os.execve(sys.executable, [sys.executable, "-c", start, str(home)], dict(os.environ))
        self.resize(columns, rows)
        self._code: int | None = None

    def resize(self, columns: int, rows: int) -> None:
        """As a window manager does: the size, and SIGWINCH to the foreground."""
        self.screen.resize(rows, columns)
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def read(self, seconds: float = 0.05) -> bytes:
        """What comes within a time; empty where nothing does or the app has ended."""
        if not select.select([self.master], [], [], seconds)[0]:
            return b""
        try:
            data = os.read(self.master, 65536 if self.bytes_a_second is None else 1024)
        except OSError:
            return b""
        if self.bytes_a_second is not None:
            time.sleep(len(data) / self.bytes_a_second)
        self.raw += data
        # pyte takes CSI with private parameters ("\\x1b[>4;1m") for text: the app's own are taken out.
        self._stream.feed(data)
        return data

    @property
    def text(self) -> str:
        return "\n".join(self.screen.display)

    def wait_for(self, seen: str | Callable[[str], bool], seconds: float = 20.0) -> str:
        """Read until the screen shows something.

        Raises:
            AssertionError: it never does; the screen is in the message.
        """
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            if (seen in self.text) if isinstance(seen, str) else seen(self.text):
                return self.text
            self.read()
            if self.code is not None and not self.read(0):
                break
        raise AssertionError(f"{seen!r} was not shown (exit {self.code}):\n{self.text}")

    @property
    def code(self) -> int | None:
        """The exit code, or -N after signal N; None while it lives."""
        if self._code is None:
            with contextlib.suppress(ChildProcessError):
                pid, status = os.waitpid(self.pid, os.WNOHANG)
                if pid:
                    self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait_for_end(self, seconds: float = 5.0) -> float:
        """Seconds until it ended.

        Raises:
            AssertionError: it lives on.
        """
        begun = time.monotonic()
        while time.monotonic() < begun + seconds:
            if self.code is not None:
                while self.master >= 0 and self.read(0):
                    pass
                return time.monotonic() - begun
            if self.master >= 0:
                self.read(0.02)
            else:
                time.sleep(0.02)
        raise AssertionError(f"it lives on after {seconds} s:\n{self.text}")

    def vanish(self) -> None:
        """As when the connection breaks: the other end of the terminal is closed."""
        os.close(self.master)
        self.master = -1

    def end(self) -> None:
        if self.code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        if self.master >= 0:
            self.vanish()

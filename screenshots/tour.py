"""Records a tour through the real app in a terminal of 80 by 24: an asciinema cast, and a GIF made from it.

`python screenshots/tour.py` types what a user would: the first start, the demo's job, tuned beside base, rows
of the dataset, the form for a new job, leaving. Times are those of the run, but for waits: while a job trains
and models load the recording is FASTER times as fast. The cast is of version 2
(docs.asciinema.org/manual/asciicast/v2).
"""

# ruff: noqa: T201 (it is a program: what it prints is its result)

from __future__ import annotations

import argparse
import codecs
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time
from collections.abc import Mapping
from pathlib import Path

import pyte

sys.path.insert(0, str(Path(__file__).resolve().parent))

from stage import HERE, Stage, stage

COLUMNS, ROWS = 80, 24
FASTER = 6.0
FRAME_SECONDS = 0.1
"""What changes sooner is one frame of the GIF."""
CELL = (9, 20)
COLOURS = 200
KEYS = {"enter": "\r", "escape": "\x1b", "right": "\x1b[C", "tab": "\t"}
OTHER_SCREEN, BACK = "\x1b[?1049h", "\x1b[?1049l"
"""To the screen that full-screen programs have to themselves, and back to the shell's."""
SWITCH = re.compile(r"(\x1b\[\?1049[hl])")
CLEARED = "\x1b[0m\x1b[2J\x1b[H"
NOT_PAINTED = re.compile(r"\x1b\[[<>=][0-9;:]*[a-zA-Z]|\x1b\[\?[0-9;]*\$[a-z]")
"""What pyte takes for text: keyboard modes and questions to the terminal."""


class Shown:
    """What a terminal shows of what it is sent. pyte has one screen; a terminal has another for programs."""

    def __init__(self) -> None:
        self.screen = pyte.Screen(COLUMNS, ROWS)
        self._stream = pyte.Stream(self.screen)
        self._shell: list[str] | None = []
        """What the shell's screen was sent; it comes again when a program gives its own back."""
        self._kept: list[str] = []

    def feed(self, text: str) -> None:
        for part in SWITCH.split(text):
            if part == OTHER_SCREEN:
                self._kept, self._shell = self._shell or [], None
                self._stream.feed(CLEARED)
            elif part == BACK:
                self._shell = self._kept
                self._stream.feed(CLEARED + "".join(self._shell))
            else:
                painted = NOT_PAINTED.sub("", part)
                if self._shell is not None:
                    self._shell.append(painted)
                self._stream.feed(painted)


class Recorder:
    """A program in a pseudo terminal, and when it sent what."""

    def __init__(self, arguments: list[str], folder: Path, environment: Mapping[str, str]) -> None:
        self.events: list[tuple[float, str]] = []
        """Seconds of the recording, and text."""
        self.faster = 1.0
        """How much faster than it happens time goes on in the recording."""
        self._shown = Shown()
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._clock, self._now = time.monotonic(), 0.0
        self.pid, self._master = pty.fork()
        if self.pid == 0:
            os.chdir(folder)
            os.execvpe(arguments[0], arguments, dict(environment))
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))

    def read(self, seconds: float) -> None:
        """Record for a time."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            data = b""
            if select.select([self._master], [], [], left)[0]:
                try:
                    data = os.read(self._master, 65536)
                except OSError:  # it has ended
                    time.sleep(left)
            now = time.monotonic()
            self._now += (now - self._clock) / self.faster
            self._clock = now
            if text := self._decode(data):
                self.events.append((self._now, text))
                self._shown.feed(text)

    @property
    def text(self) -> str:
        """What is on the screen."""
        return "\n".join(self._shown.screen.display)

    def until(self, seen: str, seconds: float = 120.0, faster: float = FASTER) -> None:
        """Record, faster, until the screen shows what matches a pattern.

        Raises:
            TimeoutError: it never does; the screen is in the message.
        """
        self.faster, begun = faster, time.monotonic()
        while not re.search(seen, self.text):
            if time.monotonic() > begun + seconds:
                raise TimeoutError(f"{seen!r} not shown:\n{self.text}")
            self.read(0.05)
        self.faster = 1.0

    def press(self, key: str, rest: float = 1.0) -> None:
        """Press a key and look at what comes of it, for some seconds."""
        os.write(self._master, KEYS.get(key, key).encode())
        self.read(rest)

    def write(self, text: str) -> None:
        """Type."""
        for character in text:
            self.press(character, 0.05)

    def end(self) -> None:
        """End it and what it started in this terminal."""
        os.close(self._master)
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)


def tour(home: Stage) -> Recorder:
    """Go through the app; the recording of it."""
    program = home.folder / "bin" / "finetui"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {home.python} -m finetui.tui.cli "$@"\n')
    program.chmod(0o755)
    environment = home.environment() | {"PS1": "gpu-box-3:~$ "}
    environment["PATH"] = f"{program.parent}{os.pathsep}{environment['PATH']}"
    screen = Recorder(["sh", "-i"], home.folder, environment)
    try:
        screen.until(r"\$ ", faster=1.0)
        screen.read(0.8)
        screen.write("finetui")
        screen.press("enter", 0.5)
        screen.until("Welcome", faster=1.0)
        screen.read(3.0)
        screen.press("enter", 1.0)
        screen.press("D", 1.5)
        screen.until(r"● +demo")
        screen.until(r"✓ +demo")
        screen.read(2.5)
        screen.press("p", 1.0)
        screen.until("demo")
        screen.read(1.0)
        screen.write("A table for two on Friday at eight, please. Ada")
        screen.press("enter", 0.5)
        screen.until('"guests"')
        screen.read(4.0)
        screen.press("escape", 1.0)
        screen.press("2", 1.0)
        screen.press("enter", 0.5)
        # The row as the model's template renders it, and no longer as it is stored
        screen.until(r"(?s)\A(?!.*rendering).*row 1 of")
        screen.read(2.5)
        screen.press("right", 1.5)
        screen.press("right", 1.5)
        screen.press("escape", 1.0)
        screen.press("n", 3.5)
        screen.press("escape", 1.0)
        screen.press("q", 2.0)
    finally:
        screen.end()
    return screen


def write_cast(recorded: Recorder, path: Path) -> None:
    """As asciinema plays it: a header, then a line for each piece of output."""
    header = {
        "version": 2,
        "width": COLUMNS,
        "height": ROWS,
        "title": "finetui: from the first start to a tuned model",
        "env": {"TERM": "xterm-256color", "SHELL": "/bin/sh"},
        "idle_time_limit": 3,
    }
    lines = [header, *([round(at, 3), "o", text] for at, text in recorded.events)]
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), "utf-8")


def write_gif(recorded: Recorder, path: Path) -> None:
    """Frames where the screen has changed, in one palette, so that only what changed is stored."""
    from paint import Painter
    from PIL import Image

    painter, shown = Painter(*CELL), Shown()
    screen = shown.screen
    frames: list[Image.Image] = []
    begins: list[float] = []
    events = recorded.events
    for number, (at, text) in enumerate(events):
        shown.feed(text)
        later = events[number + 1][0] if number + 1 < len(events) else at + 3.0
        if later - (begins[-1] if begins else float("-inf")) < FRAME_SECONDS or not screen.dirty:
            continue
        screen.dirty.clear()
        frames.append(painter.picture(screen, margin=CELL[0]))
        begins.append(at)
    sample = Image.new("RGB", (frames[0].width, frames[0].height * 8))
    for place in range(8):
        sample.paste(frames[place * (len(frames) - 1) // 7], (0, place * frames[0].height))
    palette = sample.quantize(COLOURS)
    flat = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    ends = [*begins[1:], begins[-1] + 3.0]
    durations = [max(round((end - begin) * 100), 2) * 10 for begin, end in zip(begins, ends, strict=True)]
    flat[0].save(path, save_all=True, append_images=flat[1:], duration=durations, loop=0, optimize=False)
    seconds, megabytes = sum(durations) / 1000, path.stat().st_size / 1e6
    print(f"{path.name}: {len(frames)} frames, {seconds:.0f} s, {megabytes:.2f} MB")


def main() -> int:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    arguments.add_argument("--out", type=Path, default=HERE, help="where the recording goes")
    out = arguments.parse_args().out.resolve()
    with stage() as home:
        recorded = tour(home)
    write_cast(recorded, out / "tour.cast")
    print(f"tour.cast: {recorded.events[-1][0]:.0f} s")
    try:
        write_gif(recorded, out / "tour.gif")
    except ImportError:
        print("no GIF: Pillow is not installed (pip install -e '.[pictures]')")
    return 0


if __name__ == "__main__":
    sys.exit(main())

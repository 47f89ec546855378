"""What commands print: one JSON document for scripts, aligned lines for people, errors with their way out."""

from __future__ import annotations

import contextlib
import os
import shutil
import sys
import textwrap
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

import msgspec

from ...engines.engine import EngineError
from ...engines.text import clean, one_line

SILENCE_SECONDS = 1.5

DONE, FAILED, WRONG = 0, 1, 2
"""Exit codes: done; the work failed or the data has errors; wrong use or bad input."""
INTERRUPTED = 130
"""What a shell says of a program that ctrl+c ended."""


class WrongUse(Exception):
    """A command line that no command takes; `description` is what `explain` gives of others."""

    def __init__(self, description: dict[str, Any]) -> None:
        super().__init__(description["message"])
        self.description = description


def print_json(value: Any) -> None:
    """One JSON document, or one line of a stream."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


_said_at = 0.0


@contextlib.contextmanager
def alive() -> Iterator[None]:
    """While nothing is said for a moment, say how long it has been: what takes long is not dead."""
    began = time.monotonic()
    done = threading.Event()

    def speak() -> None:
        while not done.wait(0.2):
            if time.monotonic() - max(_said_at, began) > SILENCE_SECONDS:
                note(f"  … {time.monotonic() - began:.0f} s")

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    try:
        yield
    finally:
        done.set()
        speaker.join()


def _spoken() -> None:
    global _said_at
    _said_at = time.monotonic()


def say(text: str = "") -> None:
    """A line for people, on stdout."""
    _spoken()
    sys.stdout.write(clean(text) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A line for people beside the answer, on stderr: progress, warnings."""
    _spoken()
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()


def say_beside(margin: str, text: str) -> None:
    """A text to the right of a margin, on stdout: on a terminal folded there, elsewhere one line."""
    for line in _beside(margin, text, sys.stdout):
        say(line)


def note_beside(margin: str, text: str) -> None:
    """The same on stderr."""
    for line in _beside(margin, text, sys.stderr):
        note(line)


def _beside(margin: str, text: str, stream: TextIO) -> list[str]:
    columns = _columns(stream)
    room = columns - len(margin) if columns else 0
    if room < 20 or len(text) <= room:
        return [(margin + text).rstrip()]
    # Paths and commands stay whole, so that they can be copied.
    folded = textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False)
    return [(" " * len(margin) if i else margin) + line for i, line in enumerate(folded)]


def table(
    rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset(), spare: Sequence[int] = ()
) -> list[str]:
    """Aligned columns; on a terminal the last one is folded where it is too wide.

    Args:
        rows: the first one is the heading.
        right: columns that are aligned to the right.
        spare: columns that a narrow terminal does without, the first one first.

    Returns:
        The headings that were left out.
    """
    lines = [[one_line(cell) for cell in row] for row in rows]
    widths = {i: max(len(line[i]) for line in lines) for i in range(len(lines[0]))}
    columns = _columns(sys.stdout)
    left_out = []
    for i in spare:
        if columns and sum(widths.values()) + 2 * (len(widths) - 1) > columns:
            left_out.append(lines[0][i])
            del widths[i]
    *first, last = widths
    for line in lines:
        cells = [line[i].rjust(widths[i]) if i in right else line[i].ljust(widths[i]) for i in first]
        text = line[last].rjust(widths[last]) if last in right else line[last]
        say_beside("".join(f"{cell}  " for cell in cells), text)
    return left_out


def has_terminal() -> bool:
    """Whether the app has what it needs: keys come from stdin, and Textual draws on stderr."""
    return sys.stdin.isatty() and sys.stdout.isatty() and sys.stderr.isatty()


def can_be_drawn_on() -> bool:
    """Whether the terminal knows how to place text: an editor's shell window says that it doesn't."""
    return os.environ.get("TERM") != "dumb"


def _columns(stream: TextIO) -> int | None:
    """The terminal's width in characters; None where the stream goes to none."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def explain(error: Exception) -> tuple[dict[str, Any], int] | None:
    """What a user's mistake or a machine's fault is called; None for a bug of ours.

    Returns:
        `{"reason", "message", "advice"}` and the exit code.
    """
    # The app asks for none of these when it opens.
    from ...engines.datasets.read import UnknownFormat
    from ...engines.datasets.training.prepare import DataError
    from ...engines.job import JobBusy
    from ...engines.settings import SettingsError
    from ...engines.spec import SpecError
    from ...engines.store import JobNotFound

    match error:
        case SettingsError():
            advice = "mend it there, or let FINETUI_CONFIG and FINETUI_HOME lead elsewhere"
            return {"reason": "settings", "message": str(error), "advice": advice}, WRONG
        case SpecError():
            return {
                "reason": "spec",
                "message": str(error),
                "advice": "`finetui run --help` shows an example",
            }, WRONG
        case DataError():
            return {
                "reason": "data",
                "message": str(error),
                "advice": "`finetui check FILE` shows all",
            }, FAILED
        case UnknownFormat():
            return {"reason": "usage", "message": str(error), "advice": ""}, WRONG
        case EngineError():
            code = FAILED if error.reason == "missing_package" else WRONG
            return {"reason": error.reason, "message": error.message, "advice": error.advice}, code
        case JobNotFound():
            return {"reason": "not_found", "message": str(error), "advice": ""}, WRONG
        case JobBusy():
            return {"reason": "busy", "message": str(error), "advice": ""}, WRONG
        case OSError():
            where = f"{error.filename}: " if error.filename else ""
            full = error.errno == 28
            advice = "free some disk space" if full else "check the path and its permissions"
            message = f"{where}{error.strerror or error}"
            return {"reason": "disk_full" if full else "files", "message": message, "advice": advice}, FAILED
    return None


def check_home(home: Path) -> None:
    """Whether jobs can live there, or could once the folder is made.

    Raises:
        EngineError: the path, or one of its parents, is a file.
    """
    existing = next(path for path in (home, *home.parents) if path.exists())
    if not existing.is_dir():
        what = "it is a file" if existing == home else f"{existing} is a file"
        raise EngineError("files", f"{home} can't hold jobs: {what}", "set FINETUI_HOME to a folder of yours")


def size(count: float | None) -> str:
    """Bytes for people: GiB from one GiB on, else MiB."""
    if count is None:
        return "?"
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def plural(count: int, what: str) -> str:
    """A count of things: `1 row`, `1,200 rows`."""
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"


def chosen(value: Any) -> str:
    """A planned value as a spec file writes it, or a dash where nothing is chosen."""
    match value:
        case None:
            return "–"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}"
        case _:
            return str(value)


def number(value: float | None, digits: int = 4) -> str:
    """A measured number, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}g}"

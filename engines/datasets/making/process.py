"""A new file made from a dataset (converted, split or mended) by a process that can be stopped at any time.

`python -m …making` reads what is asked as JSON on stdin, and tells how far it is and at last what was written
or why nothing was, a line of JSON each.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from ...records import UNREADABLE
from ..problem import Problem

if TYPE_CHECKING:  # the process reads them
    from ..checking.check import Done

TELL_SECONDS = 0.2
"""Between words of how far it is."""
STOP_SECONDS = 10.0
"""What was half written is removed in that time."""

SUFFIXES = (".gz", ".zst", ".jsonl", ".ndjson", ".jsonlines", ".json", ".csv", ".tsv", ".parquet")


class Conversion(msgspec.Struct, frozen=True, tag="convert"):
    """Rows in another form or as they stand; split where `held_out` is named. See `convert.convert`."""

    path: str
    out: str
    to: str | None = None
    lossy: bool = False
    held_out: str | None = None
    held_rows: int | None = None
    held_share: float | None = None
    seed: int = 42
    group: str | None = None
    format: str | None = None
    columns: dict[str, str] | None = None


class Mending(msgspec.Struct, frozen=True, tag="fix"):
    """Rows put right where that needs no guess: see `fix.fix`."""

    path: str
    out: str
    target: str | None = None
    format: str | None = None
    columns: dict[str, str] | None = None


class Reached(msgspec.Struct, frozen=True, tag="reached"):
    """How far it is: the share of the source that was read, 0 to 1, and rows."""

    share: float
    rows: int


class Made(msgspec.Struct, frozen=True, tag="made"):
    """What was written.

    Args:
        files: absolute paths; of a split the second has the held-out rows.
        rows: in each.
        changes: what was done to rows, in words, and how often.
        losses: what was lost, in words, and in how many rows.
        left_out: rows that could not be kept.
        examples: why, with lines of the source.
    """

    files: tuple[str, ...]
    rows: tuple[int, ...]
    changes: dict[str, int] = {}
    losses: dict[str, int] = {}
    left_out: int = 0
    examples: tuple[Problem, ...] = ()


class Refusal(msgspec.Struct, frozen=True, tag="refused"):
    """Why nothing was written. `losses`: what the form has no place for, and in how many rows."""

    message: str
    advice: str = ""
    losses: dict[str, int] = {}


Asked = Conversion | Mending
Said = Reached | Made | Refusal


class Making:
    """One file, or two, in the making. `run` in one thread; `stop` from any ends it early."""

    def __init__(self, asked: Asked) -> None:
        self._asked = asked
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def stop(self) -> None:
        """End it; nothing of it is left on the disk."""
        with self._lock:
            self._stopped = True
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(signal.SIGINT)

    def run(self, progress: Callable[[Reached], None]) -> Made | Refusal | None:
        """Make it.

        Args:
            progress: called now and then.

        Returns:
            What was written, or why nothing was; None where it was stopped.
        """
        with tempfile.TemporaryFile() as errors:
            with self._lock:
                if self._stopped:
                    return None
                self._process = process = subprocess.Popen(
                    [sys.executable, "-m", __name__],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    start_new_session=True,  # ctrl+c is the app's
                )
            result = self._told(process, progress)
            if result is not None:
                return result
            if self._stopped:
                return None
            errors.seek(0)
            last = errors.read().decode(errors="replace").strip().splitlines()[-1:]
        return Refusal(f"The work ended with status {process.returncode}. {' '.join(last)}".strip())

    def _told(
        self, process: subprocess.Popen[bytes], progress: Callable[[Reached], None]
    ) -> Made | Refusal | None:
        assert process.stdin is not None and process.stdout is not None
        result: Made | Refusal | None = None
        with process:
            with contextlib.suppress(OSError):  # it ended already
                process.stdin.write(msgspec.json.encode(self._asked))
                process.stdin.close()
            for line in process.stdout:
                with contextlib.suppress(*UNREADABLE):
                    said = msgspec.json.decode(line, type=Said)
                    if isinstance(said, Reached):
                        progress(said)
                    else:
                        result = said
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        return result


def make(asked: Asked, progress: Callable[[Reached], None]) -> Made | Refusal:
    """Do what is asked, here and now."""
    from ...engine import EngineError
    from ..read import UnknownFormat
    from ..targets.registry import UnknownTarget
    from .convert import Refused

    def tell(done: Done) -> None:
        progress(Reached(min(done.bytes / done.size_bytes, 1.0) if done.size_bytes else 0.0, done.rows))

    try:
        return _convert(asked, tell) if isinstance(asked, Conversion) else _fix(asked, tell)
    except Refused as refused:
        if refused.reason == "losses":
            return Refusal(f"{refused.message}.", losses=refused.losses)
        advice = "Name another file." if refused.reason == "exists" else refused.advice
        return Refusal(refused.message, advice)
    except EngineError as error:
        return Refusal(error.message, error.advice or "")
    except (UnknownFormat, UnknownTarget) as error:
        return Refusal(str(error))
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return Refusal(f"{where}{(error.strerror or str(error)).lower()}")


def _convert(asked: Conversion, tell: Callable[[Done], None]) -> Made:
    from .convert import Held, convert

    held = None
    if asked.held_out is not None:
        place = Path(asked.held_out)
        held = Held(place, asked.held_rows, asked.held_share, asked.seed, asked.group)
    done = convert(
        [Path(asked.path)],
        Path(asked.out),
        asked.to,
        lossy=asked.lossy,
        format=asked.format,
        columns=asked.columns,
        held=held,
        progress=tell,
    )
    files = (asked.out,) if asked.held_out is None else (asked.out, asked.held_out)
    rows = (done.rows,) if asked.held_out is None else (done.rows, done.held_rows)
    left_out = done.left_out + done.unfit_rows
    return Made(files, rows, losses=dict(done.losses), left_out=left_out, examples=done.examples)


def _fix(asked: Mending, tell: Callable[[Done], None]) -> Made:
    from .fix import fix

    done = fix(
        Path(asked.path),
        Path(asked.out),
        format=asked.format,
        columns=asked.columns,
        target=asked.target,
        progress=tell,
    )
    changes = dict(done.changes)
    return Made((asked.out,), (done.rows,), changes, left_out=done.left_out, examples=done.examples)


def name_beside(path: Path, word: str, suffix: str = "") -> Path:
    """A name for a new file beside its source that no file has yet: `train.jsonl` → `train_fixed.jsonl`.

    Args:
        word: what the new one is.
        suffix: its kind, with the dot; empty: that of the source where rows are written so, else `.jsonl`.
    """
    stem, kind = path.name, ""
    while (end := next((one for one in SUFFIXES if stem.lower().endswith(one)), "")) and stem != end:
        stem, kind = stem[: -len(end)], f"{end}{kind}"
    kind = suffix or (kind if kind in (".jsonl", ".ndjson", ".json", ".jsonl.gz") else ".jsonl")
    names = (f"{stem}_{word}{number}{kind}" for number in ("", *(f"_{n}" for n in range(2, 10_000))))
    return next(place for name in names if not (place := path.with_name(name)).exists())


def main() -> None:
    """Do what stdin asks."""
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Asked)
    os.nice(5)
    told_at = 0.0

    def say(what: Said) -> None:
        sys.stdout.buffer.write(msgspec.json.encode(what) + b"\n")
        sys.stdout.buffer.flush()

    def tell(reached: Reached) -> None:
        nonlocal told_at
        if time.monotonic() - told_at > TELL_SECONDS:
            told_at = time.monotonic()
            say(reached)

    try:
        say(make(asked, tell))
    except (KeyboardInterrupt, BrokenPipeError):  # stopped, or who asked is gone: what was written is removed
        sys.exit(130)


if __name__ == "__main__":
    main()

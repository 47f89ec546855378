"""What commands print: one JSON document for scripts, aligned lines for people, errors with their way out."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from ...engines.datasets.prepare import DataError
from ...engines.engine import EngineError
from ...engines.job import JobBusy
from ...engines.spec import SpecError
from ...engines.store import JobNotFound
from ...engines.text import clean, one_line

Json = Annotated[
    bool, Parameter(name="--json", negative="", help="One JSON document on stdout, for scripts.")
]

DONE, FAILED, WRONG = 0, 1, 2
"""Exit codes: done; the work failed or the data has errors; wrong use or bad input."""


def print_json(value: Any) -> None:
    """One JSON document, or one line of a stream."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


def say(text: str = "") -> None:
    """A line for people, on stdout."""
    sys.stdout.write(clean(text) + "\n")
    sys.stdout.flush()


def note(text: str) -> None:
    """A line for people beside the answer, on stderr: progress, warnings."""
    sys.stderr.write(clean(text) + "\n")
    sys.stderr.flush()


def table(rows: Iterable[Sequence[str]], right: frozenset[int] = frozenset()) -> None:
    """Aligned columns.

    Args:
        rows: the first one is the heading.
        right: columns that are aligned to the right.
    """
    lines = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(lines[0]))]
    for line in lines:
        cells = [
            c.rjust(w) if i in right else c.ljust(w)
            for i, (c, w) in enumerate(zip(line, widths, strict=True))
        ]
        say("  ".join(cells).rstrip())


def explain(error: Exception) -> tuple[dict[str, Any], int] | None:
    """What a user's mistake or a machine's fault is called; None for a bug of ours.

    Returns:
        `{"reason", "message", "advice"}` and the exit code.
    """
    match error:
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


def size(count: float | None) -> str:
    """Bytes for people: GiB from one GiB on, else MiB."""
    if count is None:
        return "?"
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"


def ago(seconds: float) -> str:
    """A span of time for people, in its largest unit."""
    for unit, length in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{int(seconds)} s"


def number(value: float | None, digits: int = 4) -> str:
    """A measured number, or a dash where there is none."""
    return "–" if value is None else f"{value:.{digits}g}"

"""`finetui check`: what is wrong with data, where, and the way out."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from ...engines.datasets.check import Asked, FileReport
from ...engines.datasets.check import check as check_files
from ...engines.datasets.checks.table import CHECKS
from ...engines.datasets.known import remember
from ...engines.engine import EngineError
from ...engines.settings import Settings
from ...engines.spec import SpecError
from .options import Json
from .output import DONE, FAILED, plural, print_json, say, say_beside

UNREADABLE = CHECKS["unreadable-file"].message.partition("{")[0]
SYMBOLS = {"error": "✗", "warning": "!", "note": "·"}


def register(app: cyclopts.App) -> None:
    app.command(check)


def check(
    *files: Path,
    format: str | None = None,
    all: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Check datasets. Exit status 1 where there are errors.

    Example: `finetui check train.jsonl valid.jsonl`

    Args:
        files: JSON or JSON lines of any known form.
        format: The rows' form, where it should not be detected.
        all: Every finding, not three of each kind.
    """
    if not files:
        raise EngineError("usage", "check: FILES are missing", "`finetui check --help` shows how")
    report = check_files(files, Asked(format=format, limit_examples=None if all else 3))
    _remember(files)
    if json:
        print_json(report.to_json())
    else:
        for file in report.files:
            for margin, text in lines_of(file):
                say_beside(margin, text)
        say(f"{plural(report.errors, 'error')}, {plural(report.warnings, 'warning')}")
    return FAILED if report.errors else DONE


def _remember(files: Iterable[Path]) -> None:
    """The app lists what was looked at."""
    with contextlib.suppress(OSError, SpecError):  # a home that can't be written hinders no check
        home = Settings.load().home
        for file in files:
            if file.is_file():
                remember(home, file)


def lines_of(file: FileReport) -> Iterator[tuple[str, str]]:
    """One file's report, worst first: each line's margin and its text."""
    if not file.rows and [problem.id for problem in file.problems] == ["unreadable-file"]:
        [problem] = file.problems
        reason = problem.message.removeprefix(UNREADABLE).rstrip(".")
        yield "", f"{file.path}: {reason}"
        yield "  → ", problem.fix
        return
    usable = "" if file.usable_rows == file.rows else f", {file.usable_rows:,} usable"
    yield "", f"{file.path}: {file.format or 'unknown format'}, {plural(file.rows, 'row')}{usable}"
    shown: dict[str, int] = {}
    for problem in file.problems:
        where = f"line {problem.line}" + (f", column {problem.column}" if problem.column else "")
        place = f"{where}: " if problem.line else ""
        yield f"  {SYMBOLS[problem.severity]} ", f"{place}{problem.message}"
        shown[problem.id] = shown.get(problem.id, 0) + 1
        last = shown[problem.id] == sum(other.id == problem.id for other in file.problems)
        if last:
            more = file.counts.get(problem.id, 0) - shown[problem.id]
            if more > 0:
                yield "      ", f"and {more:,} more like this"
            if problem.fix:
                yield "      → ", problem.fix

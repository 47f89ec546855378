"""`finetui check --fix OUT`: a file mended into a new one, and what was done to it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...engines.datasets.checking.check import Asked
from ...engines.datasets.formats.columns import in_words
from ...engines.datasets.making.fix import Fixed, fix
from ...engines.engine import EngineError
from ...engines.text import one_line
from .output import DONE, FAILED, plural, print_json, say, say_beside
from .progress import Progress


def fix_one(paths: Sequence[Path], out: Path, asked: Asked, overwrite: bool, json: bool) -> int:
    """Mends the one file that is named, and prints what was done.

    Returns:
        The exit status: that of a failure where rows were left out.

    Raises:
        EngineError: more than one is named, or it can't be mended.
        UnknownFormat, UnknownTarget: see `fix`.
    """
    if len(paths) != 1:
        raise EngineError("usage", "--fix takes one file", "name one file, and for each its own OUT")
    try:
        with Progress(paths) as progress:
            fixed = fix(
                paths[0],
                out,
                format=asked.format,
                columns=asked.columns,
                target=asked.target,
                overwrite=overwrite,
                progress=progress.show if progress.draws else None,
            )
    except EngineError as error:
        if error.reason != "exists":
            raise
        raise EngineError("exists", error.message, "name another file, or add --force") from None
    if json:
        print_json(fixed_to_json(out, fixed))
    else:
        for margin, text in lines_of(out, fixed):
            say_beside(margin, text)
        say(f"finetui check {shlex.quote(one_line(str(out)))}{_options(asked)} looks at it again")
    return FAILED if fixed.left_out else DONE


def _options(asked: Asked) -> str:
    """How the new file is checked as this one was."""
    options = f" --for {asked.target}" if asked.target else ""
    if asked.model:
        options += f" --model {shlex.quote(asked.model)}"
    if asked.columns:
        options += f" --columns {shlex.quote(in_words(asked.columns))}"
    return options


def lines_of(out: Path, fixed: Fixed) -> Iterator[tuple[str, str]]:
    """What was done: each line's margin and its text."""
    left_out = f", {fixed.left_out:,} left out" if fixed.left_out else ""
    yield "", f"{out}: {plural(fixed.rows, 'row')}{left_out}"
    for words, count in fixed.changes.items():
        yield "  + ", f"{words}: {count:,}"
    if not fixed.changes:
        yield "  · ", "nothing had to be changed"
    for problem in fixed.examples:
        yield "  ✗ ", f"line {problem.line}: {problem.message}" if problem.line else problem.message
        yield "    → ", problem.fix
    if fixed.left_out > len(fixed.examples):
        yield "    ", f"and {fixed.left_out - len(fixed.examples):,} more were left out"


def fixed_to_json(out: Path, fixed: Fixed) -> dict[str, Any]:
    """What `check --fix OUT --json` prints."""
    return {
        "path": str(out).encode("utf-8", "backslashreplace").decode(),  # the name need not be text
        "rows": fixed.rows,
        "changes": dict(fixed.changes),
        "left_out": fixed.left_out,
        "examples": [
            {"id": problem.id, "line": problem.line, "message": problem.message, "fix": problem.fix}
            for problem in fixed.examples
        ],
    }

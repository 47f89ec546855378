"""`finetui check`: what is wrong with data, where, and the way out."""

from __future__ import annotations

import contextlib
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter, validators

from ...engines.datasets.checking.check import Asked, FileReport, Report
from ...engines.datasets.checking.check import check as check_files
from ...engines.datasets.checks.table import CHECKS
from ...engines.datasets.formats.columns import ColumnsError, parse_columns
from ...engines.datasets.kept.known import remember
from ...engines.datasets.problem import Problem
from ...engines.datasets.sources.files import NoFiles, expand
from ...engines.datasets.targets.registry import UnknownTarget
from ...engines.datasets.tokens.report import TokenReport
from ...engines.engine import EngineError
from ...engines.settings import Settings
from ...engines.spec import SpecError
from ...engines.text import one_line
from .fix import fix_one
from .options import Json
from .output import DONE, FAILED, INTERRUPTED, note, plural, print_json, say, say_beside
from .progress import Progress

UNREADABLE = CHECKS["unreadable-file"].message.partition("{")[0]
SYMBOLS = {"error": "✗", "warning": "!", "note": "·"}
EXAMPLES = 3

_COLUMNS, _LEAST_COLUMNS = 80, 40
_LEAST_ROWS = 10
"""Of fewer the spread says nothing."""


def check(
    *files: Path,
    target: Annotated[str | None, Parameter(name="--for")] = None,
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    max_length: Annotated[int | None, Parameter(validator=validators.Number(gte=1))] = None,
    columns: str | None = None,
    format: str | None = None,
    all: Annotated[bool, Parameter(negative="")] = False,
    fix: Path | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Check datasets. Exit status 1 where there are errors.

    Example: `finetui check train.jsonl valid.jsonl --for openai --model gpt-4.1-mini`

    The files are only read. Rows that the second and later ones share with the first are told.

    Args:
        files: Files, folders, patterns: JSON, JSON lines, CSV, TSV or Parquet, perhaps with .gz or .zst.
        target: Whose rules count besides those of all: local, openai, azure, bedrock.
        model: Whose tokenizer counts.
        max_length: Longest row in tokens: what lies beyond is lost.
        columns: The files' own names for a form's keys, as in question=Frage,answer=Antwort.
        format: The rows' form, where it should not be detected.
        all: Every finding, not three of each kind.
        fix: Write the one FILE mended to this place: only what needs no guess; bad rows are left out.
        force: --fix may replace a file.
    """
    if not files:
        raise EngineError("usage", "check: FILES are missing", "`finetui check --help` shows how")
    if max_length is not None and target is None and model is None:
        raise EngineError("usage", "--max-length counts tokens: it needs --model or --for")
    try:
        paths = expand(files)
        mapped = parse_columns(columns) if columns is not None else None
        where = target or ("local" if model else None)
        asked = Asked(format, mapped, where, model, None if all else EXAMPLES, max_length)
        if fix is not None:
            return fix_one(paths, fix, asked, force, json)
        with Progress(paths) as progress:
            report = check_files(paths, asked, progress.show if progress.draws else None)
    except NoFiles as error:
        raise EngineError("files", str(error)) from error
    except ColumnsError as error:
        raise EngineError("usage", f"--columns: {error}") from error
    except UnknownTarget as error:
        raise EngineError("usage", f"--for: {error}") from error
    except KeyboardInterrupt:
        note("interrupted; no file was changed")
        return INTERRUPTED
    _remember(paths)
    if json:
        _print_json(report.to_json())
    else:
        _say(report)
    return FAILED if report.errors else DONE


def _remember(files: Iterable[Path]) -> None:
    """The app lists what was looked at."""
    # A home that can't be written hinders no check, nor does a name that is no text.
    with contextlib.suppress(OSError, SpecError, UnicodeError):
        home = Settings.load().home
        for file in files:
            if file.is_file():
                remember(home, file)


def _print_json(document: dict[str, Any]) -> None:
    try:
        print_json(document)
    except UnicodeEncodeError:  # the name of a file need not be text
        print_json(_as_text(document))


def _as_text(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-8", "backslashreplace").decode()
        case dict():
            return {_as_text(key): _as_text(one) for key, one in value.items()}
        case list() | tuple():
            return [_as_text(one) for one in value]
        case _:
            return value


def _say(report: Report) -> None:
    columns = shutil.get_terminal_size().columns if sys.stdout.isatty() else _COLUMNS
    for number, file in enumerate(report.files):
        if number:
            say()
        for margin, text in lines_of(file, columns):
            say_beside(margin, text)
    found = f"{plural(report.errors, 'error')}, {plural(report.warnings, 'warning')}"
    if len(report.files) > 1:
        say()
        found = f"{found} in {plural(len(report.files), 'file')}"
    left_out = sum(_left_out(file) for file in report.files)
    say(f"{found}; --all shows {left_out:,} more" if left_out > 0 else found)


def _left_out(file: FileReport) -> int:
    """Problems that were found and are not shown; the same note is shown once in any case."""
    found = sum(count for check, count in file.counts.items() if CHECKS[check].severity != "note")
    return found - sum(problem.severity != "note" for problem in file.problems)


def lines_of(file: FileReport, columns: int = _COLUMNS) -> Iterator[tuple[str, str]]:
    """One file's report, worst first: each line's margin and its text.

    Args:
        columns: how wide a bar may be; texts are folded later.
    """
    path = one_line(file.path)
    if not file.rows and [problem.id for problem in file.problems] == ["unreadable-file"]:
        [problem] = file.problems
        reason = one_line(problem.message).removeprefix(UNREADABLE).rstrip(".")
        yield "", f"{path}: {reason}"
        yield "  → ", one_line(problem.fix)
        return
    usable = "" if file.usable_rows == file.rows else f", {file.usable_rows:,} usable"
    head = f"{file.format or 'unknown format'}, {plural(file.rows, 'row')}{usable}"
    if file.tokens is None:
        yield "", f"{path}: {head}"
    else:
        tokens = _tokens(file.tokens)
        whole = f"{path}: {head}, {tokens}"
        if len(whole) <= columns:
            yield "", whole
        else:
            yield "", f"{path}: {head}"
            yield "  ", tokens
        for text in _about_tokens(file.tokens, columns):
            yield "  ", text
    for group in _groups(file.problems):
        yield from _lines_of_group(group, file.counts.get(group[0].id, 0))


def _tokens(tokens: TokenReport) -> str:
    exact = "exact" if tokens.exact else "an estimate"
    said = f"{plural(tokens.tokens, 'token')} ({one_line(tokens.tokenizer)}, {exact})"
    if tokens.tokens:
        said = f"{said}, {_percent(tokens.trained_tokens, tokens.tokens)} trained"
    if tokens.lost_tokens:
        said = f"{said}, of these {_percent(tokens.lost_tokens, tokens.trained_tokens)} lost"
    return said


def _about_tokens(tokens: TokenReport, columns: int) -> Iterator[str]:
    spread = tokens.histogram
    if spread.rows >= _LEAST_ROWS and len(spread.bins) > 1:
        yield (
            f"a row has {spread.shortest:,} to {plural(spread.longest, 'token')}: half of them at most "
            f"{spread.median:,}, 90 % at most {spread.p90:,}, 99 % at most {spread.p99:,}"
        )
        yield from spread.lines(max(min(columns, _COLUMNS), _LEAST_COLUMNS) - 8)
    if tokens.rows_over and tokens.max_tokens is not None:
        yield f"{plural(tokens.rows_over, 'row')} above {tokens.max_tokens:,} tokens"
    if tokens.updates is not None:
        yield plural(tokens.updates, "update")
    if tokens.cost is not None:
        yield tokens.cost.words
    if not tokens.exact:
        yield one_line(tokens.basis)


def _percent(part: int, whole: int) -> str:
    """A share that is neither rounded down to nothing nor up to all."""
    share = 100 * part / whole if whole else 0
    if 0 < share < 1:
        return "under 1 %"
    return f"{min(round(share), 99 if part < whole else 100)} %"


def _groups(problems: Iterable[Problem]) -> list[list[Problem]]:
    """Those of one check together, in the order of the first of each."""
    groups: dict[str, list[Problem]] = {}
    for problem in problems:
        groups.setdefault(problem.id, []).append(problem)
    return list(groups.values())


def _lines_of_group(group: list[Problem], count: int) -> Iterator[tuple[str, str]]:
    symbol = SYMBOLS[group[0].severity]
    for place, problem in enumerate(group):
        where = f"line {problem.line:,}" if problem.line else ""
        if problem.column:
            where = f"{where}, column {problem.column:,}"
        message = one_line(problem.message)
        yield f"  {symbol} ", f"{where}: {message}" if where else message
        following = group[place + 1].fix if place + 1 < len(group) else None
        if following is None and (more := count - len(group)) > 0:
            yield "      ", f"and {more:,} more like this"
        if problem.fix and problem.fix != following:
            yield "      → ", one_line(problem.fix)

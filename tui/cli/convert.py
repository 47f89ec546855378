"""`finetui convert`: data in another form or kind of file, or split into two."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ...engines.datasets.formats.columns import ColumnsError, parse_columns
from ...engines.datasets.making.convert import Converted, Held, Refused
from ...engines.datasets.making.convert import convert as convert_files
from ...engines.datasets.problem import Problem
from ...engines.datasets.sources.files import NoFiles, expand
from ...engines.engine import EngineError
from .options import AT_LEAST_ONE, NOT_NEGATIVE, Json
from .output import DONE, FAILED, INTERRUPTED, note, note_beside, plural, print_json, say, say_beside
from .progress import Progress

SEED = 42


def convert(
    *files: Path,
    to: str | None = None,
    lossy: Annotated[bool, Parameter(negative="")] = False,
    force: Annotated[bool, Parameter(negative="")] = False,
    format: str | None = None,
    columns: str | None = None,
    valid: Path | None = None,
    valid_rows: Annotated[int | None, AT_LEAST_ONE] = None,
    valid_share: float | None = None,
    seed: Annotated[int | None, NOT_NEGATIVE] = None,
    group: str | None = None,
    json: Json = False,
) -> int:
    """Write data in another form or kind of file, or split it. Exit status 1 where that is refused.

    Example: `finetui convert chats.json train.jsonl --to messages --valid valid.jsonl --valid-share 0.1`

    What the new form has no place for is named, and refused without --lossy. Rows with errors are left out.

    Args:
        files: What to read (files, folders, patterns), and last the file to write; its suffix says the kind:
            .jsonl, .json, .csv, .tsv or .parquet, perhaps with .gz or .zst.
        to: The new form, such as messages, sharegpt, alpaca; without it rows stay as they stand.
        lossy: Leave out what the form has no place for.
        force: Replace files that exist.
        format: The form that is read, where it should not be detected.
        columns: The files' own names for a form's keys, as in question=Frage,answer=Antwort.
        valid: A file for held-out rows; those with the same prompt stay on one side.
        valid_rows: How many rows are held out; else 5 %, between 20 and 500.
        valid_share: Which share of the rows is held out.
        seed: The same one holds out the same rows; 42 where none is given.
        group: A key whose equal values stay on one side, as of one customer.
    """
    if len(files) < 2:
        message = "convert: a file to read and a file to write are needed"
        raise EngineError("usage", message, "`finetui convert --help` shows how")
    *names, out = files
    held = _held(valid, valid_rows, valid_share, seed, group)
    try:
        paths = expand(names)
        with Progress(paths) as progress:
            done = convert_files(
                paths,
                out,
                to,
                lossy=lossy,
                format=format,
                columns=parse_columns(columns) if columns is not None else None,
                held=held,
                overwrite=force,
                progress=progress.show if progress.draws else None,
            )
    except NoFiles as error:
        raise EngineError("files", str(error)) from error
    except ColumnsError as error:
        raise EngineError("usage", f"--columns: {error}") from error
    except Refused as error:
        _say_refused(error, json)
        return FAILED
    except KeyboardInterrupt:
        note("interrupted; nothing was written")
        return INTERRUPTED
    if json:
        print_json(_document(out, to, held, done))
    else:
        _say_done(out, to, held, done)
    return DONE


def _held(
    valid: Path | None, rows: int | None, share: float | None, seed: int | None, group: str | None
) -> Held | None:
    if valid is not None:
        return Held(valid, rows, share, SEED if seed is None else seed, group)
    given = {"--valid-rows": rows, "--valid-share": share, "--seed": seed, "--group": group}
    if named := next((name for name, value in given.items() if value is not None), None):
        raise EngineError("usage", f"{named} says how to split, but --valid FILE is missing", "name the file")
    return None


def _say_done(out: Path, to: str | None, held: Held | None, done: Converted) -> None:
    form = f" as {to}" if to else ""
    say(f"{out}: {plural(done.rows, 'row')}{form}")
    if held is not None:
        say(f"{held.out}: {plural(done.held_rows, 'row')} held out")
    if done.left_out:
        say(f"left out: {plural(done.left_out, 'row')} with errors")
        _say_problems(done.examples)
    if done.unfit_rows:
        say(f"left out: {plural(done.unfit_rows, 'row')} that can't be {to}")
    for loss, count in done.losses.items():
        say_beside("  lost: ", f"{loss}, in {plural(count, 'row')}")


def _say_problems(problems: Sequence[Problem]) -> None:
    for problem in problems:
        say_beside("  ✗ ", f"{problem.where}: {problem.message}")


def _say_refused(error: Refused, as_json: bool) -> None:
    if as_json:
        document: dict[str, Any] = {
            "reason": error.reason,
            "message": _text(error.message),
            "advice": _text(error.advice),
            "losses": error.losses,
            "problems": [_of_problem(problem) for problem in error.examples],
        }
        print_json({"error": document})
        return
    note_beside("finetui: ", f"not converted, nothing was written: {error.message}")
    note_beside("  → ", error.advice)


def _document(out: Path, to: str | None, held: Held | None, done: Converted) -> dict[str, Any]:
    return {
        "out": _text(str(out)),
        "format": to,
        "rows": done.rows,
        "valid": _text(str(held.out)) if held is not None else None,
        "valid_rows": done.held_rows if held is not None else None,
        "left_out": done.left_out,
        "unfit_rows": done.unfit_rows,
        "losses": dict(done.losses),
        "problems": [_of_problem(problem) for problem in done.examples],
    }


def _of_problem(problem: Problem) -> dict[str, Any]:
    return {
        "id": problem.id,
        "path": _text(problem.path or ""),
        "line": problem.line,
        "column": problem.column,
        "message": problem.message,
        "fix": problem.fix,
    }


def _text(words: str) -> str:
    """Words as JSON can hold them: the name of a file need not be text."""
    return words.encode("utf-8", "backslashreplace").decode()

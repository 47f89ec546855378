"""The entry point: a command, or the app where none is named, and what becomes of an error."""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import Any

from .opening import open_app
from .output import WRONG, WrongUse, explain, note, note_beside, print_json


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 the work failed or the data has errors, 2 wrong use or bad input."""
    _open_closed_streams()
    _say_what_can_be_said()
    arguments = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in arguments
    try:
        code = _command(arguments) if arguments else open_app()
    except WrongUse as error:
        _complain(error.description, as_json)
        sys.exit(WRONG)
    except KeyboardInterrupt:
        note("interrupted; jobs go on")
        sys.exit(130)
    except BrokenPipeError:
        # `finetui jobs | head`: the reader has what it wanted.
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:
        known = explain(error)
        if known is None:
            raise
        description, code = known
        _complain(description, as_json)
        sys.exit(code)
    sys.exit(code if isinstance(code, int) else 0)


def _open_closed_streams() -> None:
    """`finetui check FILE >&-`: without a stdout Python has None, and the next file would get its number."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115


def _say_what_can_be_said() -> None:
    """Where the locale's encoding lacks a character (✗ in ISO-8859-1), a substitute is written."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _command(arguments: list[str]) -> object:
    # Not for the app: its first frame does not wait for the commands and their library.
    from .commands import run_command

    return run_command(arguments)


def _complain(description: dict[str, Any], as_json: bool) -> None:
    """Say an error: as a document for scripts, else in two lines."""
    if as_json:
        with contextlib.suppress(OSError):  # a full disk, which stdout goes to: then stderr says it
            print_json({"error": description})
            return
    note_beside("finetui: ", description["message"])
    if description["advice"]:
        note(f"  → {description['advice']}")

"""The entry point: every command in one app, and what becomes of an error."""

from __future__ import annotations

import sys
from importlib import metadata
from typing import Any

import cyclopts
from cyclopts import Parameter

from ...engines.settings import Settings
from . import ask, check, demo, doctor, jobs, logs, plan, run
from .output import WRONG, can_be_drawn_on, check_home, explain, has_terminal, note, note_beside, print_json
from .wrong_use import describe

app = cyclopts.App(
    name="finetui",
    version=lambda: metadata.version("finetui"),
    help="Fine-tune language models from a terminal. Without a command the app opens; jobs outlive it.",
    help_format="markdown",
    result_action="return_value",
    # `main` says what goes on when ctrl+c is pressed.
    suppress_keyboard_interrupt=False,
    # A flag is off unless it is given: no need to say so on every line.
    default_parameter=Parameter(
        show_default=lambda value: None if value is None or value is False else value
    ),
)
app.register_install_completion_command(help="Install completion for this shell.")

for module in (demo, doctor, check, plan, run, jobs, logs, ask):
    module.register(app)


@app.default
def open_app() -> int:
    """Open the app."""
    if not has_terminal():
        note("finetui: there is no terminal here; `finetui --help` lists the commands that need none")
        return WRONG
    if not can_be_drawn_on():
        note_beside(
            "finetui: ",
            "TERM=dumb can't be drawn on; `finetui --help` lists the commands that need no screen",
        )
        return WRONG
    settings = Settings.load()
    check_home(settings.home.path)
    from ..app import run as run_app

    return run_app(settings)


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 the work failed or the data has errors, 2 wrong use or bad input."""
    arguments = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in arguments
    try:
        code = app(arguments, exit_on_error=False, print_error=False)
    except cyclopts.CycloptsError as error:
        _complain(describe(error, list(app.resolved_commands())), as_json)
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


def _complain(description: dict[str, Any], as_json: bool) -> None:
    """Say an error: as a document for scripts, else in two lines."""
    if as_json:
        print_json({"error": description})
        return
    note_beside("finetui: ", description["message"])
    if description["advice"]:
        note(f"  → {description['advice']}")

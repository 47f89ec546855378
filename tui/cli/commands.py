"""Every command in one app."""

from __future__ import annotations

from importlib import metadata

import cyclopts
from cyclopts import Parameter

from . import ask, check, convert, demo, doctor, jobs, logs, plan, rows, run
from .opening import open_app
from .output import WrongUse
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

for module in (demo, doctor, check, convert, plan, run, jobs, logs, rows, ask):
    module.register(app)
app.default(open_app)


def run_command(arguments: list[str]) -> object:
    """Run one command; what it returns is its exit code.

    Raises:
        WrongUse: no command takes these arguments.
    """
    try:
        return app(arguments, exit_on_error=False, print_error=False)
    except cyclopts.CycloptsError as error:
        raise WrongUse(describe(error, list(app.resolved_commands()))) from error

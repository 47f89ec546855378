"""Every command in one app."""

from __future__ import annotations

from importlib import metadata

import cyclopts
from cyclopts import Parameter

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

COMMANDS = {
    "demo": "demo:demo",
    "doctor": "doctor:doctor",
    "check": "check:check",
    "convert": "convert:convert",
    "plan": "plan:plan",
    "run": "run:run",
    "jobs": "jobs:jobs",
    "show": "jobs:show",
    "watch": "jobs:watch",
    "stop": "jobs:stop",
    "resume": "jobs:resume",
    "rm": "jobs:rm",
    "logs": "logs:logs",
    "metrics": "logs:metrics",
    "rows": "rows:rows",
    "ask": "ask:ask",
}
"""Module and function of each: a module is imported when its command is given, or help is asked for."""

for name, place in COMMANDS.items():
    app.command(f"{__package__}.{place}", name=name)
setup = cyclopts.App(name="setup", help="Install what finetui needs beside itself.")
setup.command(f"{__package__}.doctor:trainer", name="trainer")
app.command(setup)
app.default(open_app)


def run_command(arguments: list[str]) -> object:
    """Run one command; what it returns is its exit code.

    Raises:
        WrongUse: no command takes these arguments.
    """
    if {"--help", "-h"} & set(arguments):
        for group in (app, setup):
            group.resolved_commands()  # so that each says what it does
    try:
        return app(arguments, exit_on_error=False, print_error=False)
    except cyclopts.CycloptsError as error:
        raise WrongUse(describe(error, list(app))) from error

"""The entry point: every command in one app, and what becomes of an error."""

from __future__ import annotations

import sys
from importlib import metadata

import cyclopts

from ...engines.settings import Settings
from . import ask, check, demo, doctor, jobs, plan, run
from .output import WRONG, explain, note, print_json

app = cyclopts.App(
    name="finetui",
    version=lambda: metadata.version("finetui"),
    help="Fine-tune language models from a terminal. Without a command the app opens; jobs outlive it.",
    help_format="markdown",
    result_action="return_value",
)
app.register_install_completion_command(help="Install completion for this shell.")

for module in (demo, doctor, check, plan, run, jobs, ask):
    module.register(app)


@app.default
def open_app() -> int:
    """Open the app."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        note("finetui: there is no terminal here; `finetui --help` lists the commands that need none")
        return WRONG
    from ..app import run as run_app

    return run_app(Settings.load())


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit: 0 done, 1 the work failed or the data has errors, 2 wrong use or bad input."""
    arguments = sys.argv[1:] if arguments is None else arguments
    as_json = "--json" in arguments
    try:
        code = app(arguments, exit_on_error=False, print_error=not as_json)
    except cyclopts.CycloptsError as error:
        if as_json:
            advice = "`finetui --help` lists the commands"
            print_json({"error": {"reason": "usage", "message": str(error), "advice": advice}})
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
        if as_json:
            print_json({"error": description})
        else:
            note(f"finetui: {description['message']}")
            if description["advice"]:
                note(f"  → {description['advice']}")
        sys.exit(code)
    sys.exit(code if isinstance(code, int) else 0)

"""Opens the app. Commands and their library stay out: the first frame does not wait for them."""

from __future__ import annotations

import gc

from .output import WRONG, can_be_drawn_on, check_home, has_terminal, note, note_beside


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
    # What is imported stays: looking for garbage in it costs a tenth of the time until the first frame.
    gc.disable()
    from ...engines.settings import Settings
    from ..app import run

    settings = Settings.load()
    check_home(settings.home.path)
    gc.freeze()
    gc.enable()
    return run(settings)

"""Whether the home can be used, in words: a folder that can't be made or written is said, not met later."""

from __future__ import annotations

import os

from ..engines.home import Home
from ..engines.text import one_line


def trouble(home: Home) -> str:
    """Why jobs can't be kept there, and the way out; empty: they can. Makes the folder, so use a worker."""
    try:
        home.path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = "it is no folder" if isinstance(error, FileExistsError) else error.strerror or str(error)
    else:
        why = "" if os.access(home.path, os.W_OK | os.X_OK) else "Permission denied"
    if not why:
        return ""
    return f"{one_line(str(home.path), 200)}: can't be written: {why}; set FINETUI_HOME to a folder of yours"

"""A text in the user's own editor: the app steps aside and comes back, whatever happens there."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

from textual.app import App, SuspendNotSupported

FALLBACK = "vi"


class EditorFailed(Exception):
    """No editor could be run, or it failed; the message says why, and the way out."""


def edit_text(app: App[object], text: str, suffix: str) -> str | None:
    """Let the user change a text. For the app's own thread, which waits.

    Args:
        suffix: of the temporary file, with its dot: the editor knows the language by it.

    Returns:
        The text as it was saved; None where nothing was changed.

    Raises:
        EditorFailed: there is no editor, it failed, or what it saved is not UTF-8.
    """
    command = _command()
    with tempfile.TemporaryDirectory(prefix="finetui-") as folder:
        path = Path(folder) / f"edit{suffix}"
        path.write_text(text, "utf-8")
        try:
            code = _run(app, [*command, str(path)])
            if code != 0:
                raise EditorFailed(f"{command[0]} ended with code {code}; what was there before is kept.")
            changed = path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise EditorFailed(f"{command[0]}: {error}") from error
    return None if changed == text else changed


def _command() -> list[str]:
    asked = os.environ.get("VISUAL") or os.environ.get("EDITOR") or FALLBACK
    try:
        command = shlex.split(asked)
    except ValueError as error:
        raise EditorFailed(f"$VISUAL or $EDITOR can't be read: {asked!r}: {error}.") from error
    if not command or shutil.which(command[0]) is None:
        name = command[0] if command else asked
        raise EditorFailed(f"There is no editor {name!r} here. Set $EDITOR to one, such as nano.")
    return command


def _run(app: App[object], command: list[str]) -> int:
    # Textual 8.2.8 does not take the terminal back after an exception inside `suspend`: none leaves it.
    failed: OSError | None = None
    code = 0
    # Ctrl+C in the editor is the editor's; the terminal sends it to us too. A handler rather than SIG_IGN,
    # which the editor would inherit.
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        with app.suspend():
            try:
                code = subprocess.run(command, check=False).returncode
            except OSError as error:
                failed = error
    except SuspendNotSupported as error:
        raise EditorFailed("This terminal can't be handed to an editor.") from error
    finally:
        signal.signal(signal.SIGINT, before)
    if failed is not None:
        raise failed
    return code

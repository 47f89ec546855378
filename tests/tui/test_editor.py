"""The spec in the user's own editor, in a real terminal: it gets the terminal and gives it back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from finetui.engines.settings import Settings
from homes.terminal import Terminal

CTRL_G = "\x07"
Opened = Callable[[Settings], Terminal]


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Makes $EDITOR a shell script that gets the file as `$1`."""

    def make(script: str) -> None:
        path = tmp_path / "editor"
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o700)
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("EDITOR", str(path))

    return make


def the_form(terminals: Opened, settings: Settings) -> Terminal:
    terminal = terminals(settings)
    terminal.wait_for("nothing running")
    terminal.press("n")
    terminal.wait_for("Training")
    return terminal


def test_what_is_changed_there_is_in_the_form(
    terminals: Opened, settings: Settings, editor: Callable[[str], None]
) -> None:
    editor('test -t 0 && test -t 1 && sed -i "s/^# epochs = .*/epochs = 7/" "$1"')
    terminal = the_form(terminals, settings)
    terminal.press(CTRL_G)
    assert "1 set" in terminal.wait_for("epochs 7")
    terminal.press("org/x")  # the terminal is the app's again
    terminal.wait_for("org/x")


def test_a_mistake_is_shown_and_can_be_mended_there(
    terminals: Opened, settings: Settings, editor: Callable[[str], None], tmp_path: Path
) -> None:
    again = tmp_path / "again"
    editor(
        f'if test -e {again}; then grep -q "epochs = -1" "$1" && sed -i "s/= -1/= 3/" "$1";'
        f' else touch {again}; sed -i "s/^# epochs = .*/epochs = -1/" "$1"; fi'
    )
    terminal = the_form(terminals, settings)
    terminal.press(CTRL_G)
    assert "train.epochs" in terminal.wait_for("can't be used")
    terminal.press("y")
    terminal.wait_for("epochs 3")


def test_an_editor_that_fails_changes_nothing(
    terminals: Opened, settings: Settings, editor: Callable[[str], None]
) -> None:
    editor('echo "epochs = 3" > "$1"; exit 3')
    terminal = the_form(terminals, settings)
    terminal.press(CTRL_G)
    terminal.wait_for("ended with code 3")
    terminal.press("org/x")
    terminal.wait_for("org/x")


def test_ctrl_c_in_the_editor_does_not_end_the_app(
    terminals: Opened, settings: Settings, editor: Callable[[str], None]
) -> None:
    editor('trap "echo; exit 0" INT; echo "the editor waits"; while true; do sleep 0.1; done')
    terminal = the_form(terminals, settings)
    terminal.press(CTRL_G)
    terminal.wait_for("the editor waits")
    terminal.press("\x03")
    terminal.wait_for("Training")
    terminal.press("org/x")
    terminal.wait_for("org/x")
    assert terminal.code is None

"""All keys of the app in one table: bindings, the line at the bottom, help and the palette read it.

A key works where its widget or screen has the action and `check_action` allows it. Every entry's `id` is
what a remapping names.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from textual.binding import Binding, BindingType

Where = Literal["app", "screen", "pane", "main", "question", "help"]


@dataclass(frozen=True)
class Key:
    """One action and the keys that do it."""

    id: str
    keys: str
    """As Textual names them, separated by commas."""
    action: str
    shown: str
    """As they are written on a keyboard, those of entries without words of their own too."""
    about: str
    """What it does; empty: the entry before says it."""
    where: Where
    hint: str = ""
    """A word for the line at the bottom; empty: not there."""
    command: str = ""
    """Its name in the palette; empty: not there."""


KEYS: tuple[Key, ...] = (
    Key("move.down", "down,j", "down", "↓ ↑ j k", "down and up", "pane"),
    Key("move.up", "up,k", "up", "↑ k", "", "pane"),
    Key("move.page_down", "pagedown", "page_down", "PgDn PgUp", "a page down and up", "pane"),
    Key("move.page_up", "pageup", "page_up", "PgUp", "", "pane"),
    Key("move.first", "g,home", "first", "g G", "to the first and last line", "pane"),
    Key("move.last", "G,end", "last", "G End", "", "pane"),
    Key("job.stop", "s", "stop", "s", "stop the job; what it trained is kept", "main", "stop", "Stop job"),
    Key("job.kill", "K", "kill", "K", "end the job at once, after asking", "main", "kill", "Kill job"),
    Key("job.resume", "r", "resume", "r", "go on from the last checkpoint", "main", "resume", "Resume job"),
    Key("demo", "D", "demo", "D", "start the demo: a small real job", "main", "demo", "Start the demo"),
    Key("chart.log", "L", "log_scale", "L", "logarithmic or linear loss", "main", "log scale", "Log scale"),
    Key("pane.zoom", "z", "zoom", "z", "the pane on the whole screen, and back", "main", "zoom", "Zoom pane"),
    Key("pane.jobs", "1", "focus_pane('jobs')", "1 … 4", "to a pane by its number", "main", "", "Go to jobs"),
    Key("pane.loss", "2", "focus_pane('loss')", "2", "", "main", "", "Go to loss"),
    Key("pane.gpu", "3", "focus_pane('gpu')", "3", "", "main", "", "Go to hardware"),
    Key("pane.log", "4", "focus_pane('log')", "4", "", "main", "", "Go to log"),
    Key("pane.next", "tab", "next_pane", "Tab", "to the next pane; with Shift back", "main", "pane"),
    Key("pane.previous", "shift+tab", "previous_pane", "Shift+Tab", "", "main"),
    Key("back", "escape", "back", "Esc", "one layer out", "main", "back"),
    Key("answer.yes", "y", "answer(True)", "y", "yes", "question"),
    Key("answer.no", "n,escape,q", "answer(False)", "n Esc", "no", "question"),
    Key("help.close", "escape,q,question_mark,f1", "close", "Esc", "close", "help"),
    Key("help", "question_mark,f1", "help", "? F1", "the keys that work here", "app", "keys", "Keys"),
    Key("palette", "ctrl+p,colon", "command_palette", "Ctrl+P :", "commands by name", "app", "commands"),
    Key("copy", "ctrl+c", "help_quit", "Ctrl+C", "copy what the mouse marked; twice leaves", "app"),
    Key("leave", "q,ctrl+q", "leave", "q", "leave; jobs go on", "app", "leave (jobs go on)", "Leave"),
)


def bindings(where: Where) -> list[BindingType]:
    """The table's entries of one place as Textual wants them."""
    return [
        Binding(key.keys, key.action, key.about or key.id, show=False, key_display=key.shown, id=key.id)
        for key in KEYS
        if key.where == where
    ]


def working(active: Iterable[str | None]) -> list[Key]:
    """The entries whose bindings are active, in the table's order."""
    ids = set(active)
    return [key for key in KEYS if key.id in ids]

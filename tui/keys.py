"""All keys of the app in one table: bindings, the line at the bottom, help and the palette read it.

A key works where its widget or screen has the action and `check_action` allows it. Every entry's `id` is
what a remapping names.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from textual.binding import ActiveBinding, Binding, BindingType
from textual.keys import REPLACED_KEYS, Keys, _character_to_key, key_to_character

from ..engines.settings import Settings, SettingsError

Where = Literal[
    "app",
    "pane",
    "list",
    "filter",
    "chart",
    "main",
    "job",
    "log",
    "hardest",
    "notes",
    "copies",
    "form",
    "fold",
    "choice",
    "faults",
    "playground",
    "rows",
    "make",
    "map",
    "pick",
    "question",
    "welcome",
    "help",
]
"""`pane`: what scrolls; `list`: has a line selected; `filter`: where it is typed; `chart`: has points; the
others are screens."""


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
    Key("list.open", "enter", "open", "Enter", "open what is selected", "list", "open"),
    Key("list.mark", "space", "mark", "Space", "mark for comparison in the chart", "list", "mark"),
    Key("list.filter", "slash", "filter", "/", "show only what matches; Esc clears", "list", "filter"),
    Key("list.add", "a", "add", "a", "add a dataset file", "list", "add file"),
    Key("filter.keep", "enter", "keep", "Enter", "back to the list, filtered", "filter", "keep"),
    Key("filter.clear", "escape", "clear", "Esc", "show all again", "filter", "clear"),
    Key("filter.down", "down", "move(1)", "↓ ↑", "down and up in the list", "filter"),
    Key("filter.up", "up", "move(-1)", "↑", "", "filter"),
    Key("chart.left", "left,h", "cursor(-1)", "← → h l", "the values at a point", "chart", "values"),
    Key("chart.right", "right,l", "cursor(1)", "→ l", "", "chart"),
    Key("chart.in", "plus,equals_sign", "zoom_x(1)", "+ - 0", "closer, farther, all of it", "chart", "zoom"),
    Key("chart.out", "minus", "zoom_x(-1)", "-", "", "chart"),
    Key("chart.all", "0", "zoom_x(0)", "0", "", "chart"),
    Key("chart.clear", "escape", "clear_cursor", "Esc", "no values any more", "chart"),
    Key("job.new", "n", "new_job", "n", "a new job", "main", "new", "New job"),
    Key(
        "job.playground", "p", "playground", "p", "try it beside its base", "main", "playground", "Playground"
    ),
    Key("job.stop", "s", "stop", "s", "stop the job; what it trained is kept", "main", "stop", "Stop job"),
    Key("job.kill", "K", "kill", "K", "end the job at once, after asking", "main", "kill", "Kill job"),
    Key("job.resume", "r", "resume", "r", "go on from the last checkpoint", "main", "resume", "Resume job"),
    Key(
        "job.duplicate",
        "d",
        "duplicate",
        "d",
        "the same again, with changes",
        "main",
        "duplicate",
        "Duplicate job",
    ),
    Key(
        "job.remove",
        "X,delete",
        "remove",
        "X",
        "remove the job, after asking; a dataset from the list",
        "main",
        "remove",
        "Remove job",
    ),
    Key("job.notes", "t", "notes", "t", "tags and a note", "main", "notes", "Tags and note"),
    Key("job.copy", "y", "copy", "y", "copy its id, path or command", "main", "copy", "Copy"),
    Key("demo", "D", "demo", "D", "start the demo: a small real job", "main", "demo", "Start the demo"),
    Key("chart.log", "L", "log_scale", "L", "logarithmic or linear loss", "main", "log scale", "Log scale"),
    Key("chart.axis", "x", "axis", "x", "along updates, tokens, epochs or time", "main", "axis", "X axis"),
    Key("pane.zoom", "z", "zoom", "z", "the pane on the whole screen, and back", "main", "zoom", "Zoom pane"),
    Key("pane.jobs", "1", "focus_pane('jobs')", "1 … 5", "to a pane by its number", "main", "", "Go to jobs"),
    Key("pane.datasets", "2", "focus_pane('datasets')", "2", "", "main", "", "Go to datasets"),
    Key("pane.loss", "3", "focus_pane('loss')", "3", "", "main", "", "Go to loss"),
    Key("pane.gpu", "4", "focus_pane('gpu')", "4", "", "main", "", "Go to hardware"),
    Key("pane.log", "5", "focus_pane('log')", "5", "", "main", "", "Go to log"),
    Key("pane.next", "tab", "next_pane", "Tab", "to the next pane; with Shift back", "main", "pane"),
    Key("pane.previous", "shift+tab", "previous_pane", "Shift+Tab", "", "main"),
    Key("back", "escape", "back", "Esc", "one layer out", "main", "back"),
    Key("log.search", "slash", "search", "/", "search", "log", "search"),
    Key("log.next", "n", "match(1)", "n N", "to the next match, to the one before", "log", "next"),
    Key("log.previous", "N", "match(-1)", "N", "", "log"),
    Key("log.error", "e", "error", "e", "to the error", "log", "error"),
    Key("log.follow", "f", "follow", "f", "follow the end", "log", "follow"),
    Key("page.stop", "s", "stop", "s", "stop the job; what it trained is kept", "job", "stop", "Stop job"),
    Key("page.kill", "K", "kill", "K", "end the job at once, after asking", "job", "kill", "Kill job"),
    Key("page.resume", "r", "resume", "r", "go on from the last checkpoint", "job", "resume", "Resume job"),
    Key(
        "page.duplicate",
        "d",
        "duplicate",
        "d",
        "the same again, with changes",
        "job",
        "duplicate",
        "Duplicate job",
    ),
    Key(
        "page.playground", "p", "playground", "p", "try it beside its base", "job", "playground", "Playground"
    ),
    Key(
        "page.remove",
        "X,delete",
        "remove",
        "X",
        "remove the job, after asking",
        "job",
        "remove",
        "Remove job",
    ),
    Key("page.notes", "t", "notes", "t", "tags and a note", "job", "notes", "Tags and note"),
    Key("page.copy", "y", "copy", "y", "copy its id, path or command", "job", "copy", "Copy"),
    Key(
        "page.hardest",
        "w",
        "hardest",
        "w",
        "the training rows it found hardest: label errors are among them",
        "job",
        "worst rows",
        "Worst rows",
    ),
    Key("page.1", "1", "part(1)", "1 … 5", "to a part by its number", "job"),
    Key("page.2", "2", "part(2)", "2", "", "job"),
    Key("page.3", "3", "part(3)", "3", "", "job"),
    Key("page.4", "4", "part(4)", "4", "", "job"),
    Key("page.5", "5", "part(5)", "5", "", "job"),
    Key(
        "page.next",
        "tab,right_square_bracket",
        "step(1)",
        "Tab",
        "to the next part; with Shift back",
        "job",
        "part",
    ),
    Key("page.previous", "shift+tab,left_square_bracket", "step(-1)", "Shift+Tab", "", "job"),
    Key("page.log", "L", "log_scale", "L", "logarithmic or linear loss", "job", "log scale", "Log scale"),
    Key("page.axis", "x", "axis", "x", "along updates, tokens, epochs or time", "job", "axis", "X axis"),
    Key("page.back", "escape,q", "back", "Esc q", "back", "job", "back"),
    Key("hardest.order", "o", "order", "o", "worst first, or by line", "hardest", "order"),
    Key("hardest.copy", "y", "copy", "y", "copy the lines' numbers", "hardest", "copy lines"),
    Key("hardest.back", "escape,q", "back", "Esc q", "back", "hardest", "back"),
    Key("notes.save", "ctrl+s", "save", "Ctrl+S", "keep tags and note", "notes", "save"),
    Key("notes.back", "escape", "back", "Esc", "back; asks where something would be lost", "notes", "back"),
    Key("copies.take", "enter", "take_selected", "Enter", "copy what is selected", "copies", "copy"),
    Key("copies.id", "i", "take('id')", "i", "its id", "copies", "id"),
    Key("copies.folder", "f", "take('folder')", "f", "its folder", "copies", "folder"),
    Key("copies.result", "r", "take('result')", "r", "the folder of its result", "copies", "result"),
    Key("copies.watch", "w", "take('watch')", "w", "the command that watches it", "copies", "watch"),
    Key("copies.resume", "u", "take('resume')", "u", "the command that resumes it", "copies", "resume"),
    Key("copies.ask", "a", "take('ask')", "a", "the command that asks it and its base", "copies", "ask"),
    Key(
        "copies.again", "s", "take('again')", "s", "the command that starts the same again", "copies", "again"
    ),
    Key("copies.back", "escape,q", "back", "Esc q", "back", "copies", "back"),
    Key("form.launch", "ctrl+s", "launch", "Ctrl+S", "launch the job", "form", "launch"),
    Key(
        "form.choose",
        "f2,ctrl+o",
        "choose",
        "F2 Ctrl+O",
        "choose a file or a model from a list",
        "form",
        "choose",
    ),
    Key("form.unfold", "ctrl+t", "unfold", "Ctrl+T", "fold or unfold all groups", "form", "unfold"),
    Key("form.editor", "ctrl+g", "editor", "Ctrl+G", "the spec in $EDITOR", "form", "editor"),
    Key(
        "form.rows",
        "ctrl+r",
        "faults",
        "Ctrl+R",
        "rows with faults: see them or leave them out",
        "form",
        "faults",
    ),
    Key("form.reset", "ctrl+l", "reset", "Ctrl+L", "begin anew with an empty form", "form"),
    Key(
        "form.next",
        "down",
        "step(1)",
        "↓ ↑",
        "to the next field, to the one before; so do Tab and Shift+Tab",
        "form",
    ),
    Key("form.previous", "up", "step(-1)", "↑", "", "form"),
    Key("form.back", "escape,q", "back", "Esc q", "back; what is filled in stays", "form", "back"),
    Key("fold.toggle", "enter,space", "fold", "Enter", "fold or unfold the group", "fold", "unfold"),
    Key("choice.next", "right,space,l", "change(1)", "→ ← Space", "another choice", "choice", "change"),
    Key("choice.previous", "left,h", "change(-1)", "←", "", "choice"),
    Key("faults.drop", "o", "drop", "o", "leave these rows out and go on", "faults", "leave out"),
    Key("faults.back", "escape,q", "back", "Esc q", "back; the file stays as it is", "faults", "back"),
    Key("talk.send", "enter", "send", "Enter", "ask", "playground", "ask"),
    Key("talk.newline", "ctrl+j,shift+enter", "newline", "Ctrl+J", "a new line in the prompt", "playground"),
    Key("talk.stop", "ctrl+x", "stop", "Ctrl+X", "stop the answers", "playground", "stop"),
    Key(
        "talk.next",
        "ctrl+n,pagedown",
        "row(1)",
        "Ctrl+N",
        "a held-out row as prompt; Ctrl+B the one before",
        "playground",
        "next row",
    ),
    Key("talk.previous", "ctrl+b,pageup", "row(-1)", "Ctrl+B", "", "playground"),
    Key("talk.system", "f3", "system", "F3", "change the system prompt", "playground", "system"),
    Key("talk.again", "up", "again", "↑", "in an empty prompt: the last one again", "playground"),
    Key("talk.models", "f2,ctrl+o", "models", "F2 Ctrl+O", "choose who answers", "playground", "who"),
    Key("talk.history", "f4", "history", "F4", "what was asked before", "playground", "history"),
    Key(
        "talk.sampling",
        "f5",
        "sampling",
        "F5",
        "temperature, top-p, longest answer",
        "playground",
        "sampling",
    ),
    Key("talk.copy", "ctrl+y", "copy", "Ctrl+Y", "copy the answers", "playground", "copy"),
    Key("talk.back", "escape,q", "back", "Esc q", "back; stops the answers first", "playground", "back"),
    Key("rows.next", "right,l", "row(1)", "→ ← l h", "the next row, the one before", "rows", "next row"),
    Key("rows.previous", "left,h", "row(-1)", "← h", "", "rows"),
    Key("rows.problems", "w", "problems", "w", "what is wrong with the file", "rows", "problems"),
    Key("rows.search", "slash", "search", "/", "search the rows; Esc ends it", "rows", "search"),
    Key(
        "rows.match", "n", "match(1)", "n N", "to the next row with the words, the one before", "rows", "next"
    ),
    Key("rows.match_before", "N", "match(-1)", "N", "", "rows"),
    Key("rows.filter", "f", "filter", "f", "only rows with one problem; Esc shows all", "rows", "filter"),
    Key("rows.fix", "F", "fix", "F", "a repaired copy of the file", "rows", "fix", "Fix dataset"),
    Key("rows.model", "m", "model", "m", "as which model will see them", "rows", "model"),
    Key(
        "rows.target",
        "t",
        "target",
        "t",
        "where it will be trained, for its rules",
        "rows",
        "for",
    ),
    Key("rows.first", "0", "row_first", "0 $", "the first row, the last", "rows"),
    Key("rows.last", "dollar_sign", "row_last", "$", "", "rows"),
    Key(
        "rows.goto", "colon,number_sign", "goto", ": #", "to a row by its number, or a line", "rows", "go to"
    ),
    Key("rows.lengths", "L", "lengths", "L", "how long its rows are, in tokens", "rows", "lengths"),
    Key("rows.convert", "c", "convert", "c", "a copy in another form", "rows", "convert", "Convert dataset"),
    Key("rows.split", "v", "split", "v", "split off rows for validation", "rows", "split", "Split dataset"),
    Key(
        "rows.columns", "M", "columns", "M", "which of its keys is question, answer …", "rows", "map columns"
    ),
    Key("rows.count", "C", "count", "C", "count all its tokens as the model has them", "rows", "count"),
    Key("rows.new", "n", "new_job", "n", "a new job with it", "rows", "new job"),
    Key("rows.copy", "y", "copy", "y", "copy the row", "rows", "copy"),
    Key("rows.forget", "X,delete", "forget", "X", "off the list; the file stays", "rows", "forget"),
    Key("rows.back", "escape,q", "back", "Esc q", "back", "rows", "back"),
    Key("make.write", "enter,ctrl+s", "make", "Enter", "write the new file", "make", "write"),
    Key("make.open", "enter", "open", "Enter", "open the new file", "make", "open it"),
    Key("make.new", "n", "new_job", "n", "a new job with both files", "make", "new job"),
    Key("make.next", "down", "step(1)", "↓ ↑", "to the next field, to the one before", "make"),
    Key("make.previous", "up", "step(-1)", "↑", "", "make"),
    Key("make.back", "escape", "back", "Esc", "stop the work; back", "make", "back"),
    Key("map.take", "enter,ctrl+s", "take", "Enter", "read the file so", "map", "read it so"),
    Key("map.next", "down", "step(1)", "↓ ↑", "to the next key, to the one before", "map"),
    Key("map.previous", "up", "step(-1)", "↑", "", "map"),
    Key("map.back", "escape", "back", "Esc", "back", "map", "back"),
    Key("pick.complete", "tab", "complete", "Tab", "complete", "pick", "complete"),
    Key("pick.down", "down", "move(1)", "↓ ↑", "to a suggestion", "pick", "choose"),
    Key("pick.up", "up", "move(-1)", "↑", "", "pick"),
    Key("pick.take", "enter", "take", "Enter", "take it", "pick", "take"),
    Key("pick.back", "escape", "back", "Esc", "back", "pick", "back"),
    Key("answer.yes", "y", "answer(True)", "y", "yes", "question"),
    Key("answer.no", "n,escape,q", "answer(False)", "n Esc", "no", "question"),
    Key("welcome.demo", "D", "go_on('demo')", "D", "start the demo", "welcome"),
    Key("welcome.new", "n", "go_on('new')", "n", "a new job", "welcome"),
    Key("welcome.add", "a", "go_on('add')", "a", "add a dataset file", "welcome"),
    Key("welcome.close", "enter,escape,space,q", "go_on('')", "Enter Esc", "go on", "welcome"),
    Key("help.close", "escape,q,question_mark,f1", "close", "Esc", "close", "help"),
    Key("help", "question_mark,f1", "help", "? F1", "the keys that work here", "app", "keys", "Keys"),
    Key(
        "palette",
        "ctrl+p,colon",
        "command_palette",
        "Ctrl+P :",
        "commands and jobs by name",
        "app",
        "commands",
    ),
    Key("copy", "ctrl+c", "help_quit", "Ctrl+C", "copy what the mouse marked; twice leaves", "app"),
    Key("suspend", "ctrl+z", "suspend_process", "Ctrl+Z", "to the shell; fg comes back", "app"),
    Key("leave", "q,ctrl+q", "leave", "q", "leave; jobs go on", "app", "leave (jobs go on)", "Leave"),
)


def bindings(where: Where) -> list[BindingType]:
    """The table's entries of one place as Textual wants them."""
    return [
        Binding(key.keys, key.action, key.about or key.id, show=False, key_display=key.shown, id=key.id)
        for key in KEYS
        if key.where == where
    ]


def working(active: Mapping[str, ActiveBinding]) -> list[Key]:
    """What works on a screen, in the table's order, with those keys that do it there.

    Args:
        active: a screen's active bindings, which know what was remapped and what a field takes as a letter.
    """
    names: dict[str, list[str]] = {}
    for name, binding in active.items():
        if binding.enabled and binding.binding.id is not None:
            names.setdefault(binding.binding.id, []).append(name)
    found: list[Key] = []
    group: list[Key] = []
    """An entry, and those after it that it speaks for."""
    for key in KEYS:
        if key.id not in names:
            continue
        if key.about or not group or group[0].where != key.where:
            found += _as_it_is(group, names)
            group = []
        group.append(key)
    return [*found, *_as_it_is(group, names)]


def _as_it_is(group: list[Key], names: Mapping[str, list[str]]) -> list[Key]:
    if all(set(key.keys.split(",")) == set(names[key.id]) for key in group):
        return group
    changed = [replace(key, keys=",".join(names[key.id])) for key in group]
    written = [[write(name) for name in names[key.id]] for key in group]
    first = replace(changed[0], shown=" ".join(word for words in written for word in words))
    others = zip(changed[1:], written[1:], strict=True)
    return [first, *(replace(key, shown=" ".join(words)) for key, words in others)]


WRITTEN = {
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
    "pageup": "PgUp",
    "pagedown": "PgDn",
    "escape": "Esc",
    "tab": "Tab",
    "enter": "Enter",
    "space": "Space",
    "backspace": "Backspace",
    "delete": "Delete",
}


def write(name: str) -> str:
    """A key of Textual's name as it is written on a keyboard: slash is /, ctrl+s is Ctrl+S."""
    *held, last = name.split("+")
    character = WRITTEN.get(last) or _character(last)
    if held and character and len(character) == 1:
        character = character.upper()
    return "+".join([*(part.capitalize() for part in held), character or last.capitalize()])


def _character(last: str) -> str | None:
    """What a key without its modifiers types; None where that is nothing that can be seen."""
    # Textual 8.2.8 knows some characters by shorter names, of which it does not find them again.
    character = last if len(last) == 1 else key_to_character(REPLACED_KEYS.get(last, last))
    return character if character and character.isprintable() else None


TOGETHER: tuple[frozenset[Where], ...] = (
    frozenset({"pane", "list", "main", "app"}),
    frozenset({"chart", "main", "app"}),
    frozenset({"pane", "chart", "log", "job", "app"}),
    frozenset({"form", "fold", "choice", "app"}),
    frozenset({"pane", "list", "rows", "app"}),
    frozenset({"playground", "app"}),
)
"""Places whose keys work at the same time, so that no key may have two meanings there."""


INSTEAD: dict[str, str] = {"rows.match": "rows.new", "make.open": "make.write"}
"""Actions that have the key of another one while they can work: then that one can't."""


def remapped(settings: Settings) -> dict[str, str]:
    """The keys that the settings give to actions, as Textual names them, by the actions' ids.

    Raises:
        SettingsError: an unknown id or key, or a key with two meanings; the file and the entry are named.
    """
    table = {key.id: key for key in KEYS}
    chosen: dict[str, str] = {}
    for action, said in settings.keys.items():
        where = f"{settings.path}: keys.{action}"
        if action not in table:
            near = difflib.get_close_matches(action, table, 3) or sorted(table)
            raise SettingsError("", f"{where}: there is no such action; known are {', '.join(near)}")
        names = [_name(part.strip()) for part in said.split(",")] if said.strip() != "," else ["comma"]
        if None in names:
            raise SettingsError("", f"{where}: {said!r} is no key; write for example x, X, ctrl+x or f5")
        chosen[action] = ",".join(name for name in names if name)
    keys_of = {key.id: set(chosen.get(key.id, key.keys).split(",")) for key in KEYS}
    for action in chosen:
        for other in KEYS:
            meet = table[action].where == other.where or any(
                {table[action].where, other.where} <= places for places in TOGETHER
            )
            before = set(table[action].keys.split(",")) & set(other.keys.split(","))
            both = (keys_of[action] & keys_of[other.id]) - before
            if other.id != action and meet and both:
                key = write(min(both))
                about = other.about or other.id
                raise SettingsError(
                    "",
                    f"{settings.path}: keys.{action}: {key} is the key of {other.id} ({about}) already; "
                    f"give one of them another",
                )
    return chosen


def _name(part: str) -> str | None:
    """A key as Textual names it; None where there is none of that name."""
    *held, last = part.split("+") if len(part) > 1 else [part]
    if len(last) == 1:
        last = _character_to_key(last)
    known = last in {key.value for key in Keys} or _character(last) is not None
    if not known or any(modifier not in ("ctrl", "shift", "alt") for modifier in held):
        return None
    return "+".join([*held, last])

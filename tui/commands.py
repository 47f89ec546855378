"""What the palette finds: commands that work where one is, jobs by name and id, datasets, themes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from textual import on
from textual.command import CommandPalette, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.widgets import Input
from textual.worker import Worker, WorkerState

from ..engines.text import one_line
from .keys import working
from .messages import OpenDataset, OpenJob, OpenPlayground
from .panes.wording import short_path

if TYPE_CHECKING:
    from .app import FinetuiApp

MOST = 40
"""Jobs shown for what was typed; with more letters they become fewer."""


class Palette(CommandPalette):
    """Enter takes what is found for the letters that stand there, even where it is not found yet.

    Textual's own (8.2.8) would take the first of what was found for the letters before.
    """

    _search: Worker[None] | None = None
    _wanted = False
    """Enter was pressed before the search was through."""

    def _gather_commands(self, search_value: str) -> Worker[None]:
        self._wanted = False
        self._search = search = super()._gather_commands(search_value)
        return search

    @on(Input.Submitted)
    def _take_when_found(self, event: Input.Submitted) -> None:
        if self._search is not None and not self._search.is_finished:
            event.prevent_default()
            event.stop()
            self._wanted = True

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        found = event.worker is self._search and event.state == WorkerState.SUCCESS
        if found and self._wanted:
            self._wanted = False
            self._action_command_list("select")


@dataclass(frozen=True)
class Command:
    """Something that can be chosen. `name` and `about` are safe to show; `words` is what is searched."""

    name: str
    about: str
    words: str
    run: Callable[[], object]


class Commands(Provider):
    """All of them; every word that is typed must occur."""

    async def discover(self) -> Hits:
        for command in self._keys():
            yield DiscoveryHit(Content(command.name), command.run, command.name, _plain(command.about))

    async def search(self, query: str) -> Hits:
        words = query.casefold().split()
        shown = 0
        for base, commands in ((0.9, self._keys()), (0.6, self._jobs()), (0.4, self._others())):
            for command in commands:
                text = command.words.casefold()
                if not all(word in text for word in words):
                    continue
                begins = 0.05 if words and text.startswith(words[0]) else 0.0
                shown += base == 0.6
                if shown > MOST and base == 0.6:
                    break
                # Those found first stand first.
                score = base + begins - shown * 0.001
                yield Hit(score, _mark(command.name, words), command.run, command.name, _plain(command.about))

    @property
    def _finetui(self) -> FinetuiApp:
        return self.app  # type: ignore[return-value]

    def _keys(self) -> Iterator[Command]:
        for key in working(self.screen.active_bindings):
            if key.command:
                about = key.about or f"to the pane {key.shown}"
                press = self._press(key.keys.split(",")[0])
                yield Command(f"{key.command}  ({key.shown.split(' ')[0]})", about, key.command, press)

    def _press(self, key: str) -> Callable[[], object]:
        return lambda: self.app.call_after_refresh(self.app.simulate_key, key)

    def _jobs(self) -> Iterator[Command]:
        app = self._finetui
        for job in app.jobs.summaries if app.jobs is not None else ():
            name = one_line(job.name, 60) or job.id
            about = f"job {job.id}, {job.state.state}"
            yield Command(name, about, f"{name} {job.id}", self._post(OpenJob, job.id))
            if job.state.result is not None:
                told = f"Playground: {name}"
                yield Command(told, about, f"{told} {job.id}", self._post(OpenPlayground, job.id))

    def _others(self) -> Iterator[Command]:
        app = self._finetui
        for known in app.main.datasets.list.items:
            path = Path(known.path)
            told = f"Rows of {one_line(path.name, 60)}"
            yield Command(told, one_line(short_path(path), 100), told, self._post(OpenDataset, path))
        for name in sorted(app.available_themes):
            yield Command(f"Theme: {name}", "other colours", f"theme {name}", self._theme(name))

    def _post(self, kind: type[OpenJob] | type[OpenPlayground] | type[OpenDataset], what: object):
        return lambda: self._finetui.main.post_message(kind(what))  # type: ignore[arg-type]

    def _theme(self, name: str) -> Callable[[], object]:
        return lambda: setattr(self.app, "theme", name)


def _plain(text: str) -> str:
    """As the palette, which reads it as markup, shows it unchanged."""
    return text.replace("\\", "\\\\").replace("[", "\\[")


def _mark(name: str, words: list[str]) -> Content:
    """A name with what was typed underlined."""
    content, folded = Content(name), name.casefold()
    if len(folded) == len(name):
        for word in words:
            if (start := folded.find(word)) >= 0:
                content = content.stylize("bold underline", start, start + len(word))
    return content

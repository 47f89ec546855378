"""The line at the bottom: the keys that work right here, each of which can be clicked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from textual import events
from textual.content import Content
from textual.screen import Screen

from ..keys import Key, working
from .canvas import Canvas

LAST = ("help", "palette")
"""Always shown, at the end: whoever knows these finds the others. After them how to get out of here."""
FOREMOST = (
    "job.new",
    "list.open",
    "list.add",
    "job.playground",
    "job.stop",
    "job.resume",
    "list.mark",
    "list.filter",
)
"""What there is room for first, in this order; then the others in the table's."""
ROOMY = 100
"""Cells from which on a hint says what stands in its brackets too."""


class KeyLine(Canvas):
    """Follows the bindings of its screen."""

    ALLOW_SELECT = False

    def __init__(self, *, hints: Mapping[str, str] | None = None, id: str | None = None) -> None:
        """`hints`: other words than the table's, by the keys' ids."""
        super().__init__(id=id)
        self._hints = hints or {}
        self._keys: list[Key] = []
        self._places: list[tuple[int, int, Key]] = []

    def on_mount(self) -> None:
        super().on_mount()
        self.screen.bindings_updated_signal.subscribe(self, self._update)

    def _update(self, screen: Screen[object]) -> None:
        if screen.is_current:
            there = working(screen.active_bindings)
            keys = [replace(key, hint=self._hints.get(key.id, key.hint)) for key in there if key.hint]
            foremost = {key: place for place, key in enumerate(FOREMOST)}
            self._keys = sorted(keys, key=lambda key: foremost.get(key.id, len(foremost)))
            self.repaint()

    def lay_out(self, width: int, height: int) -> int:
        return 1

    def line(self, index: int, width: int) -> Content:
        brief = width < ROOMY
        last = self._last()
        room = width - 1 - sum(_width(key, brief) for key in last)
        shown: list[Key] = []
        for key in self._keys:
            if key not in last and key.id != "leave" and _width(key, brief) <= room:
                room -= _width(key, brief)
                shown.append(key)
        parts: list[str | tuple[str, str]] = [" "]
        self._places, x = [], 1
        for key in [*shown, *last]:
            parts += [(_first(key), "bold $key"), (f" {_hint(key, brief)}  ", "$quiet")]
            self._places.append((x, x + _width(key, brief), key))
            x += _width(key, brief)
        return Content.assemble(*parts)

    def _last(self) -> list[Key]:
        back = [key for key in self._keys if key.id.endswith(".back")]
        return [
            *(key for key in self._keys if key.id in LAST),
            *(back or [key for key in self._keys if key.id == "leave"]),
        ]

    def on_click(self, event: events.Click) -> None:
        for start, end, key in self._places:
            if start <= event.x < end:
                self.app.simulate_key(key.keys.split(",")[0])


def _first(key: Key) -> str:
    return key.shown.split(" ")[0]


def _hint(key: Key, brief: bool) -> str:
    return key.hint.partition(" (")[0] if brief else key.hint


def _width(key: Key, brief: bool) -> int:
    return len(_first(key)) + len(_hint(key, brief)) + 3

"""The line at the bottom: the keys that work right here, each of which can be clicked."""

from __future__ import annotations

from textual import events
from textual.content import Content
from textual.screen import Screen

from ..keys import Key, working
from .canvas import Canvas

LAST = ("help", "palette", "leave")
"""Always shown, at the end: whoever knows these finds the others."""


class KeyLine(Canvas):
    """Follows the bindings of its screen."""

    ALLOW_SELECT = False

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._keys: list[Key] = []
        self._places: list[tuple[int, int, Key]] = []
        self._active: set[str] = set()

    def on_mount(self) -> None:
        super().on_mount()
        self.screen.bindings_updated_signal.subscribe(self, self._update)

    def _update(self, screen: Screen[object]) -> None:
        if screen.is_current:
            active = {key: binding for key, binding in screen.active_bindings.items() if binding.enabled}
            self._active = set(active)
            keys = working(binding.binding.id for binding in active.values())
            self._keys = [key for key in keys if key.hint and self._first(key)]
            self.repaint()

    def lay_out(self, width: int, height: int) -> int:
        return 1

    def line(self, index: int, width: int) -> Content:
        last = [key for key in self._keys if key.id in LAST]
        room = width - 1 - sum(self._width(key) for key in last)
        shown: list[Key] = []
        for key in self._keys:
            if key.id not in LAST and self._width(key) <= room:
                room -= self._width(key)
                shown.append(key)
        parts: list[str | tuple[str, str]] = [" "]
        self._places, x = [], 1
        for key in [*shown, *last]:
            parts += [(self._first(key), "bold $key"), (f" {key.hint}  ", "$quiet")]
            self._places.append((x, x + self._width(key), key))
            x += self._width(key)
        return Content.assemble(*parts)

    def on_click(self, event: events.Click) -> None:
        for start, end, key in self._places:
            if start <= event.x < end:
                names = key.keys.split(",")
                self.app.simulate_key(next((name for name in names if name in self._active), names[0]))

    def _first(self, key: Key) -> str:
        """The first of its keys that works, as it is written; empty where a field takes it as a letter."""
        words = key.shown.split(" ")
        names = key.keys.split(",")
        return next((word for name, word in zip(names, words, strict=False) if name in self._active), "")

    def _width(self, key: Key) -> int:
        return len(self._first(key)) + len(key.hint) + 3

"""A dialog of which Enter takes the first that fits: type to filter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from .pick import Pick, Suggestion

Result = TypeVar("Result")


class PickFirst(Pick[Result]):
    """Enter that comes before what fits was found waits for it: the list of an older text is not meant."""

    _found_for: str | None = None
    _waits = False

    def _show(self, text: str, found: Sequence[Suggestion]) -> None:
        super()._show(text, found)
        if self._found is not found:
            return
        self._found_for = text
        if found:
            self._list.highlighted = 0
            self._moved = True
        if self._waits:
            self._waits = False
            super().action_take()

    def action_take(self) -> None:
        if self._found_for == self.field.value:
            super().action_take()
        else:
            self._waits = True

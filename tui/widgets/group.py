"""A group of settings under a line that folds and unfolds it; what is folded is not even made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.widget import Widget

from ...engines.text import one_line
from ..draft import Entry
from ..keys import bindings
from .field import SettingField


class FoldLine(Widget, can_focus=True):
    """The title of a group."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("fold")
    ALLOW_SELECT = False

    def __init__(self, title: str) -> None:
        super().__init__()
        self._title = title
        self._said: Content = Content("")

    @property
    def group(self) -> SettingGroup:
        return self.query_ancestor(SettingGroup)

    def say(self, changed: int, wrong: int, brief: str) -> None:
        """How many of its settings were changed, how many are wrong, and what the main ones come to."""
        parts: list[tuple[str, str]] = []
        if wrong:
            parts.append((f"  ✗ {wrong} wrong", "$error"))
        if changed:
            parts.append((f"  {changed} set", "$primary"))
        parts.append((f"  {one_line(brief, 200)}", "$quiet"))
        said = Content.assemble(*parts)
        if said != self._said:
            self._said = said
            self.refresh()

    def render(self) -> Content:
        mark = "▾" if self.group.unfolded else "▸"
        line = Content.assemble((f"{mark} {self._title}", "bold"), self._said)
        if self.has_focus:
            width = self.size.width
            line = line.pad_right(max(width - line.cell_length, 0)).stylize_before("$list-cursor-style")
        return line

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self) -> None:
        self.action_fold()

    def action_fold(self) -> None:
        self.group.fold(self.group.unfolded)


class SettingGroup(Vertical):
    """`make` gives the field of a setting when the group is first unfolded."""

    def __init__(self, title: str, entries: Sequence[Entry], make: Callable[[Entry], SettingField]) -> None:
        super().__init__(classes="group")
        self.title, self.entries = title, entries
        self._make = make
        self.line = FoldLine(title)
        self.unfolded = False

    def compose(self) -> ComposeResult:
        yield self.line

    def fold(self, folded: bool) -> None:
        """Fold or unfold it."""
        if self.unfolded != folded:
            return
        self.unfolded = not folded
        fields = list(self.query(SettingField))
        if self.unfolded and not fields:
            self.mount_all([self._make(entry) for entry in self.entries])
        for field in fields:
            field.display = self.unfolded
        self.line.refresh()

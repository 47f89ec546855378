"""What all panes are: a frame with a number and a title around what can have the focus."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.geometry import Region
from textual.widget import Widget

from ...engines.text import one_line
from ..keys import bindings
from ..widgets.canvas import Canvas


class Pane(Vertical):
    """A frame. `main` is the widget inside that takes the focus and the keys."""

    NUMBER: ClassVar[int]
    TITLE: ClassVar[str]

    @property
    def main(self) -> Widget:
        raise NotImplementedError

    _about = _below = _narrowed = ""

    def on_mount(self) -> None:
        self.say(self._about, self._below)

    def narrow(self, said: str) -> None:
        """Say in the frame that only a part is shown, instead of what else stands there; empty: all is."""
        if said != self._narrowed:
            self._narrowed = said
            self.say(self._about, self._below)

    def say(self, about: str = "", below: str = "") -> None:
        """Set what the frame says.

        Args:
            about: whose data it shows; foreign text.
            below: how that stands, in the lower edge; foreign text.
        """
        self._about, self._below = about, below
        about = self._narrowed or about
        title = f"{self.NUMBER} {self.TITLE}"
        upper = Content(title) if not about else Content(f"{title} · {one_line(about, 60)}")
        lower = Content(one_line(below, 120)) if below else None
        # Not through `border_title` and `border_subtitle`: their setters (Textual 8.2.8) repaint all of the
        # pane with what is in it, and the lower text changes each second.
        if upper.plain != getattr(self._border_title, "plain", None):
            self._border_title = upper
            self._repaint_edge(-1)
        if (lower and lower.plain) != getattr(self._border_subtitle, "plain", None):
            self._border_subtitle = lower
            self._repaint_edge(self.content_size.height)

    def _repaint_edge(self, y: int) -> None:
        """`y`: the row, counted from the content's first."""
        if self.is_mounted:
            self.refresh(Region(-1, y, self.outer_size.width, 1))


class PaneCanvas(Canvas, inherit_bindings=False):
    """A canvas with the focus and the keys of a pane; by default they scroll."""

    can_focus = True
    ALLOW_SELECT = False
    SCROLLS = True
    BINDINGS: ClassVar[list[BindingType]] = bindings("pane")

    @property
    def page(self) -> int:
        """How many lines a page moves."""
        return max(self.size.height - 1, 1)

    def action_down(self) -> None:
        self.move_view(self.top + 1)

    def action_up(self) -> None:
        self.move_view(self.top - 1)

    def action_page_down(self) -> None:
        self.move_view(self.top + self.page)

    def action_page_up(self) -> None:
        self.move_view(self.top - self.page)

    def action_first(self) -> None:
        self.move_view(0)

    def action_last(self) -> None:
        self.move_view(self.last_top)

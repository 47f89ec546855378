"""What all panes are: a frame with a number and a title around what can have the focus."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
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

    def on_mount(self) -> None:
        self.say()

    def say(self, about: str = "", below: str = "") -> None:
        """Set what the frame says.

        Args:
            about: whose data it shows; foreign text.
            below: how that stands, in the lower edge; foreign text.
        """
        title = f"{self.NUMBER} {self.TITLE}"
        shown = Content(title) if not about else Content(f"{title} · {one_line(about, 60)}")
        # The setters repaint the frame even where nothing changed.
        if shown.plain != getattr(self._border_title, "plain", None):
            self.border_title = shown  # type: ignore[assignment]
        lower = Content(one_line(below, 120)) if below else None
        if (lower and lower.plain) != getattr(self._border_subtitle, "plain", None):
            self.border_subtitle = lower  # type: ignore[assignment]


class PaneCanvas(Canvas, inherit_bindings=False):
    """A canvas with the focus and the keys of a pane; by default they scroll."""

    can_focus = True
    ALLOW_SELECT = False
    # The scrollbar's column is always kept: lines are laid out before one knows whether it comes.
    DEFAULT_CSS = """
    PaneCanvas {
        overflow-y: auto;
        scrollbar-gutter: stable;
    }
    """
    BINDINGS: ClassVar[list[BindingType]] = bindings("pane")

    @property
    def page(self) -> int:
        """How many lines a page moves."""
        return max(self.size.height - 1, 1)

    def action_down(self) -> None:
        self.move_view(self.scroll_offset.y + 1)

    def action_up(self) -> None:
        self.move_view(self.scroll_offset.y - 1)

    def action_page_down(self) -> None:
        self.move_view(self.scroll_offset.y + self.page)

    def action_page_up(self) -> None:
        self.move_view(self.scroll_offset.y - self.page)

    def action_first(self) -> None:
        self.move_view(0)

    def action_last(self) -> None:
        self.move_view(self.max_scroll_y)

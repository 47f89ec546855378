"""Textual sends the cells of a dirty region and not all that stands left of them in the widget.

Textual 8.2.8 (`textual._compositor.ChopsUpdate`) crops the end of a changed span but not its start: one
changed cell at the end of a line sends the whole line, and two changes in a line send it twice. This replaces
that one method by its cropping form; it can go when Textual crops itself.
"""

from __future__ import annotations

from rich.console import Console
from rich.control import Control
from textual._compositor import ChopsUpdate


def render_segments(self: ChopsUpdate, console: Console) -> str:
    """The update as a terminal takes it: for each span, the cursor's place and the cells from there."""
    sequences: list[str] = []
    for y, start, end in self.spans:
        for chop_end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
            if strip is None or x >= end or chop_end <= start:
                continue
            first = max(start, x)
            part = strip.crop(first - x, min(chop_end, end) - x)
            sequences += (Control.move_to(first, y).segment.text, part.render(console))
    return "".join(sequences)


def install() -> None:
    """Replace the method, for all apps of this process."""
    ChopsUpdate.render_segments = render_segments

"""Paragraphs with a label at their left, wrapped to the width, that scroll; marked by the mouse they copy."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from textual.content import Content
from textual.selection import Selection

from ...panes.pane import PaneCanvas

MOST_CHARACTERS = 50_000
"""Of one paragraph: it is laid out at once."""


@dataclass(frozen=True)
class Block:
    """A paragraph. `label` stands before its first line, the others are indented like it."""

    content: Content
    label: Content = field(default_factory=lambda: Content(""))
    indent: int = 0
    """Cells that the label has; a longer one pushes the first line."""


def heading(text: str) -> list[Block]:
    """A title between paragraphs, with a blank line above."""
    return [Block(Content("")), Block(Content.styled(text, "bold"))]


class Document(PaneCanvas):
    """Shows blocks."""

    ALLOW_SELECT = True

    def __init__(self, *, id: str | None = None, empty: str = "") -> None:
        """`empty`: what is said where there is no block."""
        super().__init__(id=id)
        self._empty = empty
        self._blocks: Sequence[Block] | None = None
        self._wrapped: list[Content] = []
        self._wrapped_width = -1

    def show(self, blocks: Sequence[Block]) -> None:
        """Show these; the view stays where it is."""
        self._blocks, self._wrapped_width = blocks, -1
        self.repaint()

    def lay_out(self, width: int, height: int) -> int:
        if width != self._wrapped_width:
            self._wrapped_width = width
            blocks = self._blocks
            if blocks is None:
                blocks = [Block(Content.styled("reading …", "$quiet"))]
            elif not blocks:
                blocks = [Block(Content.styled(self._empty, "$quiet"))]
            self._wrapped = [line for block in blocks for line in _lines(block, width - 1)]
        return len(self._wrapped)

    def line(self, index: int, width: int) -> Content:
        return Content.assemble(" ", self._wrapped[index])

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selection.extract("\n".join(f" {line.plain}" for line in self._wrapped)), "\n"


def _lines(block: Block, width: int) -> list[Content]:
    indent = min(block.indent, width // 2)
    room = max(width - indent, 8)
    content = block.content[:MOST_CHARACTERS]
    if "\t" in content.plain:
        content = content.expand_tabs(4)
    pieces = [
        line
        for part in content.split("\n", allow_blank=True)
        for line in (part.wrap(room) if part.cell_length > room else [part])
    ]
    label = block.label
    lines: list[Content] = []
    if label.cell_length > indent - 1 and indent:
        label = label.truncate(max(indent - 1, 1), ellipsis=True)
    first = label.pad_right(max(indent - label.cell_length, 0))
    for place, piece in enumerate(pieces or [Content("")]):
        lines.append(Content.assemble(first if place == 0 else " " * indent, piece))
    return lines

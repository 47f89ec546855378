"""A bar of parts: each has its own character, so that colour is never the only difference."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content


def bar(
    width: int, parts: Sequence[tuple[float, str, str]], rest: tuple[str, str] = ("░", "$bar-rest")
) -> Content:
    """A bar of `width` cells.

    Args:
        parts: (share of the whole, 0 to 1; character; style), from the left. A part that is there has a cell.
        rest: character and style of what is left over.
    """
    texts: list[tuple[str, str]] = []
    used = 0
    for share, character, style in parts:
        cells = round(min(max(share, 0.0), 1.0) * width)
        if share > 0 and cells == 0:
            cells = 1
        cells = min(cells, width - used)
        used += cells
        texts.append((character * cells, style))
    texts.append((rest[0] * (width - used), rest[1]))
    return Content.assemble(*texts)

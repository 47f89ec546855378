"""A bar of parts: each has its own character, so that colour is never the only difference."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

MARK = "┃"


def bar(
    width: int,
    parts: Sequence[tuple[float, str, str]],
    rest: tuple[str, str] = ("░", "$bar-rest"),
    mark: tuple[float, str] | None = None,
) -> Content:
    """A bar of `width` cells.

    Args:
        parts: (share of the whole, 0 to 1; character; style), from the left. A part that is there has a cell.
        rest: character and style of what is left over.
        mark: share of the whole and style of a mark over it; one beyond the whole is at its end.
    """
    cells: list[tuple[str, str]] = []
    for share, character, style in parts:
        count = round(min(max(share, 0.0), 1.0) * width)
        if share > 0 and count == 0:
            count = 1
        cells += [(character, style)] * min(count, width - len(cells))
    cells += [rest] * (width - len(cells))
    if mark is not None and cells:
        cells[min(round(max(mark[0], 0.0) * width), width - 1)] = (MARK, mark[1])
    runs: list[tuple[str, str]] = []
    for character, style in cells:
        if runs and runs[-1][1] == style:
            runs[-1] = (runs[-1][0] + character, style)
        else:
            runs.append((character, style))
    return Content.assemble(*runs)

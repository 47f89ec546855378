"""Each metric on a line: last, lowest and highest value and where they were."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from ....engines.text import one_line
from ...panes.pane import PaneCanvas
from ...panes.wording import brief, gibibytes

if TYPE_CHECKING:
    from ....monitors.extremes import Extremes

NAME_CELLS, NUMBER_CELLS = 24, 9
SMALLEST_NAME_CELLS = 14


class NumbersTable(PaneCanvas):
    """The table, with its head as its first line. On a narrow view the steps go first."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._extremes: Sequence[Extremes] | None = None

    def show(self, extremes: Sequence[Extremes]) -> None:
        self._extremes = extremes
        self.repaint()

    def lay_out(self, width: int, height: int) -> int:
        return 1 + len(self._extremes) if self._extremes else 1

    def line(self, index: int, width: int) -> Content:
        if not self._extremes:
            words = "reading …" if self._extremes is None else "No metric yet."
            return Content.styled(f" {words}", "$quiet")
        if index == 0:
            cells = ("metric", "last", "min", "at step", "max", "at step")
            return _row(cells, width).stylize("$quiet")
        one = self._extremes[index - 1]
        number = _bytes if one.name.endswith("_bytes") else brief
        cells = (
            one_line(one.name, 60),
            number(one.last),
            number(one.lowest),
            f"{one.lowest_step:,}",
            number(one.highest),
            f"{one.highest_step:,}",
        )
        return _row(cells, width)


def _row(cells: tuple[str, str, str, str, str, str], width: int) -> Content:
    name, last, low, low_step, high, high_step = cells
    room = width - 2
    columns = [last, low, high]
    if room >= SMALLEST_NAME_CELLS + 4 * NUMBER_CELLS:
        columns = [last, low, low_step, high]
    if room >= SMALLEST_NAME_CELLS + 5 * NUMBER_CELLS:
        columns = [last, low, low_step, high, high_step]
    space = max(min(room - len(columns) * NUMBER_CELLS, NAME_CELLS), 6)
    parts: list[str | tuple[str, str] | Content] = [
        " ",
        Content(name).truncate(space, ellipsis=True).pad_right(max(space - Content(name).cell_length, 0)),
    ]
    parts += [f"{column[: NUMBER_CELLS - 1]:>{NUMBER_CELLS}}" for column in columns]
    return Content.assemble(*parts)


def _bytes(value: float) -> str:
    return f"{gibibytes(value)} GiB"

"""A chart of curves over steps: braille, round numbers on the axes, linear or logarithmic."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from . import ticks
from .canvas import Canvas
from .curve import Curve

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

AXIS = "$chart-axis"
LABEL = "$quiet"
LEAST_ROWS, LEAST_COLUMNS = 3, 12
"""Of the plot itself: below that only the legend is shown."""


class Chart(Canvas):
    """Draws what `show` gives it. Has nothing to scroll."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.log_scale = False
        self._curves: tuple[Curve, ...] = ()
        self._last_step = 0
        self._words: Sequence[str] = ()
        self._lines: list[Content] = []

    @property
    def empty(self) -> bool:
        return not any(len(curve.steps) for curve in self._curves)

    def show(self, curves: tuple[Curve, ...], last_step: int | None, words: Sequence[str] = ()) -> None:
        """Draw curves.

        Args:
            last_step: where the x axis ends at least: known early, so that the axis stands still.
            words: shown instead while there are no points.
        """
        self._curves, self._last_step, self._words = curves, last_step or 0, words
        self.repaint()

    def lay_out(self, width: int, height: int) -> int:
        self._lines = self._words_lines(width, height) if self.empty else self._chart_lines(width, height)
        return height

    def line(self, index: int, width: int) -> Content:
        return self._lines[index] if index < len(self._lines) else Content("")

    def _words_lines(self, width: int, height: int) -> list[Content]:
        lines = [
            line for words in self._words for line in Content.styled(words, LABEL).wrap(max(width - 2, 1))
        ]
        above = max((height - len(lines)) // 3, 0)
        return [Content("")] * above + [Content(" ") + line for line in lines]

    def _chart_lines(self, width: int, height: int) -> list[Content]:
        import numpy as np

        values = [curve.values[np.isfinite(curve.values)] for curve in self._curves]
        if self.log_scale:
            values = [part[part > 0] for part in values]
        values = [part for part in values if len(part)]
        head = legend(self._curves, self.log_scale, width)
        rows = height - 3
        if not values or rows < LEAST_ROWS:
            return [head]
        low, high = min(float(part.min()) for part in values), max(float(part.max()) for part in values)
        if self.log_scale:
            bottom, top, marks = ticks.log_range(low, high)
        else:
            bottom, top, marks = ticks.nice_range(low, high, min(max(rows * 2 // 3, 2), 5))
        span = (math.log10(bottom), math.log10(top)) if self.log_scale else (bottom, top)
        placed: dict[int, str] = {}
        for mark in marks:
            place = math.log10(mark) if self.log_scale else mark
            row = round((span[1] - place) / (span[1] - span[0]) * (rows - 1))
            if all(abs(row - other) > 0 for other in placed):
                placed[row] = ticks.mark(mark)
        margin = max(len(text) for text in placed.values())
        columns = width - margin - 2
        if columns < LEAST_COLUMNS:
            return [head]
        last = max(self._last_step, *(int(curve.steps[-1]) for curve in self._curves if len(curve.steps)), 1)
        cells = self._cells((0.0, float(last)), span, columns, rows)
        lines = [head]
        for row in range(rows):
            label = placed.get(row, "").rjust(margin)
            axis = "┤" if row in placed else "│"
            lines.append(Content.assemble((label + " ", LABEL), (axis, AXIS), *cells[row]))
        return [*lines, *_x_axis(last, margin, columns)]

    def _cells(
        self, x_range: tuple[float, float], y_range: tuple[float, float], columns: int, rows: int
    ) -> list[list[tuple[str, str]]]:
        """The plot as runs of (text, style), a list a row."""
        # numpy comes with this and is not needed before there is something to draw.
        from . import braille

        texts = [[" "] * columns for _ in range(rows)]
        styles = [[""] * columns for _ in range(rows)]
        for curve in self._curves:
            if not len(curve.steps):
                continue
            values = _logarithms(curve.values) if self.log_scale else curve.values
            bits = braille.plot(curve.steps, values, x_range, y_range, columns, rows)
            for row, column in zip(*bits.nonzero(), strict=True):
                texts[row][column] = braille.character(int(bits[row, column]))
                styles[row][column] = curve.style
            if curve.mark:
                for row, column in braille.places(curve.steps, values, x_range, y_range, columns, rows):
                    texts[row][column] = curve.mark
                    styles[row][column] = curve.style
        return [_runs(text, style) for text, style in zip(texts, styles, strict=True)]


def _runs(texts: list[str], styles: list[str]) -> list[tuple[str, str]]:
    runs: list[tuple[str, str]] = []
    for text, style in zip(texts, styles, strict=True):
        if runs and runs[-1][1] == style:
            runs[-1] = (runs[-1][0] + text, style)
        else:
            runs.append((text, style))
    return runs


def _x_axis(last: int, margin: int, columns: int) -> list[Content]:
    marks = ticks.step_marks(last, max(columns // 12, 1))
    axis, labels = ["─"] * columns, [" "] * (columns + margin + 2)
    end = -1
    for mark in marks:
        column = round(mark / last * (columns - 1))
        text = ticks.count(mark)
        start = min(margin + 2 + column - (len(text) - 1) // 2, len(labels) - len(text))
        if start <= end:
            continue
        axis[column] = "┬"
        labels[start : start + len(text)] = text
        end = start + len(text)
    name = " update"
    if end + len(name) <= len(labels):
        labels[end : end + len(name)] = name
    line = " " * (margin + 1) + "└" + "".join(axis)
    return [Content.styled(line, AXIS), Content.styled("".join(labels), LABEL)]


def legend(curves: Sequence[Curve], log_scale: bool, width: int) -> Content:
    """Each curve's sign, name and last value, at the right. A narrow chart says the same in less room."""
    parts: list[Content] = []
    for curve in curves:
        if len(curve.steps):
            value = float(curve.values[-1])
            text = "not finite" if value != value or abs(value) == float("inf") else ticks.number(value)
            sign = curve.mark or "─"
            parts.append(Content.assemble((f"{sign} {curve.name} ", curve.style), text))
    lines: list[Content] = []
    for scale, gap in (("log scale", 3), ("log", 3), ("log", 2), ("log", 1)):
        ends = [Content.styled(scale, LABEL)] if log_scale else []
        lines.append(Content(" " * gap).join([*parts, *ends]))
    shown = next((line for line in lines if line.cell_length < width), lines[-1])
    return Content(" " * max(width - shown.cell_length - 1, 0)) + shown


def _logarithms(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Decadic logarithms; what has none is a gap."""
    import numpy as np

    with np.errstate(divide="ignore", invalid="ignore"):
        return np.log10(np.where(values > 0, values, np.nan))

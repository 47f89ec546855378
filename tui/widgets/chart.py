"""A chart of jobs' curves: braille, round numbers on the axes, linear or logarithmic, a cursor, a zoom.

The axes stand still while points come: each change of theirs is all cells sent anew.
"""

from __future__ import annotations

import math

from textual import events
from textual.content import Content
from textual.message import Message

from . import ticks
from .canvas import Canvas
from .curve import Curve, Picture
from .legend import LABEL, legend, nearest, values_at
from .plotted import Plotted, Sides, plotted

LEAST_SHARE = 0.5
"""A y axis is kept while its values fill this share of it."""
POINTS_IN_VIEW = 4
"""At the closest zoom."""


class Chart(Canvas):
    """Draws what `show` gives it."""

    class CursorMoved(Message):
        """The cursor is at another step of the first job; None: there is none."""

        def __init__(self, chart: Chart, step: int | None) -> None:
            super().__init__()
            self.chart, self.step = chart, step

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.log_scale = False
        self.cursor: int | None = None
        """A step of the first curve that has points."""
        self._picture = Picture()
        self._view: tuple[float, float] | None = None
        """What of the x axis is seen; None: all."""
        self._follows = False
        """The view goes on with the newest point."""
        self._end = 0.0
        self._y: tuple[object, float, float] | None = None
        """What it was made for, and the y axis' edges then."""
        self._shown: Plotted | None = None
        self._lines: list[Content] = []

    @property
    def empty(self) -> bool:
        return self._lead is None

    @property
    def zoomed(self) -> bool:
        return self._view is not None

    @property
    def _curves(self) -> list[Curve]:
        return [curve for job in self._picture.jobs for curve in job.curves if len(curve)]

    @property
    def _lead(self) -> Curve | None:
        """Whose points the cursor goes along."""
        return next(iter(self._curves), None)

    def show(self, picture: Picture, *, anew: bool) -> None:
        """Draw this; `anew`: it is no more of the same, so that nothing of the view is kept."""
        self._picture = picture
        if anew:
            self._view, self._end, self._y = None, 0.0, None
        self.repaint()

    def clear_cursor(self) -> bool:
        """Take the cursor away; whether there was one."""
        was = self.cursor is not None
        if was:
            self._set_cursor(None)
        return was

    def _set_cursor(self, step: int | None) -> None:
        if step != self.cursor:
            self.cursor = step
            self.post_message(self.CursorMoved(self, step))
            self.repaint()

    def move_cursor(self, by: int) -> None:
        """A cell or at least a point to the left (-1) or right (1); beyond the edge the view goes along."""
        curve, shown = self._lead, self._shown
        if curve is None or shown is None:
            return
        if self.cursor is None:
            inside = curve.x.searchsorted(shown.frame.right, "right") - 1
            self._set_cursor(int(curve.steps[max(inside, 0)]))
            return
        index = self._index(curve)
        target = nearest(curve.x, float(curve.x[index]) + by * shown.frame.cell)
        index = max(target, index + 1) if by > 0 else min(target, index - 1)
        index = min(max(index, 0), len(curve) - 1)
        self._reveal(float(curve.x[index]))
        self._set_cursor(int(curve.steps[index]))

    def _reveal(self, x: float) -> None:
        if self._view is not None and not self._view[0] <= x <= self._view[1]:
            left, right = self._view
            by = (right - left) / 4
            self._look(x - by if x < left else x + by - (right - left), right - left)

    def _index(self, curve: Curve) -> int:
        return min(int(curve.steps.searchsorted(self.cursor or 0)), len(curve) - 1)

    def zoom(self, way: int, at: float | None = None) -> None:
        """Halve (1) or double (-1) what is seen of the x axis, or see all of it (0).

        Args:
            at: what keeps its place; None: the cursor, or else the newest point.
        """
        curve = self._lead
        if curve is None:
            return
        left, right = self._view or (0.0, self._end)
        follows = at is None and self.cursor is None
        if at is None:
            at = float(curve.x[-1] if self.cursor is None else curve.x[self._index(curve)])
        distance = (float(curve.x[-1]) - float(curve.x[0])) / max(len(curve) - 1, 1)
        least = min(max(distance * POINTS_IN_VIEW, self._end * 1e-6), self._end)
        span = max((right - left) * (0.5 if way > 0 else 2.0), least)
        if way == 0 or span >= self._end * (1 - 1e-9):
            self._view = None
            self.repaint()
            return
        share = min(max((at - left) / (right - left), 0.0), 1.0)
        self._look(at - share * span, span)
        self._follows = follows
        self.repaint()

    def _look(self, left: float, span: float) -> None:
        left = min(max(left, 0.0), max(self._end - span, 0.0))
        self._view, self._follows = (left, left + span), False

    def on_click(self, event: events.Click) -> None:
        curve, shown = self._lead, self._shown
        if curve is not None and shown is not None and 0 <= (column := event.x - shown.left) < shown.columns:
            event.stop()
            self._set_cursor(int(curve.steps[nearest(curve.x, shown.frame.x(column))]))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        self._wheel(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        self._wheel(event, -1)

    def _wheel(self, event: events.MouseEvent, way: int) -> None:
        if self._shown is not None:
            event.stop()
            column = min(max(event.x - self._shown.left, 0), self._shown.columns - 1)
            self.zoom(way, self._shown.frame.x(column))

    def lay_out(self, width: int, height: int) -> int:
        self._shown = None
        self._lines = self._words_lines(width, height) if self.empty else self._chart_lines(width, height)
        return height

    def line(self, index: int, width: int) -> Content:
        return self._lines[index] if index < len(self._lines) else Content("")

    def _words_lines(self, width: int, height: int) -> list[Content]:
        lines = [
            line
            for words in self._picture.words
            for line in Content.styled(words, LABEL).wrap(max(width - 2, 1))
        ]
        above = max((height - len(lines)) // 3, 0)
        return [Content("")] * above + [Content(" ") + line for line in lines]

    def _chart_lines(self, width: int, height: int) -> list[Content]:
        curve = self._lead
        assert curve is not None
        self._place_view()
        left, right = self._view or (0.0, self._end)
        x = None if self.cursor is None else float(curve.x[self._index(curve)])
        edges = self._y_edges(left, right)
        if edges is not None:
            sides = Sides(left, right, *edges, self.log_scale)
            self._shown = plotted(self._picture, sides, x, width, height - 1)
        if self.cursor is None or x is None:
            head = legend(self._picture, self.log_scale, width)
        else:
            slack = self._shown.frame.cell if self._shown else 0.0
            head = values_at(
                self._picture, int(curve.steps[self._index(curve)]), x, slack, self.log_scale, width
            )
        return [head, *(self._shown.lines if self._shown else ())]

    def _place_view(self) -> None:
        """Where the x axis ends, and the view of it."""
        newest = max(float(curve.x[-1]) for curve in self._curves)
        known = self._picture.end or 0.0
        wanted = max(known, newest)
        if self._picture.grows and newest >= known:
            wanted = ticks.grown(newest)
        # An end that is computed from what was seen so far wobbles.
        room = 0.8 if self._picture.grows else 0.98
        if not (newest <= self._end and self._end * room <= wanted <= self._end * 1.02):
            self._end = wanted if wanted > 0 else 1.0
        if self._view is not None:
            left, right = self._view
            if self._follows and newest > right:
                self._look(newest - (right - left) * 0.75, right - left)
                self._follows = True

    def _y_edges(self, left: float, right: float) -> tuple[float, float] | None:
        """The least and greatest value on the y axis; None where no value can be drawn."""
        import numpy as np

        low, high = math.inf, -math.inf
        for curve in self._curves:
            first, end = curve.x.searchsorted(left), curve.x.searchsorted(right, "right")
            values = curve.values[max(first - 1, 0) : end + 1]
            if self.log_scale:
                values = values[values > 0]
            if not len(values):
                continue
            least, most = float(np.fmin.reduce(values)), float(np.fmax.reduce(values))
            if not (math.isfinite(least) and math.isfinite(most)):
                values = values[np.isfinite(values)]
                if not len(values):
                    continue
                least, most = float(values.min()), float(values.max())
            low, high = min(low, least), max(high, most)
        if low > high:
            return None
        made_for = (self.log_scale, self._view, len(self._picture.jobs))
        if self._y is not None and self._y[0] == made_for:
            _, bottom, top = self._y
            if bottom <= low and high <= top and self._share(low, high, bottom, top) >= LEAST_SHARE:
                return bottom, top
        bottom, top, _ = ticks.log_range(low, high) if self.log_scale else ticks.nice_range(low, high, 4)
        self._y = (made_for, bottom, top)
        return bottom, top

    def _share(self, low: float, high: float, bottom: float, top: float) -> float:
        if self.log_scale:
            low, high, bottom, top = (math.log10(value) for value in (low, high, bottom, top))
        return (high - low) / (top - bottom)

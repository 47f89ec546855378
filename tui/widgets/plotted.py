"""The plot itself with its axes, as lines of text. A small one leaves out what is least needed.

Imports numpy only when there is something to draw.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from textual.content import Content

from . import ticks
from .curve import Picture
from .legend import BEST, LABEL

if TYPE_CHECKING:
    from .braille import Frame

AXIS = "$chart-axis"
CURSOR = "$list-cursor"
LEAST_COLUMNS = 8
"""Of the plot: before it gets narrower the numbers on the y axis go."""
FULL_ROWS = 5
"""From so many rows on there is an x axis with numbers; with one less only the numbers, then nothing."""


@dataclass(frozen=True)
class Sides:
    """What the edges stand for, in values."""

    left: float
    right: float
    bottom: float
    top: float
    log: bool


@dataclass(frozen=True)
class Plotted:
    """Lines, and where in them the plot is. `left`: its first column."""

    lines: list[Content]
    left: int
    columns: int
    frame: Frame


def plotted(picture: Picture, sides: Sides, cursor: float | None, width: int, height: int) -> Plotted | None:
    """Draw curves with axes into so many cells; None where there is no room at all.

    Args:
        cursor: a place on the x axis.
    """
    below = 2 if height >= FULL_ROWS else 1 if height == FULL_ROWS - 1 else 0
    rows = height - below
    if rows < 1 or width < LEAST_COLUMNS + 1:
        return None
    # numpy comes with this and is not needed before there is something to draw.
    from .braille import Frame

    size = (sides.left, sides.right, sides.bottom, sides.top, sides.log)
    numbers = _y_numbers(Frame(LEAST_COLUMNS, rows, *size))
    margin = max((len(text) for text in numbers.values()), default=0)
    if width - margin - 2 < LEAST_COLUMNS:
        numbers, margin = {}, -1
    columns = width - margin - 2
    frame = Frame(columns, rows, *size)
    at = None if cursor is None or not sides.left <= cursor <= sides.right else frame.column(cursor)
    lines = []
    for row, cells in enumerate(_cells(picture, frame, at)):
        label = numbers.get(row, "").rjust(margin) + " " if margin >= 0 else ""
        lines.append(Content.assemble((label, LABEL), ("┤" if row in numbers else "│", AXIS), *cells))
    if below:
        marks = ticks.x_marks(sides.left, sides.right, max(columns // 12, min(columns // 8, 3)), picture.axis)
        labels, ticked = _x_labels(
            marks, frame, margin + 2, ticks.unit(picture.axis, sides.right - sides.left)[0]
        )
        if below == 2:
            axis = _x_axis(picture, frame, ticked, at)
            lines.append(Content.assemble((" " * (margin + 1) + "└", AXIS), *axis))
        lines.append(Content.styled(labels, LABEL))
    return Plotted(lines, margin + 2, columns, frame)


def _y_numbers(frame: Frame) -> dict[int, str]:
    """Round numbers on the y axis by row, none twice."""
    wanted = min(max(frame.rows * 2 // 3, 2), max(frame.rows // 5, 5))
    if frame.log:
        marks = ticks.log_range(frame.bottom, frame.top)[2]
    else:
        marks = ticks.nice_range(frame.bottom, frame.top, wanted)[2]
    numbers: dict[int, str] = {}
    slack = (frame.top - frame.bottom) * 1e-9
    for mark in marks:
        row, text = frame.row(mark), ticks.mark(mark)
        inside = frame.bottom - slack <= mark <= frame.top + slack
        # On few rows numbers crowd: a row between two of them, where there are rows enough.
        free = row not in numbers and (frame.rows < 4 or row + 1 not in numbers)
        if inside and free and text not in numbers.values():
            numbers[row] = text
    return numbers


def _cells(picture: Picture, frame: Frame, cursor: int | None) -> list[list[tuple[str, str]]]:
    """The plot as runs of (text, style), a list a row."""
    from . import braille

    texts = [[" "] * frame.columns for _ in range(frame.rows)]
    styles = [[""] * frame.columns for _ in range(frame.rows)]
    # What comes later lies on top: marks on lines, the selected job on the others.
    jobs = picture.jobs[::-1]
    for job in jobs:
        for curve in job.curves:
            if not len(curve) or not curve.joined:
                continue
            bits = braille.plot(curve.x, curve.values, frame)
            for row, column in zip(*bits.nonzero(), strict=True):
                texts[row][column] = braille.character(int(bits[row, column]))
                styles[row][column] = curve.style
    for job in jobs:
        marks = [(curve, curve.mark, braille.places(curve.x, curve.values, frame))
                 for curve in job.curves if curve.mark and len(curve)]  # fmt: skip
        if job.letter and len(job.train):
            # Not of all points: the last one that can be seen is enough.
            end = int(job.train.x.searchsorted(frame.right, "right"))
            begin = max(end - 100, 0)
            last = braille.places(job.train.x[begin:end], job.train.values[begin:end], frame)[-1:]
            marks.append((job.train, job.letter, last))
        for curve, mark, places in marks:
            for row, column in places:
                texts[row][column], styles[row][column] = mark or "", curve.style
    if cursor is not None:
        for text, style in zip(texts, styles, strict=True):
            text[cursor] = "│" if text[cursor] == " " else text[cursor]
            style[cursor] = f"{style[cursor] or '$quiet'} on {CURSOR}"
    return [_runs(text, style) for text, style in zip(texts, styles, strict=True)]


def _runs(texts: Sequence[str], styles: Sequence[str]) -> list[tuple[str, str]]:
    runs: list[tuple[str, str]] = []
    for text, style in zip(texts, styles, strict=True):
        if runs and runs[-1][1] == style:
            runs[-1] = (runs[-1][0] + text, style)
        else:
            runs.append((text, style))
    return runs


def _x_labels(
    marks: Sequence[tuple[float, str]], frame: Frame, start: int, name: str
) -> tuple[str, list[int]]:
    """The line of numbers under the x axis, and the plot's columns that have one."""
    room = frame.columns + start
    labels, ticked = [" "] * room, []
    end = -1
    for place, text in marks:
        column = frame.column(place)
        begin = min(max(start + column - (len(text) - 1) // 2, 0), room - len(text))
        if begin <= end or not 0 <= column < frame.columns:
            continue
        ticked.append(column)
        labels[begin : begin + len(text)] = text
        end = begin + len(text)
    if end + len(name) + 1 <= room:
        labels[end + 1 : end + 1 + len(name)] = name
    elif len(ticked) > 1 and end - len(name) > 0:
        # The name takes the last number's place where it would have none.
        last = ticked.pop()
        first = start + last - 1
        while first > 0 and labels[first - 1] != " ":
            first -= 1
        previous = max((i for i in range(first) if labels[i] != " "), default=-1)
        if room - len(name) > previous + 1:
            labels[previous + 1 :] = " " * (room - previous - 1)
            labels[room - len(name) :] = name
    return "".join(labels), ticked


def _x_axis(
    picture: Picture, frame: Frame, ticked: Sequence[int], cursor: int | None
) -> list[tuple[str, str]]:
    texts, styles = ["─"] * frame.columns, [AXIS] * frame.columns
    for column in ticked:
        texts[column] = "┬"
    best = () if picture.best is None else (picture.best[0],)
    for places, sign, style in ((picture.checkpoints, "▴", LABEL), (best, "★", BEST)):
        for place in places:
            column = frame.column(place)
            if 0 <= column < frame.columns:
                texts[column], styles[column] = sign, style
    if cursor is not None and texts[cursor] in "─┬":
        texts[cursor], styles[cursor] = "┴", "$quiet"
    return _runs(texts, styles)

"""What the widgets are made of, without a screen: dots, marks, changed cells, bars."""

from __future__ import annotations

import math

import numpy as np
import pytest
from finetui.tui.widgets import braille, ticks
from finetui.tui.widgets.bar import bar
from finetui.tui.widgets.canvas import changed_runs
from hypothesis import given
from hypothesis import strategies as st
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

finite = st.floats(-1e6, 1e6)


def drawn(values: list[float], columns: int = 10, rows: int = 4, high: float = 1.0) -> list[str]:
    frame = braille.Frame(columns, rows, 0.0, max(len(values) - 1, 1), 0.0, high)
    bits = braille.plot(np.arange(len(values), dtype=np.float64), np.array(values, np.float64), frame)
    return ["".join(braille.character(int(cell)) for cell in row) for row in bits]


def test_a_falling_line_goes_from_the_upper_left_to_the_lower_right() -> None:
    lines = drawn([1.0, 0.0], columns=4, rows=2)
    assert lines == ["⠉⠑⠢⢄", "⠀⠀⠀⠀"] or (lines[0][0] != "⠀" and lines[1][-1] != "⠀")
    assert lines[1][0] == "⠀" and lines[0][-1] == "⠀"


def test_what_is_not_a_number_leaves_a_gap() -> None:
    (line,) = drawn([1.0, 1.0, math.nan, math.nan, math.nan, 1.0, 1.0], columns=14, rows=1)
    gap = line.strip("⠁⠉⠈")
    assert len(gap) >= 4 and set(gap) == {"⠀"}


def test_a_spike_between_many_points_is_seen() -> None:
    values = [0.5] * 100_000
    values[61_234] = 1.0
    top, *_ = drawn(values, columns=40, rows=8)
    assert top.strip("⠀"), "the highest row has the spike"


@given(values=st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=50))
def test_any_values_can_be_drawn(values: list[float]) -> None:
    lines = drawn(values)
    assert [len(line) for line in lines] == [10] * 4


def test_a_million_points_are_drawn_while_nobody_notices() -> None:
    import time

    x = np.arange(1_000_000, dtype=np.float64)
    values = np.sin(x / 1e5)
    begun = time.process_time()
    braille.plot(x, values, braille.Frame(80, 20, 0.0, 1e6, -1.0, 1.0))
    assert time.process_time() - begun < 0.05


@given(low=finite, high=finite, marks=st.integers(2, 12))
def test_an_axis_holds_its_values_and_has_marks(low: float, high: float, marks: int) -> None:
    low, high = min(low, high), max(low, high)
    bottom, top, placed = ticks.nice_range(low, high, marks)
    slack = 1e-6 * max(abs(low), abs(high), 1)
    assert bottom <= low + slack and top >= high - slack and bottom < top
    assert placed == sorted(placed) and 1 <= len(placed) <= 2 * marks + 2
    assert all(bottom - slack <= mark <= top + slack for mark in placed)


def test_marks_are_round_numbers() -> None:
    assert ticks.nice_range(0.87, 2.61, 4)[2] == [1.0, 1.5, 2.0, 2.5]
    assert ticks.log_range(0.03, 2.2) == (0.03, 3.0, [0.05, 0.1, 0.2, 0.5, 1.0, 2.0])
    assert ticks.log_range(0.85, 0.95)[2] == [0.8, 1.0]
    assert ticks.x_marks(0, 1000, 2, "step") == [(0, "0"), (500, "500"), (1000, "1,000")]
    assert ticks.x_marks(0, 3, 10, "step") == [(0, "0"), (1, "1"), (2, "2"), (3, "3")]


@pytest.mark.parametrize(
    ("value", "text"),
    [(2.312, "2.31"), (0.8812, "0.881"), (1.9, "1.90"), (12.345, "12.3"), (0, "0"), (0.0000123, "1.2e-05"),
     (125_000, "125k"), (1500, "1,500"), (math.nan, "nan"), (-0.5, "-0.500"), (123.4, "123")],
)  # fmt: skip
def test_numbers_are_short(value: float, text: str) -> None:
    assert ticks.number(value) == text


@given(
    old=st.text(alphabet="ab 字", max_size=30),
    new=st.text(alphabet="ab 字", max_size=30),
)
def test_every_changed_cell_is_in_a_run(old: str, new: str) -> None:
    style = Style(bold=True)
    before, after = (Strip([Segment(text, style)]) for text in (old, new))
    runs = list(changed_runs(before, after))
    cells = [
        [cell for character in text for cell in ([character, ""] if character == "字" else [character])]
        for text in (old, new)
    ]
    for x in range(max(map(len, cells))):
        here = [row[x] if x < len(row) else None for row in cells]
        inside = any(start <= x < end for start, end in runs)
        assert inside or here[0] == here[1]
    assert (old == new) == (not runs)


def test_far_changes_are_sent_apart() -> None:
    before, after = "aaaaaaaaaaaaaaaaaaaa", "baaaaaaaaaaaaaaaaaab"
    assert list(changed_runs(Strip([Segment(before)]), Strip([Segment(after)]))) == [(0, 1), (19, 20)]


@given(width=st.integers(1, 60), shares=st.lists(st.floats(0, 1.5), max_size=4))
def test_a_bar_is_as_wide_as_it_should_be(width: int, shares: list[float]) -> None:
    shown = bar(width, [(share, str(index), "") for index, share in enumerate(shares)])
    assert len(shown.plain) == width

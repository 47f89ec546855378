"""The loss chart: what is drawn, what its keys and the mouse do, several jobs, small panes, still axes."""

from __future__ import annotations

import json
import math
from typing import Any

import msgspec
import numpy as np
import pytest
from finetui.engines.job import Job
from finetui.engines.settings import Settings
from finetui.engines.states import JobState
from finetui.tui.app import FinetuiApp
from finetui.tui.panes.loss import LossPane
from finetui.tui.widgets import braille, ticks
from finetui.tui.widgets.chart import Chart
from finetui.tui.widgets.curve import Curve, JobLines, Picture
from finetui.tui.widgets.legend import legend, shortened
from homes.jobs import add_job
from hypothesis import given
from hypothesis import strategies as st
from textual import events
from textual.pilot import Pilot

from .test_keys import until

LOSSES = st.lists(st.one_of(st.none(), st.floats(-1e5, 1e5)), min_size=1, max_size=200)


def curve(values: list[float], name: str = "train", mark: str | None = None, style: str = "") -> Curve:
    steps = np.arange(1, len(values) + 1, dtype=np.int64)
    return Curve(name, steps, steps.astype(np.float64), np.array(values, np.float64), style, mark)


def lines_of(
    values: list[float], held_out: list[float] | None = None, name: str = "run", letter: str = ""
) -> JobLines:
    return JobLines(name, letter, curve(values), curve(held_out or [], "eval", letter or "◆"))


def drawn(chart: Chart, width: int, height: int) -> list[str]:
    count = chart.lay_out(width, height)
    return [chart.line(index, width).plain for index in range(count)]


def picture(*jobs: JobLines, **fields: Any) -> Chart:
    chart = Chart()
    chart.show(Picture(jobs, **fields), anew=True)
    return chart


# What is drawn


@given(values=LOSSES, columns=st.integers(1, 30), rows=st.integers(1, 10), spike=st.integers(0, 199))
def test_the_highest_and_lowest_values_are_always_seen(
    values: list[float | None], columns: int, rows: int, spike: int
) -> None:
    numbers = [math.nan if value is None else value for value in values]
    numbers[spike % len(numbers)] = 2e5
    frame = braille.Frame(columns, rows, 1.0, float(max(len(numbers), 2)), -1e5, 2e5)
    line = curve(numbers)
    bits = braille.plot(line.x, line.values, frame)
    assert bits.shape == (rows, columns)
    assert bits[0, frame.column(spike % len(numbers) + 1)], "the spike is in the highest row"
    for row, column in braille.places(line.x, line.values, frame):
        assert bits[row, column], "a curve goes through its points"


@given(before=st.integers(1, 40), gap=st.integers(1, 40), after=st.integers(1, 40))
def test_a_gap_stays_a_gap(before: int, gap: int, after: int) -> None:
    line = curve([1.0] * before + [math.nan] * gap + [1.0] * after)
    columns = len(line)
    frame = braille.Frame(columns, 1, 1.0, float(columns), 0.0, 1.0)
    filled = braille.plot(line.x, line.values, frame)[0] > 0
    points = np.isfinite(line.values)
    assert filled[points].all()
    # A point is in its own cell; the line to its neighbour takes part of the next one at most.
    assert filled.sum() <= points.sum() + 2 and (gap < 3 or not filled.all())


@given(
    values=st.lists(st.one_of(st.none(), st.floats(1e-6, 1e5)), min_size=1, max_size=60),
    width=st.integers(0, 90),
    height=st.integers(1, 40),
    log=st.booleans(),
    moves=st.lists(st.sampled_from(["left", "right", "in", "out", "all"]), max_size=12),
)
def test_nothing_is_ever_drawn_outside(
    values: list[float | None], width: int, height: int, log: bool, moves: list[str]
) -> None:
    numbers = [math.nan if value is None else value for value in values]
    chart = picture(lines_of(numbers, numbers[:3]), lines_of(numbers[:5], name="字" * 20, letter="a"))
    chart.log_scale = log
    for move in ["", *moves]:
        if move in ("left", "right"):
            chart.move_cursor(-1 if move == "left" else 1)
        elif move:
            chart.zoom({"in": 1, "out": -1, "all": 0}[move])
        chart.lay_out(width, height)
        lines = [chart.line(index, width) for index in range(height)]
        assert all(line.cell_length <= max(width, 1) for line in lines[1:])
        assert chart._view is None or 0 <= chart._view[0] < chart._view[1] <= chart._end * (1 + 1e-9)


@given(
    left=st.floats(0, 1e7), span=st.floats(1, 1e7), count=st.integers(1, 12),
    axis=st.sampled_from(["step", "tokens", "epoch", "time"]),
)  # fmt: skip
def test_marks_on_the_x_axis_are_few_inside_and_all_different(
    left: float, span: float, count: int, axis: str
) -> None:
    marks = ticks.x_marks(left, left + span, count, axis)
    slack = 1e-6 * (left + span)
    assert all(left - slack <= place <= left + span + slack for place, _ in marks)
    assert len(marks) <= 2 * count + 2 and len({text for _, text in marks}) == len(marks)
    if axis in ("step", "tokens"):
        assert all(place == int(place) for place, _ in marks)


@given(end=st.floats(1e-3, 1e9))
def test_an_axis_that_grows_keeps_some_room(end: float) -> None:
    assert end * (1 - 1e-9) <= ticks.grown(end) <= end * 1.6
    assert ticks.grown(ticks.grown(end)) == pytest.approx(ticks.grown(end))


def test_time_is_said_in_the_unit_that_fits() -> None:
    assert [text for _, text in ticks.x_marks(0, 100, 2, "time")] == ["0", "50", "100"]
    assert ticks.unit("time", 100)[0] == "s" and ticks.unit("time", 1000)[0] == "min"
    assert ticks.x_marks(0, 4 * 3600, 4, "time")[-1] == (4 * 3600, "4")
    assert [ticks.duration(value) for value in (42, 450, 4680, 400_000)] == [
        "42 s",
        "7.5 min",
        "78.0 min",
        "111 h",
    ]


# How little is enough


@pytest.mark.parametrize("size", [(31, 9), (13, 5), (15, 5), (58, 4), (9, 3), (178, 46)])
def test_there_is_a_plot_in_any_pane(size: tuple[int, int]) -> None:
    lines = drawn(picture(lines_of([2.5 - n / 100 for n in range(100)], [2.0, 1.9])), *size)
    assert any("⠀" < character <= "⣿" for line in lines[1:] for character in line)
    assert "1.51" in lines[0] or size[0] < 13


def test_a_small_plot_leaves_out_the_axis_before_its_numbers() -> None:
    chart = picture(lines_of([2.0, 1.0] * 50), end=100)
    full, no_axis, bare = (drawn(chart, 40, height) for height in (6, 5, 4))
    assert "└" in full[-2] and "update" in full[-1]
    assert "update" in no_axis[-1] and not any("└" in line for line in no_axis)
    assert not any("update" in line for line in bare) and "┤" in "".join(bare)


def test_no_number_stands_twice_on_the_y_axis() -> None:
    for high in (1.0001, 1.1, 2.0, 100.0):
        lines = drawn(picture(lines_of([1.0, high])), 40, 20)
        numbers = [line.split("┤")[0].strip() for line in lines if "┤" in line]
        assert len(numbers) >= 2 and len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(("width", "says"), [(60, "log scale"), (36, "log"), (40, "log")])
def test_a_narrow_legend_still_says_that_the_scale_is_logarithmic(width: int, says: str) -> None:
    shown = Picture((lines_of([0.5, 0.00341], [0.5, 0.00416]),))
    line = legend(shown, True, width).plain
    assert len(line) <= width
    assert line.split() == ["─", "train", "0.00341", "◆", "eval", "0.00416", *says.split()]
    assert "log" not in legend(shown, False, width).plain


def test_a_legend_of_many_jobs_gives_up_names_then_numbers() -> None:
    names = ["support-bot-v3", *(f"a-rather-long-name-{n}" for n in range(5))]
    jobs = tuple(
        lines_of([1.5], [1.6], name, letter) for name, letter in zip(names, ["", *"abcde"], strict=True)
    )
    wide, middle, narrow, least = (legend(Picture(jobs), False, width).plain for width in (240, 110, 60, 20))
    assert "a-rather-long-name-4" in wide and "1.60" in wide
    assert "a a-r…ame-0" in middle and "a-r…ame-4" in middle and "1.50" in middle
    assert narrow.split() == [part for sign in "─abcde" for part in (sign, "1.50")]
    assert least.split() == list("─abcde")


def test_a_legend_keeps_its_place_while_numbers_change() -> None:
    places = {
        legend(Picture((lines_of([value], [value]),), best=(1, "120")), False, 60).plain.index("★")
        for value in (0.5, 0.05, 12.25, 0.0, 1234.0, 0.881)
    }
    assert len(places) == 1


def test_checkpoints_lie_on_the_axis_and_the_best_is_named() -> None:
    values = [2.0 - n / 200 for n in range(200)]
    lines = drawn(picture(lines_of(values), checkpoints=(60.0, 120.0, 180.0), best=(120.0, "120")), 60, 12)
    assert lines[-2].count("▴") == 2 and lines[-2].count("★") == 1
    assert "★ best 120" in lines[0]


# Axes that stand still


def test_the_axes_of_a_live_job_change_rarely() -> None:
    rng = np.random.default_rng(7)
    values = (0.9 + 1.6 * np.exp(-np.arange(3000) / 700) + rng.normal(0, 0.06, 3000)).tolist()
    chart = Chart()
    seen: list[list[str]] = []
    for count in range(500, 1500):
        chart.show(Picture((lines_of(values[:count]),), grows=True), anew=count == 500)
        lines = drawn(chart, 60, 14)
        # Numbers on both axes, without the curves and the legend.
        frame = [line.split("┤")[0] for line in lines[1:-2] if "┤" in line] + lines[-2:]
        if not seen or seen[-1] != frame:
            seen.append(frame)
    assert len(seen) <= 12, f"{len(seen)} different axes for a thousand points"


def test_an_end_that_is_computed_anew_each_time_does_not_move_the_axis() -> None:
    chart = Chart()
    ends = set()
    for wobble in (0.0, 0.4, -0.7, 0.9, -0.2):
        chart.show(Picture((lines_of([2.0, 1.0]),), end=100 + wobble), anew=False)
        chart.lay_out(60, 12)
        ends.add(chart._end)
    assert ends == {100.0}


# The cursor and the zoom


@given(values=LOSSES, moves=st.lists(st.sampled_from([-1, 1]), min_size=1, max_size=30))
def test_the_cursor_says_the_value_at_its_step(values: list[float | None], moves: list[int]) -> None:
    numbers = [math.nan if value is None else value for value in values]
    chart = picture(lines_of([*numbers, 1.0]))
    before = None
    for move in moves:
        drawn(chart, 60, 12)
        chart.move_cursor(move)
        assert chart.cursor is not None and 1 <= chart.cursor <= len(numbers) + 1
        if before is not None:
            assert (chart.cursor - before) * move > 0 or chart.cursor in (1, len(numbers) + 1)
        before = chart.cursor
        head = drawn(chart, 60, 12)[0]
        value = [*numbers, 1.0][chart.cursor - 1]
        assert head.split()[0] == f"{chart.cursor:,}"
        shown = f"{value:.3f}" if 0.01 <= abs(value) < 0.1 else ticks.number(value)
        assert (shown if math.isfinite(value) else "not finite") in head


def test_each_job_says_its_own_value_and_one_that_ended_says_none() -> None:
    selected, short = lines_of([float(n) for n in range(1, 101)]), lines_of([7.0] * 20, name="b", letter="a")
    chart = picture(selected, short)
    drawn(chart, 80, 12)
    chart.cursor = 15
    assert drawn(chart, 80, 12)[0].split() == ["15", "─", "run", "15.0", "a", "b", "7.00"]
    chart.cursor = 60
    assert drawn(chart, 80, 12)[0].split() == ["60", "─", "run", "60.0", "a", "b", "–"]


def test_zooming_in_ends_at_a_few_points_and_out_at_all() -> None:
    chart = picture(lines_of([2.0] * 10_000))
    drawn(chart, 60, 12)
    for _ in range(40):
        chart.zoom(1)
        drawn(chart, 60, 12)
    assert chart._view is not None and 2 <= chart._view[1] - chart._view[0] <= 8
    for _ in range(40):
        chart.zoom(-1)
    assert not chart.zoomed


def test_beyond_the_edge_the_view_goes_with_the_cursor() -> None:
    chart = picture(lines_of([2.0] * 1000))
    drawn(chart, 60, 12)
    chart.cursor = 500
    for _ in range(4):
        chart.zoom(1)
        drawn(chart, 60, 12)
    for _ in range(600):
        chart.move_cursor(-1)
        assert chart.cursor is not None and chart._view is not None
        assert chart._view[0] <= chart.cursor <= chart._view[1]
        drawn(chart, 60, 12)
    assert chart.cursor == 1


def test_a_view_of_the_end_goes_on_with_new_points() -> None:
    chart = picture(lines_of([2.0] * 500), end=10_000)
    drawn(chart, 60, 12)
    for _ in range(6):
        chart.zoom(1)
    for count in range(500, 1500, 5):
        chart.show(Picture((lines_of([2.0] * count),), end=10_000), anew=False)
        drawn(chart, 60, 12)
        assert chart._view is not None and chart._view[0] <= count <= chart._view[1]


# In the app


def write(job: Job, updates: int, lowest: float, *, extra: bool = True) -> None:
    with open(job.paths.metrics, "ab") as file:
        for step in range(1, updates + 1):
            line: dict[str, Any] = {"attempt": 1, "step": step, "loss": lowest + 1.5 * math.exp(-step / 60)}
            if extra:
                line |= {"time": 1.8e9 + 3 * step, "epoch": step / 100, "num_tokens": step * 5000}
            file.write(msgspec.json.encode(line) + b"\n")
            if step % 50 == 0:
                held_out = {"attempt": 1, "step": step, "eval_loss": lowest + 0.1}
                file.write(msgspec.json.encode(held_out) + b"\n")


@pytest.fixture
def three(settings: Settings) -> Settings:
    """Three jobs with points; the newest is selected, the oldest knows only its updates."""
    write(add_job(settings, "plain", JobState.paused, step=60, total_steps=200), 60, 0.5, extra=False)
    write(add_job(settings, "before", JobState.succeeded, step=200, total_steps=200), 200, 0.7)
    job = add_job(settings, "now", JobState.running, step=150, total_steps=300, phase="training")
    write(job, 150, 0.9)
    for step, loss in ((50, 1.0), (100, 0.95)):
        checkpoint = job.paths.metrics.parent / "checkpoints" / f"checkpoint-{step}"
        checkpoint.mkdir(parents=True)
        (checkpoint / "complete.json").write_text(json.dumps({"step": step, "eval_loss": loss, "time": 1}))
    return settings


def test_names_that_begin_alike_are_told_apart_where_they_are_cut() -> None:
    assert shortened(["support-bot", "poems"], 8) == ["support…", "poems"]
    assert shortened(["booking-desk-r16", "booking-desk-r64"], 8) == ["bo…k-r16", "bo…k-r64"]
    assert shortened(["booking-a-of-the-desk", "booking-b-of-the-desk"], 8) == ["…a-of-th", "…b-of-th"]
    assert shortened(["booking", "booking"], 4) == ["boo…", "boo…"]
    assert shortened(["booking", "bookings"], 0) == ["", ""]


async def with_points(pilot: Pilot[None]) -> LossPane:
    app = pilot.app
    assert isinstance(app, FinetuiApp)
    await until(pilot, lambda: not app.main.loss.chart.empty)
    await pilot.press("3")
    return app.main.loss


def text(pane: LossPane) -> list[str]:
    return [strip.text for strip in pane.chart._rows]


async def test_keys_show_values_and_zoom_and_escape_clears(three: Settings) -> None:
    async with FinetuiApp(three).run_test(size=(80, 24)) as pilot:
        pane = await with_points(pilot)
        assert "★" in text(pane)[-2] and text(pane)[-1].rstrip().endswith("update")
        await pilot.press("left")
        assert pane.chart.cursor == 150 and "update 150" in text(pane)[0] and "1.0" in text(pane)[0]
        await until(pilot, lambda: "750k tokens" in str(pane._border_subtitle))
        await pilot.press("h", "right", "left", "l", "left")
        assert pane.chart.cursor is not None and pane.chart.cursor < 150
        await pilot.press("plus", "plus")
        assert pane.chart.zoomed
        await pilot.press("minus", "minus")
        assert not pane.chart.zoomed
        await pilot.press("plus", "0")
        assert not pane.chart.zoomed and pane.chart.cursor is None
        await pilot.press("left", "escape")
        assert pane.chart.cursor is None and "train" in text(pane)[0]
        await until(pilot, lambda: "running" in str(pane._border_subtitle))


async def test_escape_takes_the_cursor_before_it_leaves_the_zoomed_pane(three: Settings) -> None:
    async with FinetuiApp(three).run_test(size=(80, 24)) as pilot:
        pane = await with_points(pilot)
        await pilot.press("z", "left", "escape")
        assert pane.chart.cursor is None and pane.has_class("-zoom")
        await pilot.press("escape")
        assert not pane.has_class("-zoom")


async def test_x_goes_through_the_axes_and_the_cursor_stays_at_its_update(three: Settings) -> None:
    async with FinetuiApp(three).run_test(size=(120, 36)) as pilot:
        pane = await with_points(pilot)
        await pilot.press("left")
        heads = {"tokens": "750k tokens", "epoch": "epoch 1.50", "min": "7.5 min", "update": "update 150"}
        for name, head in heads.items():
            await pilot.press("x")
            assert text(pane)[-1].rstrip().endswith(name) and head in text(pane)[0]
            assert pane.chart.cursor == 150


async def test_axes_that_were_never_written_are_passed_over(settings: Settings) -> None:
    write(add_job(settings, "plain", JobState.paused, step=60, total_steps=200), 60, 0.5, extra=False)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        pane = await with_points(pilot)
        await pilot.press("x")
        assert text(pane)[-1].rstrip().endswith("update")


async def test_marked_jobs_have_letters_and_their_own_values(three: Settings) -> None:
    async with FinetuiApp(three).run_test(size=(200, 60)) as pilot:
        pane = await with_points(pilot)
        app = pilot.app
        assert isinstance(app, FinetuiApp) and app.jobs is not None
        app.main.marked = app.jobs.summaries
        app._follow_selected()
        await until(pilot, lambda: all(word in text(pane)[0] for word in ("now", "a before", "b plain")))
        plot = "".join(line.split("│", 1)[-1] for line in text(pane)[1:-2])
        assert "a" in plot and "b" in plot and "◆" in plot
        await pilot.press("left", "x")
        head = text(pane)[0]
        assert "750k tokens" in head and "b plain –" in head and "a before 0.8" in head


async def test_a_click_sets_the_cursor_and_the_wheel_zooms_where_the_pointer_is(three: Settings) -> None:
    async with FinetuiApp(three).run_test(size=(80, 24)) as pilot:
        pane = await with_points(pilot)
        await pilot.press("1")
        axis = text(pane)[-2]
        column = axis.index("★")
        await pilot.click(pane.chart, offset=(column, 4))
        assert pane.chart.cursor is not None and abs(pane.chart.cursor - 100) <= 8
        assert pane.chart.has_focus
        await pilot.press("escape")
        await pilot._post_mouse_events([events.MouseScrollUp], pane.chart, offset=(column, 4))
        assert pane.chart.zoomed and abs(text(pane)[-2].index("★") - column) <= 1


async def test_another_job_begins_without_cursor_and_zoom(three: Settings) -> None:
    async with FinetuiApp(three).run_test(size=(80, 24)) as pilot:
        pane = await with_points(pilot)
        await pilot.press("left", "plus", "1", "j")
        await until(pilot, lambda: not pane.chart.empty)
        assert pane.chart.cursor is None and not pane.chart.zoomed


async def test_there_is_a_plot_on_a_very_small_terminal(three: Settings) -> None:
    async with FinetuiApp(three).run_test(size=(60, 15)) as pilot:
        pane = await with_points(pilot)
        assert any("⠀" < character <= "⣿" or character == "◆" for character in "".join(text(pane)[1:]))

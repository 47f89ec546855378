"""Where updates lie in tokens, epochs and time; checkpoints and the best of them."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from finetui.engines.states import JobState
from finetui.monitors.points import AXES, Points, PointsReader
from homes.jobs import add_job, settings_of
from hypothesis import given
from hypothesis import strategies as st


def read(
    folder: Path, lines: list[dict[str, Any]], checkpoints: dict[int, float | None] | None = None
) -> Points:
    job = add_job(settings_of(folder), "run", JobState.running, total_steps=100)
    job.paths.metrics.write_text("".join(json.dumps({"attempt": 1, **line}) + "\n" for line in lines))
    for step, eval_loss in (checkpoints or {}).items():
        checkpoint = job.paths.metrics.parent / "checkpoints" / f"checkpoint-{step}"
        checkpoint.mkdir(parents=True)
        (checkpoint / "complete.json").write_text(
            json.dumps({"step": step, "eval_loss": eval_loss, "time": 1})
        )
    reader = PointsReader(job)
    assert reader.read()
    return reader.points()


def test_an_evaluation_lies_where_its_update_does(tmp_path: Path) -> None:
    lines: list[dict[str, Any]] = [{"step": 0, "time": 1000.0, "eval_loss": 2.5}]
    lines += [
        {"step": n, "time": 1000.0 + 2 * n, "loss": 2.0, "num_tokens": 500 * n, "epoch": n / 50}
        for n in range(1, 11)
    ]
    lines.append({"step": 10, "time": 1025.0, "eval_loss": 1.5})
    points = read(tmp_path, lines)
    at = {axis: points.along(points.eval_loss.steps, axis).tolist() for axis in AXES}
    assert at == {"step": [0, 10], "tokens": [0, 5000], "epoch": [0, 0.2], "time": [0, 25]}
    assert points.foreseen(100, "tokens") == 50_000
    assert points.foreseen(100, "epoch") == pytest.approx(2.0)
    assert points.newest("time") == 25


def test_an_axis_that_was_never_written_is_none(tmp_path: Path) -> None:
    points = read(
        tmp_path, [{"step": 1, "loss": 2.0, "epoch": None}, {"step": 2, "loss": 1.9, "num_tokens": 7}]
    )
    assert [axis for axis in AXES if points.has(axis)] == ["step", "tokens"]
    assert all(math.isnan(value) for value in points.along(points.loss.steps, "epoch"))
    assert points.foreseen(100, "epoch") is None and points.newest("epoch") is None


def test_a_clock_that_was_set_back_does_not_fold_the_curve(tmp_path: Path) -> None:
    times = [100.0, 110.0, 20.0, 120.0]
    points = read(tmp_path, [{"step": n + 1, "time": time, "loss": 2.0} for n, time in enumerate(times)])
    assert points.along(points.loss.steps, "time").tolist() == [0, 10, 10, 20]


def test_the_best_checkpoint_has_the_lowest_loss_on_held_out_rows(tmp_path: Path) -> None:
    points = read(tmp_path, [{"step": 1, "loss": 2.0}], {10: 1.4, 20: 1.1, 30: 1.2, 40: None})
    assert points.checkpoints == (10, 20, 30, 40) and points.best == 20


@given(
    known=st.dictionaries(st.integers(1, 100), st.floats(0, 1e6), max_size=10),
    steps=st.lists(st.integers(0, 120), unique=True, max_size=20),
)
def test_places_never_go_back(known: dict[int, float], steps: list[int]) -> None:
    from finetui.monitors.metrics import EMPTY, Series

    pairs = sorted(known.items())
    series = Series(
        np.array([step for step, _ in pairs], np.int64), np.array([value for _, value in pairs], np.float64)
    )
    points = Points(EMPTY, EMPTY, dict.fromkeys(AXES[1:], series))
    for axis in AXES:
        places = points.along(np.array(sorted(steps), np.int64), axis)
        assert len(places) == len(steps)
        if axis == "step" or known:
            assert np.isfinite(places).all() and (np.diff(places) >= 0).all()

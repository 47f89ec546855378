"""metrics.jsonl as series: the reading rule in its plainest form, files that grow, broken lines, speed."""

from __future__ import annotations

import json
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from finetui.monitors.metric_table import rows_of
from finetui.monitors.metrics import Metrics
from hypothesis import given
from hypothesis import strategies as st

Line = dict[str, Any]


def read_all(metrics: Metrics) -> None:
    metrics.read()
    while metrics.more:
        metrics.read()


def plainly(lines: list[Line], name: str) -> list[tuple[int, float | None]]:
    """docs/job.md word by word: an attempt starts one before its first update, or at an owed evaluation."""
    starts: dict[int, int] = {}
    for line in lines:
        starts.setdefault(line["attempt"], line["step"] - 1 if "loss" in line else line["step"])
    points: dict[int, float | None] = {}
    for line in lines:
        hidden = any(other > line["attempt"] and line["step"] > start for other, start in starts.items())
        if name in line and not hidden:
            points[line["step"]] = line[name]
    return sorted(points.items())


def as_list(metrics: Metrics, name: str) -> list[tuple[int, float | None]]:
    series = metrics.series(name)
    return [
        (int(step), None if math.isnan(value) else float(value))
        for step, value in zip(series.steps, series.values, strict=True)
    ]


values = st.one_of(st.none(), st.floats(-1e6, 1e6))
lines_of_a_job = st.lists(
    st.fixed_dictionaries(
        {"attempt": st.integers(1, 4), "step": st.integers(0, 12)},
        optional={"loss": values, "eval_loss": values, "learning_rate": values, "note": st.text(max_size=5)},
    ),
    max_size=40,
)


@given(lines=lines_of_a_job, cuts=st.lists(st.integers(0, 40), max_size=3))
def test_the_reading_rule_is_that_of_the_contract(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Line], cuts: list[int]
) -> None:
    path = tmp_path_factory.mktemp("job") / "metrics.jsonl"
    metrics = Metrics(path)
    written = 0
    # It is read while it grows, at any places, and says the same as if it had been read once.
    for end in [*sorted(min(cut, len(lines)) for cut in cuts), len(lines)]:
        with open(path, "a", encoding="utf-8") as file:
            file.writelines(json.dumps(line) + "\n" for line in lines[written:end])
        written = end
        read_all(metrics)
        for name in metrics.names:
            assert as_list(metrics, name) == plainly(lines[:end], name)


@given(lines=lines_of_a_job)
def test_the_table_follows_the_same_rule(lines: list[Line]) -> None:
    rows = rows_of(lines)
    assert [row["step"] for row in rows] == sorted({row["step"] for row in rows})
    for name in ("loss", "eval_loss", "learning_rate"):
        assert [(row["step"], row[name]) for row in rows if name in row] == plainly(lines, name)


def test_an_evaluation_that_was_owed_hides_nothing_of_its_own_step(tmp_path: Path) -> None:
    lines = [{"attempt": 1, "step": step, "loss": 10.0 + step} for step in range(1, 6)]
    lines += [{"attempt": 2, "step": 4, "eval_loss": 1.0}, {"attempt": 2, "step": 5, "loss": 25.0}]
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    metrics = Metrics(path)
    read_all(metrics)
    assert as_list(metrics, "loss") == [(1, 11), (2, 12), (3, 13), (4, 14), (5, 25)]
    assert as_list(metrics, "eval_loss") == [(4, 1)]


def test_a_resumed_run_hides_what_was_trained_twice(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    first = [{"attempt": 1, "step": step, "loss": 10.0 + step} for step in range(1, 8)]
    second = [{"attempt": 2, "step": step, "loss": 20.0 + step} for step in range(5, 7)]
    path.write_text("".join(json.dumps(line) + "\n" for line in first + second))
    metrics = Metrics(path)
    read_all(metrics)
    assert as_list(metrics, "loss") == [(1, 11), (2, 12), (3, 13), (4, 14), (5, 25), (6, 26)]


def test_a_half_written_line_counts_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"attempt":1,"step":1,"loss":2.5}\n{"attempt":1,"step":2,"lo')
    metrics = Metrics(path)
    assert metrics.read()
    assert as_list(metrics, "loss") == [(1, 2.5)]
    assert not metrics.read()
    with open(path, "a") as file:
        file.write('ss":2.25}\n')
    assert metrics.read()
    assert as_list(metrics, "loss") == [(1, 2.5), (2, 2.25)]


@pytest.mark.parametrize(
    "broken",
    [
        b"{",
        b"null",
        b"[1]",
        b'{"step": "two"}',
        b'{"step": -1, "loss": 1}',
        b'{"step": 99999999999999999999, "loss": 1}',
        b'{"step": 2, "loss": "\x1b[31m"}',
        b'{"step": 2, "loss": [0]}',
        b'{"step": 2, "loss": NaN}',
        b"\xff\xfe\x00",
        b"",
    ],
)
def test_a_line_that_is_none_is_passed_over(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(
        b'{"attempt":1,"step":1,"loss":2.5}\n' + broken + b'\n{"attempt":1,"step":3,"loss":1e3}\n'
    )
    metrics = Metrics(path)
    read_all(metrics)
    assert as_list(metrics, "loss") == [(1, 2.5), (3, 1000)]


def test_a_file_begun_anew_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text('{"attempt":1,"step":1,"loss":2.5}\n{"attempt":1,"step":2,"loss":2.4}\n')
    metrics = Metrics(path)
    read_all(metrics)
    path.write_text('{"attempt":1,"step":1,"loss":9.0}\n')
    assert metrics.read()
    assert as_list(metrics, "loss") == [(1, 9.0)]


def test_no_file_is_no_points(tmp_path: Path) -> None:
    metrics = Metrics(tmp_path / "metrics.jsonl")
    assert not metrics.read()
    assert len(metrics.series("loss")) == 0
    assert metrics.series("loss").newest is None


def test_two_hundred_thousand_lines_are_read_in_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    count = 200_000
    rest = (
        '"learning_rate":0.0002,"grad_norm":1.25,"epoch":0.5,"num_tokens":123456,"memory_bytes":8000000000}\n'
    )
    with open(path, "w") as file:
        for step in range(count):
            file.write(f'{{"attempt":1,"step":{step},"time":1.8e9,"loss":{2 + step % 7},{rest}')
    metrics = Metrics(path)
    begun = time.process_time()
    read_all(metrics)
    series = metrics.series("loss")
    seconds = time.process_time() - begun
    assert len(series) == count
    assert np.array_equal(series.steps, np.arange(count))
    assert seconds < 2.0, f"{seconds:.2f} s of processor time"

"""The arithmetic of a run."""

from __future__ import annotations

import itertools

import pytest
from finetui.engines.trainer import schedule
from hypothesis import given
from hypothesis import strategies as st


def share(done: int, **more: object) -> float:
    settings = {"total": 20, "warmup": 4, "schedule": "cosine", "final_share": 0.1, **more}
    return schedule.learning_rate_share(done, **settings)  # type: ignore[arg-type]


def test_the_learning_rate_climbs_to_its_peak_and_falls_to_a_tenth() -> None:
    rates = [share(done) for done in range(20)]
    assert rates[:4] == [0.25, 0.5, 0.75, 1.0]
    assert rates[-1] == pytest.approx(0.1)
    assert all(later < earlier for earlier, later in itertools.pairwise(rates[3:]))


def test_linear_falls_evenly_and_constant_not_at_all() -> None:
    assert share(11, schedule="linear") == pytest.approx(0.1 + 0.9 * 0.5)
    assert share(19, schedule="constant") == 1.0


@given(st.integers(1, 500), st.floats(0, 0.5), st.sampled_from(["cosine", "linear", "constant"]))
def test_no_update_is_wasted_at_a_rate_of_zero_and_none_exceeds_the_peak(
    total: int, warmup_share: float, kind: str
) -> None:
    warmup = schedule.warmup_updates(total, warmup_share, 100)
    for done in range(total):
        assert 0 < share(done, total=total, warmup=warmup, schedule=kind) <= 1


def test_warm_up_is_a_share_of_the_updates_up_to_a_limit() -> None:
    assert schedule.warmup_updates(250, 0.05, 100) == 13
    assert schedule.warmup_updates(10_000, 0.05, 100) == 100
    assert schedule.warmup_updates(10, 0.0, 100) == 0


def test_updates_follow_from_rows_and_epochs_unless_they_are_given() -> None:
    assert schedule.total_updates(50, 16, 3, None) == 12, "each epoch ends with a smaller update"
    assert schedule.total_updates(50, 16, 0.5, None) == 2
    assert schedule.total_updates(3, 16, 1, None) == 1
    assert schedule.total_updates(50, 16, 3, 7) == 7


def test_evaluations_come_every_so_often_and_at_the_end() -> None:
    assert [step for step in range(1, 11) if schedule.is_due(step, 4, 10)] == [4, 8, 10]


def test_the_micro_batch_divides_the_update() -> None:
    assert schedule.micro_batch(16, 5, 1) == 4
    assert schedule.micro_batch(16, 32, 1) == 16
    assert schedule.micro_batch(12, 5, 2) == 3
    with pytest.raises(ValueError, match="divided"):
        schedule.micro_batch(5, 1, 2)


def test_max_length_is_the_longest_row_rounded_up_within_the_context() -> None:
    assert schedule.row_length(59, 256) == 64
    assert schedule.row_length(64, 256) == 64
    assert schedule.row_length(500, 256) == 256
    assert schedule.row_length(500, None) == 512

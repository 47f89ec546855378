"""The table of moves is whole, and its sets follow from it."""

from __future__ import annotations

import unicodedata

import pytest
from finetui.engines.home import Home
from finetui.engines.states import (
    ALIVE,
    ENDED,
    RESUMABLE,
    SYMBOLS,
    TRANSITIONS,
    UNFINISHED,
    JobState,
    TransitionError,
)

ALL = frozenset(JobState)


def test_every_state_has_its_moves_and_a_symbol_of_its_own() -> None:
    assert frozenset(TRANSITIONS) == frozenset(SYMBOLS) == ALL
    assert len(set(SYMBOLS.values())) == len(ALL)
    assert all(len(symbol) == 1 and not unicodedata.combining(symbol) for symbol in SYMBOLS.values())
    assert all(unicodedata.east_asian_width(symbol) not in "WF" for symbol in SYMBOLS.values())


def test_each_state_lives_waits_or_has_ended() -> None:
    assert ALIVE | ENDED | {JobState.queued} == ALL
    assert not ALIVE & ENDED and JobState.queued not in ALIVE | ENDED
    assert UNFINISHED == ALL - ENDED


def test_what_has_ended_is_only_queued_again() -> None:
    for state in ENDED:
        assert TRANSITIONS[state] == ({JobState.queued} if state in RESUMABLE else set())
    assert JobState.succeeded not in RESUMABLE


def test_a_living_job_can_end_in_every_way_and_never_waits_again() -> None:
    for state in ALIVE:
        assert TRANSITIONS[state] >= ENDED
        assert JobState.queued not in TRANSITIONS[state] and state not in TRANSITIONS[state]


def test_every_state_can_be_reached_from_the_queue() -> None:
    reached, ahead = set[JobState](), {JobState.queued}
    while ahead:
        reached |= ahead
        ahead = {new for state in ahead for new in TRANSITIONS[state]} - reached
    assert reached == ALL


def test_a_wrong_move_names_the_job_and_both_states() -> None:
    error = TransitionError("a-job", JobState.succeeded, JobState.running)
    assert str(error) == "job a-job is succeeded: it can't become running"
    assert (error.job, error.old, error.new) == ("a-job", JobState.succeeded, JobState.running)


def test_the_home_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETUI_HOME", "/somewhere/else")
    assert str(Home.default().jobs) == "/somewhere/else/jobs"

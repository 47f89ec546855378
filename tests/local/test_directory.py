"""A job's directory under any sequence of changes, cut off at any byte: readers and the next writer go on."""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

import pytest
from finetui.engines.home import Home
from finetui.engines.job import Job, JobBusy, State
from finetui.engines.machine import host, machine_id
from finetui.engines.records import append_line, read_lines, write_json
from finetui.engines.states import TRANSITIONS, UNFINISHED, JobState, TransitionError
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

WORDS = st.none() | st.text(max_size=20)


class Directory(RuleBasedStateMachine):
    """One job whose holders come and go, and crash."""

    @initialize()
    def create(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.job = Job(Home(self.folder), "job")
        self.job.paths.folder.mkdir(parents=True)
        self.job.paths.lock.touch()
        self.expected = State(JobState.queued, 1.0, "local", machine_id(), host())
        write_json(self.job.paths.state, self.expected)
        self.moves: list[tuple[str, str]] = []
        self.notes: list[str] = []
        self.asked: list[str] = []

    def teardown(self) -> None:
        if hasattr(self, "folder"):
            shutil.rmtree(self.folder)

    def choose(self, choice: int) -> JobState | None:
        moves = sorted(TRANSITIONS[self.expected.state])
        return moves[choice % len(moves)] if moves else None

    @rule(choice=st.integers(0, 9), message=WORDS, reason=WORDS, attempt=st.integers(1, 5))
    def move(self, choice: int, message: str | None, reason: str | None, attempt: int) -> None:
        new = self.choose(choice)
        if new is None:
            return
        with self.job.hold() as held:
            state = held.become(new, message=message, reason=reason, attempt=attempt)
        assert (state.state, state.message, state.reason, state.attempt) == (new, message, reason, attempt)
        assert state.since >= self.expected.since
        assert state.waiting_for is None
        self.moves.append((self.expected.state, new))
        self.expected = state

    @rule(choice=st.integers(0, 9), message=WORDS, reason=WORDS, attempt=st.integers(1, 5))
    def move_and_crash_before_the_state_is_written(
        self, choice: int, message: str | None, reason: str | None, attempt: int
    ) -> None:
        new = self.choose(choice)
        if new is None:
            return
        before = self.job.paths.state.read_bytes()
        with self.job.hold() as held:
            state = held.become(new, message=message, reason=reason, attempt=attempt)
        self.job.paths.state.write_bytes(before)
        self.moves.append((self.expected.state, new))
        # Numbers that came with the change are lost with it; the rest is as it would have been.
        self.expected = state

    @rule(share=st.floats(0, 1))
    def crash_within_an_event(self, share: float) -> None:
        line = b'{"time":9e9,"level":"info","kind":"state","message":"","data":{"to":"failed"}}'
        with open(self.job.paths.events, "ab") as file:
            file.write(line[: int(len(line) * share)])

    @rule()
    def crash_within_a_state(self) -> None:
        (self.job.paths.folder / ".state.json.0123").write_bytes(b'{"state": "fai')

    @rule(step=st.integers(0, 10**6), loss=st.floats(0, 100), phase=st.sampled_from(["loading", "training"]))
    def update(self, step: int, loss: float, phase: str) -> None:
        with self.job.hold() as held:
            fields: dict[str, object] = {"step": step, "loss": loss}
            if self.expected.state in UNFINISHED:
                fields["phase"] = phase
            self.expected = held.update(**fields)

    @rule(message=st.text(max_size=30))
    def note(self, message: str) -> None:
        with self.job.hold() as held:
            held.event("note", message)
        self.notes.append(message)

    @rule(verb=st.sampled_from(["stop", "kill"]))
    def ask(self, verb: str) -> None:
        self.job.request(verb, "a test")
        self.asked.append(verb)

    @rule()
    def answer_the_first(self) -> None:
        if self.asked:
            self.job.requests()[0][0].unlink()
            del self.asked[0]

    @rule(new=st.sampled_from(list(JobState)))
    def a_move_that_is_not_in_the_table_changes_nothing(self, new: JobState) -> None:
        if new in TRANSITIONS[self.expected.state]:
            return
        with self.job.hold() as held:
            before = self.job.paths.state.read_bytes(), self.job.paths.events.exists()
            with pytest.raises(TransitionError):
                held.become(new)
            assert (self.job.paths.state.read_bytes(), self.job.paths.events.exists()) == before

    @invariant()
    def a_reader_sees_a_state_and_what_happened(self) -> None:
        if not hasattr(self, "job"):
            return
        self.job.state()
        events = self.job.events()
        moves = [(e["data"]["from"], e["data"]["to"]) for e in events if e["kind"] == "state"]
        assert moves == self.moves
        assert [event["message"] for event in events if event["kind"] == "note"] == self.notes
        assert [request["verb"] for _, request in self.job.requests()] == self.asked

    @invariant()
    def whoever_holds_it_sees_the_last_move(self) -> None:
        if not hasattr(self, "job"):
            return
        with self.job.hold() as held:
            assert held.state() == self.expected


TestDirectory = Directory.TestCase
TestDirectory.settings = settings(max_examples=40, stateful_step_count=15, deadline=None)


@pytest.mark.parametrize("cut", range(0, 40, 3))
def test_a_half_written_last_line_breaks_neither_readers_nor_the_next_writer(
    cut: int, tmp_path: Path
) -> None:
    path = tmp_path / "events.jsonl"
    append_line(path, {"number": 1})
    with open(path, "ab") as file:
        file.write('{"number": 2, "text": "halbes Wört'.encode()[:cut])
    assert read_lines(path) == [{"number": 1}]
    append_line(path, {"number": 3})
    append_line(path, {"number": 4})
    assert read_lines(path) == [{"number": 1}, {"number": 3}, {"number": 4}]


def test_one_holds_a_job_at_a_time(tmp_path: Path) -> None:
    job = Job(Home(tmp_path), "job")
    job.paths.folder.mkdir(parents=True)
    job.paths.lock.touch()
    write_json(job.paths.state, State(JobState.queued, 1.0, "local", machine_id(), host()))
    with job.hold(), pytest.raises(JobBusy), job.hold():
        pass
    with job.hold() as held:
        assert held.state().state == JobState.queued

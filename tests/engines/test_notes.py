"""Tags and a note of a job: written whole, read whatever is there, and seen by the list of jobs."""

from __future__ import annotations

import fcntl
import threading
from pathlib import Path

import pytest
from finetui.engines.job import Job
from finetui.engines.notes import Notes, read_notes, tags_of, write_notes
from finetui.engines.states import JobState
from finetui.engines.store import Store
from finetui.monitors.jobs import JobsMonitor
from homes.jobs import add_job, settings_of
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return add_job(settings_of(tmp_path), "support-bot", JobState.succeeded)


def test_what_is_written_is_read(job: Job) -> None:
    assert read_notes(job) == Notes()
    said = Notes(("good", "für Ada"), "three\nlines, \"quoted\"\n\\ and '''", archived=True)
    write_notes(job, said)
    assert read_notes(job) == said


@pytest.mark.parametrize(
    "content",
    [b"", b"tags = [", b"\xff\xfe\x00", b"tags = 3\nnote = []\narchived = 'yes'", b"tags = [[1], {}]"],
    ids=["empty", "cut", "bytes", "other types", "other items"],
)
def test_rubbish_says_nothing(job: Job, content: bytes) -> None:
    (job.paths.folder / "user.toml").write_bytes(content)
    assert read_notes(job) == Notes()
    assert Store(job.home).jobs()[0].tags == ()


def test_foreign_text_comes_out_safe(job: Job) -> None:
    (job.paths.folder / "user.toml").write_text('tags = ["\\u001b[31mred"]\nnote = "\\u001b]0;x\\u0007ok"')
    assert read_notes(job) == Notes(("red",), "ok")


def test_tags_stand_between_commas() -> None:
    assert tags_of(" good, ,best  of all,good,\n") == ("good", "best of all")


@given(st.lists(st.text(), max_size=5), st.text(max_size=300))
def test_any_text_can_be_written(
    tmp_path_factory: pytest.TempPathFactory, words: list[str], note: str
) -> None:
    job = add_job(settings_of(tmp_path_factory.mktemp("home")), "x", JobState.succeeded)
    write_notes(job, Notes(tags_of(",".join(words)), note))
    read = read_notes(job)
    assert read.tags == tags_of(",".join(words))
    write_notes(job, read)
    assert read_notes(job) == read


def test_a_removed_job_takes_none(job: Job) -> None:
    Store(job.home).remove(job)
    with pytest.raises(FileNotFoundError):
        write_notes(job, Notes(("good",)))


def test_the_list_notices_new_tags(job: Job) -> None:
    store = Store(job.home)
    assert [summary.tags for summary in store.jobs()] == [()]
    write_notes(job, Notes(("good",)))
    assert [summary.tags for summary in store.jobs()] == [("good",)]
    assert [summary.to_json()["tags"] for summary in Store(job.home).jobs()] == [("good",)]
    (job.paths.folder / "user.toml").unlink()
    assert [summary.tags for summary in store.jobs()] == [()]


def test_who_watches_the_jobs_sees_new_tags(job: Job, tmp_path: Path) -> None:
    monitor = JobsMonitor(settings_of(tmp_path))
    monitor.poll()
    assert monitor.poll() is None
    write_notes(job, Notes(("good",)))
    jobs = monitor.poll()
    assert jobs is not None and jobs.summaries[0].tags == ("good",)


def test_two_writers_take_turns(job: Job) -> None:
    with open(job.paths.folder / "user.lock", "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        writer = threading.Thread(target=write_notes, args=(job, Notes(("late",))))
        writer.start()
        assert read_notes(job) == Notes()
    writer.join(10)
    assert read_notes(job) == Notes(("late",))

"""Jobs of a home: claimed once, listed truly, found by what people call them, removed with what is theirs."""

from __future__ import annotations

import multiprocessing
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from finetui.engines.engine import Plan
from finetui.engines.home import Home
from finetui.engines.job import Job, JobBusy
from finetui.engines.records import append_line, read_lines
from finetui.engines.spec import DataSpec, JobSpec
from finetui.engines.states import TRANSITIONS, JobState
from finetui.engines.store import JobNotFound, Store, Summary, slug
from hypothesis import given, settings
from hypothesis import strategies as st

FORK = multiprocessing.get_context("fork")
NOON = 1_790_000_000.0


def spec(name: str = "support-bot") -> JobSpec:
    return JobSpec(name=name, model="org/name", data=DataSpec(train="/rows.jsonl"))


def plan(*hashes: str) -> Plan:
    parts = dict(zip(("train", "valid"), ({"sha256": sha} for sha in hashes), strict=False))
    return Plan({"format": 1, "method": "lora", "data": {"system": None, **parts}, "values": {}})


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture
def store(home: Home) -> Store:
    return Store(home)


@pytest.fixture
def one_second(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every job is created in the same second."""
    monkeypatch.setattr("finetui.engines.store.time.time", lambda: NOON)


def rows(home: Home, sha: str, size: int = 100) -> Path:
    home.data.mkdir(parents=True, exist_ok=True)
    path = home.data / f"{sha}.jsonl"
    path.write_bytes(b"x" * size)
    return path


def advance(job: Job, *states: JobState) -> None:
    with job.hold() as held:
        for state in states:
            held.become(state)


def afresh(home: Home) -> list[Summary]:
    """The jobs as somebody sees them who has no index."""
    bare = Store(home)
    return [summary for job_id in bare.ids() if (summary := bare.summary(job_id))]


# Creating


def test_a_job_is_created_whole_and_queued(store: Store, home: Home) -> None:
    job = store.create(spec(), plan("aa"))
    assert job.state().state == JobState.queued
    assert job.spec()["model"] == "org/name"
    assert job.plan()["job"] == job.id and job.plan()["method"] == "lora"
    assert [event["kind"] for event in job.events()] == ["created"]
    assert [line["job"] for line in read_lines(home.changes)] == [job.id]
    assert os.listdir(home.jobs) == [job.id], "no draft is left"
    assert job.id == f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(job.state().since))}-support-bot"


def test_jobs_of_one_second_are_numbered_and_stay_in_order(store: Store, one_second: None) -> None:
    made = [store.create(spec(), plan()).id for _ in range(11)]
    stem = made[0]
    assert made[1:] == [f"{stem}-{number}" for number in range(2, 12)]
    assert store.ids() == made[::-1]
    assert [summary.id for summary in store.jobs()] == made[::-1]


def test_a_name_that_ends_in_a_number_keeps_its_order_too(store: Store, one_second: None) -> None:
    made = [store.create(spec("gpt 4"), plan()).id for _ in range(11)]
    assert store.ids() == made[::-1]


def test_several_processes_never_share_an_id(home: Home) -> None:
    start = FORK.Event()
    answers = FORK.Queue()
    creators = [FORK.Process(target=_create_many, args=(home, start, answers)) for _ in range(4)]
    for creator in creators:
        creator.start()
    start.set()
    made = [job_id for _ in creators for job_id in answers.get()]
    for creator in creators:
        creator.join()

    assert len(set(made)) == len(made) == 32
    assert sorted(Store(home).ids()) == sorted(made)
    assert all(Job(home, job_id).plan()["job"] == job_id for job_id in made)


def _create_many(home: Home, start: Any, answers: Any) -> None:
    import finetui.engines.store

    finetui.engines.store.time.time = lambda: NOON
    start.wait()
    answers.put([Store(home).create(spec(), plan()).id for _ in range(8)])


def test_a_file_in_the_way_is_gone_round(store: Store, home: Home, one_second: None) -> None:
    home.jobs.mkdir(parents=True)
    stem = f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(NOON))}-support-bot"
    (home.jobs / stem).write_text("a file")
    assert store.create(spec(), plan()).id == f"{stem}-2"


def test_a_home_that_cannot_be_written_is_said_at_once(
    store: Store, home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def refuse(self: Path, target: Path) -> Path:
        calls.append(target)
        raise PermissionError(13, "no permission")

    monkeypatch.setattr(Path, "rename", refuse)
    with pytest.raises(PermissionError):
        store.create(spec(), plan())
    assert len(calls) == 1, "it is not tried again ten thousand times"
    assert os.listdir(home.jobs) == []


def test_what_is_half_created_or_no_job_is_not_seen(store: Store, home: Home) -> None:
    job = store.create(spec(), plan())
    shutil.copytree(job.paths.folder, home.jobs / ".draft-1-1")
    shutil.copytree(job.paths.folder, home.jobs / f".removed-{job.id}-1")
    (home.jobs / "99999999-999999-empty").mkdir()
    (home.jobs / "99999999-999999-a-²").mkdir()
    (home.jobs / "notes.txt").write_text("mine")
    (home.jobs / "zzz").write_text("mine")

    assert [summary.id for summary in store.jobs()] == [job.id]
    assert [summary.id for summary in store.newest(5)] == [job.id]
    assert store.find("last").id == job.id
    for ref in ("zzz", "notes.txt", "99999999"):
        with pytest.raises(JobNotFound):
            store.find(ref)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("Support Bot", "support-bot"),
        ("Müller & Söhne", "muller-sohne"),
        ("../../etc/passwd", "etc-passwd"),
        ("数据", "job"),
        ("-", "job"),
        ("x" * 300, "x" * 40),
        ("a" * 39 + " b", "a" * 39),
        ("\x1b[31m\n", "31m"),
    ],
)
def test_a_name_becomes_a_harmless_part_of_an_id(name: str, part: str) -> None:
    assert slug(name) == part


# Finding


def test_a_job_is_found_by_what_people_call_it(store: Store, one_second: None) -> None:
    first = store.create(spec("alpha"), plan())
    second = store.create(spec("beta two"), plan())
    third = store.create(spec("beta two"), plan())

    assert store.find(first.id).id == first.id
    assert store.find(second.id).id == second.id, "an id is found though it begins another one"
    assert store.find("alpha").id == first.id
    assert store.find("last").id == third.id
    assert store.find(first.id[:-2]).id == first.id
    with pytest.raises(JobNotFound, match="means 2 jobs") as several:
        store.find("beta two")
    assert second.id in str(several.value) and third.id in str(several.value)
    with pytest.raises(JobNotFound, match="means 3 jobs"):
        store.find(first.id[:8])
    for nobody in ("gamma", "", "..", "../jobs", "/"):
        with pytest.raises(JobNotFound, match="no job"):
            store.find(nobody)


def test_where_nothing_is_nothing_is_found(store: Store) -> None:
    assert store.ids() == [] and store.jobs() == [] and store.newest(3) == []
    with pytest.raises(JobNotFound):
        store.find("last")


def test_queued_jobs_come_in_the_order_in_which_they_were_queued(store: Store) -> None:
    first, second, third = (store.create(spec(name), plan()) for name in ("z", "b", "a"))
    with first.hold() as held:
        held.become(JobState.cancelled)
        held.become(JobState.queued, attempt=2)
    with third.hold() as held:
        held.update(machine="another-machine")
    assert [summary.id for summary in store.queued()] == [second.id, first.id]


# The index


@settings(max_examples=10)
@given(st.data())
def test_the_list_is_true_after_every_change(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    home = Home(tmp_path_factory.mktemp("home"))
    stores = [Store(home), Store(home)]
    for _ in range(data.draw(st.integers(5, 25))):
        store = data.draw(st.sampled_from(stores))
        known = store.ids()
        kind = data.draw(st.sampled_from(["create", "move", "update", "remove", "index", "restart"]))
        if kind == "create" or not known:
            store.create(spec(data.draw(st.sampled_from(["a", "b", "b 2"]))), plan())
        elif kind == "move":
            job = Job(home, data.draw(st.sampled_from(known)))
            if moves := sorted(TRANSITIONS[job.state().state]):
                advance(job, data.draw(st.sampled_from(moves)))
        elif kind == "update":
            with Job(home, data.draw(st.sampled_from(known))).hold() as held:
                for step in range(data.draw(st.integers(1, 4))):
                    held.update(step=step, loss=data.draw(st.floats(0, 9)))
        elif kind == "remove":
            job = Job(home, data.draw(st.sampled_from(known)))
            try:
                store.remove(job)
            except JobBusy:
                assert job.state().state in ("starting", "running", "stopping")
        elif kind == "index":
            shutil.rmtree(home.cache, ignore_errors=True)
        else:
            stores[stores.index(store)] = Store(home)
        for each in stores:
            if data.draw(st.booleans()):
                assert each.jobs() == afresh(home)
    for each in [*stores, Store(home)]:
        assert each.jobs() == afresh(home)


@pytest.fixture
def many(home: Home, store: Store) -> list[str]:
    """Enough finished jobs that an index is worth its while."""
    made = [store.create(spec(f"job {number}"), plan("aa")).id for number in range(25)]
    for job_id in made:
        state = Job(home, job_id).paths.state
        state.write_bytes(state.read_bytes().replace(b"queued", b"failed"))
    store.jobs()
    return made


def index_of(home: Home) -> Path:
    (path,) = home.cache.iterdir()
    return path


def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The ids of the jobs that are read from now on, instead of being taken from an index."""
    read: list[str] = []
    whole = Store.summary

    def noting(self: Store, job_id: str) -> Summary | None:
        read.append(job_id)
        return whole(self, job_id)

    monkeypatch.setattr(Store, "summary", noting)
    return read


def test_what_is_in_the_index_is_not_read_again(
    home: Home, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _let_age(home)
    Store(home).jobs()
    before = afresh(home)
    read = reads(monkeypatch)
    assert Store(home).jobs() == before and read == []


def _let_age(home: Home) -> None:
    # What changed just now is read again: a later change might leave the same time and inode.
    for state in home.jobs.glob("*/state.json"):
        os.utime(state, (NOON, NOON))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda path: path.unlink(),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-40]),
        lambda path: path.write_bytes(b"\xff\xfe" * 100),
        lambda path: path.write_bytes(b"[" * 100_000),
        lambda path: path.write_bytes(b"[]"),
        lambda path: path.write_bytes(path.read_bytes().replace(b"org/name", b"org/\xffame")),
        lambda path: path.write_bytes(path.read_bytes().replace(b'"failed"', b'"unheard-of"')),
        lambda path: path.write_bytes(
            path.read_bytes().replace(b'"format":1', b'"format":99').replace(b"org", b"old")
        ),
    ],
    ids=[
        "gone",
        "empty",
        "cut",
        "bytes",
        "deep",
        "another kind",
        "not UTF-8",
        "unknown state",
        "another version",
    ],
)
def test_an_index_that_cannot_be_used_is_made_anew(
    home: Home, many: list[str], spoil: Callable[[Path], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _let_age(home)
    Store(home).jobs()
    spoil(index_of(home))

    assert Store(home).jobs() == afresh(home)
    read = reads(monkeypatch)
    assert len(Store(home).jobs()) == 25 and read == []


def test_changes_a_few_at_a_time_reach_the_index(
    home: Home, store: Store, many: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An app that is open for weeks sees one job end at a time; the next process must not read them all."""
    for job_id in many:
        advance(Job(home, job_id), JobState.queued, JobState.cancelled)
        store.jobs()
    _let_age(home)
    store.jobs()
    read = reads(monkeypatch)
    Store(home).jobs()
    assert len(read) <= 20


def test_a_change_within_the_clock_s_tick_is_seen(store: Store) -> None:
    """File systems give a change the time of the last tick, and a freed inode to the next file."""
    job = store.create(spec(), plan())
    before = os.stat(job.paths.state)
    assert store.jobs()[0].state.state == JobState.queued

    job.paths.state.write_bytes(job.paths.state.read_bytes().replace(b"queued", b"failed"))
    os.utime(job.paths.state, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert store.jobs()[0].state.state == JobState.failed


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("job.toml", b'name = "\xff"'),
        ("job.toml", b"name = "),
        ("job.toml", b""),
        ("plan.json", b"[]"),
        ("plan.json", b'{"method": "lora", "created": 1, "data": null}'),
        ("plan.json", b"\xff"),
        ("state.json", b'{"state": "unheard-of"}'),
        ("state.json", b""),
        ("state.json", b'{"state": "queued\xff"}'),
    ],
)
def test_one_broken_job_hides_no_other(store: Store, name: str, content: bytes) -> None:
    broken, whole = store.create(spec("broken"), plan()), store.create(spec("whole"), plan())
    (broken.paths.folder / name).write_bytes(content)
    assert [summary.id for summary in store.jobs()] == [whole.id]


def test_a_job_with_a_broken_event_can_be_held(store: Store) -> None:
    job = store.create(spec(), plan())
    with open(job.paths.events, "ab") as file:
        file.write(b'{"message": "\xff"}\n' + b"[" * 10_000 + b'\n{"kind": "state"}\n')
    advance(job, JobState.cancelled)
    assert job.state().state == JobState.cancelled
    append_line(job.paths.events, {"kind": "state", "time": time.time() + 1, "data": {"to": "unheard-of"}})
    advance(job, JobState.queued)


# Removing


def test_a_removed_job_takes_its_rows_along(store: Store, home: Home) -> None:
    job = store.create(spec(), plan("aa", "bb"))
    train, valid = rows(home, "aa"), rows(home, "bb")
    other = rows(home, "cc")
    checkpoint = job.paths.checkpoints / "checkpoint-1"
    checkpoint.mkdir(parents=True)
    (checkpoint / "weights").write_bytes(b"x" * 1000)

    freed = store.remove(job)

    assert freed >= 1200 and store.ids() == [] and os.listdir(home.jobs) == []
    assert not train.exists() and not valid.exists() and other.exists()
    with pytest.raises(FileNotFoundError):
        store.remove(job)


def test_rows_stay_while_another_job_refers_to_them(store: Store, home: Home) -> None:
    first, second = store.create(spec(), plan("aa", "bb")), store.create(spec(), plan("aa"))
    shared, own = rows(home, "aa"), rows(home, "bb")
    store.remove(first)
    assert shared.exists() and not own.exists()
    store.remove(second)
    assert not shared.exists()


@pytest.mark.parametrize("name", ["state.json", "job.toml", "plan.json"])
def test_rows_stay_while_a_job_that_cannot_be_read_might_refer_to_them(
    store: Store, home: Home, name: str
) -> None:
    """A newer version on a shared home writes states that this one does not know: its data is not ours."""
    first, newer = store.create(spec(), plan("aa")), store.create(spec(), plan("aa"))
    (newer.paths.folder / name).write_bytes(b'{"state": "unheard-of"}')
    kept = rows(home, "aa")
    store.remove(first)
    assert kept.exists()


def test_a_job_is_not_created_on_rows_that_were_removed(store: Store, home: Home) -> None:
    """Between the plan and the start a person reads: another job's removal may take the rows meanwhile."""
    first = store.create(spec(), plan("aa"))
    path = rows(home, "aa")
    waiting = Plan(
        {"format": 1, "method": "lora", "values": {}, "data": {"train": {"path": str(path), "sha256": "aa"}}}
    )
    store.remove(first)
    with pytest.raises(FileNotFoundError, match="plan again"):
        store.create(spec(), waiting)
    assert store.jobs() == [] and os.listdir(home.jobs) == []


@pytest.mark.parametrize("state", [JobState.starting, JobState.running, JobState.stopping])
def test_a_living_job_is_not_removed(store: Store, state: JobState) -> None:
    job = store.create(spec(), plan())
    advance(job, *{"starting": [JobState.starting]}.get(state, [JobState.starting, state]))
    with pytest.raises(JobBusy, match="stop it first"):
        store.remove(job)
    assert job.state().state == state


def test_a_held_job_is_not_removed(store: Store) -> None:
    job = store.create(spec(), plan())
    with job.hold(), pytest.raises(JobBusy):
        store.remove(job)
    assert job.state().state == JobState.queued


def test_checkpoints_can_be_removed_alone(store: Store, home: Home) -> None:
    job = store.create(spec(), plan("aa"))
    path = rows(home, "aa")
    assert store.remove(job, checkpoints_only=True) == 0
    checkpoint = job.paths.checkpoints / "checkpoint-1"
    checkpoint.mkdir(parents=True)
    (checkpoint / "weights").write_bytes(b"x" * 1000)

    assert store.remove(job, checkpoints_only=True) == 1000
    assert not job.paths.checkpoints.exists() and path.exists()
    assert job.events()[-1]["kind"] == "removed" and [s.id for s in store.jobs()] == [job.id]


def test_what_a_crash_left_of_a_removal_is_taken_away_by_the_next(store: Store, home: Home) -> None:
    grave = home.jobs / ".removed-20260101-000000-old-1"
    grave.mkdir(parents=True)
    (grave / "weights").write_bytes(b"x" * 1000)
    store.remove(store.create(spec(), plan()))
    assert not grave.exists()


def test_two_removals_at_once_remove_it_once(store: Store, home: Home) -> None:
    job = store.create(spec(), plan())
    start = FORK.Event()
    answers = FORK.Queue()
    removers = [FORK.Process(target=_remove, args=(home, job.id, start, answers)) for _ in range(3)]
    for remover in removers:
        remover.start()
    start.set()
    said = sorted(answers.get() for _ in removers)
    for remover in removers:
        remover.join()
    assert said.count("removed") == 1 and set(said) <= {"removed", "JobBusy", "FileNotFoundError"}
    assert os.listdir(home.jobs) == []


def _remove(home: Home, job_id: str, start: Any, answers: Any) -> None:
    start.wait()
    try:
        Store(home).remove(Job(home, job_id))
        answers.put("removed")
    except Exception as error:
        answers.put(type(error).__name__)


def test_a_summary_is_the_documented_json(store: Store) -> None:
    job = store.create(spec(), plan("aa"))
    advance(job, JobState.failed)
    shown = msgspec.json.decode(msgspec.json.encode(store.jobs()[0].to_json()))
    assert {"id", "name", "model", "method", "created", "state", "since", "engine", "host"} <= set(shown)
    assert shown["state"] == "failed" and "data" not in shown


def test_a_job_that_waits_on_another_machine_is_not_removed_from_here(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = store.create(spec(), plan())
    monkeypatch.setattr(job, "foreign", lambda state: True)
    with pytest.raises(JobBusy, match="stop it there"):
        store.remove(job)
    assert job.paths.state.exists()

"""Which datasets are known: those of jobs and those looked at, each read once, tokens only where counted."""

from __future__ import annotations

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.kept import checked
from finetui.engines.datasets.kept.checked import Rules
from finetui.engines.datasets.kept.known import Known, KnownDatasets, forget, remember, remembered
from finetui.engines.datasets.tokens.report import TokenReport
from finetui.engines.engine import Plan
from finetui.engines.home import Home
from finetui.engines.job import Job
from finetui.engines.records import append_line
from finetui.engines.spec import DataSpec, JobSpec
from finetui.engines.store import Store

GOOD = '{"question": "1+1?", "answer": "2"}\n'


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def file_of(path: Path, rows: int = 3) -> Path:
    path.write_text("".join(GOOD.replace("1+1", f"{row}+1") for row in range(rows)))
    return path


def job_on(home: Home, file: Path, held_out: Path | None = None, **counts: Any) -> Job:
    """A job that trained on files; `counts`: what its trainer counted, as it says it."""
    spec = JobSpec(
        name="a",
        engine="local",
        model="org/tiny",
        data=DataSpec(str(file), str(held_out) if held_out else None),
    )
    document = {"format": 1, "method": "lora", "data": {"train": {"sha256": "0" * 64}}, "values": {}}
    job = Store(home).create(spec, Plan(document))
    if counts:
        append_line(job.paths.environment, {"attempt": 1, **counts})
    return job


def counted(rows: int, tokens: int, trained: int, dropped: int = 0) -> dict[str, int]:
    return {"rows": rows, "dropped": dropped, "cut": 0, "tokens": tokens, "trained_tokens": trained}


def all_known(home: Home, datasets: KnownDatasets | None = None) -> tuple[Known, ...]:
    """What is known once everything was read."""
    datasets = datasets or KnownDatasets(home)
    jobs = Store(home).jobs()
    for known in datasets.known(jobs):
        datasets.read(known)
    return datasets.known(jobs)


def test_what_was_looked_at_last_comes_first_and_can_be_forgotten(home: Home, tmp_path: Path) -> None:
    first, second = file_of(tmp_path / "first.jsonl"), file_of(tmp_path / "second.jsonl", 5)
    remember(home, first)
    remember(home, second)
    assert [known.path for known in all_known(home)] == [str(second), str(first)]
    remember(home, first)
    [newest, _] = all_known(home)
    assert (newest.path, newest.rows, newest.errors, newest.format) == (str(first), 3, 0, "question-answer")
    forget(home, first)
    forget(home, tmp_path / "never heard of")
    assert [known.path for known in all_known(home)] == [str(second)]
    assert first.exists()


def test_two_that_remember_at_once_both_have_their_word(home: Home, tmp_path: Path) -> None:
    threads = [
        threading.Thread(target=remember, args=(home, tmp_path / f"{number}.jsonl")) for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(remembered(home)) == 12


def test_a_relative_path_and_a_home_are_made_absolute(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    remember(home, Path("a.jsonl"))
    remember(home, Path("~/b.jsonl"))
    assert set(remembered(home)) == {str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")}


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": "b"}', b"\xff"])
def test_a_damaged_list_is_an_empty_one(home: Home, content: bytes, tmp_path: Path) -> None:
    home.path.mkdir()
    (home.path / "datasets.json").write_bytes(content)
    assert remembered(home) == {}
    remember(home, tmp_path / "a.jsonl")
    assert len(remembered(home)) == 1


def test_what_is_no_plain_file_is_missing(home: Home, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for name in ("gone.jsonl", "pipe", ".", "with\0nul"):
        remember(home, tmp_path / name)
    assert all(known.missing for known in all_known(home))


def test_a_file_is_read_once_and_again_when_it_changed(home: Home, tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.jsonl")
    remember(home, path)
    [known] = all_known(home)
    status = path.stat()
    path.write_text(path.read_text().replace("question", "questiom"))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    # Nobody reads it: size and time are the same, for another process too.
    assert KnownDatasets(home).known([]) == (known,)
    os.utime(path)
    assert KnownDatasets(home).known([])[0].rows is None
    assert all_known(home)[0].errors


def test_a_large_file_is_read_by_a_process_and_found_the_same(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(GOOD * 3 + '{"question": "q" "answer": 1}\n')
    here = checked.examine(path, path.stat())
    monkeypatch.setattr(checked, "SMALL_BYTES", 10)
    assert checked.read(home, path) == here
    assert here.errors == 1 and here.warnings == 2


def test_what_is_found_is_kept_for_the_rules_it_was_asked_by(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"Frage": "q", "answer": ""}\n' * 2 + '{"Frage": "r", "answer": "a"}\n')
    mapped = Rules(columns={"question": "Frage", "answer": "answer"})
    plain, read, paid = (checked.read(home, path, rules) for rules in (None, mapped, Rules(target="openai")))
    assert plain is not None and read is not None and paid is not None
    assert (plain.usable_rows, read.usable_rows) == (0, 1)
    assert read.places["empty-answer"] == [1, 2]
    assert checked.kept(home, path, path.stat()) == plain
    assert checked.kept(home, path, path.stat(), mapped) == read
    assert checked.kept(home, path, path.stat(), Rules(target="openai")) == paid
    assert checked.kept(home, path, path.stat(), Rules(target="azure")) is None


def test_tokens_are_kept_with_what_a_target_found(home: Home, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    path.write_text("".join(json.dumps({**row, "n": n} if not n else row) + "\n" for n in range(20)))
    found = checked.read(home, path, Rules(target="openai"))
    assert found is not None and found.tokens is not None
    assert TokenReport.from_json(found.tokens).tokens > 0


def test_a_check_that_nobody_waits_for_ends_and_another_tells_how_far_it_is(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = file_of(tmp_path / "a.jsonl", 200_000)
    first, second = checked.Reading(home, path), checked.Reading(home, path)
    begun = threading.Event()
    results: list[object] = []
    thread = threading.Thread(target=lambda: results.append(first.run(lambda _: begun.set())))
    thread.start()
    assert begun.wait(20)
    heard: list[checked.Reached] = []

    def hear(reached: checked.Reached) -> None:
        heard.append(reached)
        first.stop()

    assert second.run(hear) is not None  # it waited, then read the file itself
    thread.join()
    assert results == [None] and heard


def test_a_damaged_cache_is_read_anew(home: Home, tmp_path: Path) -> None:
    path = file_of(tmp_path / "a.jsonl")
    remember(home, path)
    job_on(home, path)
    before = all_known(home)
    for file in (home.cache / "datasets").iterdir():
        file.write_bytes(file.read_bytes()[:-3])
    assert all_known(home) == before


def test_jobs_files_are_known_with_the_tokens_that_their_trainer_counted(home: Home, tmp_path: Path) -> None:
    train, valid = file_of(tmp_path / "train.jsonl", 6), file_of(tmp_path / "valid.jsonl", 2)
    job = job_on(home, train, valid, train=counted(6, 600, 150), valid=counted(2, 200, 40))
    known = {Path(known.path).name: known for known in all_known(home)}
    assert (known["train.jsonl"].tokens, known["train.jsonl"].trained_tokens) == (600, 150)
    assert (known["valid.jsonl"].tokens, known["valid.jsonl"].tokenizer) == (200, "org/tiny")
    assert known["train.jsonl"].job == job.id and not known["train.jsonl"].remembered
    # Another content has another count.
    later = time.time() + 60
    os.utime(train, (later, later))
    assert {Path(known.path).name: known.tokens for known in all_known(home)}["train.jsonl"] is None


def test_rows_held_out_of_the_same_file_count_with_it(home: Home, tmp_path: Path) -> None:
    train = file_of(tmp_path / "train.jsonl", 6)
    job_on(home, train, train=counted(5, 500, 150), valid=counted(1, 100, 30))
    [known] = all_known(home)
    assert (known.tokens, known.trained_tokens) == (600, 180)


@pytest.mark.parametrize(
    "counts",
    [
        {"train": counted(6, 600, 150, dropped=1), "valid": None},
        {"train": counted(5, 500, 150)},
        {"train": {"rows": "many"}},
        {"train": 7},
        {"note": "nothing was counted"},
    ],
)
def test_tokens_are_never_guessed(home: Home, tmp_path: Path, counts: dict[str, Any]) -> None:
    job_on(home, file_of(tmp_path / "train.jsonl", 6), **counts)
    [known] = all_known(home)
    assert known.rows == 6 and known.tokens is None


def test_a_count_that_comes_later_is_found(home: Home, tmp_path: Path) -> None:
    job = job_on(home, file_of(tmp_path / "train.jsonl", 6))
    datasets = KnownDatasets(home)
    assert all_known(home, datasets)[0].tokens is None
    append_line(job.paths.environment, {"attempt": 1, "train": counted(6, 600, 150)})
    with job.hold() as held:
        held.update(waiting_for="a GPU")
    assert all_known(home, datasets)[0].tokens == 600
    assert all_known(home)[0].tokens == 600


def test_a_damaged_job_hides_no_other(home: Home, tmp_path: Path) -> None:
    train = file_of(tmp_path / "train.jsonl")
    job_on(home, train)
    broken = job_on(home, tmp_path / "other.jsonl")
    jobs = Store(home).jobs()
    broken.paths.spec.write_bytes(b"\xff[")
    assert [known.path for known in KnownDatasets(home).known(jobs)] == [str(train)]


def test_the_specs_of_jobs_are_read_once(home: Home, tmp_path: Path) -> None:
    train = file_of(tmp_path / "train.jsonl")
    job = job_on(home, train, train=counted(3, 30, 10))
    first = all_known(home)
    jobs = Store(home).jobs()
    job.paths.spec.unlink()
    assert KnownDatasets(home).known(jobs) == first
    assert json.loads((home.cache / "datasets" / "uses.json").read_bytes())["uses"]

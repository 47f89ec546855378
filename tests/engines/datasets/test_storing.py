"""What a job is made of: rows split, stored under their hash, and read back as they were."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.read import Row, open_dataset
from finetui.engines.datasets.sets.split import choose_valid, default_valid_rows
from finetui.engines.datasets.training.canonical import Stored, SystemPrompts, Writer
from finetui.engines.datasets.training.prepare import DataError, Prepared, prepare
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

fuzzing = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def store(rows: list[Row], data_dir: Path) -> Stored:
    prompts = SystemPrompts()
    with Writer(data_dir) as writer:
        for row in rows:
            prompts.add(row)
            writer.write(row.canonical_line)
        return writer.keep(prompts.most_frequent)


def written(path: Path, rows: list[Any]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def rows_of(path: Path) -> list[Row]:
    return [record.row for record in open_dataset(path).records() if record.row is not None]


def stored_rows(prepared: Prepared) -> list[dict[str, Any]]:
    assert prepared.valid is not None
    lines = prepared.train.path.read_text("utf-8") + prepared.valid.path.read_text("utf-8")
    return [json.loads(line) for line in lines.splitlines()]


def questions(count: int) -> list[dict[str, str]]:
    return [{"question": f"{number} + 1?", "answer": str(number + 1)} for number in range(count)]


@pytest.mark.parametrize(
    ("rows", "valid"),
    [(0, 0), (1, 0), (2, 1), (9, 1), (39, 7), (100, 20), (300, 20), (600, 30), (7473, 374), (50_000, 500)],
)
def test_five_percent_are_kept_to_validate_with_but_never_too_many(rows: int, valid: int):
    assert default_valid_rows(rows) == valid


@given(keys=st.lists(st.integers(0, 30), max_size=120), count=st.integers(0, 40), seed=st.integers(0, 2**32))
def test_rows_with_the_same_prompt_stay_on_one_side(keys: list[int], count: int, seed: int):
    chosen = choose_valid(keys, count, seed)
    assert {keys[index] for index in chosen}.isdisjoint(
        key for index, key in enumerate(keys) if index not in chosen
    )
    assert chosen == choose_valid(keys, count, seed)
    smallest = min(Counter(keys).values(), default=0)
    assert len(chosen) <= max(count, smallest)
    assert bool(chosen) == (count > 0 and len(set(keys)) > 1)


def test_a_conversation_and_its_continuation_are_never_on_both_sides(tmp_path: Path):
    rows: list[Any] = []
    for number in range(50):
        turns = [{"role": "user", "content": f"q{number}"}, {"role": "assistant", "content": "a"}]
        rows += [{"messages": turns}, {"messages": turns * 2}]
    prepared = prepare(written(tmp_path / "t.jsonl", rows), tmp_path / "data", seed=42)
    assert prepared.valid is not None
    sides = [
        {json.loads(line)["messages"][0]["content"] for line in stored.path.read_text().splitlines()}
        for stored in (prepared.train, prepared.valid)
    ]
    assert sides[0].isdisjoint(sides[1])
    assert (prepared.train.rows, prepared.valid.rows) == (80, 20)


def test_the_split_is_the_seeds_and_nothing_is_lost(tmp_path: Path):
    path = written(tmp_path / "train.jsonl", questions(200))
    first, again, other = (prepare(path, tmp_path / str(n), seed=s) for n, s in enumerate((42, 42, 43)))
    assert first.valid and again.valid and other.valid
    assert (first.train.sha256, first.valid.sha256) == (again.train.sha256, again.valid.sha256)
    assert first.valid.sha256 != other.valid.sha256
    assert first.valid.rows == 20
    sources = sorted(row["source"]["line"] for row in stored_rows(first))
    assert sources == list(range(1, 201))
    assert {row["source"]["file"] for row in stored_rows(first)} == {"train.jsonl"}


@pytest.mark.parametrize(("asked", "valid"), [({"valid_rows": 7}, 7), ({"valid_share": 0.25}, 50)])
def test_the_number_of_validation_rows_can_be_asked_for(asked: dict[str, Any], valid: int, tmp_path: Path):
    prepared = prepare(written(tmp_path / "t.jsonl", questions(200)), tmp_path / "d", seed=1, **asked)
    assert prepared.valid is not None
    assert (prepared.train.rows, prepared.valid.rows) == (200 - valid, valid)


def test_no_validation_is_none_when_asked_for_and_a_warning_when_not_possible(tmp_path: Path):
    path = written(tmp_path / "t.jsonl", questions(30))
    assert prepare(path, tmp_path / "d", seed=1, valid_rows=0).valid is None
    one = prepare(
        written(tmp_path / "one.jsonl", [{"prompt": "p", "completion": c} for c in "abc"]),
        tmp_path / "d",
        seed=1,
    )
    assert one.valid is None
    assert "no-valid" in one.counts


def test_more_validation_rows_than_rows_are_refused(tmp_path: Path):
    with pytest.raises(DataError, match="30 validation rows can't be taken from 30"):
        prepare(written(tmp_path / "t.jsonl", questions(30)), tmp_path / "d", seed=1, valid_rows=30)


def test_a_validation_file_is_used_whole_and_compared_with_the_training_file(tmp_path: Path):
    train = written(tmp_path / "train.jsonl", questions(30))
    valid = written(tmp_path / "valid.jsonl", questions(31)[28:])
    prepared = prepare(train, tmp_path / "d", seed=1, valid_path=valid)
    assert prepared.valid is not None
    assert (prepared.train.rows, prepared.valid.rows) == (30, 3)
    assert [(problem.id, problem.line) for problem in prepared.problems] == [
        ("valid-in-train", 1),
        ("valid-in-train", 2),
    ]


def test_a_validation_file_of_another_kind_is_refused(tmp_path: Path):
    train = written(tmp_path / "train.jsonl", questions(3))
    valid = written(tmp_path / "valid.jsonl", [{"text": "t"}])
    with pytest.raises(DataError, match="kind text"):
        prepare(train, tmp_path / "d", seed=1, valid_path=valid)


def test_mapped_columns_are_the_ones_that_are_trained(tmp_path: Path):
    rows = [{"Frage": f"{number}?", "Antwort": "a", "question": "no"} for number in range(30)]
    columns = {"question": "Frage", "answer": "Antwort"}
    prepared = prepare(written(tmp_path / "t.jsonl", rows), tmp_path / "d", seed=1, columns=columns)
    asked = {row["messages"][0]["content"] for row in stored_rows(prepared)}
    assert asked == {f"{number}?" for number in range(30)}
    with pytest.raises(DataError, match='no column "frage"'):
        prepare(tmp_path / "t.jsonl", tmp_path / "d", seed=1, columns={"question": "frage"})


def test_faulty_rows_stop_a_job_or_are_dropped_and_counted(tmp_path: Path):
    path = written(tmp_path / "t.jsonl", [*questions(30), {"question": "q", "answer": ""}])
    with path.open("a") as file:
        file.write("{oops\n")
    with pytest.raises(DataError) as stopped:
        prepare(path, tmp_path / "d", seed=1)
    assert stopped.value.counts == {"empty-answer": 1, "broken-json": 1}
    assert str(stopped.value).startswith(f"{path}:31: ")
    assert not list((tmp_path / "d").iterdir())

    prepared = prepare(path, tmp_path / "d", seed=1, drop_bad_rows=True)
    assert prepared.dropped_rows == 2
    assert len(stored_rows(prepared)) == 30


def test_a_file_of_which_nothing_is_left_is_refused_even_when_rows_may_be_dropped(tmp_path: Path):
    path = written(tmp_path / "t.jsonl", [{"question": "q", "answer": ""}] * 3)
    with pytest.raises(DataError) as stopped:
        prepare(path, tmp_path / "d", seed=1, drop_bad_rows=True)
    assert stopped.value.counts["no-rows-left"] == 1


def test_a_missing_file_is_refused_with_its_name(tmp_path: Path):
    with pytest.raises(DataError, match=r"nothere\.jsonl: The file can't be read"):
        prepare(tmp_path / "nothere.jsonl", tmp_path / "d", seed=1)


def test_a_file_is_named_by_its_content_and_written_once(tmp_path: Path):
    rows = rows_of(written(tmp_path / "t.jsonl", questions(5)))
    first = store(rows, tmp_path / "data")
    written_at = first.path.stat().st_mtime_ns
    assert store(rows, tmp_path / "data") == first
    assert first.path.stat().st_mtime_ns == written_at
    assert first.path == tmp_path / "data" / f"{sha256(first.path.read_bytes()).hexdigest()}.jsonl"
    assert list((tmp_path / "data").iterdir()) == [first.path]


def test_a_file_that_was_cut_by_a_full_disk_is_written_again(tmp_path: Path):
    rows = rows_of(written(tmp_path / "t.jsonl", questions(5)))
    first = store(rows, tmp_path / "data")
    whole = first.path.read_bytes()
    first.path.write_bytes(whole[:40])
    store(rows, tmp_path / "data")
    assert first.path.read_bytes() == whole


STORER = """
import sys
from pathlib import Path
from finetui.engines.datasets.training.prepare import prepare
print("ready", flush=True)
sys.stdin.readline()
prepared = prepare(Path(sys.argv[1]), Path(sys.argv[2]), seed=42)
print(prepared.train.sha256, prepared.valid.sha256)
"""


def test_two_processes_that_store_the_same_rows_at_once_end_with_the_same_file(tmp_path: Path):
    path = written(tmp_path / "t.jsonl", questions(5000))
    data = tmp_path / "data"
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", STORER, path, data],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in processes:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate(timeout=60)[0] for process in processes]
    assert said[0] == said[1]
    hashes = said[0].split()
    assert sorted(file.name for file in data.iterdir()) == sorted(f"{name}.jsonl" for name in hashes)
    for name in hashes:
        assert sha256((data / f"{name}.jsonl").read_bytes()).hexdigest() == name


def test_the_most_frequent_system_prompt_is_known_and_a_rare_one_is_not_taken_for_it(tmp_path: Path):
    plain = [
        {"messages": [{"role": "user", "content": str(n)}, {"role": "assistant", "content": "a"}]}
        for n in range(9)
    ]
    often = [{"system": "Be brief.", **row} for row in plain[:5]] + plain[5:]
    assert store(rows_of(written(tmp_path / "a.jsonl", often)), tmp_path).system == "Be brief."
    rare = [{"system": "Be brief.", **row} for row in plain[:2]] + plain[2:]
    assert store(rows_of(written(tmp_path / "b.jsonl", rare)), tmp_path).system is None


WORDS = st.text(st.characters(exclude_categories=("Cs",)), min_size=1).filter(lambda text: text.strip())
TURN = st.fixed_dictionaries({"role": st.just("user"), "content": WORDS})
ANSWER = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": WORDS}, optional={"train": st.just(False)}
)
CALL = st.fixed_dictionaries(
    {
        "role": st.just("assistant"),
        "content": st.just(""),
        "tool_calls": st.lists(
            st.fixed_dictionaries(
                {
                    "type": st.just("function"),
                    "function": st.fixed_dictionaries(
                        {"name": WORDS, "arguments": st.dictionaries(WORDS, WORDS | st.integers())}
                    ),
                },
                optional={"id": WORDS},
            ),
            min_size=1,
            max_size=2,
        ),
    }
)
TOOL = st.fixed_dictionaries(
    {"role": st.just("tool"), "content": st.text(st.characters(exclude_categories=("Cs",)))},
    optional={"tool_call_id": WORDS},
)
EXCHANGE = st.one_of(
    st.tuples(TURN, ANSWER).map(list),
    st.tuples(TURN, CALL, TOOL, ANSWER).map(list),
)
LAST = st.tuples(TURN, st.fixed_dictionaries({"role": st.just("assistant"), "content": WORDS})).map(list)
SYSTEM = st.lists(st.fixed_dictionaries({"role": st.just("system"), "content": WORDS}), max_size=1)
BODIES = st.one_of(
    st.tuples(SYSTEM, st.lists(EXCHANGE, max_size=3), LAST).map(
        lambda parts: {
            "messages": [*parts[0], *(turn for exchange in parts[1] for turn in exchange), *parts[2]]
        }
    ),
    st.fixed_dictionaries({"prompt": WORDS, "completion": WORDS}),
    st.fixed_dictionaries({"text": WORDS}),
)


@fuzzing
@given(body=BODIES)
def test_canonical_rows_read_back_as_themselves(body: dict[str, Any], tmp_path: Path):
    [row] = rows_of(written(tmp_path / "t.jsonl", [body]))
    assert row.body == body
    stored = store([row], tmp_path / "data")
    [again] = rows_of(stored.path)
    assert (again.body, again.encoded) == (body, row.encoded)
    assert json.loads(stored.path.read_bytes())["source"] == {"file": "t.jsonl", "line": 1}

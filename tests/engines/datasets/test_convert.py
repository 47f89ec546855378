"""Data in another form or container, or split: nothing is lost in silence, nothing half-written is left."""

from __future__ import annotations

import csv
import gzip
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.checking import crew
from finetui.engines.datasets.checking.check import Done
from finetui.engines.datasets.making import convert as converting
from finetui.engines.datasets.making.convert import Converted, Held, Refused, convert
from finetui.engines.datasets.making.writing import Draft
from finetui.engines.datasets.read import UnknownFormat, open_dataset
from finetui.engines.engine import EngineError
from hypothesis import given
from hypothesis import strategies as st

DATA = Path(__file__).parents[4] / "shared" / "data"
WEIGHTED = {
    "messages": [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "draft", "weight": 0},
        {"role": "user", "content": "better"},
        {"role": "assistant", "content": "a"},
    ],
    "tools": [{"type": "function", "function": {"name": "look"}}],
}


def written(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def bodies(path: Path) -> list[Any]:
    return [record.row.body for record in open_dataset(path).records() if record.row is not None]


def questions(count: int) -> list[dict[str, str]]:
    return [{"question": f"{number} + 1?", "answer": str(number + 1)} for number in range(count)]


def chat(asked: str, answered: str) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": asked}, {"role": "assistant", "content": answered}],
    }


def test_rows_of_several_files_and_forms_become_rows_of_one(tmp_path: Path):
    one = written(tmp_path / "a.jsonl", {"question": "q", "answer": "a", "system": "s"})
    other = tmp_path / "b.json"
    other.write_text(json.dumps([{"instruction": "i", "input": "x", "output": "o"}]))
    done = convert([one, other], tmp_path / "out.jsonl", "sharegpt")
    assert done == Converted(2, 0, 0, {}, ())
    assert lines(tmp_path / "out.jsonl") == [
        {
            "conversations": [
                {"from": "system", "value": "s"},
                {"from": "human", "value": "q"},
                {"from": "gpt", "value": "a"},
            ]
        },
        {"conversations": [{"from": "human", "value": "i\nx"}, {"from": "gpt", "value": "o"}]},
    ]


def test_what_would_be_lost_is_refused_with_its_counts_and_leaves_nothing(tmp_path: Path):
    source = written(tmp_path / "in.jsonl", WEIGHTED, {**WEIGHTED, "tools": []}, chat("q", "a"))
    with pytest.raises(Refused) as refused:
        convert([source], tmp_path / "out.jsonl", "alpaca")
    assert refused.value.reason == "losses"
    assert refused.value.losses == {"the weights": 2, "the tools": 1}
    assert "the weights (2 rows), the tools (1 row)" in refused.value.message
    assert "--lossy" in refused.value.advice
    assert os.listdir(tmp_path) == ["in.jsonl"]


def test_what_is_lost_on_purpose_is_counted(tmp_path: Path):
    source = written(tmp_path / "in.jsonl", WEIGHTED, {**chat("q", "a"), "level": 3})
    done = convert([source], tmp_path / "out.jsonl", "question-answer", lossy=True)
    assert done.losses == {"the weights": 1, "the tools": 1, "earlier turns": 1, 'the key "level"': 1}
    assert lines(tmp_path / "out.jsonl") == [
        {"question": "better", "answer": "a"},
        {"question": "q", "answer": "a"},
    ]


def test_of_preferences_the_chosen_answer_and_of_judged_ones_the_good_become_messages(tmp_path: Path):
    pairs = written(
        tmp_path / "pairs.jsonl",
        {"prompt": "q", "chosen": "good", "rejected": "bad", "system": "s"},
    )
    judged = written(
        tmp_path / "judged.jsonl", *({"prompt": "q", "completion": str(n), "label": n > 0} for n in range(3))
    )
    done = convert([pairs, judged], tmp_path / "out.jsonl", "messages", lossy=True)
    assert (done.rows, done.unfit_rows) == (3, 1)
    assert done.losses == {"the rejected answer": 1, "the label": 2, "an answer judged bad": 1}
    answers = [row["messages"][-1]["content"] for row in lines(tmp_path / "out.jsonl")]
    assert answers == ["good", "1", "2"]
    assert lines(tmp_path / "out.jsonl")[0]["messages"][0] == {"role": "system", "content": "s"}


def test_rows_that_can_be_no_row_of_the_form_are_said_when_none_is_left(tmp_path: Path):
    source = written(tmp_path / "in.jsonl", {"text": "Once."})
    with pytest.raises(Refused, match="no row can be of the form messages"):
        convert([source], tmp_path / "out.jsonl", "messages", lossy=True)
    assert os.listdir(tmp_path) == ["in.jsonl"]


def test_rows_with_errors_are_left_out_and_the_first_of_each_kind_shown(tmp_path: Path):
    source = written(tmp_path / "in.jsonl", *questions(3), *[{"question": "q", "answer": ""}] * 5)
    with source.open("a") as file:
        file.write("{oops\n\n")
    done = convert([source], tmp_path / "out.jsonl", "messages")
    assert (done.rows, done.left_out) == (3, 6)
    assert [(problem.id, problem.line) for problem in done.examples] == [
        ("empty-answer", 4),
        ("empty-answer", 5),
        ("empty-answer", 6),
        ("broken-json", 9),
    ]


def test_a_file_that_breaks_off_is_refused_whole(tmp_path: Path):
    source = tmp_path / "in.json"
    source.write_text('[{"text": "a"},\n{"text": "b"')
    with pytest.raises(Refused) as refused:
        convert([source], tmp_path / "out.jsonl", None)
    assert refused.value.reason == "data"
    assert refused.value.message.startswith(f"{source}:2:")
    assert os.listdir(tmp_path) == ["in.json"]


def test_rows_that_stay_as_they_stand_keep_their_bytes(tmp_path: Path):
    content = b'{ "id": 1.50, "question": "q",  "answer": "\xc3\xa4" }\n{"question":"p","answer":"b","n":1e2}'
    (tmp_path / "in.jsonl").write_bytes(b"\xef\xbb\xbf" + content)
    done = convert([tmp_path / "in.jsonl"], tmp_path / "out.jsonl", None)
    assert (done.rows, done.losses) == (2, {})
    assert (tmp_path / "out.jsonl").read_bytes() == content + b"\n"


def test_a_row_that_has_the_form_already_keeps_its_other_keys(tmp_path: Path):
    asked = {**chat("q", "a"), "id": 7}
    spelled = {"messages": [{"role": "human", "content": "q"}, {"role": "model", "content": "a"}]}
    source = written(tmp_path / "in.jsonl", asked, spelled)
    assert convert([source], tmp_path / "out.jsonl", "messages").losses == {}
    assert lines(tmp_path / "out.jsonl") == [asked, chat("q", "a")]


def test_files_of_different_forms_do_not_make_one_as_they_stand(tmp_path: Path):
    files = [
        written(tmp_path / "a.jsonl", {"text": "t"}),
        written(tmp_path / "b.jsonl", *questions(1)),
    ]
    with pytest.raises(EngineError, match=r"a\.jsonl is text, .*b\.jsonl is question-answer"):
        convert(files, tmp_path / "out.jsonl", None)


def test_mapped_columns_are_read_and_others_left_alone(tmp_path: Path):
    source = written(tmp_path / "in.jsonl", {"Frage": "q", "Antwort": "a", "Stufe": 1, "text": "no"})
    done = convert(
        [source],
        tmp_path / "out.jsonl",
        "messages",
        columns={"question": "Frage", "answer": "Antwort"},
    )
    assert (done.rows, done.losses) == (1, {})
    assert lines(tmp_path / "out.jsonl") == [chat("q", "a")]


@pytest.mark.parametrize(
    ("name", "form"),
    [
        ("alpaca_en_demo.json", "alpaca"),
        ("glaive_toolcall_en_demo.json", "sharegpt"),
        ("dpo_en_demo.json", "preference"),
        ("kto_en_demo.json", "kto"),
        ("gsm8k_train.jsonl", "question-answer"),
        ("c4_demo.jsonl", "text"),
    ],
)
@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".parquet", ".jsonl.gz", ".json.zst"])
def test_every_container_gives_back_the_rows_that_it_was_given(
    name: str, form: str, suffix: str, tmp_path: Path
):
    source = DATA / name
    if not source.exists():
        pytest.skip(f"{source} is not on this machine")
    out = tmp_path / f"out{suffix}"
    done = convert([source], out, form)
    assert not done.left_out
    assert bodies(out) == bodies(source)


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20).filter(str.strip)


@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {"instruction": TEXTS, "input": st.just(""), "output": TEXTS},
            optional={
                "system": TEXTS,
                "history": st.lists(st.lists(TEXTS, min_size=2, max_size=2), min_size=1, max_size=2),
            },
        ),
        min_size=1,
        max_size=5,
    ),
    suffix=st.sampled_from([".csv", ".tsv", ".csv.gz", ".parquet"]),
)
def test_tables_hold_any_text(rows: list[Any], suffix: str, tmp_path: Path):
    source = written(tmp_path / "in.jsonl", *rows)
    out = tmp_path / f"out{suffix}"
    convert([source], out, "alpaca", overwrite=True)
    assert bodies(out) == bodies(source)


def test_a_table_has_a_column_for_every_key_of_any_row(tmp_path: Path):
    source = written(tmp_path / "in.jsonl", *questions(1), {"question": "q", "answer": "a", "tags": ["x"]})
    convert([source], tmp_path / "out.csv", None)
    with (tmp_path / "out.csv").open(newline="") as file:
        assert list(csv.reader(file)) == [
            ["question", "answer", "tags"],
            ["0 + 1?", "1", ""],
            ["q", "a", '["x"]'],
        ]


def test_a_table_has_no_cells_for_turns(tmp_path: Path):
    with pytest.raises(Refused) as refused:
        convert([written(tmp_path / "in.jsonl", *questions(1))], tmp_path / "out.csv", "messages")
    assert refused.value.reason == "container"
    assert "question-answer" in refused.value.advice
    assert os.listdir(tmp_path) == ["in.jsonl"]


def test_rows_that_parquet_can_not_hold_are_said(tmp_path: Path):
    rows = [{"question": "q", "answer": "a", "level": level} for level in (1, "hard")]
    with pytest.raises(Refused, match="one type a column") as refused:
        convert([written(tmp_path / "in.jsonl", *rows)], tmp_path / "out.parquet", None)
    assert refused.value.reason == "container"
    assert os.listdir(tmp_path) == ["in.jsonl"]


def test_the_same_rows_make_the_same_packed_bytes(tmp_path: Path):
    source = written(tmp_path / "in.jsonl", *questions(5))
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        convert([source], tmp_path / name, None)
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == source.read_bytes()


def test_a_split_keeps_rows_with_the_same_prompt_together_and_loses_none(tmp_path: Path):
    rows = [row for number in range(50) for row in (chat(f"q{number}", "a"), chat(f"q{number}", "b"))]
    rows += rows[:10]
    source = written(tmp_path / "in.jsonl", *rows)
    held = Held(tmp_path / "valid.jsonl", rows=20, seed=7)
    done = convert([source], tmp_path / "train.jsonl", None, held=held)
    assert (done.rows, done.held_rows) == (90, 20)
    train, valid = lines(tmp_path / "train.jsonl"), lines(tmp_path / "valid.jsonl")
    assert sorted(map(json.dumps, train + valid)) == sorted(map(json.dumps, rows))
    asked = [{row["messages"][0]["content"] for row in side} for side in (train, valid)]
    assert asked[0].isdisjoint(asked[1])
    again = Held(tmp_path / "again.jsonl", rows=20, seed=7)
    convert([source], tmp_path / "rest.jsonl", None, held=again)
    assert (tmp_path / "again.jsonl").read_bytes() == (tmp_path / "valid.jsonl").read_bytes()
    other = Held(tmp_path / "other.jsonl", rows=20, seed=8)
    convert([source], tmp_path / "rest.jsonl", None, held=other, overwrite=True)
    assert (tmp_path / "other.jsonl").read_bytes() != (tmp_path / "valid.jsonl").read_bytes()


def test_rows_that_become_the_same_stay_on_one_side(tmp_path: Path):
    systems = [{"role": "system", "content": text} for text in ("Be brief.", "Be kind.")]
    chats = [chat(f"question {number}", "yes") for number in range(40)]
    several = [{"messages": [system, *one["messages"]]} for system in systems for one in chats]
    train, valid = tmp_path / "train.jsonl", tmp_path / "valid.jsonl"
    path = written(tmp_path / "a.jsonl", *several)
    convert([path], train, "prompt-completion", lossy=True, held=Held(valid, share=0.3))
    assert lines(valid)
    assert not {row["prompt"] for row in lines(valid)} & {row["prompt"] for row in lines(train)}


def test_the_same_row_in_two_forms_stays_on_one_side(tmp_path: Path):
    first = written(tmp_path / "a.jsonl", *(chat(f"question {number}", "yes") for number in range(40)))
    pairs = [{"prompt": f"question {number}", "completion": "yes"} for number in range(40)]
    second = written(tmp_path / "b.jsonl", *pairs)
    train, valid = tmp_path / "train.jsonl", tmp_path / "valid.jsonl"
    convert([first, second], train, "messages", held=Held(valid, share=0.3))
    held = [row["messages"] for row in lines(valid)]
    assert held and not [row for row in lines(train) if row["messages"] in held]


def test_rows_of_a_group_stay_on_one_side_also_through_rows_with_the_same_prompt(tmp_path: Path):
    # The prompt of row 0 is also asked by the customer of rows 1 and 2.
    rows = [
        {**chat("same", "a"), "customer": 0},
        {**chat("same", "b"), "customer": 1},
        {**chat("else", "c"), "customer": 1},
        *({**chat(f"q{n}", "a"), "customer": n // 2} for n in range(10, 40)),
        chat("of nobody", "a"),
    ]
    source = written(tmp_path / "in.jsonl", *rows)
    for seed in range(8):
        held = Held(tmp_path / "valid.jsonl", share=0.3, seed=seed, group="customer")
        convert([source], tmp_path / "train.jsonl", None, held=held, overwrite=True)
        sides = [lines(tmp_path / name) for name in ("train.jsonl", "valid.jsonl")]
        customers = [{row["customer"] for row in side if "customer" in row} for side in sides]
        assert customers[0].isdisjoint(customers[1])
        assert len({name for name, side in enumerate(sides) for row in side if row in rows[:3]}) == 1


@pytest.mark.parametrize(
    ("held", "words"),
    [
        ({"rows": 30}, "30 of 30 rows"),
        ({"group": "custmer"}, "no row has the key"),
        ({"group": "one"}, "same prompt or group"),
    ],
)
def test_a_split_that_can_not_be_made_is_refused(held: dict[str, Any], words: str, tmp_path: Path):
    source = written(tmp_path / "in.jsonl", *({**row, "one": 1} for row in questions(30)))
    with pytest.raises(Refused, match=words) as refused:
        convert([source], tmp_path / "out.jsonl", None, held=Held(tmp_path / "valid.jsonl", **held))
    assert refused.value.reason == "split"
    assert os.listdir(tmp_path) == ["in.jsonl"]


def test_a_file_that_exists_is_kept_unless_it_may_be_replaced(tmp_path: Path):
    source = written(tmp_path / "in.jsonl", *questions(2))
    for name in ("out.jsonl", "valid.jsonl"):
        (tmp_path / "new.jsonl").unlink(missing_ok=True)
        (tmp_path / name).write_text("mine")
        outputs = [tmp_path / name, tmp_path / "new.jsonl"]
        with pytest.raises(Refused, match="exists already") as refused:
            convert([source], outputs[name == "valid.jsonl"], None, held=Held(outputs[name != "valid.jsonl"]))
        assert refused.value.reason == "exists"
        assert (tmp_path / name).read_text() == "mine"
        assert not (tmp_path / "new.jsonl").exists()
    convert([source], tmp_path / "out.jsonl", None, overwrite=True)
    assert lines(tmp_path / "out.jsonl") == questions(2)


def test_a_file_that_comes_meanwhile_is_kept(tmp_path: Path):
    source = written(tmp_path / "in.jsonl", *questions(40))
    valid = tmp_path / "valid.jsonl"

    def come(_done: Done) -> None:
        valid.write_text("mine")

    with pytest.raises(Refused, match="exists already"):
        convert(
            [source],
            tmp_path / "out.jsonl",
            None,
            held=Held(valid),
            progress=come,
        )
    assert valid.read_text() == "mine"
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "valid.jsonl"]


@pytest.mark.parametrize("make", [Path.symlink_to, Path.hardlink_to])
def test_no_output_is_a_file_that_is_read_under_any_name(make: Callable[[Path, Path], None], tmp_path: Path):
    source = written(tmp_path / "in.jsonl", *questions(30))
    before = source.read_bytes()
    make(tmp_path / "other.jsonl", source)
    for out, held in (
        (source, None),
        (tmp_path / "other.jsonl", None),
        (tmp_path / "new.jsonl", Held(source)),
    ):
        with pytest.raises(EngineError, match="is one of the files that are read"):
            convert([source], out, None, held=held, overwrite=True)
    with pytest.raises(EngineError, match="both outputs"):
        convert([source], tmp_path / "new.jsonl", None, held=Held(tmp_path / "." / "new.jsonl"))
    assert source.read_bytes() == before
    assert sorted(os.listdir(tmp_path)) == ["in.jsonl", "other.jsonl"]


@pytest.mark.parametrize(
    ("out", "words"),
    [
        ("out.xlsx", "no kind of file"),
        ("out", "no kind of file"),
        ("out.parquet.gz", "packed inside"),
        ("no/out.jsonl", "no folder"),
        ("folder.json", "is a folder"),
    ],
)
def test_a_name_that_can_not_be_written_is_refused(out: str, words: str, tmp_path: Path):
    (tmp_path / "folder.json").mkdir()
    with pytest.raises(EngineError, match=words):
        convert([written(tmp_path / "in.jsonl", *questions(2))], tmp_path / out, None)


def test_a_form_that_does_not_exist_is_named_with_those_that_do(tmp_path: Path):
    with pytest.raises(UnknownFormat, match=r"no form named gpt.*sharegpt"):
        convert([written(tmp_path / "in.jsonl", *questions(2))], tmp_path / "out.jsonl", "gpt")


@pytest.mark.parametrize(("package", "name"), [("pyarrow", "out.parquet"), ("zstandard", "out.jsonl.zst")])
def test_a_missing_package_is_said_before_anything_is_read(
    package: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(EngineError, match=package) as missing:
        convert([tmp_path / "nothing.jsonl"], tmp_path / name, None)
    assert missing.value.reason == "missing_package"


def test_progress_goes_to_the_end_of_every_file(tmp_path: Path):
    files = [written(tmp_path / f"{name}.jsonl", *questions(3000)) for name in "ab"]
    told: list[tuple[Path, int, int]] = []
    convert(
        files,
        tmp_path / "out.jsonl",
        "messages",
        progress=lambda done: told.append((done.path, done.bytes, done.size_bytes)),
    )
    for file in files:
        assert (file, file.stat().st_size, file.stat().st_size) in told


CONVERTING = """
import os, sys
if sys.argv[2] == "named":
    del os.O_TMPFILE  # as on systems without nameless files
from pathlib import Path
from finetui.engines.datasets.making import convert as converting
from finetui.engines.datasets.checking import crew

def wait(*_):
    print("ready", flush=True)
    sys.stdin.readline()

crew.SMALL_BYTES = 0  # so that other processes read
folder = Path(sys.argv[1])
stage = {"progress": wait} if sys.argv[3] == "reading" else {}
if sys.argv[3] == "writing":
    written = converting._write
    converting._write = lambda *given: (written(*given), wait())
held = converting.Held(folder / "valid.jsonl")
converting.convert([folder / "in.jsonl"], folder / "out.jsonl", "messages", held=held, **stage)
"""


@pytest.mark.parametrize("stage", ["reading", "writing"])
@pytest.mark.parametrize(
    ("names", "end"), [("nameless", signal.SIGINT), ("nameless", signal.SIGKILL), ("named", signal.SIGINT)]
)
def test_whatever_ends_a_conversion_nothing_of_it_is_left(
    names: str, end: signal.Signals, stage: str, tmp_path: Path
):
    written(tmp_path / "in.jsonl", *questions(3000))
    process = subprocess.Popen(
        [sys.executable, "-c", CONVERTING, tmp_path, names, stage],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout and process.stdout.readline() == "ready\n"
    hidden = [name for name in os.listdir(tmp_path) if name.endswith(".partial")]
    assert bool(hidden) == (names == "named" and stage == "writing")
    process.send_signal(end)
    process.communicate(timeout=30)
    assert process.returncode != 0
    assert os.listdir(tmp_path) == ["in.jsonl"]


def test_a_disk_without_room_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    source = written(tmp_path / "in.jsonl", *questions(3000))

    def full(draft: Draft) -> None:
        raise OSError(28, "No space left on device", str(draft.path))

    monkeypatch.setattr(converting.Draft, "settle", full)
    with pytest.raises(OSError, match="No space left"):
        convert([source], tmp_path / "out.jsonl", "messages")
    assert os.listdir(tmp_path) == ["in.jsonl"]


def test_several_processes_make_the_file_that_one_makes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    rows = [{**chat(f"q{number % 900}", "a" * 2000), "topic": number % 900 % 7} for number in range(3000)]
    source = written(tmp_path / "in.jsonl", *rows, {"messages": []}, *rows[:5])
    made: list[Any] = []
    for hands in (1, 3):
        monkeypatch.setattr(crew, "hands", lambda hands=hands: hands)
        held = Held(tmp_path / f"{hands}.valid.jsonl", group="topic", share=0.4)
        out = tmp_path / f"{hands}.jsonl"
        done = convert([source], out, "sharegpt", lossy=True, held=held)
        made.append((done, out.read_bytes(), held.out.read_bytes()))
    assert made[0] == made[1]
    assert made[0][0].losses == {'the key "topic"': 3005}


def test_a_longer_file_takes_no_more_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(crew, "hands", lambda: 1)  # several have blocks waiting for them
    source = tmp_path / "long.jsonl"
    with source.open("w") as file:
        for number in range(2000):
            file.write(json.dumps({"question": f"{number} " * 600, "answer": "a" * 6000}) + "\n")
    tracemalloc.start()
    try:
        convert([source], tmp_path / "out.jsonl", "messages")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert source.stat().st_size > 16_000_000
    assert peak < 12_000_000

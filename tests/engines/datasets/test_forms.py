"""Each form becomes canonical rows, and what does not fit says what was found and what would fit."""

from __future__ import annotations

import gzip
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.checking.check import Asked, check
from finetui.engines.datasets.formats.columns import KEYS, ColumnsError, in_words, parse_columns
from finetui.engines.datasets.formats.registry import FORMATS
from finetui.engines.datasets.read import Record, UnknownFormat, open_dataset
from hypothesis import given
from hypothesis import strategies as st


def written(tmp_path: Path, *rows: Any, name: str = "data.jsonl") -> Path:
    path = tmp_path / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def read(path: Path, format: str | None = None) -> list[Record]:
    return list(open_dataset(path, format).records())


def body(tmp_path: Path, row: Any) -> dict[str, Any]:
    [record] = read(written(tmp_path, row))
    assert record.row is not None, record.problems
    return record.row.body


def ids(tmp_path: Path, row: Any) -> list[str]:
    return [problem.id for record in read(written(tmp_path, row)) for problem in record.problems]


def chat(*turns: tuple[str, str]) -> dict[str, Any]:
    return {"messages": [{"role": role, "content": content} for role, content in turns]}


def test_openai_messages_keep_their_tools_and_say_what_is_not_trained(tmp_path: Path):
    row = {
        "messages": [
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "Weather in Oslo?"},
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "c1", "content": "4 °C"},
            {"role": "assistant", "content": "Hm.", "weight": 0},
            {"role": "user", "content": "So?"},
            {"role": "assistant", "content": "4 °C.", "weight": 1},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": {}}}],
    }
    assert body(tmp_path, row) == {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Weather in Oslo?"},
            {
                "role": "assistant",
                "content": "",
                "tool_calls": [
                    {
                        "id": "c1",
                        "type": "function",
                        "function": {"name": "weather", "arguments": {"city": "Oslo"}},
                    }
                ],
            },
            {"role": "tool", "content": "4 °C", "tool_call_id": "c1"},
            {"role": "assistant", "content": "Hm.", "train": False},
            {"role": "user", "content": "So?"},
            {"role": "assistant", "content": "4 °C."},
        ],
        "tools": [{"type": "function", "function": {"name": "weather", "parameters": {}}}],
    }


def test_a_system_prompt_beside_the_messages_becomes_the_first_turn(tmp_path: Path):
    row = {"system": "Answer in JSON.", **chat(("user", "hi"), ("assistant", "{}"))}
    assert open_dataset(written(tmp_path, row)).format is FORMATS["anthropic"]
    assert body(tmp_path, row)["messages"][0] == {"role": "system", "content": "Answer in JSON."}


def test_anthropic_rows_with_and_without_a_system_prompt_may_stand_in_one_file(tmp_path: Path):
    plain = chat(("user", "hi"), ("assistant", "hello"))
    records = read(written(tmp_path, {"system": "s", **plain}, {"system": "t", **plain}, plain))
    assert [record.row is not None for record in records] == [True, True, True]


def test_parts_are_joined_and_their_weight_is_the_turns(tmp_path: Path):
    row = {
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]},
            {"role": "assistant", "content": [{"type": "text", "text": "no", "loss_weight": 0.0}]},
            {"role": "user", "content": "again"},
            {"role": "assistant", "content": [{"type": "text", "value": "yes", "loss_weight": 1.0}]},
        ]
    }
    assert body(tmp_path, row) == {
        "messages": [
            {"role": "user", "content": "ab"},
            {"role": "assistant", "content": "no", "train": False},
            {"role": "user", "content": "again"},
            {"role": "assistant", "content": "yes"},
        ]
    }


def test_alpaca_with_history_and_system_is_a_conversation(tmp_path: Path):
    row = {
        "instruction": "Add.",
        "input": "1 + 1",
        "output": "2",
        "system": "You add.",
        "history": [["hi", "hello"]],
    }
    assert body(tmp_path, row) == chat(
        ("system", "You add."),
        ("user", "hi"),
        ("assistant", "hello"),
        ("user", "Add.\n1 + 1"),
        ("assistant", "2"),
    )


def test_names_and_thoughts_stay_with_their_turns(tmp_path: Path):
    turns = [
        {"role": "user", "content": "hi", "name": "ada"},
        {"role": "assistant", "content": "hello", "reasoning_content": "greet"},
    ]
    assert body(tmp_path, {"messages": turns})["messages"] == turns


def test_parts_hold_thoughts_and_tool_calls_too(tmp_path: Path):
    row = {
        "messages": [
            {"role": "user", "content": [{"type": "text", "value": "Oslo?"}]},
            {
                "role": "assistant",
                "content": [
                    {"type": "reasoning", "value": "look"},
                    {"type": "tool_call", "value": '{"name": "weather", "arguments": {"city": "Oslo"}}'},
                ],
            },
            {"role": "tool", "content": [{"type": "text", "value": "4 °C"}]},
            {"role": "assistant", "content": [{"type": "text", "value": "4 °C."}]},
        ],
        "tools": '[{"name": "weather"}]',
    }
    call = {"type": "function", "function": {"name": "weather", "arguments": {"city": "Oslo"}}}
    assert body(tmp_path, row) == {
        "messages": [
            {"role": "user", "content": "Oslo?"},
            {"role": "assistant", "content": "", "tool_calls": [call], "reasoning_content": "look"},
            {"role": "tool", "content": "4 °C"},
            {"role": "assistant", "content": "4 °C."},
        ],
        "tools": [{"type": "function", "function": {"name": "weather"}}],
    }


def test_an_image_is_said_to_be_one(tmp_path: Path):
    parts = [{"type": "image_url", "image_url": {"url": "https://example.com/cat.png"}}]
    row = {"messages": [{"role": "user", "content": parts}, {"role": "assistant", "content": "a cat"}]}
    [record] = read(written(tmp_path, row))
    [problem] = record.problems
    assert "images can't be trained as text here" in problem.message


USER, GOOD, BAD = (
    {"role": role, "content": text} for role, text in (("user", "q"), ("assistant", "a"), ("assistant", "b"))
)
PAIR: dict[str, Any] = {"messages": [USER], "chosen": [GOOD], "rejected": [BAD]}
SYSTEM: Any = {"role": "system", "content": "s"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, {"prompt": "q", "chosen": "a", "rejected": "b"}),
        ({"prompt": [USER], "chosen": [GOOD], "rejected": [BAD]}, PAIR),
        ({"conversations": [USER], "chosen": GOOD, "rejected": BAD}, PAIR),
        ({"prompt": "q", "chosen": [GOOD], "rejected": [BAD]}, PAIR),
        ({"chosen": [USER, GOOD], "rejected": [USER, BAD]}, PAIR),
        ({"prompt": "q", "chosen": [USER, GOOD], "rejected": [USER, BAD]}, PAIR),
        (
            {"prompt": "q", "chosen": "a", "rejected": "b", "system": "s"},
            {**PAIR, "messages": [SYSTEM, USER]},
        ),
        (
            {"prompt": "q", "chosen": "a", "rejected": "b", "tools": [{"name": "f"}]},
            {**PAIR, "tools": [{"type": "function", "function": {"name": "f"}}]},
        ),
        (
            {"instruction": "q", "input": "x", "chosen": "a", "rejected": "b"},
            {**PAIR, "messages": [{"role": "user", "content": "q\nx"}]},
        ),
        (
            {
                "input": {"messages": [USER], "tools": [], "parallel_tool_calls": True},
                "preferred_output": [GOOD],
                "non_preferred_output": [BAD],
            },
            PAIR,
        ),
    ],
)
def test_two_answers_to_one_prompt_are_read_in_every_spelling(row: Any, expected: Any, tmp_path: Path):
    assert body(tmp_path, row) == expected


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"chosen": [USER, GOOD], "rejected": [{**USER, "content": "other"}, BAD]}, "missing-key"),
        ({"chosen": "a", "rejected": "b"}, "missing-key"),
        ({"prompt": "q", "chosen": 5, "rejected": "b"}, "wrong-type"),
        ({"input": "q", "preferred_output": [GOOD], "non_preferred_output": [BAD]}, "wrong-type"),
        ({"input": {}, "preferred_output": [GOOD], "non_preferred_output": [BAD]}, "wrong-type"),
        ({"input": {"messages": [USER]}, "preferred_output": 1, "non_preferred_output": []}, "wrong-type"),
    ],
)
def test_what_is_wrong_with_two_answers_is_found(row: Any, expected: str, tmp_path: Path):
    assert expected in ids(tmp_path, row)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": "q", "completion": "a", "label": True}, {"prompt": "q", "completion": "a"}),
        ({"prompt": [USER], "completion": [GOOD], "label": True}, {"messages": [USER, GOOD]}),
        ({"messages": [USER, GOOD], "kto_tag": True}, {"messages": [USER, GOOD]}),
        (
            {"prompt": "q", "completion": "a", "label": True, "system": "s"},
            {"messages": [SYSTEM, USER, GOOD]},
        ),
        ({"prompt": "q", "completion": "a", "label": "True"}, {"prompt": "q", "completion": "a"}),
    ],
)
def test_judged_answers_are_read_in_every_spelling(row: Any, expected: Any, tmp_path: Path):
    assert body(tmp_path, row) == {**expected, "label": True}


def test_turns_and_pairs_in_the_cells_of_a_table_stand_as_json(tmp_path: Path):
    turns = [USER, GOOD]
    assert body(tmp_path, {"messages": json.dumps(turns)}) == {"messages": turns}
    row = {"instruction": "q", "output": "a", "history": '[["u", "v"]]'}
    assert [turn["content"] for turn in body(tmp_path, row)["messages"]] == ["u", "v", "q", "a"]
    assert ids(tmp_path, {"messages": "[oops"}) == ["wrong-type"]


def test_a_mapped_column_is_read_under_its_known_name(tmp_path: Path):
    path = written(tmp_path, {"Frage": "q", "Antwort": "a", "label": True, "completion": "no"})
    dataset = open_dataset(path, columns={"question": "Frage", "answer": "Antwort"})
    [record] = dataset.records()
    assert record.row is not None
    assert record.row.body == {"messages": [USER, GOOD]}
    assert not record.problems


def test_one_column_may_be_mapped_where_the_others_have_known_names(tmp_path: Path):
    path = written(tmp_path, {"Frage": "q", "answer": "a"})
    [record] = open_dataset(path, columns={"question": "Frage"}).records()
    assert record.row is not None
    assert record.row.body == {"messages": [USER, GOOD]}


def test_a_mapped_column_that_the_file_lacks_is_said_once_with_those_that_exist(tmp_path: Path):
    path = written(tmp_path, *({"Frage": f"q{n}", "Antwort": "a"} for n in range(3)))
    asked = Asked(columns={"question": "frage", "answer": "Antwort"})
    [problem] = check([path], asked).files[0].problems
    assert (problem.id, problem.severity) == ("missing-column", "error")
    assert problem.message == 'The file has no column "frage"; its columns are "Frage", "Antwort".'
    assert problem.fix == 'Is "Frage" meant?'


def test_a_large_file_of_no_known_form_says_so_once(tmp_path: Path):
    path = tmp_path / "data.jsonl"
    path.write_text((json.dumps({"frage": "x" * 1000, "antwort": "y"}) + "\n") * 6000)
    for columns, expected in ((None, "unknown-format"), ({"question": "Frage"}, "missing-column")):
        [report] = check([path], Asked(columns=columns)).files
        assert report.rows == 6000
        assert report.counts == {expected: 1}


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)


@given(columns=st.dictionaries(st.sampled_from(sorted(KEYS)), NAMES, min_size=1, max_size=4))
def test_a_mapping_in_words_is_read_as_it_was(columns: dict[str, str]):
    assert parse_columns(in_words(columns)) == columns


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("question=Frage", {"question": "Frage"}),
        (" question = Frage , answer = Antwort ", {"question": "Frage", "answer": "Antwort"}),
        ("question=Frage, bitte,answer=A", {"question": "Frage, bitte", "answer": "A"}),
    ],
)
def test_a_mapping_is_written_as_people_do(text: str, expected: dict[str, str]):
    assert parse_columns(text) == expected


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected KEY=COLUMN"),
        ("Frage", "expected KEY=COLUMN"),
        ("question=", "expected KEY=COLUMN"),
        ("questoin=Frage", "is question meant"),
        ("Frage=question", "the form's key stands first: question=Frage"),
        ("question=a,question=b", "given twice"),
        ("frage=Frage", "known are answer, "),
    ],
)
def test_a_mapping_that_can_not_be_used_says_why(text: str, words: str):
    with pytest.raises(ColumnsError, match=words):
        parse_columns(text)


@given(text=st.text())
def test_any_text_is_a_mapping_or_told(text: str):
    with suppress(ColumnsError):
        assert parse_columns(text)


def test_raw_texts_stay_raw(tmp_path: Path):
    assert body(tmp_path, {"prompt": "1+1=", "completion": " 2"}) == {"prompt": "1+1=", "completion": " 2"}
    assert body(tmp_path, {"text": "Once."}) == {"text": "Once."}


def test_answers_inside_a_prompt_of_messages_are_given_not_learned(tmp_path: Path):
    prompt = chat(("user", "a"), ("assistant", "b"), ("user", "c"))["messages"]
    row = {"prompt": prompt, "completion": [{"role": "assistant", "content": "d"}]}
    assert [message.get("train") for message in body(tmp_path, row)["messages"]] == [None, False, None, None]


@pytest.mark.parametrize("name", list(FORMATS))
def test_every_form_can_be_named_and_shows_a_row_that_fits(name: str, tmp_path: Path):
    assert FORMATS[name].example
    row: dict[str, Any] = {"text": "t", "question": "q", "answer": "a", "prompt": "p", "completion": "c"}
    row |= {"instruction": "i", "output": "o", "system": "s", "chosen": "c", "rejected": "r", "label": True}
    conversation = [{"role": "user", "content": "u"}, {"role": "assistant", "content": "a"}]
    row |= {"messages": conversation, "conversations": conversation}
    if name == "parts":
        row["messages"] = [{**turn, "content": [{"type": "text", "value": "t"}]} for turn in conversation]
    if name == "openai-preference":
        row |= {"input": {"messages": conversation[:1]}, "preferred_output": conversation[1:]}
        row["non_preferred_output"] = [{"role": "assistant", "content": "b"}]
    path = written(tmp_path, row)
    [record] = read(path, name)
    assert record.row is not None


def test_a_form_that_does_not_exist_is_refused_with_those_that_do(tmp_path: Path):
    with pytest.raises(UnknownFormat, match=r"no form named gpt.*sharegpt"):
        open_dataset(written(tmp_path, {"text": "x"}), "gpt")


def test_an_unknown_form_says_what_was_found_and_what_would_fit(tmp_path: Path):
    report = check([written(tmp_path, {"frage": "1", "antwort": "2"})])
    [problem] = report.files[0].problems
    assert problem.id == "unknown-format"
    assert '"frage", "antwort"' in problem.message
    assert "question=frage,answer=antwort" in problem.fix


def test_a_row_of_another_form_is_named(tmp_path: Path):
    rows = [{"question": f"q{n}", "answer": str(n)} for n in range(3)]
    path = written(tmp_path, *rows, {"instruction": "i", "output": "o"}, {"question": "q"})
    [report] = check([path]).files
    mixed, missing = report.problems
    assert (mixed.id, mixed.line) == ("mixed-formats", 4)
    assert "alpaca" in mixed.message
    assert (missing.id, missing.line) == ("missing-key", 5)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (chat(("user", "a"), ("assistant", "b")), []),
        (chat(("user", "a")), ["no-answer"]),
        (chat(("user", "a"), ("assistant", " ")), ["empty-answer"]),
        (chat(("user", ""), ("assistant", "b")), ["empty-turn"]),
        (chat(("user", "a"), ("assistant", "b"), ("user", "c")), ["last-turn"]),
        (chat(("user", "a"), ("user", "b"), ("assistant", "c")), ["role-order"]),
        (chat(("assistant", "c")), ["role-order"]),
        (chat(("user", "a"), ("system", "s"), ("assistant", "c")), ["system-place"]),
        ({"system": "s", **chat(("system", "t"), ("user", "a"), ("assistant", "c"))}, ["several-systems"]),
        (chat(("user", "a"), ("tool", "s"), ("assistant", "c")), ["tool-without-call"]),
        (chat(("user", "a"), ("robot", "s")), ["unknown-role"]),
        (chat(), ["no-turns"]),
        ({"messages": "hi"}, ["wrong-type"]),
        ({"messages": ["hi"]}, ["wrong-type"]),
        ({"messages": [{"role": ["user"], "content": "x"}]}, ["unknown-role"]),
        ({"messages": [{"role": "user", "content": 5}]}, ["wrong-type"]),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, ["image"]),
        ({"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]}, ["unsupported-part"]),
        ({"question": "a", "answer": 5}, ["wrong-type"]),
        ({"question": "a", "answer": "b", "level": 3}, ["ignored-key"]),
        ({"text": " "}, ["empty-text"]),
        ({"text": "a\u0007b"}, ["control-character"]),
        ({"text": "a\ufffdb"}, ["broken-character"]),
        ({"text": "Dear {{ first_name }},"}, ["placeholder"]),
        ({"text": "x^{{2}} and {{}}"}, []),
        (5, ["row-type"]),
    ],
)
def test_what_is_wrong_with_a_row_is_found(row: Any, expected: list[str], tmp_path: Path):
    assert ids(tmp_path, row) == expected


@pytest.mark.parametrize("weight", [0.5, 2, -1, "1"])
def test_weights_other_than_0_and_1_are_refused(weight: Any, tmp_path: Path):
    row = chat(("user", "a"), ("assistant", "b"))
    row["messages"][1]["weight"] = weight
    assert ids(tmp_path, row) == ["bad-weight"]


def test_a_row_whose_answers_all_have_weight_0_is_refused(tmp_path: Path):
    row = chat(("user", "a"), ("assistant", "b"))
    row["messages"][1]["weight"] = 0
    assert ids(tmp_path, row) == ["nothing-trained"]


@pytest.mark.parametrize("arguments", ["{", "[1]", 5, None])
def test_tool_calls_without_an_object_of_arguments_are_refused(arguments: Any, tmp_path: Path):
    row = chat(("user", "a"), ("assistant", ""))
    row["messages"][1]["tool_calls"] = [{"function": {"name": "f", "arguments": arguments}}]
    assert ids(tmp_path, row) == ["tool-call"]


def test_turns_are_numbered_as_the_user_counts_them(tmp_path: Path):
    row = {"system": "s", **chat(("user", "a"), ("user", "b"), ("assistant", "c"))}
    [record] = read(written(tmp_path, row))
    assert record.problems[0].message.startswith("Turn 2 (user)")


def test_a_packed_file_reads_as_its_content(tmp_path: Path):
    path = tmp_path / "data.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "a"}\n{"text": "b"}\n', mtime=0))
    assert [record.line for record in read(path)] == [1, 2]


def test_a_packed_file_that_was_cut_says_so(tmp_path: Path):
    path = tmp_path / "data.jsonl.gz"
    path.write_bytes(gzip.compress(b'{"text": "a"}\n' * 1000, mtime=0)[:-12])
    [report] = check([path]).files
    assert "broken-archive" in report.counts


def test_duplicates_point_to_the_first(tmp_path: Path):
    path = written(tmp_path, {"text": "a"}, {"text": "b"}, {"text": "a"})
    [problem] = check([path]).files[0].problems
    assert (problem.id, problem.severity, problem.line) == ("duplicate", "warning", 3)
    assert "line 1" in problem.message


def test_many_equal_faults_are_counted_but_few_are_shown(tmp_path: Path):
    path = tmp_path / "data.jsonl"
    path.write_text('{"text": "a"}\n' + "{oops\n" * 50)
    report = check([path], Asked(limit_examples=2))
    assert report.errors == 50
    assert [problem.line for problem in report.files[0].problems] == [2, 3]
    assert report.to_json()["files"][0]["counts"] == {"broken-json": 50}


def test_the_report_is_the_json_that_scripts_expect(tmp_path: Path):
    path = written(tmp_path, {"text": "{{name}}"})
    report = check([path]).to_json()
    assert report == json.loads(json.dumps(report))
    assert set(report) == {"files", "errors", "warnings"}
    [file] = report["files"]
    assert {"path", "format", "rows", "tokens", "trained_tokens", "problems"} <= set(file)
    assert set(file["problems"][0]) == {"id", "severity", "line", "column", "message", "fix"}

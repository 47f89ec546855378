"""Rows are mended into what a place of training takes: what needs no guess, each change in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.checking.check import Asked, check
from finetui.engines.datasets.making.fix import Fixed, fix
from finetui.engines.datasets.read import open_dataset
from finetui.engines.engine import EngineError
from hypothesis import given, settings
from hypothesis import strategies as st

Row = dict[str, Any]
USER: Row = {"role": "user", "content": "a"}
ANSWER: Row = {"role": "assistant", "content": "b"}
SYSTEM: Row = {"role": "system", "content": "s"}
BARE: Row = {"type": "function", "function": {"name": "f", "arguments": {"x": 1}}}
CALL: Row = {**BARE, "id": "c", "function": {"name": "f", "arguments": '{"x":1}'}}
TOOLS: list[Row] = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]


def row(*turns: Row, **more: Any) -> Row:
    return {"messages": list(turns), **more}


def calling(*calls: Row) -> Row:
    return {"role": "assistant", "content": None, "tool_calls": list(calls)}


def tool(**more: Any) -> Row:
    return {"role": "tool", "content": "r", **more}


def written(path: Path, *rows: Row) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    return path


def mended(tmp_path: Path, one: Row, target: str) -> tuple[Fixed, Row]:
    out = tmp_path / "out.jsonl"
    done = fix(written(tmp_path / "in.jsonl", one), out, target=target, overwrite=True)
    return done, json.loads(out.read_text("utf-8-sig"))


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (
            row(USER, calling({**BARE, "id": "c"}), tools=TOOLS),
            row(USER, calling(CALL), tools=TOOLS),
            "tool arguments made a text",
        ),
        (
            row(USER, calling(CALL | {"id": None}), tool(), ANSWER, tools=TOOLS),
            row(USER, calling(CALL | {"id": "call_1"}), tool(tool_call_id="call_1"), ANSWER, tools=TOOLS),
            "tool calls given their id and type",
        ),
        (
            row(USER, calling(CALL), tool(), ANSWER, tools=TOOLS, parallel_tool_calls=False),
            row(USER, calling(CALL), tool(tool_call_id="c"), ANSWER, tools=TOOLS, parallel_tool_calls=False),
            "answers of tools given the id of their call",
        ),
        (
            row({**USER, "time": 5}, ANSWER, id=7, source="x"),
            row(USER, ANSWER),
            "keys that the target refuses removed",
        ),
        (row(USER, {**ANSWER, "reasoning_content": "Hm."}), row(USER, ANSWER), "thoughts removed"),
        (
            row(USER, {**ANSWER, "train": False}, USER, ANSWER),
            row(USER, {**ANSWER, "weight": 0}, USER, ANSWER),
            "keys written as the target has them",
        ),
        (row({**USER, "role": "human"}, ANSWER), row(USER, ANSWER), "roles written as the target has them"),
        (
            row(USER, {**ANSWER, "content": ["b"]}),
            row(USER, ANSWER),
            "contents written as texts",
        ),
        (
            row(USER, calling(CALL), tools=[TOOLS[0]["function"]]),
            row(USER, calling(CALL), tools=TOOLS),
            "tools written as the target has them",
        ),
        (row(USER, {**ANSWER, "weight": True}), row(USER, ANSWER), "weights written as 0 and 1"),
        (
            {"messages": json.dumps([USER, ANSWER])},
            row(USER, ANSWER),
            "rows written as the target has them",
        ),
    ],
)
def test_a_row_becomes_one_that_openai_takes(before: Row, after: Row, words: str, tmp_path: Path):
    done, out = mended(tmp_path, before, "openai")
    assert out == after
    assert words in done.changes
    report = check([tmp_path / "out.jsonl"], Asked(target="openai"))
    assert {p.id for p in report.files[0].problems if p.severity == "error"} == {"too-few-rows"}


ERRORS_OF_ROWS = {
    "target-key",
    "target-role",
    "target-call",
    "tool-arguments",
    "target-content",
    "wrong-type",
}


def test_a_pair_is_mended_on_both_sides(tmp_path: Path):
    thinking = {**ANSWER, "reasoning_content": "Hm."}
    pair = {
        "input": row({**USER, "time": 1}, parallel_tool_calls=True),
        "preferred_output": [thinking],
        "non_preferred_output": [{**ANSWER, "content": "c", "time": 1}],
        "id": 1,
    }
    done, out = mended(tmp_path, pair, "openai")
    assert out == {
        "input": row(USER, parallel_tool_calls=True),
        "preferred_output": [ANSWER],
        "non_preferred_output": [{**ANSWER, "content": "c"}],
    }
    assert set(done.changes) == {"thoughts removed", "keys that the target refuses removed"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (row(SYSTEM, USER, ANSWER), row(USER, ANSWER, system="s")),
        (row({**SYSTEM, "role": "developer"}, USER, ANSWER), row(USER, ANSWER, system="s")),
        (row({**USER, "content": [{"type": "text", "text": "a"}]}, ANSWER), row(USER, ANSWER)),
        (row({**USER, "name": "ann"}, ANSWER), row(USER, ANSWER)),
        (row(USER, {**ANSWER, "weight": 1}), row(USER, ANSWER)),
        (row(USER, ANSWER, id=7), row(USER, ANSWER)),
        (row(USER, {**ANSWER, "reasoning_content": "Hm."}), row(USER, ANSWER)),
    ],
)
def test_a_row_becomes_one_that_bedrock_takes(before: Row, after: Row, tmp_path: Path):
    done, out = mended(tmp_path, before, "bedrock")
    assert out == after
    assert len(done.changes) == 1
    assert check([tmp_path / "out.jsonl"], Asked(target="bedrock")).errors == 0


@pytest.mark.parametrize(
    ("target", "bad", "why"),
    [
        ("openai", row(USER, calling(CALL), USER, ANSWER), "target-unanswered"),
        ("openai", row({**USER, "name": "Ann Lee"}, ANSWER), "target-name"),
        ("bedrock", row(USER, calling(CALL), tool(tool_call_id="c"), ANSWER), "tools-refused"),
        ("bedrock", row(USER, ANSWER, tools=TOOLS), "tools-refused"),
        ("bedrock", row(USER, {**ANSWER, "weight": 0}, USER, ANSWER), "target-key"),
        ("bedrock", row(USER, USER, ANSWER), "target-order"),
    ],
)
def test_what_would_need_a_guess_is_left_out_with_its_reason(target: str, bad: Row, why: str, tmp_path: Path):
    source = written(tmp_path / "in.jsonl", row(USER, ANSWER), bad)
    done = fix(source, tmp_path / "out.jsonl", target=target)
    assert (done.rows, done.left_out) == (1, 1)
    assert [(problem.id, problem.line) for problem in done.examples] == [(why, 2)]


@pytest.mark.parametrize(
    ("target", "one", "to"),
    [
        ("openai", {"question": "a", "answer": "b"}, "messages"),
        ("azure", {"prompt": "a", "chosen": "b", "rejected": "c"}, "openai-preference"),
        ("bedrock", {"conversations": [{"from": "human", "value": "a"}]}, "anthropic"),
    ],
)
def test_a_form_that_the_target_does_not_take_is_converted_first(
    target: str, one: Row, to: str, tmp_path: Path
):
    with pytest.raises(EngineError, match="does not take the form") as refused:
        fix(written(tmp_path / "in.jsonl", one), tmp_path / "out.jsonl", target=target)
    assert refused.value.reason == "target-form"
    assert f"--to {to}" in (refused.value.advice or "")
    assert [path.name for path in tmp_path.iterdir()] == ["in.jsonl"]


def test_columns_under_other_names_are_converted_first(tmp_path: Path):
    source = written(tmp_path / "in.jsonl", {"turns": [USER, ANSWER]})
    with pytest.raises(EngineError) as refused:
        fix(source, tmp_path / "out.jsonl", target="openai", columns={"messages": "turns"})
    assert refused.value.reason == "target-form"
    fix(source, tmp_path / "out.jsonl", target="local", columns={"messages": "turns"})


KEYS = st.sampled_from(
    [
        *("content", "name", "weight", "train", "loss_weight", "reasoning_content", "tool_calls"),
        *("tool_call_id", "refusal", "time", "value"),
    ]
)
WORDS = st.text("ab \n", max_size=3)
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(0, 1),
    WORDS,
    st.just([{"type": "text", "text": "t"}]),
    st.just([{"type": "tool_use", "id": "t", "name": "f", "input": {}}]),
    st.lists(st.sampled_from([CALL, BARE, {"name": "f", "arguments": {}}]), max_size=2),
)


def turn(*roles: str) -> st.SearchStrategy[Row]:
    return st.builds(
        lambda role, content, more: {"role": role, "content": content, **more},
        st.sampled_from(roles),
        st.text("ab", min_size=1, max_size=3),
        st.dictionaries(KEYS, VALUES, max_size=1),
    )


TURNS = st.builds(
    lambda first, pairs: [*first, *(turn for pair in pairs for turn in pair)],
    st.lists(turn("system", "developer", "tool"), max_size=1),
    st.lists(st.tuples(turn("user", "human"), turn("assistant", "model")), min_size=1, max_size=2),
)
MORE = st.fixed_dictionaries({}, optional={"tools": st.just(TOOLS), "system": WORDS, "id": st.just(1)})


@settings(max_examples=200, deadline=None)
@given(turns=TURNS, more=MORE, target=st.sampled_from(["openai", "bedrock"]))
def test_what_is_written_is_taken_and_means_the_same(
    turns: list[Row], more: Row, target: str, tmp_path_factory: pytest.TempPathFactory
):
    folder = tmp_path_factory.mktemp("fix")
    first = row(USER, ANSWER, **({"system": "good"} if target == "bedrock" else {}))
    source = written(folder / "in.jsonl", first, row(*turns, **more))
    out = folder / "out.jsonl"
    done = fix(source, out, target=target)
    assert done.rows + done.left_out + done.changes.get("duplicates removed", 0) == 2
    [report] = check([out], Asked(target=target)).files
    assert report.usable_rows == report.rows == done.rows
    if done.rows == 2 and not set(done.changes) & {
        "empty turns removed",
        "turns after the last answer removed",
    }:
        before, after = (
            [meaning(record.row.body) for record in open_dataset(path).records() if record.row]
            for path in (source, out)
        )
        assert before == after


def meaning(body: Row) -> Any:
    """What a row teaches, beside thoughts, names and ids."""
    turns = [
        (
            turn["role"],
            turn["content"],
            turn.get("train"),
            [c["function"] for c in turn.get("tool_calls", ())],
        )
        for turn in body["messages"]
        if turn["role"] != "system" or turn["content"].strip()
    ]
    return turns, body.get("tools")

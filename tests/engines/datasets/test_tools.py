"""Tools, their calls and answers in every spelling are read as one, and written as a form wants them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.checking.check import Asked, check
from finetui.engines.datasets.formats.call_ids import with_call_ids
from finetui.engines.datasets.formats.form import Losses
from finetui.engines.datasets.formats.registry import FORMATS
from finetui.engines.datasets.making.convert import convert
from finetui.engines.datasets.read import open_dataset

GLAIVE = Path(__file__).parents[4] / "shared" / "data" / "glaive_toolcall_en_demo.json"
SCHEMA: dict[str, Any] = {"type": "object", "properties": {"city": {"type": "string"}}}
USER: dict[str, Any] = {"role": "user", "content": "Oslo?"}
ANSWER: dict[str, Any] = {"role": "assistant", "content": "4 °C."}


def use(call: str, city: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": call, "name": "weather", "input": {"city": city}}


def result(call: str, content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": call, "content": content}


def assistant(*blocks: Any) -> dict[str, Any]:
    return {"role": "assistant", "content": list(blocks)}


def user(*blocks: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(blocks)}


def read(tmp_path: Path, row: dict[str, Any]) -> tuple[Any, list[str]]:
    """The row's body, and what is wrong with it."""
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps(row) + "\n")
    [record] = open_dataset(path).records()
    return record.row and record.row.body, [problem.id for problem in record.problems]


def call(name: str = "f", **more: Any) -> dict[str, Any]:
    return {**more, "type": "function", "function": {"name": name, "arguments": {}}}


@pytest.mark.parametrize("beside", [{}, {"system": "Be brief."}])
def test_anthropic_s_blocks_become_calls_and_answers(beside: dict[str, Any], tmp_path: Path):
    text = {"type": "text", "text": "I look."}
    row = {
        **beside,
        "messages": [
            USER,
            assistant({"type": "thinking", "thinking": "Hm.", "signature": "x"}, text, use("t1", "Oslo")),
            user(result("t1", [{"type": "text", "text": "4"}, {"type": "text", "text": " °C"}])),
            ANSWER,
        ],
        "tools": [{"name": "weather", "description": "Now.", "input_schema": SCHEMA}],
    }
    body, problems = read(tmp_path, row)
    assert problems == []
    called = {"name": "weather", "arguments": {"city": "Oslo"}}
    assert body["messages"][-4:] == [
        USER,
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [{"id": "t1", "type": "function", "function": called}],
            "reasoning_content": "Hm.",
        },
        {"role": "tool", "content": "4 °C", "tool_call_id": "t1"},
        ANSWER,
    ]
    assert body["tools"] == [
        {"type": "function", "function": {"name": "weather", "description": "Now.", "parameters": SCHEMA}}
    ]


def test_several_results_are_several_turns_and_the_text_beside_them_comes_after(tmp_path: Path):
    row = {
        "messages": [
            USER,
            assistant(use("t1", "Oslo"), use("t2", "Rome")),
            user(result("t1", "4"), result("t2", "21"), {"type": "text", "text": "Which is warmer?"}),
            ANSWER,
        ],
        "tools": [{"name": "weather", "input_schema": SCHEMA}],
    }
    body, problems = read(tmp_path, row)
    assert {*problems} <= {"parallel-calls", "role-order"}
    assert body["messages"][2:5] == [
        {"role": "tool", "content": "4", "tool_call_id": "t1"},
        {"role": "tool", "content": "21", "tool_call_id": "t2"},
        {"role": "user", "content": "Which is warmer?"},
    ]


@pytest.mark.parametrize(
    ("turns", "expected"),
    [
        ([user({"type": "image", "source": {"type": "base64"}}), ANSWER], "image"),
        ([USER, assistant(use("t", "a")), user(result("t", [{"type": "image"}])), ANSWER], "image"),
        ([user({"type": "document", "source": {}}), ANSWER], "unsupported-part"),
        ([user({"type": ["text"]}), ANSWER], "unsupported-part"),
        ([USER, assistant({"type": "tool_use", "id": "t", "input": {}}), ANSWER], "tool-call"),
        ([USER, assistant({**use("t", "a"), "input": 5}), ANSWER], "tool-call"),
        ([user(use("t", "a")), ANSWER], "tool-call"),
        ([USER, assistant(result("t", "4"))], "wrong-type"),
        ([user({"type": "tool_result", "tool_use_id": "t", "content": 5}), ANSWER], "wrong-type"),
        ([user(result("t", "4")), ANSWER], "tool-without-call"),
    ],
)
def test_what_is_wrong_with_blocks_is_found(turns: list[Any], expected: str, tmp_path: Path):
    _, problems = read(tmp_path, {"messages": turns})
    assert expected in problems


def test_a_failed_tool_is_read_and_its_mark_is_said_to_be_lost(tmp_path: Path):
    failed = {**result("t1", "no net"), "is_error": True}
    row = {"messages": [USER, assistant(use("t1", "Oslo")), user(failed), ANSWER]}
    body, problems = read(tmp_path, row)
    assert body["messages"][2] == {"role": "tool", "content": "no net", "tool_call_id": "t1"}
    assert "ignored-key" in problems


def test_calls_get_ids_in_order_and_answers_that_of_their_call():
    messages = [
        USER,
        {"role": "assistant", "content": "", "tool_calls": [call("f"), call("g"), call("f", id="call_2")]},
        {"role": "tool", "content": "g's", "name": "g"},
        {"role": "tool", "content": "f's"},
        {"role": "tool", "content": "own", "tool_call_id": "call_2"},
        {"role": "tool", "content": "none's"},
        ANSWER,
    ]
    whole = with_call_ids(messages)
    assert [one["id"] for one in whole[1]["tool_calls"]] == ["call_1", "call_3", "call_2"]
    assert [turn.get("tool_call_id") for turn in whole[2:6]] == ["call_3", "call_1", "call_2", None]
    assert with_call_ids(whole) == whole


def test_an_answer_of_a_pair_may_be_that_to_a_call_of_its_prompt():
    calling = {"role": "assistant", "content": "", "tool_calls": [call()]}
    answer = [{"role": "tool", "content": "4"}, ANSWER]
    losses = Losses()
    body = {"messages": [USER, calling], "chosen": answer, "rejected": answer}
    row = FORMATS["openai-preference"].write(body, losses)
    assert row is not None
    assert not losses
    assert row["input"]["messages"][1]["tool_calls"][0]["id"] == "call_1"
    assert row["preferred_output"][0]["tool_call_id"] == "call_1"
    assert row["non_preferred_output"][0]["tool_call_id"] == "call_1"


def test_calls_without_ids_are_converted_into_rows_that_openai_takes(tmp_path: Path):
    if not GLAIVE.exists():
        pytest.skip("shared data is not there")
    out = tmp_path / "out.jsonl"
    done = convert([GLAIVE], out, "messages")
    report = check([out], Asked(target="openai"))
    assert report.errors == 0, report.files[0].counts
    assert report.files[0].usable_rows == done.rows
    turns = [turn for line in out.read_text().splitlines() for turn in json.loads(line)["messages"]]
    calls = [made for turn in turns for made in turn.get("tool_calls", ())]
    assert calls
    assert all(isinstance(made["function"]["arguments"], str) for made in calls)
    for record in open_dataset(out).records():
        assert record.row is not None
        for turn in record.row.body["messages"]:
            assert all(isinstance(c["function"]["arguments"], dict) for c in turn.get("tool_calls", ()))
    # The ids are made, so nothing is lost on the way back.
    again = tmp_path / "again.jsonl"
    assert convert([out], again, "sharegpt").losses == {}

"""What a provider would refuse is said before it costs anything, each with its turn and its way out."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.checking.check import Asked, FileReport, check
from finetui.engines.datasets.checks.of_files import OF_FILES
from finetui.engines.datasets.checks.of_lessons import OF_LESSONS
from finetui.engines.datasets.checks.of_rows import OF_ROWS
from finetui.engines.datasets.checks.of_sets import OF_SETS
from finetui.engines.datasets.checks.of_targets import OF_TARGETS
from finetui.engines.datasets.checks.table import CHECKS, Faults, found
from finetui.engines.datasets.formats.form import Losses
from finetui.engines.datasets.formats.registry import FORMATS
from finetui.engines.datasets.problem import Problem
from finetui.engines.datasets.read import open_dataset
from finetui.engines.datasets.targets.registry import TARGETS, UnknownTarget, target_named
from finetui.engines.datasets.targets.target import FileFacts
from hypothesis import given
from hypothesis import strategies as st

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"

Row = dict[str, Any]
USER: Row = {"role": "user", "content": "1+1?"}
ANSWER: Row = {"role": "assistant", "content": "2"}
CALL: Row = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1, "b": 1}'}}
CALLING: Row = {"role": "assistant", "content": None, "tool_calls": [CALL]}
TOOL: Row = {"role": "tool", "tool_call_id": "c1", "content": "2"}
ADD: Row = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}

BLOCKS: Row = {"role": "assistant", "content": [{"type": "tool_use", "id": "t", "name": "add", "input": {}}]}
RESULT: Row = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "2"}]}


def chat(*messages: Row, **more: Any) -> Row:
    return {"messages": list(messages), **more}


def call(**changes: Any) -> Row:
    return {**CALLING, "tool_calls": [{**CALL, **changes}]}


def function(**changes: Any) -> Row:
    return call(function={**CALL["function"], **changes})


PAIR: Row = {
    "input": chat(USER),
    "preferred_output": [ANSWER],
    "non_preferred_output": [{"role": "assistant", "content": "3"}],
}


def report_of(
    folder: Path, rows: list[Row], target: str, name: str = "data.jsonl", start: bytes = b""
) -> FileReport:
    path = folder / name
    path.write_bytes(start + b"".join(json.dumps(row).encode() + b"\n" for row in rows))
    [report] = check([path], Asked(target=target, limit_examples=None)).files
    return report


def ids_of(folder: Path, row: Row, target: str) -> set[str]:
    """What is said of one row among good ones of the same form, beyond what is said without a target."""
    good = PAIR if "preferred_output" in row else chat(USER, ANSWER)
    report = report_of(folder, [good, row], target)
    return {problem.id for problem in report.problems if problem.line == 2 and problem.severity == "error"}


GOOD_FOR_OPENAI: dict[str, Row] = {
    "two turns": chat(USER, ANSWER),
    "a system prompt": chat({"role": "system", "content": "Be brief."}, USER, ANSWER),
    "a developer's prompt": chat({"role": "developer", "content": "Be brief."}, USER, ANSWER),
    "weights": chat(USER, {**ANSWER, "weight": 0}, USER, {**ANSWER, "weight": 1}),
    "names": chat({**USER, "name": "Ann-1_x"}, ANSWER),
    "text parts": chat({"role": "user", "content": [{"type": "text", "text": "1+1?"}]}, ANSWER),
    "a call and its answer": chat(USER, CALLING, TOOL, ANSWER, tools=[ADD], parallel_tool_calls=False),
    "a call at the end": chat(USER, CALLING, tools=[ADD]),
    "two calls, answered the other way round": chat(
        USER,
        {**CALLING, "tool_calls": [CALL, {**CALL, "id": "c2"}]},
        {**TOOL, "tool_call_id": "c2"},
        TOOL,
        ANSWER,
    ),
    "several users' turns": chat(USER, USER, ANSWER),
    "a pair": PAIR,
    "a pair with tools": {**PAIR, "input": chat(USER, tools=[ADD], parallel_tool_calls=True)},
}


@pytest.mark.parametrize("target", ["openai", "azure"])
@pytest.mark.parametrize("row", GOOD_FOR_OPENAI.values(), ids=GOOD_FOR_OPENAI)
def test_openai_takes(row: Row, target: str, tmp_path: Path):
    assert ids_of(tmp_path, row, target) == set()


BAD_FOR_OPENAI: list[tuple[str, Row]] = [
    ("target-key", chat(USER, ANSWER, id=7)),
    ("target-key", chat(USER, ANSWER, system="Be brief.")),
    ("target-key", chat(USER, {**ANSWER, "train": True})),
    ("target-key", chat(USER, {**ANSWER, "reasoning_content": "Hm."})),
    ("target-key", chat({"role": "user", "content": [{"type": "text", "text": "?", "weight": 1}]}, ANSWER)),
    ("target-role", chat({"role": "human", "content": "1+1?"}, ANSWER)),
    ("target-content", chat({"role": "user", "content": None}, ANSWER)),
    ("target-content", chat({"role": "user", "content": ["1+1?"]}, ANSWER)),
    ("weight-place", chat({**USER, "weight": 0}, ANSWER)),
    ("target-weight", chat(USER, {**ANSWER, "weight": True})),
    ("bad-weight", chat(USER, {**ANSWER, "weight": 0.5})),
    ("target-name", chat({**USER, "name": "Ann Lee"}, ANSWER)),
    ("target-name", chat({**USER, "name": "a" * 65}, ANSWER)),
    ("target-last-turn", chat(USER, ANSWER, USER)),
    ("target-last-turn", chat(USER, CALLING, TOOL)),
    ("wrong-type", {"messages": json.dumps([USER, ANSWER])}),
    ("tool-arguments", chat(USER, function(arguments={"a": 1, "b": 1}), TOOL, ANSWER)),
    ("tool-name", chat(USER, function(name="add numbers"), TOOL, ANSWER)),
    ("tool-name", chat(USER, ANSWER, tools=[{**ADD, "function": {"name": "a" * 65}}])),
    ("target-call", chat(USER, call(id=None), ANSWER)),
    ("target-call", chat(USER, call(type="custom"), TOOL, ANSWER)),
    ("target-call", chat(USER, {**CALLING, "tool_calls": [{"name": "add", "arguments": "{}"}]}, ANSWER)),
    ("target-call", chat(USER, {**CALLING, "tool_calls": json.dumps([CALL])}, ANSWER)),
    ("target-tools", chat(USER, ANSWER, tools=[ADD["function"]])),
    ("target-tools", chat(USER, ANSWER, tools=json.dumps([ADD]))),
    ("target-unanswered", chat(USER, CALLING, USER, ANSWER)),
    ("target-unanswered", chat(USER, {**CALLING, "tool_calls": [CALL, {**CALL, "id": "c2"}]}, TOOL, ANSWER)),
    ("target-unknown-call", chat(USER, CALLING, {**TOOL, "tool_call_id": "c9"}, TOOL, ANSWER)),
    ("target-unknown-call", chat(USER, CALLING, {**TOOL, "tool_call_id": ["c1"]}, TOOL, ANSWER)),
    ("target-key", {**PAIR, "id": 7}),
    ("target-key", {**PAIR, "input": chat(USER, system="Be brief.")}),
    ("wrong-type", {**PAIR, "preferred_output": "2"}),
    ("wrong-type", {**PAIR, "input": json.dumps(chat(USER))}),
    ("target-last-turn", {**PAIR, "non_preferred_output": [ANSWER, USER]}),
    ("target-weight", {**PAIR, "preferred_output": [{**ANSWER, "weight": True}]}),
]


@pytest.mark.parametrize("target", ["openai", "azure"])
@pytest.mark.parametrize(("check_id", "row"), BAD_FOR_OPENAI)
def test_openai_refuses(check_id: str, row: Row, target: str, tmp_path: Path):
    assert check_id in ids_of(tmp_path, row, target)


def test_the_turn_and_the_call_are_named(tmp_path: Path):
    report = report_of(tmp_path, [chat(USER, CALLING, USER, ANSWER)], "openai")
    [problem] = [problem for problem in report.problems if problem.id == "target-unanswered"]
    assert '"c1" of turn 2' in problem.message
    assert "before turn 3" in problem.message


def test_an_image_in_a_text_is_a_warning(tmp_path: Path):
    picture = {"role": "user", "content": "What is data:image/png;base64,iVBORw0KGgo= ?"}
    report = report_of(tmp_path, [chat(picture, ANSWER)], "openai")
    assert report.usable_rows == 1
    assert report.counts["image-as-text"] == 1


def many(count: int) -> list[Row]:
    return [chat({"role": "user", "content": f"{number}+1?"}, ANSWER) for number in range(count)]


def of_file(report: FileReport) -> dict[str, Problem]:
    return {problem.id: problem for problem in report.problems if problem.line is None}


def test_ten_rows_are_enough_and_nine_are_not(tmp_path: Path):
    assert of_file(report_of(tmp_path, many(10), "openai")) == {}
    [problem] = of_file(report_of(tmp_path, many(9), "openai")).values()
    assert problem.id == "too-few-rows"
    assert "at least 10 rows; 9" in problem.message


def test_rows_with_faults_do_not_make_up_the_ten(tmp_path: Path):
    report = report_of(tmp_path, [*many(9), chat(USER, ANSWER, USER)], "openai")
    assert "too-few-rows" in of_file(report)


def test_another_form_is_said_once_and_its_tokens_are_counted(tmp_path: Path):
    rows = [{"question": f"{number}+1?", "answer": "2", "id": number} for number in range(12)]
    report = report_of(tmp_path, rows, "openai")
    assert {key for key, problem in of_file(report).items() if problem.severity == "error"} == {"target-form"}
    assert "finetui convert IN OUT --to messages" in of_file(report)["target-form"].fix
    assert report.usable_rows == 12
    assert report.tokens is not None
    assert report.tokens.tokens > 0


def test_preferences_of_another_form_become_pairs(tmp_path: Path):
    rows = [{"prompt": f"{number}?", "chosen": "yes", "rejected": "no"} for number in range(12)]
    assert "--to openai-preference" in of_file(report_of(tmp_path, rows, "openai"))["target-form"].fix
    [refused] = of_file(report_of(tmp_path, rows, "local")).values()
    assert refused.id == "preference-data"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (json.dumps(many(12)).encode(), "one JSON list"),
        (json.dumps({"messages": [USER, ANSWER]}, indent=1).encode(), "several lines"),
        (gzip.compress(b"\n".join(json.dumps(row).encode() for row in many(12)), mtime=0), "gzip"),
    ],
)
@pytest.mark.parametrize("target", ["openai", "azure", "bedrock"])
def test_only_plain_json_lines_are_taken(content: bytes, words: str, target: str, tmp_path: Path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(content)
    [report] = check([path], Asked(target=target)).files
    assert words in of_file(report)["target-layout"].message


def test_the_name_must_end_in_jsonl(tmp_path: Path):
    report = report_of(tmp_path, many(12), "openai", name="data.json")
    assert {problem.id: problem.severity for problem in of_file(report).values()} == {
        "target-suffix": "warning"
    }


def test_azure_asks_for_a_byte_order_mark(tmp_path: Path):
    without = of_file(report_of(tmp_path, many(12), "azure"))
    assert {problem.id: problem.severity for problem in without.values()} == {"missing-bom": "warning"}
    assert "--for azure --fix OUT" in without["missing-bom"].fix
    marked = report_of(tmp_path, many(12), "azure", start=b"\xef\xbb\xbf")
    assert "missing-bom" not in of_file(marked)


def test_a_file_of_more_than_512_mib_is_too_large(tmp_path: Path):
    path = tmp_path / "data.jsonl"
    path.write_text(json.dumps(chat(USER, ANSWER)))
    for size, wanted in ((512 << 20, []), ((512 << 20) + 1, ["too-large"])):
        facts = FileFacts(path, size, "messages", 12, 12, bom=True)
        for target in ("openai", "azure"):
            assert [problem.id for problem in TARGETS[target].check_file(facts)] == wanted


def test_a_row_beyond_the_greatest_length_loses_its_end(tmp_path: Path):
    long = {"role": "assistant", "content": "word " * 70_000}
    report = report_of(tmp_path, [chat(USER, ANSWER, USER, long)], "openai")
    assert report.tokens is not None
    assert report.tokens.rows_over == 1
    assert report.tokens.billed_tokens == 65_536
    # All of the last answer that is beyond the limit; the reply's 3 and the end of the message are no answer.
    assert report.tokens.lost_tokens == report.tokens.tokens - 65_536 - 4
    assert report.counts["too-long"] == 1


GOOD_FOR_BEDROCK: dict[str, Row] = {
    "two turns": chat(USER, ANSWER),
    "a system prompt beside them": chat(USER, ANSWER, system="Be brief."),
    "four turns": chat(USER, ANSWER, USER, ANSWER),
}


@pytest.mark.parametrize("row", GOOD_FOR_BEDROCK.values(), ids=GOOD_FOR_BEDROCK)
def test_bedrock_takes(row: Row, tmp_path: Path):
    assert ids_of(tmp_path, row, "bedrock") == set()


@pytest.mark.parametrize(
    ("check_id", "row"),
    [
        ("target-role", chat({"role": "system", "content": "Be brief."}, USER, ANSWER)),
        ("tools-refused", chat(USER, CALLING, TOOL, ANSWER)),
        ("tools-refused", chat(USER, ANSWER, tools=[ADD])),
        ("tools-refused", chat(USER, BLOCKS, RESULT, ANSWER)),
        ("target-key", chat(USER, {**ANSWER, "weight": 1})),
        ("target-order", chat(ANSWER, USER, ANSWER)),
        ("target-order", chat(USER, USER, ANSWER)),
        ("target-order", chat(USER, ANSWER, ANSWER)),
        ("target-last-turn", chat(USER, ANSWER, USER)),
        ("target-content", chat({"role": "user", "content": [{"type": "text", "text": "1+1?"}]}, ANSWER)),
        ("target-empty", chat({"role": "user", "content": " "}, ANSWER)),
        ("target-empty", chat(USER, ANSWER, system="")),
        ("wrong-type", chat(USER, ANSWER, system=["Be brief."])),
        ("wrong-type", {"messages": json.dumps([USER, ANSWER])}),
    ],
)
def test_bedrock_refuses(check_id: str, row: Row, tmp_path: Path):
    assert check_id in ids_of(tmp_path, row, "bedrock")


def test_bedrocks_way_out_for_a_system_turn_is_the_form_with_it_beside(tmp_path: Path):
    row = chat({"role": "system", "content": "Be brief."}, USER, ANSWER)
    [problem] = [one for one in report_of(tmp_path, [row], "bedrock").problems if one.id == "target-role"]
    assert "--to anthropic" in problem.fix


def test_real_rows_for_bedrock_are_all_right():
    path = SHARED / "json_mode_dataset.jsonl"
    if not path.exists():
        pytest.skip(f"{path} is not there")
    [report] = check([path], Asked(target="bedrock")).files
    assert (report.rows, report.usable_rows) == (500, 500)
    assert not any(problem.severity == "error" for problem in report.problems)


@pytest.mark.parametrize(
    ("name", "form", "target"),
    [
        ("gsm8k_train.jsonl", "messages", "openai"),
        ("json_mode_dataset.jsonl", "messages", "openai"),
        ("v1_sft_demo.jsonl", "messages", "openai"),
        ("dpo_en_demo.json", "openai-preference", "openai"),
        ("alpaca_zh_demo.json", "anthropic", "bedrock"),
        ("v1_sft_demo.jsonl", "anthropic", "bedrock"),
    ],
)
def test_rows_as_they_are_converted_for_a_target_are_taken_by_it(name: str, form: str, target: str):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    write = FORMATS[form].write
    assert write is not None
    for record in open_dataset(path).records():
        assert record.row is not None
        converted = write(record.row.body, Losses())
        assert converted is not None
        faults = Faults()
        TARGETS[target].check_row(json.loads(json.dumps(converted)), record.row.body, faults)
        assert faults == [], record.line


def test_this_machine_takes_every_form_with_one_answer(tmp_path: Path):
    for rows in (many(3), [{"text": "Once."}], [{"question": "1+1?", "answer": "2"}]):
        assert of_file(report_of(tmp_path, rows, "local")) == {}
    judged = [{"prompt": f"{number}?", "completion": "yes", "label": True} for number in range(3)]
    assert set(of_file(report_of(tmp_path, judged, "local"))) == {"kto-data"}


def test_a_target_that_is_not_there_is_named_with_those_that_are():
    with pytest.raises(UnknownTarget, match=r"no target named gemini.*local, openai, azure, bedrock"):
        target_named("gemini")


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
functions = st.dictionaries(st.sampled_from(["name", "arguments", "parameters"]), values)
calls = st.dictionaries(st.sampled_from(["id", "type"]), values).flatmap(
    lambda one: st.builds(lambda made: {**one, "function": made}, functions | values)
)
turns = st.dictionaries(
    st.sampled_from(["role", "content", "name", "weight", "tool_call_id", "from", "refusal"]),
    st.sampled_from(["system", "user", "assistant", "tool", 0, 1, True]) | values,
).flatmap(lambda one: st.lists(calls | values, max_size=2).map(lambda made: {**one, "tool_calls": made}))
conversations = st.lists(turns | values, max_size=4) | values
rows_of_any_kind = st.fixed_dictionaries(
    {},
    optional={
        "messages": conversations,
        "system": values,
        "tools": st.lists(calls | values, max_size=2) | values,
        "input": st.fixed_dictionaries({"messages": conversations}) | values,
        "preferred_output": conversations,
        "non_preferred_output": conversations,
        "id": values,
    },
)


@given(rows_of_any_kind, st.sampled_from(sorted(TARGETS)))
def test_whatever_stands_in_a_row_is_told_off_in_words(row: Row, target: str):
    faults = Faults()
    TARGETS[target].check_row(row, {}, faults)
    for fault in faults:
        problem = found(fault.check, "data.jsonl", 1, **fault.values)
        assert problem.message.isprintable()
        assert problem.fix.isprintable()


def test_no_check_has_the_id_of_another():
    tables = (OF_FILES, OF_ROWS, OF_LESSONS, OF_SETS, OF_TARGETS)
    assert sum(len(table) for table in tables) == len(CHECKS)

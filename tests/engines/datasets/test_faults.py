"""Broken files never end the program, and each fault is said at its line and column."""

from __future__ import annotations

import json
import os
import subprocess
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.checking import crew
from finetui.engines.datasets.checking.check import Asked, check
from finetui.engines.datasets.problem import Problem
from finetui.engines.datasets.read import open_dataset
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

GOOD = b'{"question": "1+1?", "answer": "2"}'
fuzzing = settings(
    max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def problems(path: Path) -> list[Problem]:
    [report] = check([path], Asked(limit_examples=None)).files
    return list(report.problems)


def of_bytes(tmp_path: Path, data: bytes, name: str = "data.jsonl") -> list[Problem]:
    path = tmp_path / name
    path.write_bytes(data)
    return problems(path)


@pytest.mark.parametrize(
    ("line", "check_id", "column", "words"),
    [
        (b'{"question": "q", "answer": "a",}', "broken-json", 33, "comma"),
        (b'{"question": "q" "answer": "a"}', "broken-json", 18, "comma is missing"),
        (b'{"question" "q"}', "broken-json", 13, "colon is missing"),
        (b"{'question': 'q'}", "broken-json", 2, "single quotes"),
        (b'{"question": None}', "broken-json", 14, "Python word None"),
        (b'{"question": "q', "broken-json", 14, "closing quote"),
        (b'{"question": "a\tb"}', "broken-json", 16, "control character"),
        (b'{"question": "\\x"}', "broken-json", 15, "escape"),
        (b'{"question": "q"} {}', "broken-json", 19, "after its end"),
        (b'{"question": ', "broken-json", 14, "too early"),
        (b'{"question": NaN}', "broken-json", 14, "NaN"),
        (b'{"question": -Infinity}', "broken-json", 14, "-Infinity"),
        ('{"ä": "é'.encode() + b'\xff"}', "invalid-utf8", 9, "0xFF"),
        (b'{"question": "q", "answer": "\\ud83d"}', "lone-surrogate", None, "\\ud83d"),
        pytest.param(b"[" * 100_000, "broken-json", 1, "deeply", id="deep"),
        pytest.param(b'{"question": ' + b"9" * 5000 + b"}", "broken-json", 1, "digits", id="digits"),
        (b"question,answer", "broken-json", 1, "no value"),
        (b"\x00\x01\x02", "broken-json", 1, "NUL bytes"),
        (b"# my rows", "broken-json", 1, "a comment"),
        (b'{"question": "q", // asked', "broken-json", 19, "a comment"),
    ],
)
def test_a_broken_line_has_its_line_its_column_and_its_cause(
    line: bytes, check_id: str, column: int | None, words: str, tmp_path: Path
):
    [problem] = of_bytes(tmp_path, GOOD + b"\n" + line + b"\n")
    assert (problem.id, problem.severity, problem.line, problem.column) == (check_id, "error", 2, column)
    assert words in problem.message
    assert problem.fix
    assert problem.message.isprintable()


def test_what_stands_behind_a_row_has_its_own_way_out(tmp_path: Path):
    comma, macs = b'{"text": "a"},\n{"text": "b"},\n', b'{"text": "a"}\r{"text": "b"}\r'
    assert {problem.fix for problem in of_bytes(tmp_path, comma)} == {
        "Remove the comma: every line stands for itself."
    }
    [problem] = of_bytes(tmp_path, macs)
    subprocess.run(
        problem.fix.partition("with tr: ")[2].replace("IN", "data.jsonl"),
        shell=True,
        cwd=tmp_path,
        check=True,
    )
    assert not problems(tmp_path / "OUT")


def test_of_thousands_of_unused_keys_a_few_are_named(tmp_path: Path):
    path = tmp_path / "wide.jsonl"
    row = {"question": "a", "answer": "b"} | {f"key{i}": i for i in range(2000)}
    path.write_text(json.dumps(row) + "\n")
    [report] = check([path]).files
    assert (len(report.problems), report.counts["ignored-key"]) == (8, 2000)


def test_one_broken_line_costs_no_other_row(tmp_path: Path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"{oops\n" + GOOD + b"\n{oops\n" + GOOD.replace(b"1", b"2"))
    [report] = check([path]).files
    assert (report.rows, report.usable_rows) == (4, 2)
    assert [problem.line for problem in report.problems] == [1, 3]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_byte_order_mark_and_blank_lines_are_noted_and_skipped(end: bytes, tmp_path: Path):
    found = of_bytes(tmp_path, b"\xef\xbb\xbf" + GOOD + end + end + GOOD.replace(b"1", b"3") + end)
    assert [(problem.id, problem.severity, problem.line) for problem in found] == [
        ("bom", "note", 1),
        ("blank-line", "note", 2),
    ]


@pytest.mark.parametrize(
    ("data", "name", "check_id", "words"),
    [
        (b"", "a.jsonl", "empty-file", "no row"),
        (b"\n \n", "a.json", "empty-file", "no row"),
        (b"[]", "a.json", "empty-file", "no row"),
        (b'{"data": []}', "a.json", "empty-file", "no row"),
        ('{"text": "ä"}'.encode("utf-16"), "a.jsonl", "encoding", "UTF-16"),
        ('{"text": "ä"}'.encode("utf-16-le"), "a.jsonl", "encoding", "UTF-16"),
        ('[{"text": "ä"}]'.encode("cp1252"), "a.json", "encoding", "0xE4"),
        (b"question,answer\n1,2\n", "a.json", "not-json", "question"),
        (b"a,b\n1,2\n", "a.csv", "unknown-format", '"a"'),
        (b"PAR1\x15\x04", "a.parquet", "broken-parquet", "Parquet"),
        (b"\x7fELF\x02\x01\0\0\0", "a.bin", "not-json", "ELF"),
        (b'{"version": 1, "count": 2}\n', "a.json", "no-list", "version"),
        (b'{"version": 1, "count": 2}\n', "a.jsonl", "unknown-format", "version"),
        (b'{\n"version": 1,\n"count": 2}\n', "a.json", "no-list", "version"),
        (b'{"question": ["a"], "answer": ["b"]}', "a.json", "columns", "question"),
    ],
)
def test_a_file_that_is_no_dataset_says_what_it_is(
    data: bytes, name: str, check_id: str, words: str, tmp_path: Path
):
    [problem] = of_bytes(tmp_path, data, name)
    assert (problem.id, problem.severity) == (check_id, "error")
    assert words in problem.message
    assert problem.fix


def test_a_misspelled_path_names_the_file_that_may_be_meant(tmp_path: Path):
    (tmp_path / "train.jsonl").write_bytes(GOOD)
    [problem] = problems(tmp_path / "trian.jsonl")
    assert problem.id == "unreadable-file"
    assert "train.jsonl" in problem.fix
    assert [problem.id for problem in problems(tmp_path)] == ["unreadable-file"]
    assert [problem.id for problem in problems(tmp_path / "no" / "file")] == ["unreadable-file"]


def test_what_is_no_plain_file_is_refused_at_once(tmp_path: Path):
    pipe = tmp_path / "rows.jsonl"
    os.mkfifo(pipe)  # to open it for reading would wait for somebody who writes
    [problem] = problems(pipe)
    assert (problem.id, "a pipe" in problem.message) == ("unreadable-file", True)
    [problem] = problems(Path("/dev/zero"))
    assert "a device" in problem.message


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_forbidden_file_says_so(tmp_path: Path):
    path = tmp_path / "data.jsonl"
    path.write_bytes(GOOD)
    path.chmod(0)
    [problem] = problems(path)
    assert "permission" in problem.message


ROWS = st.lists(
    st.fixed_dictionaries({"question": st.text(), "answer": st.text()}, optional={"input": st.text()}),
    min_size=1,
    max_size=20,
)


@fuzzing
@given(rows=ROWS, indent=st.sampled_from([None, 0, 2, 4]), lead=st.sampled_from(["", "\n\n", "  \r\n"]))
def test_rows_of_an_array_have_the_line_on_which_they_start(
    rows: list[dict[str, str]], indent: int | None, lead: str, tmp_path: Path
):
    path = tmp_path / "data.json"
    text = lead + json.dumps(rows, indent=indent, ensure_ascii=False, separators=(",\n", ": "))
    path.write_text(text.encode("utf-8", "replace").decode(), "utf-8", newline="")
    starts = []
    scan = json.JSONDecoder()
    position = text.index("[") + 1
    for _ in rows:
        position = text.index("{", position)
        starts.append(text.count("\n", 0, position) + 1)
        position = scan.raw_decode(text, position)[1]
    records = [record for record in open_dataset(path).records() if record.is_row]
    assert [record.line for record in records] == starts


def test_rows_are_found_in_the_one_list_of_an_object(tmp_path: Path):
    path = tmp_path / "data.json"
    rows = [{"text": "a"}, {"text": "b"}]
    path.write_text(json.dumps({"version": "[", "nested": {"x": [1]}, "rows": rows}, indent=1))
    lines = path.read_text().splitlines()
    records = list(open_dataset(path).records())
    assert [record.row.body for record in records if record.row] == rows
    assert [lines[(record.line or 0) - 1].strip() for record in records] == ["{", "{"]


def test_objects_over_several_lines_one_after_the_other_are_read(tmp_path: Path):
    path = tmp_path / "data.jsonl"
    path.write_text('{\n "text": "a"\n}\n{\n "text": "b"\n}\n')
    assert [record.line for record in open_dataset(path).records()] == [1, 4]


def test_lines_in_a_file_named_json_are_read(tmp_path: Path):
    path = tmp_path / "data.json"
    path.write_text('{"text": "a"}\n{"text": "b"}\n')
    assert [record.line for record in open_dataset(path).records()] == [1, 2]


@pytest.mark.parametrize(
    ("text", "line", "column", "words"),
    [
        ('[\n {"text": "a"},\n {"text": "b"},\n]', 3, 15, "comma"),
        ('[\n {"text": "a"}\n {"text": "b"}\n]', 3, 2, "comma is missing"),
        ('[\n {"text": "a"},\n {"text": b"}\n]', 3, 11, "no value"),
        ('[\n {"text": "a"}\n', 3, 1, "too early"),
        ('[\n {"text": "a"}\n] x', 3, 3, "after its end"),
        ('[\n {"text": NaN}\n]', 2, 11, "NaN"),
    ],
)
def test_a_broken_array_is_read_up_to_its_fault(
    text: str, line: int, column: int, words: str, tmp_path: Path
):
    found = of_bytes(tmp_path, text.encode(), "data.json")
    [problem] = [problem for problem in found if problem.severity == "error"]
    assert (problem.id, problem.line, problem.column) == ("broken-document", line, column)
    assert words in problem.message


def harmed(line: bytes, cut: int, byte: int) -> bytes:
    place = cut % len(line)
    return line[:place] + bytes([byte]) + line[place + 1 :]


def is_object(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line.decode("utf-8")), dict)
    except ValueError:
        return False


@fuzzing
@given(
    harm=st.dictionaries(
        st.integers(2, 12), st.tuples(st.integers(0, 1000), st.integers(0, 255).filter(lambda b: b != 10))
    ),
    junk=st.dictionaries(st.integers(2, 12), st.binary(max_size=40).map(lambda b: b.replace(b"\n", b""))),
)
def test_a_harmed_line_is_told_at_its_line_and_at_no_other(
    harm: dict[int, tuple[int, int]], junk: dict[int, bytes], tmp_path: Path
):
    path = tmp_path / "data.jsonl"
    lines = [b'{"question": "%d?", "answer": "\xc3\xa4"}' % number for number in range(1, 13)]
    for number, (cut, byte) in harm.items():
        lines[number - 1] = harmed(lines[number - 1], cut, byte)
    for number, data in junk.items():
        lines[number - 1] = data
    path.write_bytes(b"\n".join(lines) + b"\n")
    told = {problem.line for problem in problems(path)}
    assert told <= harm.keys() | junk.keys()
    unreadable = {n for n, line in enumerate(lines, 1) if line.strip() and not is_object(line)}
    assert unreadable <= told


@fuzzing
@given(data=st.binary(max_size=300), name=st.sampled_from(["a.json", "a.jsonl", "a", "a.jsonl.gz"]))
def test_no_bytes_end_the_program(data: bytes, name: str, tmp_path: Path):
    path = tmp_path / name
    path.write_bytes(data)
    report = check([path]).to_json()
    assert report["errors"] > 0
    json.dumps(report).encode("utf-8")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
TURNS = st.lists(
    st.dictionaries(
        st.sampled_from(
            ["role", "from", "content", "value", "tool_calls", "function_call", "weight", "train", "name"]
        ),
        JSON | st.sampled_from(["user", "assistant", "tool", "function_call", "hi"]),
    )
    | JSON,
    max_size=4,
)


CONVERSATION_KEYS = ("messages", "conversations", "system", "tools", "history", "chosen", "rejected", "label")
PAIR_KEYS = ("instruction", "input", "output", "prompt", "completion", "question", "answer", "text")


@fuzzing
@given(
    rows=st.lists(
        st.dictionaries(
            st.sampled_from([*CONVERSATION_KEYS, *PAIR_KEYS]),
            JSON | TURNS | st.just("text \ud800"),
        )
        | JSON,
        min_size=1,
        max_size=5,
    ),
    document=st.booleans(),
)
def test_any_json_is_read_or_told(rows: list[Any], document: bool, tmp_path: Path):
    path = tmp_path / ("data.json" if document else "data.jsonl")
    path.write_text(json.dumps(rows) if document else "\n".join(json.dumps(row) for row in rows))
    [report] = check([path], Asked(limit_examples=None)).files
    json.dumps(report.to_json(), ensure_ascii=False).encode("utf-8")
    for record in open_dataset(path).records():
        if record.row is not None:
            assert json.loads(record.row.canonical_line)["source"]["line"] == record.line


def test_reading_lines_takes_no_more_memory_for_a_longer_file(tmp_path: Path):
    path = tmp_path / "long.jsonl"
    with path.open("w") as file:
        for number in range(20_000):
            file.write(json.dumps({"question": f"{number} " * 60, "answer": "a" * 600}) + "\n")
    assert path.stat().st_size > 17_000_000
    tracemalloc.start()
    try:
        rows = sum(record.row is not None for record in open_dataset(path).records())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert rows == 20_000
    assert peak < 2_000_000


def test_several_processes_find_what_one_finds_also_where_the_first_rows_are_no_use(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    texts = [{"prompt": f"p{number}" + "x" * 200, "completion": "c"} for number in range(3000)]
    turns = [
        {
            "prompt": [{"role": "user", "content": f"q{number}" + "x" * 200}],
            "completion": [{"role": "assistant", "content": "c"}],
        }
        for number in range(6000)
    ]
    rows = [{"prompt": 1, "completion": "c"}] * 60 + texts + turns + texts
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    monkeypatch.setattr(crew, "SMALL_BYTES", 0)
    found = []
    for hands in (1, 2):
        monkeypatch.setattr(crew, "hands", lambda hands=hands: hands)
        found.append(check([path]).to_json())
    assert found[0] == found[1]
    assert found[0]["files"][0]["counts"]["mixed-formats"] == len(turns)

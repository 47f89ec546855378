"""CSV, TSV and Parquet: faults are said at their lines, and what is meant by a cell is understood."""

from __future__ import annotations

import datetime
import decimal
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest
from finetui.engines.datasets.checking.check import Asked, FileReport, check
from finetui.engines.datasets.read import open_dataset
from finetui.engines.datasets.sources.source import raw_values
from homes.containers import write

CHAT = [{"role": "user", "content": 'Häh, "x"\n?'}, {"role": "assistant", "content": "y; z\tand, more"}]


def report_of(path: Path) -> FileReport:
    [report] = check([path], Asked(limit_examples=None)).files
    return report


def of_text(tmp_path: Path, text: str | bytes, name: str = "a.csv") -> list[tuple[str, str, int | None]]:
    path = tmp_path / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return [(problem.id, problem.severity, problem.line) for problem in report_of(path).problems]


def values(path: Path) -> list[Any]:
    return [raw.value for raw in raw_values(path) if raw.problem is None]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.txt", "a"])
def test_the_delimiter_is_found(delimiter: str, name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    rows = [["question", "answer"], ['"q, 1; 2"', "a"], ["q2", '"a;b"']]
    path.write_text("".join(delimiter.join(row) + "\n" for row in rows))
    assert values(path) == [{"question": "q, 1; 2", "answer": "a"}, {"question": "q2", "answer": "a;b"}]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("question,answer\nq,a,b\nq2,a2\n", ("ragged-row", "error", 2)),
        ("question,answer\nq,a\nq2\n", ("ragged-row", "error", 3)),
        ('question,answer\n"q\nq",a\n"q2""\nq2",a2,\n', ("ragged-row", "error", 4)),
        ('question,answer\nq,a\nq2,"a2\nmore', ("broken-table", "error", 3)),
        ('question,answer\nq,a\nq2,"a"2\nq3,a3\n', ("broken-table", "error", 3)),
        ("question,answer\nq,a\nq2,a\r2\n", ("broken-table", "error", 3)),
        ("question,answer\nq,a\n\nq3,a3\n", ("blank-line", "note", 3)),
        (b"question,answer\nq,a\nq2,\xe4\n", ("invalid-utf8", "error", 3)),
        ("question,answer,\nq,a,1\n", ("unnamed-column", "warning", 1)),
        (",question,answer\n0,q,a\n", ("unnamed-column", "warning", 1)),
        ("question,answer,question\nq,a,q\n", ("duplicate-column", "error", 1)),
        (",\nq,a\n", ("no-header", "error", 1)),
        ('"{""a"": 1}",answer\nq,a\n', ("no-header", "error", 1)),
        (f"question,{'long ' * 50}\nq,a\n", ("no-header", "error", 1)),
        ("question,answer\n", ("empty-file", "error", None)),
        ("\n\n", ("empty-file", "error", None)),
        (b"frage \xe4,answer\nq,a\n", ("encoding", "error", 1)),
        ("question,answer\nä,b\n".encode("utf-16"), ("encoding", "error", None)),
        (b"\xef\xbb\xbfquestion,answer\nq,a\n", ("bom", "note", 1)),
        ("instruction,input,output\ni,,o\n", None),
        ("question,answer,system\nq,a,\n", None),
    ],
)
def test_a_fault_of_a_table_has_its_line(
    text: str | bytes, found: tuple[str, str, int | None] | None, tmp_path: Path
) -> None:
    assert of_text(tmp_path, text) == ([found] if found else [])


def test_a_faulty_record_costs_no_other_and_is_a_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('question,answer\nq1,a1\n"open" q2,a2\nq3,a3,\n"q\n4",a4\n')
    report = report_of(path)
    assert (report.rows, report.usable_rows) == (4, 2)
    assert [record.line for record in open_dataset(path).records() if record.row] == [2, 5]


def test_a_quote_that_is_never_closed_says_what_it_took(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('question,answer\nq1,a1\n"q2,a2\nq3,a3\nq4,a4\n')
    [problem] = report_of(path).problems
    assert problem.line == 3
    assert "up to line 5" in problem.message


@pytest.mark.parametrize(
    ("column", "cell", "value"),
    [
        ("messages", json.dumps(CHAT), CHAT),
        ("conversations", json.dumps(CHAT, indent=1), CHAT),
        ("tools", '[{"name": "f"}]', [{"name": "f"}]),
        ("history", '[["q", "a"]]', [["q", "a"]]),
        ("history", " ", None),
        ("chosen", json.dumps(CHAT[1]), CHAT[1]),
        ("rejected", json.dumps(CHAT[1:]), CHAT[1:]),
        ("chosen", '{"name": "an answer that is JSON"}', '{"name": "an answer that is JSON"}'),
        ("completion", "[1, 2]", "[1, 2]"),
        ("prompt", "[broken", "[broken"),
        ("answer", json.dumps(CHAT), json.dumps(CHAT)),
        ("label", "True", True),
        ("label", "false", False),
        ("label", "spam", "spam"),
        ("number", "007", "007"),
        ("answer", "", ""),
    ],
)
def test_cells_are_texts_unless_they_stand_for_turns_tools_or_a_judgement(
    column: str, cell: str, value: Any, tmp_path: Path
) -> None:
    row = {"other": "x"} if value is None else {column: value, "other": "x"}
    assert values(write(tmp_path / "a.csv", [{column: cell, "other": "x"}])) == [row]
    assert values(write(tmp_path / "a.parquet", [{column: cell, "other": "x"}])) == [row]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_turns_as_python_writes_them_are_told_with_the_way_out(suffix: str, tmp_path: Path) -> None:
    rows = [{"messages": json.dumps(CHAT)}, {"messages": str(CHAT)}]
    report = report_of(write(tmp_path / f"a{suffix}", rows))
    [problem] = report.problems
    assert (problem.id, problem.line) == ("broken-cell", 3 if suffix == ".csv" else 2)
    assert "single quotes" in problem.message
    assert "json.dumps" in problem.fix
    assert (report.rows, report.usable_rows) == (2, 1)


def parquet(path: Path, **columns: Any) -> Path:
    pyarrow.parquet.write_table(pyarrow.table(columns), path, row_group_size=2)
    return path


def test_values_that_json_lacks_become_texts(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "a.parquet",
        day=[datetime.date(2020, 1, 2)],
        nanoseconds=pyarrow.array([1], pyarrow.timestamp("ns")),
        price=[decimal.Decimal("1.50")],
        octets=[b"abc"],
        half=pyarrow.array([1.5], pyarrow.float16()),
        no_number=[float("nan")],
        infinite=[[1.0, float("-inf")]],
        coded=pyarrow.array(["x"]).dictionary_encode(),
        large=pyarrow.array([["t"]], pyarrow.large_list(pyarrow.large_string())),
        pair=pyarrow.array([["a", "b"]], pyarrow.list_(pyarrow.string(), 2)),
        map=pyarrow.array([[("k", {"v": None})]], pyarrow.map_("string", pyarrow.struct([("v", "int8")]))),
        struct=[{"a": None, "b": [{"c": 1, "d": None}, None]}],
        nothing=pyarrow.nulls(1),
    )
    assert values(path) == [
        {
            "day": "2020-01-02",
            "nanoseconds": "1970-01-01 00:00:00.000000001",
            "price": "1.50",
            "octets": "abc",
            "half": 1.5,
            "no_number": None,
            "infinite": [1.0, None],
            "coded": "x",
            "large": ["t"],
            "pair": ["a", "b"],
            "map": {"k": {}},
            "struct": {"b": [{"c": 1}, None]},
            "nothing": None,
        }
    ]


def test_columns_that_are_no_text_are_left_out_and_named(tmp_path: Path) -> None:
    path = parquet(
        tmp_path / "a.parquet",
        text=["a", "b", "c"],
        image=[{"bytes": b"\xff\xd8", "path": "p"}] * 3,
        octets=[b"a", b"b", b"\xff"],
        span=pyarrow.array([1, 2, 3], pyarrow.duration("s")),
    )
    assert [(raw.line, raw.value["text"]) for raw in raw_values(path) if raw.problem is None] == [
        (1, "a"),
        (2, "b"),
        (3, "c"),
    ]
    report = report_of(path)
    told = [problem for problem in report.problems if problem.id == "unread-column"]
    assert (report.usable_rows, len(told)) == (3, 3)
    assert {name for name in ("image", "octets", "span") for one in told if f'"{name}"' in one.message} == {
        "image",
        "octets",
        "span",
    }


def test_bytes_that_are_no_text_are_told_at_their_row(tmp_path: Path) -> None:
    texts = pyarrow.array([b"a", b"\xff\xff", b"c"], pyarrow.binary()).view(pyarrow.string())
    report = report_of(parquet(tmp_path / "a.parquet", text=texts))
    assert [(problem.id, problem.line) for problem in report.problems] == [("invalid-utf8", 2)]
    assert (report.rows, report.usable_rows) == (3, 2)


@pytest.mark.parametrize(
    ("name", "start", "words"),
    [
        ("a.xlsx", b"PK\x03\x04", "CSV"),
        ("a.jsonl.bz2", b"BZh91AY", "Unpack"),
        ("a.feather", b"ARROW1\0\0", "Parquet"),
        ("data.arrow", b"\xff\xff\xff\xff\x10\0\0\0", "to_parquet"),
        ("a.parquet", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        ("a.db", b"SQLite format 3\0", "sqlite3"),
        ("a.json", b"question,answer\nq,a\n", ".csv"),
        ("a.pkl", b"\x80\x05\x95\x10\0\0\0", "read_pickle"),
        ("a.json", b'// my rows\n[{"text": "a"}]\n', "comments"),
        ("a.json", b"<!DOCTYPE html>\n<html></html>", "download"),
        ("a.txt", b"Once upon a time.\n", "jq -R"),
    ],
)
def test_a_file_of_another_kind_has_its_own_way_out(
    name: str, start: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(start)
    [problem] = report_of(path).problems
    assert problem.id == "not-json"
    assert words in problem.fix


def test_the_line_that_tells_excel_the_delimiter_is_no_row(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfsep=;\r\nquestion;answer\r\na, b;c\r\n")
    assert values(path) == [{"question": "a, b", "answer": "c"}]
    assert not report_of(path).counts.keys() - {"bom"}


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
def test_the_command_that_makes_rows_of_a_text_works(tmp_path: Path) -> None:
    given = tmp_path / "story.txt"
    given.write_text("Once upon a time.\nIt went on.\n\n  \nThe end.\n")
    [problem] = report_of(given).problems
    command = problem.fix.partition("with jq: ")[2].replace("IN", given.name)
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    assert [row["text"].strip() for row in values(tmp_path / "OUT.jsonl")] == [
        "Once upon a time.\nIt went on.",
        "The end.",
    ]


def test_json_lines_in_a_file_named_csv_are_read_as_such(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('{"text": "a, b"}\n{"text": "c"}\n')
    assert values(path) == [{"text": "a, b"}, {"text": "c"}]

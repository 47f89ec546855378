"""Rows by their number are those that a reading from the start meets, whatever the file is."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from finetui.engines.datasets.checking.check import check
from finetui.engines.datasets.read import open_dataset
from finetui.engines.datasets.viewing.rows import Rows, stamp_of
from homes.containers import write
from hypothesis import given
from hypothesis import strategies as st

GOOD = b'{"question": "1+1?", "answer": "2"}'
LINES = st.lists(
    st.sampled_from(
        [
            GOOD,
            b"",
            b"  ",
            b'{"question": 1}',
            b'{"question" 1}',
            b"\xff",
            b'{"text": "t"}',
            b"[]",
            GOOD + b"\r",
        ]
    ),
    max_size=30,
)


def all_rows(path: Path) -> Rows:
    rows = Rows(path)
    while rows.grow(7):
        pass
    return rows


def agrees(path: Path) -> None:
    """Rows by number, and rows in order, are the same rows with the same faults."""
    rows = all_rows(path)
    records = [record for record in open_dataset(path).records() if record.is_row and record.line is not None]
    found = [row for number in range(len(rows)) for row in rows.read(number, number + 1)]
    assert [(row.line, row.row) for row in found] == [(record.line, record.row) for record in records]
    for row, record in zip(found, records, strict=True):
        assert row.problems == record.problems or not record.problems  # a refusal of all rows is said once
        assert rows.at_line(row.line) == row.number
    assert found == rows.read(0, len(rows) + 5)
    rows.close()
    assert rows.read(0, 5) == []


@given(lines=LINES, bom=st.booleans(), packed=st.booleans(), ended=st.booleans())
def test_lines(
    lines: list[bytes], bom: bool, packed: bool, ended: bool, tmp_path_factory: pytest.TempPathFactory
):
    content = b"\xef\xbb\xbf" * bom + GOOD + b"\n" + b"\n".join(lines) + b"\n" * ended
    path = tmp_path_factory.mktemp("rows") / ("a.jsonl.gz" if packed else "a.jsonl")
    path.write_bytes(gzip.compress(content, mtime=0) if packed else content)
    agrees(path)


RECORDS = st.lists(
    st.sampled_from(["q,a", "", " ", '"q\n2",a', "q,a,b", '"q"x,a', 'q,"open', "q,\xe4", "q,a\r"]),
    max_size=12,
)


@given(records=RECORDS, bom=st.booleans(), suffix=st.sampled_from([".csv", ".csv.gz"]))
def test_tables(records: list[str], bom: bool, suffix: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    content = b"\xef\xbb\xbf" * bom + "\n".join(["question,answer", "q,a", *records]).encode("latin-1")
    path = tmp_path_factory.mktemp("rows") / f"a{suffix}"
    path.write_bytes(gzip.compress(content, mtime=0) if suffix.endswith("gz") else content)
    agrees(path)


@pytest.mark.parametrize("suffix", [".parquet", ".json", ".jsonl.zst", ".tsv.gz"])
def test_files_of_other_kinds(suffix: str, tmp_path: Path) -> None:
    rows = [{"question": f"q\n{n}", "answer": f"ä{n}"} for n in range(250)]
    agrees(write(tmp_path / f"a{suffix}", rows, indent=0))


def test_a_row_that_no_table_holds_is_shown_with_its_fault(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('question,answer\nq,a\nx,y,z\n"q"u,v\nq2,a2\n')
    rows = all_rows(path)
    shown = [(row.line, row.raw, [problem.id for problem in row.problems]) for row in rows.read(1, 3)]
    assert shown == [(3, b'["x","y","z"]', ["ragged-row"]), (4, b'["\\"q\\"u,v\\n"]', ["broken-table"])]
    assert rows.problems == ()
    rows.close()


@pytest.mark.parametrize(
    "name",
    [
        "alpaca_zh_demo.json",
        "c4_demo.jsonl",
        "dpo_en_demo.json",
        "glaive_toolcall_en_demo.json",
        "identity.json",
    ],
)
def test_real_files(shared: Path, name: str) -> None:
    agrees(shared / "data" / name)


def test_a_document_that_breaks_off_has_the_rows_before(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(b"[" + GOOD + b",\n" + GOOD + b",\n" + GOOD[:-5])
    rows = all_rows(path)
    assert [row.line for row in rows.read(0, 9)] == [1, 2]
    assert [problem.id for problem in rows.problems] == ["broken-document"]
    rows.close()


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("a.jsonl", b"", "empty-file"),
        ("a.jsonl", b"\n \n", "empty-file"),
        ("a.jsonl", b"\xe3!\x18!U\x92\x92}" + b"\0" * 8, None),
        ("a.txt", b"Anna, Ben\nhallo\n", "not-json"),
        ("a.csv", b"", "empty-file"),
        ("a.csv", b"question,question\n1,2\n", "duplicate-column"),
        ("a.parquet", b"PAR1....", "broken-parquet"),
        ("a.jsonl.gz", gzip.compress(GOOD * 500, mtime=0)[:-12], "broken-archive"),
        ("a.json", b"[]", None),
    ],
)
def test_a_file_without_rows_says_why(tmp_path: Path, name: str, content: bytes, problem: str | None) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    rows = all_rows(path)
    assert [found.id for found in rows.problems] == ([problem] if problem else [p.id for p in rows.problems])
    assert len(rows) == check([path]).files[0].rows or rows.problems
    rows.close()


def test_no_file_is_an_error_and_a_changed_one_has_another_stamp(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with pytest.raises(FileNotFoundError):
        Rows(path)
    path.write_bytes(GOOD)
    rows = Rows(path)
    assert rows.stamp == stamp_of(path)
    path.write_bytes(GOOD * 2)
    assert rows.stamp != stamp_of(path)


def test_the_first_rows_are_there_before_the_last_are_found(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"question": f"q{n}", "answer": "a"}) + "\n" for n in range(1000)))
    rows = Rows(path)
    assert rows.grow(10)
    assert len(rows) == 10 and not rows.complete
    assert rows.read(9, 12)[0].row is not None
    assert rows.passed(10) and not rows.passed(11)
    while rows.grow(300):
        pass
    assert len(rows) == 1000
    assert b"q999" in rows.read(999, 1000)[0].raw
    rows.close()

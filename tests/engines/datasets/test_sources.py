"""The same rows come out of files of every kind, each with its line, however long the file is."""

from __future__ import annotations

import json
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.checking.check import check
from finetui.engines.datasets.sources import document, text_window
from finetui.engines.datasets.sources.source import Block, Raw, blocks, line_value, raw_values
from homes.containers import write
from hypothesis import given
from hypothesis import strategies as st

# What all of JSON, CSV and Parquet have; half characters are no text, and a table's empty line is no row.
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
OBJECTS = st.lists(st.dictionaries(TEXTS, JSON, max_size=4), min_size=1, max_size=8)
MESSAGE = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": TEXTS})
CHATS = st.lists(
    st.fixed_dictionaries({"id": st.integers(0, 9), "messages": st.lists(MESSAGE, min_size=1, max_size=3)}),
    min_size=1,
    max_size=5,
)
PAIRS = st.lists(
    st.fixed_dictionaries({"question": TEXTS.map(lambda text: f"q{text}"), "answer": TEXTS}),
    min_size=1,
    max_size=8,
)


def values(path: Path) -> list[Any]:
    return [raw.value for raw in raw_values(path) if raw.problem is None]


def lines(path: Path) -> list[int | None]:
    return [raw.line for raw in raw_values(path) if raw.problem is None]


def blocks_agree(path: Path) -> None:
    """What the blocks hold is what the values are, in the same places, with the same problems."""
    all_blocks = list(blocks(path, size_bytes=50))
    read = [raw for block in all_blocks for raw in _of_block(block, str(path))]
    raws = list(raw_values(path))
    assert [(raw.line, raw.value) for raw in read if raw.problem is None] == [
        (raw.line, raw.value) for raw in raws if raw.problem is None
    ]
    told = [raw.problem for raw in read if raw.problem] + [
        one for block in all_blocks for one in block.problems
    ]
    assert sorted(map(str, told)) == sorted(str(raw.problem) for raw in raws if raw.problem)


def _of_block(block: Block, name: str) -> list[Raw]:
    parts = block.lines.split(b"\n") if block.lines else []
    return [line_value(part, place, name) for part, place in zip(parts, block.places, strict=False)]


@given(rows=OBJECTS, suffix=st.sampled_from([".jsonl", ".jsonl.gz", ".jsonl.zst"]))
def test_json_lines_packed_or_not(rows: list[Any], suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a{suffix}", rows)
    assert values(path) == rows
    assert lines(path) == list(range(1, len(rows) + 1))
    blocks_agree(path)


@given(
    rows=OBJECTS,
    indent=st.sampled_from([None, 0, 2]),
    suffix=st.sampled_from([".json", ".json.gz", ".json.zst"]),
)
def test_a_list_pretty_or_not(rows: list[Any], indent: int | None, suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a{suffix}", rows, indent)
    assert values(path) == rows
    text = json.dumps(rows, indent=indent, ensure_ascii=False)
    before = [json.dumps(rows[:number], indent=indent).count("\n") for number in range(len(rows))]
    starts = [count + 1 if number else 1 + (indent is not None) for number, count in enumerate(before)]
    assert lines(path) == (starts if text.count("\n") else [1] * len(rows))
    blocks_agree(path)


@given(rows=PAIRS, suffix=st.sampled_from([".csv", ".tsv", ".csv.gz", ".tsv.zst"]))
def test_tables_of_texts(rows: list[dict[str, str]], suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a{suffix}", rows)
    assert values(path) == rows
    starts, line = [], 2
    for row in rows:
        starts.append(line)
        line += 1 + sum(cell.count("\n") for cell in row.values())
    assert lines(path) == starts
    blocks_agree(path)


@given(rows=CHATS, suffix=st.sampled_from([".csv", ".parquet"]))
def test_conversations_in_tables_and_parquet(rows: list[Any], suffix: str, tmp_path: Path) -> None:
    path = write(tmp_path / f"a{suffix}", rows)
    expected = [{**row, "id": str(row["id"])} for row in rows] if suffix == ".csv" else rows
    assert values(path) == expected
    assert lines(path) == list(range(1 + (suffix == ".csv"), len(rows) + 1 + (suffix == ".csv")))
    blocks_agree(path)


@given(
    rows=OBJECTS,
    indent=st.sampled_from([None, 1]),
    piece=st.integers(1, 30),
    harm=st.none()
    | st.tuples(st.integers(0, 500), st.sampled_from([b"", b"\xff", b"}", b",", b'"', b"x", b"\n"])),
    wrap=st.sampled_from([b"%s", b'{"version": 1, "data": %s}', b'{"data": %s, "more": [1, 2]}', b"%s %s"]),
)
def test_a_window_of_any_size_sees_the_same(
    rows: list[Any],
    indent: int | None,
    piece: int,
    harm: tuple[int, bytes] | None,
    wrap: bytes,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    content = json.dumps(rows, indent=indent, ensure_ascii=False).encode()
    content = wrap % ((content,) * wrap.count(b"%s"))
    if harm is not None:
        place = harm[0] % len(content)
        content = content[:place] + harm[1] + content[place + len(harm[1]) :]
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with monkeypatch.context() as patch:
        patch.setattr(text_window, "PIECE_BYTES", 1 << 20)
        whole = list(raw_values(path))
    with monkeypatch.context() as patch:
        patch.setattr(text_window, "PIECE_BYTES", piece)
        assert list(raw_values(path)) == whole
        blocks_agree(path)


@pytest.mark.parametrize("limit", [1, 40, 1 << 20])
def test_a_long_object_is_read_as_a_short_one(
    limit: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(document, "WHOLE_CHARACTERS", limit)
    monkeypatch.setattr(text_window, "PIECE_BYTES", 16)
    path = tmp_path / "a.json"
    rows = [{"text": f"row {number}"} for number in range(30)]
    for whole, problem in (
        ({"version": "[", "x": {"y": [{}]}, "rows": rows}, None),
        ({"rows": rows, "count": 30}, None),
        ({"version": 1, "count": 2, "names": "x" * 100}, "no-list"),
        ({"rows": rows, "others": rows}, "no-list"),
        ({"question": ["a"] * 50, "answer": ["b"] * 50}, "columns"),
    ):
        path.write_text(json.dumps(whole, indent=1))
        found = [raw.problem.id for raw in raw_values(path) if raw.problem]
        assert found == ([problem] if problem else [])
        assert problem or values(path) == rows
    conversation = {"messages": [{"role": "user", "content": "x" * 50}] * 9}
    path.write_text(json.dumps(conversation, indent=1) * 3)
    assert values(path) == [conversation] * 3
    for broken in (
        '{"rows": [{"a": 1}], "b" 2}',
        '{"rows": [{"a": 1}]} x',
        '{"rows": [{"a": 1}',
        '{"rows": [], 1}',
    ):
        path.write_text(broken)
        assert [raw.problem.id for raw in raw_values(path) if raw.problem] == ["broken-document"]


def test_rows_before_a_byte_that_is_no_text_are_given(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    rows = [{"text": "x" * 2000 + str(number)} for number in range(3000)]
    path.write_bytes(json.dumps(rows, indent=0).encode()[:-2] + ',\n {"text": "ä'.encode() + b'\xe4"}]')
    *given_rows, last = raw_values(path)
    assert [raw.value for raw in given_rows] == rows
    assert last.problem is not None
    assert (last.problem.id, last.line, last.problem.column) == ("encoding", 3 * 3000 + 2, 13)


@pytest.mark.parametrize("suffix", [".json", ".csv", ".json.gz", ".csv.zst", ".parquet"])
def test_memory_does_not_grow_with_the_file(suffix: str, tmp_path: Path) -> None:
    rows = [{"question": f"{number} " * 60, "answer": "a" * 600} for number in range(40_000)]
    path = write(tmp_path / f"a{suffix}", rows)
    del rows
    tracemalloc.start()
    try:
        count, ends = 0, [0]
        for block in blocks(path):
            count += len(block.places)
            ends.append(block.end)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 40_000
    assert peak < 16_000_000
    assert ends == sorted(ends)
    assert ends[-1] == path.stat().st_size


FILES = [
    "alpaca_en_demo.json",
    "alpaca_zh_demo.json",
    "c4_demo.jsonl",
    "dpo_en_demo.json",
    "glaive_toolcall_en_demo.json",
    "gsm8k_train.jsonl",
    "identity.json",
    "json_mode_dataset.jsonl",
    "kto_en_demo.json",
    "v1_sft_demo.jsonl",
]


@pytest.mark.parametrize("name", FILES)
def test_real_rows_count_the_same_in_every_kind_of_file(name: str, shared: Path, tmp_path: Path) -> None:
    text = (shared / "data" / name).read_text("utf-8")
    rows = json.loads(text) if text[0] == "[" else [json.loads(line) for line in text.splitlines()]
    for suffix in (".jsonl", ".json", ".jsonl.gz", ".json.zst", ".parquet", ".csv"):
        path = write(tmp_path / f"a{suffix}", rows)
        [report] = check([path]).files
        assert report.rows == len(rows), suffix
        assert report.usable_rows == len(rows), suffix
        assert sum(1 for _ in raw_values(path)) == len(rows)


@pytest.mark.parametrize(
    ("module", "name", "kind"), [("pyarrow", "a.parquet", "Parquet"), ("zstandard", "a.jsonl.zst", "zstd")]
)
def test_a_missing_package_is_named_with_its_command(
    module: str, name: str, kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(tmp_path / name, [{"text": "a"}])
    monkeypatch.setitem(sys.modules, module, None)
    [problem] = check([path]).files[0].problems
    assert problem.id == "missing-package"
    assert kind in problem.message
    assert 'pip install "finetui[data]"' in problem.fix


@pytest.mark.parametrize("suffix", [".jsonl.gz", ".jsonl.zst", ".json.gz", ".json.zst", ".csv.zst"])
def test_of_a_packed_file_that_was_cut_the_rows_before_are_read(suffix: str, tmp_path: Path) -> None:
    rows = [{"question": str(hash(number) ** 5 % 10**18), "answer": str(number)} for number in range(50_000)]
    path = write(tmp_path / f"a{suffix}", rows)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    *read, last = raw_values(path)
    assert last.problem is not None and last.problem.id == "broken-archive"
    assert 10_000 < len(read) < 50_000
    assert [raw.value for raw in read] == rows[: len(read)]
    blocks_agree(path)

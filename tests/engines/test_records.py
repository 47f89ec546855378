"""Documents are replaced whole, lines appended whole, and what a crash left is stepped over."""

from __future__ import annotations

import multiprocessing
import os
import resource
import stat
from pathlib import Path
from typing import Any

import msgspec
import pytest
from finetui.engines.records import append_line, parse_lines, read_json, read_lines, replace_bytes, write_json
from hypothesis import given
from hypothesis import strategies as st

FORK = multiprocessing.get_context("fork")

TEXT = st.text(st.characters(exclude_categories=["Cs"]))
KEYS = st.text("abc", max_size=3)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e300, 1e300) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(KEYS, JSON, max_size=3)


@given(JSON)
def test_a_document_is_read_back(tmp_path: Path, value: Any) -> None:
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert os.listdir(tmp_path) == ["a.json"]


@given(st.lists(OBJECTS, max_size=5))
def test_lines_are_read_back_in_order(tmp_path: Path, values: list[dict[str, Any]]) -> None:
    path = tmp_path / "a.jsonl"
    path.unlink(missing_ok=True)
    for value in values:
        append_line(path, value, durable=True)
    assert read_lines(path) == values


@given(st.lists(OBJECTS, min_size=1, max_size=4), st.data())
def test_a_crash_at_any_byte_costs_only_the_line_that_it_cut(
    tmp_path: Path, values: list[dict[str, Any]], data: st.DataObject
) -> None:
    path = tmp_path / "a.jsonl"
    lines = [msgspec.json.encode(value) + b"\n" for value in values]
    content = b"".join(lines)
    cut = data.draw(st.integers(0, len(content)))
    path.write_bytes(content[:cut])
    whole = content[:cut].count(b"\n")

    assert read_lines(path) == values[:whole]
    append_line(path, {"after": "the crash"})

    after = read_lines(path)
    assert after[:whole] == values[:whole] and after[-1] == {"after": "the crash"}
    # Of the cut line at most the whole of it stands between: it lacked its newline alone.
    assert after[whole:-1] in ([], [values[whole]] if whole < len(values) else [])


def test_numbers_that_json_does_not_know_become_null(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"loss": float("nan"), "worst": float("inf")})
    assert read_json(tmp_path / "a.json") == {"loss": None, "worst": None}


@pytest.mark.parametrize(
    "line", [b"", b"{", b"[1]", b"3", b"null", b'{"a": "\xff"}', b"\0" * 50, b"[" * 100_000]
)
def test_a_line_that_holds_no_object_is_stepped_over(line: bytes) -> None:
    assert list(parse_lines([b'{"a": 1}', line, b'{"b": 2}'])) == [{"a": 1}, {"b": 2}]


def test_a_missing_file_has_no_lines(tmp_path: Path) -> None:
    assert read_lines(tmp_path / "none.jsonl") == []
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "none.json")


def test_a_file_has_the_rights_that_the_user_gives_new_files(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        replace_bytes(tmp_path / "private", b"x")
        append_line(tmp_path / "private.jsonl", {})
        os.umask(0o002)
        replace_bytes(tmp_path / "shared", b"x")
    finally:
        os.umask(before)
    rights = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert rights == {"private": 0o600, "private.jsonl": 0o600, "shared": 0o664}


def test_a_failed_write_leaves_the_old_document_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": True})
    writer = FORK.Process(target=_write_under_limit, args=(path,))
    writer.start()
    writer.join()
    assert writer.exitcode == 7
    assert read_json(path) == {"old": True} and os.listdir(tmp_path) == ["a.json"]


def _write_under_limit(path: Path) -> None:
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # as a full disk: EFBIG
    try:
        replace_bytes(path, b"x" * 5000)
    except OSError:
        os._exit(7)


def test_a_line_that_was_written_in_part_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    append_line(path, {"first": 1})
    writer = FORK.Process(target=_append_under_limit, args=(path,))
    writer.start()
    writer.join()
    assert writer.exitcode == 7, "a state change would count as durable that is not on the disk"
    append_line(path, {"last": 1})
    assert read_lines(path) == [{"first": 1}, {"last": 1}]


def _append_under_limit(path: Path) -> None:
    # The kernel writes up to the limit, says how much that was, and fails only at the next write.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
    try:
        append_line(path, {"text": "x" * 5000}, durable=True)
    except OSError:
        os._exit(7)


def test_lines_of_several_writers_do_not_mix(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    writers = [FORK.Process(target=_append_many, args=(path, number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    lines = read_lines(path)
    for number in range(3):
        assert [line["n"] for line in lines if line["writer"] == number] == list(range(200))


def _append_many(path: Path, writer: int) -> None:
    for n in range(200):
        append_line(path, {"writer": writer, "n": n, "text": "x" * (n * 7 % 300)})

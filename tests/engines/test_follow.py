"""A growing file is read once, line by line, whatever the writer does to it."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from finetui.engines import follow
from finetui.engines.follow import Follower, tail
from hypothesis import given
from hypothesis import strategies as st


def add(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def read_all(follower: Follower) -> list[bytes]:
    lines = follower.read()
    while follower.more:
        lines += follower.read()
    return lines


@given(
    writes=st.lists(st.lists(st.sampled_from([b"a", b"bc", b"\n", b"\r", b"\xff{}"])).map(b"".join)),
    chunk_bytes=st.integers(1, 9),
)
def test_whatever_the_sizes_of_the_writes_each_line_comes_exactly_once(
    writes: list[bytes], chunk_bytes: int
) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "metrics.jsonl")
        follower = Follower(path, chunk_bytes=chunk_bytes)
        lines: list[bytes] = []
        for written in writes:
            add(path, written)
            lines += read_all(follower)
            assert not follower.restarted
        everything = b"".join(writes)
        assert lines == everything.split(b"\n")[:-1]
        assert follower.offset == everything.rfind(b"\n") + 1


@given(
    writes=st.lists(st.lists(st.sampled_from([b"a", b"bc", b"\n"]), min_size=1).map(b"".join), min_size=1),
    stop=st.integers(0, 20),
)
def test_a_second_follower_goes_on_where_the_first_one_stopped(writes: list[bytes], stop: int) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "log.txt")
        first = Follower(path)
        lines: list[bytes] = []
        for written in writes[:stop]:
            add(path, written)
            lines += read_all(first)
        second = Follower(path, offset=first.offset)
        for written in writes[stop:]:
            add(path, written)
        lines += read_all(second)
        assert lines == b"".join(writes).split(b"\n")[:-1]


def test_a_half_written_line_waits_for_its_end(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    follower = Follower(path)
    assert follower.read() == []  # not there yet
    add(path, b'{"step": 1}\n{"st')
    assert follower.read() == [b'{"step": 1}']
    assert follower.read() == []
    add(path, b'ep": 2}\n')
    assert follower.read() == [b'{"step": 2}']


def test_a_large_backlog_comes_in_chunks(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    add(path, b"0123456789\n" * 1000)
    follower = Follower(path, chunk_bytes=1100)
    assert len(follower.read()) == 100
    assert follower.more
    assert len(read_all(follower)) == 900
    assert not follower.more


def test_a_file_that_was_cut_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"one\ntwo\n")
    follower = Follower(path)
    follower.read()
    path.write_bytes(b"new\n")
    assert follower.read() == [b"new"]
    assert follower.restarted
    assert follower.read() == []
    assert not follower.restarted


def test_a_file_that_was_cut_and_grew_past_the_old_place_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"one\ntwo\nhalf")
    follower = Follower(path)
    follower.read()
    path.write_bytes(b"first of many\nsecond\n")
    assert follower.read() == [b"first of many", b"second"]
    assert follower.restarted


def test_a_replaced_file_is_read_from_its_start(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"one\n")
    follower = Follower(path)
    follower.read()
    other = tmp_path / "other"
    other.write_bytes(b"one\ntwo\n")
    other.rename(path)
    assert follower.read() == [b"one", b"two"]
    assert follower.restarted


def test_a_file_that_is_gone_for_a_while_is_awaited(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_bytes(b"one\n")
    follower = Follower(path)
    assert follower.read() == [b"one"]
    path.rename(tmp_path / "aside")
    assert follower.read() == []
    (tmp_path / "aside").rename(path)
    add(path, b"two\n")
    assert follower.read() == [b"two"]
    assert not follower.restarted


def test_a_line_without_end_does_not_fill_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(follow, "LONGEST_LINE_BYTES", 100)
    path = tmp_path / "log.txt"
    path.write_bytes(b"x" * 250 + b"\nnext\n")
    lines = read_all(Follower(path, chunk_bytes=60))
    assert b"".join(lines) == b"x" * 250 + b"next"
    assert lines[-1] == b"next"
    assert max(map(len, lines)) <= 160


@given(
    pieces=st.lists(st.sampled_from([b"a", b"bcd", b"\n"])),
    lines=st.integers(0, 12),
    block_bytes=st.integers(1, 7),
)
def test_the_tail_is_the_last_complete_lines_and_following_goes_on_behind_it(
    pieces: list[bytes], lines: int, block_bytes: int
) -> None:
    text = b"".join(pieces)
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(follow, "BLOCK_BYTES", block_bytes)
        path = Path(folder, "log.txt")
        path.write_bytes(text)
        complete = text.split(b"\n")[:-1]
        expected = complete[-lines:] if lines else []
        assert tail(path, lines) == expected
        follower, found = Follower.at_tail(path, lines)
        assert found == expected
        add(path, b"!\nlast\n")
        assert read_all(follower) == [text[text.rfind(b"\n") + 1 :] + b"!", b"last"]


def test_the_tail_of_a_huge_file_reads_its_end_only(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    with path.open("wb") as file:
        os.truncate(file.fileno(), 20 * 1024**3)  # a hole: 20 GB that take no space
        file.seek(0, os.SEEK_END)
        file.write(b"\nbefore\nlast\nhalf")
    assert tail(path, 2) == [b"before", b"last"]
    # More lines than there are within reach: what is complete, without the end of an endless one.
    assert tail(path, 50) == [b"before", b"last"]


def test_the_tail_of_a_missing_file_is_empty(tmp_path: Path) -> None:
    assert tail(tmp_path / "none", 5) == []

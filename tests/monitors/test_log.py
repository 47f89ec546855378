"""The end of a log, with events around it, followed as it grows, safe for a terminal."""

from __future__ import annotations

import os
from pathlib import Path

from finetui.engines.job import JobPaths
from finetui.engines.records import append_line
from finetui.monitors.log import BATCH_LINES, TAIL_LINES, LogTail


def event(paths: JobPaths, at: float, message: str, kind: str = "note", level: str = "info") -> None:
    append_line(paths.events, {"time": at, "level": level, "kind": kind, "message": message, "data": {}})


def texts(tail: LogTail) -> list[str]:
    return [line.text for line in tail.read()]


def test_events_stand_before_and_after_the_log_as_they_happened(tmp_path: Path) -> None:
    paths = JobPaths(tmp_path)
    event(paths, 1000.0, "queued")
    paths.log.write_text("loading\nupdate 1\n")
    os.utime(paths.log, (2000.0, 2000.0))
    event(paths, 2000.1, "the GPU has no memory left", level="error")
    first, *printed, last = LogTail(paths).read()
    assert first.text.endswith("queued") and first.event
    assert [line.text for line in printed] == ["loading", "update 1"]
    assert last.text.endswith("error: the GPU has no memory left") and last.level == "error"


def test_what_is_new_comes_once(tmp_path: Path) -> None:
    paths = JobPaths(tmp_path)
    tail = LogTail(paths)
    assert texts(tail) == []
    paths.log.write_text("one\ntw")
    assert texts(tail) == ["one"]
    with open(paths.log, "a") as file:
        file.write("o\nthree\n")
    event(paths, 1000.0, "checkpoint at 10")
    two, three, told = tail.read()
    assert (two.text, three.text, two.event) == ("two", "three", False)
    assert told.text.endswith("checkpoint at 10")
    assert texts(tail) == []


def test_a_long_log_shows_its_end(tmp_path: Path) -> None:
    paths = JobPaths(tmp_path)
    paths.log.write_text("".join(f"line {number}\n" for number in range(5000)))
    shown = texts(LogTail(paths))
    assert len(shown) == TAIL_LINES
    assert shown[-1] == "line 4999"


def test_a_flood_is_cut_and_says_so(tmp_path: Path) -> None:
    paths = JobPaths(tmp_path)
    tail = LogTail(paths)
    tail.read()
    # Longer than one chunk of the follower.
    paths.log.write_text("".join(f"{number} {'x' * 60}\n" for number in range(50_000)))
    shown = texts(tail)
    assert shown[0] == f"… {50_000 - BATCH_LINES:,} lines left out"
    assert len(shown) == BATCH_LINES + 1
    assert shown[-1].startswith("49999 ")


def test_of_a_progress_bar_its_last_state_is_shown(tmp_path: Path) -> None:
    paths = JobPaths(tmp_path)
    paths.log.write_bytes(b"loading 10%\rloading 60%\rloading 100%\r\n")
    assert texts(LogTail(paths)) == ["loading 100%"]


def test_nothing_but_text_comes_out(tmp_path: Path) -> None:
    paths = JobPaths(tmp_path)
    paths.log.write_bytes(b"\x1b]52;c;ZXZpbA==\x07a\x1b[31mb\x00c\xff\x9b2J\xc2\x9bd [/nope]\n")
    event(paths, 1000.0, "\x1b]0;title\x07bad\nname [bold]")
    printed, told = LogTail(paths).read()[::-1]
    for text in (printed.text, told.text):
        assert not any(ord(character) < 32 or 0x7F <= ord(character) < 0xA0 for character in text), repr(text)
    assert "[/nope]" in printed.text + told.text


def test_a_log_begun_anew_says_so(tmp_path: Path) -> None:
    paths = JobPaths(tmp_path)
    paths.log.write_text("old line\nolder line\n")
    tail = LogTail(paths)
    tail.read()
    paths.log.write_text("new\n")
    assert texts(tail) == ["new"]
    assert tail.restarted

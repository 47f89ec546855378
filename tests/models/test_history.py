"""The history of a playground: what is kept with a job, and what a crash may leave of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from finetui.engines.models.chat import Sampling
from finetui.engines.models.history import Asked, Said, keep, kept
from hypothesis import given
from hypothesis import strategies as st

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)


def test_nothing_was_asked(tmp_path: Path) -> None:
    assert kept(tmp_path) == []


@given(TEXT, TEXT, st.one_of(st.none(), TEXT), st.one_of(st.none(), TEXT))
def test_what_is_kept_comes_back(
    tmp_path_factory: pytest.TempPathFactory, prompt: str, answer: str, system: str | None, error: str | None
) -> None:
    folder = tmp_path_factory.mktemp("job")
    said = Said("faq", answer, 3, 0.5, 0.1, "stop", error)
    first = Asked(1.0, [{"role": "user", "content": prompt}], (said,), system, answer, None, Sampling(9))
    second = Asked(2.0, prompt, (said, Said("faq@base")))
    keep(folder, first)
    keep(folder, second)
    assert kept(folder) == [first, second]


def test_a_line_that_a_crash_cut_off_and_foreign_lines_are_left_out(tmp_path: Path) -> None:
    asked = Asked(1.0, "Once", (Said("faq", " upon"),))
    keep(tmp_path, asked)
    file = tmp_path / "chats" / "playground.jsonl"
    whole = file.read_bytes()
    file.write_bytes(whole + b'{"time": "yesterday"}\n\xff\n[]\n' + whole[: len(whole) // 2])
    assert kept(tmp_path) == [asked]
    keep(tmp_path, asked)
    assert kept(tmp_path) == [asked, asked]


def test_a_history_that_is_no_file_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    (tmp_path / "chats" / "playground.jsonl").mkdir(parents=True)
    with pytest.raises(OSError):
        kept(tmp_path)

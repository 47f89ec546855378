"""Words are found in every row that has them, however JSON writes them, and nowhere else."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from finetui.engines.datasets.viewing import search as searching
from finetui.engines.datasets.viewing.search import Found, Search, pattern_of, places_of, search
from hypothesis import given
from hypothesis import strategies as st

TEXTS = st.text(st.characters(blacklist_categories=("Cs",)) | st.sampled_from('aäÄ"\\/<ı\n字😀'), max_size=12)


def lines_with(path: Path, words: str, block_bytes: int = 1 << 20) -> list[int]:
    return [line for found in search(path, words, block_bytes) for line in found.lines]


@given(
    st.lists(st.tuples(TEXTS, st.booleans()), min_size=1, max_size=8),
    st.text(st.sampled_from('abAB äÄ"\\/<\n字😀'), min_size=1, max_size=3).filter(str.strip),
)
def test_what_is_found_is_what_a_look_at_each_text_finds(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, bool]], words: str
) -> None:
    path = tmp_path_factory.mktemp("search") / "a.jsonl"
    path.write_text(
        "".join(json.dumps({"text": text}, ensure_ascii=ascii) + "\n" for text, ascii in rows), "utf-8"
    )
    pattern = pattern_of(words)
    expected = [line for line, (text, _) in enumerate(rows, 1) if pattern.search(text)]
    assert lines_with(path, words, block_bytes=40) == expected


def test_values_are_searched_and_keys_are_not(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "a", "meta": {"kind": ["mail", 1234]}}\n{"mail": "text"}\nbroken mail\n')
    assert lines_with(path, "MAIL") == [1, 3]  # of what is no JSON the line is searched
    assert lines_with(path, "123") == [1]
    assert lines_with(path, "text") == [2]
    value = json.loads(path.read_text().splitlines()[0])
    assert list(places_of(value, pattern_of("mail"))) == ["meta.kind[0]"]


def test_a_packed_file_and_a_document_are_searched_by_their_lines(tmp_path: Path) -> None:
    rows = [{"text": "one"}, {"text": "two"}, {"text": "one more"}]
    packed = tmp_path / "a.jsonl.gz"
    packed.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in rows).encode()))
    document = tmp_path / "a.json"
    document.write_text(json.dumps(rows, indent=1))
    assert lines_with(packed, "one") == [1, 3]
    assert lines_with(document, "one") == [2, 8]


def test_what_is_gone_has_no_words(tmp_path: Path) -> None:
    assert lines_with(tmp_path / "gone", "a") == []
    assert not Search(tmp_path / "gone", "a").run(lambda found: None)


@pytest.mark.parametrize("words", ["needle", 'Nädel "x"', "-v", "\x00"])
def test_a_process_finds_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    monkeypatch.setattr(searching, "SMALL_BYTES", 0)
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": text}) + "\n" for text in ("a", f"b {words}", words.upper())))
    heard: list[Found] = []
    assert Search(path, words).run(heard.append)
    assert [line for found in heard for line in found.lines] == [2, 3]
    assert heard[-1].bytes == heard[-1].size_bytes == path.stat().st_size


def test_a_search_can_be_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "SMALL_BYTES", 0)
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "needle and hay"}\n' * 400_000)
    one = Search(path, "needle")
    assert not one.run(lambda found: one.stop())
    assert not one.run(lambda found: None)

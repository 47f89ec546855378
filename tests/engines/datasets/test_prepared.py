"""Data that was prepared before is not read again, unless a file or a wish is another one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from finetui.engines.datasets.training import prepared
from finetui.engines.datasets.training.prepare import DataError, Prepared
from finetui.engines.datasets.training.prepared import prepare_once


def write(path: Path, *answers: str) -> Path:
    rows = [{"question": f"q{number}", "answer": answer} for number, answer in enumerate(answers)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The files that were really read."""
    read: list[Path] = []
    real = prepared.prepare

    def noting(path: Path, *args: object, **named: object) -> Prepared:
        read.append(path)
        return real(path, *args, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(prepared, "prepare", noting)
    return read


def once(tmp_path: Path, path: Path, **asked: object) -> Prepared:
    return prepare_once(tmp_path / "cache", path, tmp_path / "data", **({"seed": 1} | asked))


def test_the_same_file_with_the_same_wishes_is_read_once(tmp_path: Path, reads: list[Path]):
    path = write(tmp_path / "a.jsonl", *"abcdefgh")
    first, second = once(tmp_path, path), once(tmp_path, path)
    assert first == second and len(reads) == 1
    assert second.train.path.is_file() and second.train.rows + (second.valid.rows if second.valid else 0) == 8


def test_another_content_is_read(tmp_path: Path, reads: list[Path]):
    path = write(tmp_path / "a.jsonl", *"abcdefgh")
    before = once(tmp_path, path)
    write(path, *"abcdefgX")
    os.utime(path, ns=(1, 1))
    assert once(tmp_path, path).train.sha256 != before.train.sha256 and len(reads) == 2


def test_another_wish_is_read(tmp_path: Path, reads: list[Path]):
    path = write(tmp_path / "a.jsonl", *"abcdefgh")
    valid = write(tmp_path / "b.jsonl", "z")
    assert once(tmp_path, path).valid != once(tmp_path, path, valid_path=valid).valid
    once(tmp_path, path, seed=2)
    once(tmp_path, path, valid_rows=3)
    assert len(reads) == 4


def test_rows_that_were_removed_are_made_again(tmp_path: Path, reads: list[Path]):
    path = write(tmp_path / "a.jsonl", *"abcdefgh")
    once(tmp_path, path).train.path.unlink()
    assert once(tmp_path, path).train.path.is_file() and len(reads) == 2


def test_what_failed_is_tried_again(tmp_path: Path, reads: list[Path]):
    path = write(tmp_path / "a.jsonl", "a", "")
    for _ in range(2):
        with pytest.raises(DataError):
            once(tmp_path, path)
    assert len(reads) == 2


def test_a_damaged_note_of_it_is_no_harm(tmp_path: Path, reads: list[Path]):
    path = write(tmp_path / "a.jsonl", *"abcdefgh")
    made = once(tmp_path, path)
    [note] = (tmp_path / "cache" / "datasets").iterdir()
    note.write_bytes(b'{"stamps": [[1')
    assert once(tmp_path, path) == made and len(reads) == 2

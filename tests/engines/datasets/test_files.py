"""Files, folders and patterns are understood as a shell and Hugging Face's folders suggest."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest
from finetui.engines.datasets.checking.check import check
from finetui.engines.datasets.sources.files import NoFiles, expand


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """As a dataset's folder looks, and the folder that names are relative to."""
    for name in (
        "README.md",
        ".cache/x.json",
        ".hidden.jsonl",
        "dataset_infos.json",
        "data/train-00001-of-00002.parquet",
        "data/train-00000-of-00002.parquet",
        "data/test.jsonl.gz",
        "more/deep/a.csv",
        "more/notes.txt",
        "[odd].jsonl",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


TRAIN = ["data/train-00000-of-00002.parquet", "data/train-00001-of-00002.parquet"]
ALL = ["[odd].jsonl", "data/test.jsonl.gz", *TRAIN, "more/deep/a.csv"]


@pytest.mark.parametrize(
    ("names", "files"),
    [
        (["."], ALL),
        (["data", "."], ["data/test.jsonl.gz", *TRAIN, "[odd].jsonl", "more/deep/a.csv"]),
        (["data/*.parquet"], TRAIN),
        (["data/train-0000[01]*"], TRAIN),
        (["**/*.csv"], ["more/deep/a.csv"]),
        (["**"], ALL),
        (["more/*"], ["more/notes.txt"]),
        (["more/notes.txt", "./more/notes.txt"], ["more/notes.txt"]),
        (["[odd].jsonl"], ["[odd].jsonl"]),
        (["missing.jsonl"], ["missing.jsonl"]),
        ([Path("data/test.jsonl.gz")], ["data/test.jsonl.gz"]),
        ([], []),
    ],
)
def test_names_stand_for_files(names: Sequence[str | Path], files: list[str], folder: Path) -> None:
    assert expand(names) == [Path(name) for name in files]


def test_a_home_is_known(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(folder))
    assert expand(["~/data/*.gz"]) == [folder / "data/test.jsonl.gz"]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("data/*.jsonl", ["data/*.jsonl", "no file", "in data is test.jsonl.gz, train-00000"]),
        ("nowhere/**/*.csv", ["nowhere/**/*.csv", "here is", "README.md"]),
        ("em*", ["only folders", "here is", ".parquet"]),
        ("empty", ["empty", "is nothing", ".jsonl"]),
        ("empty/*", ["in empty is nothing"]),
    ],
)
def test_nothing_found_says_what_was_looked_for_and_what_is_there(
    name: str, words: list[str], folder: Path
) -> None:
    with pytest.raises(NoFiles) as told:
        expand([name])
    for word in words:
        assert word in str(told.value)


def test_a_folder_of_save_to_disk_says_how_it_becomes_parquet(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_list([{"question": "1+1?", "answer": "2"}])
    datasets.DatasetDict(train=rows).save_to_disk(tmp_path / "saved")
    with pytest.raises(NoFiles) as told:
        expand([tmp_path / "saved"])
    command = str(told.value).partition("python ")[2]
    subprocess.run(f"{sys.executable} {command}", shell=True, cwd=tmp_path, check=True, capture_output=True)
    [report] = check([tmp_path / "OUT.parquet"]).files
    assert (report.format, report.usable_rows) == ("question-answer", 1)

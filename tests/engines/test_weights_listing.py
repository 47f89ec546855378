"""The models that a machine has, as a list shows them."""

from __future__ import annotations

import json
import struct
from pathlib import Path

from finetui.engines.demo.job import FOLDER
from finetui.engines.models.weights import hub_cache, listing


def safetensors(path: Path, *, rows: int = 8) -> None:
    """Weights of one matrix of `rows` times 4."""
    header = {"layer.weight": {"dtype": "F32", "shape": [rows, 4], "data_offsets": [0, rows * 16]}}
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + bytes(rows * 16))


def snapshot(name: str, commit: str, *, main: bool = False) -> Path:
    """A folder in the hub's cache as a download leaves it."""
    repository = hub_cache() / f"models--{name.replace('/', '--')}"
    folder = repository / "snapshots" / commit
    folder.mkdir(parents=True)
    (folder / "config.json").write_text("{}")
    (repository / "blobs").mkdir(exist_ok=True)
    (repository / "refs").mkdir(exist_ok=True)
    if main:
        (repository / "refs" / "main").write_text(commit)
    return folder


def test_a_machine_without_a_cache_has_no_models() -> None:
    assert listing() == []


def test_a_cached_model_is_listed_with_its_size_parameters_and_commit() -> None:
    folder = snapshot("org/tiny", "a" * 40, main=True)
    safetensors(folder / "model.safetensors")
    (one,) = listing()
    assert (one.name, one.commit, one.main, one.complete) == ("org/tiny", "a" * 40, True, True)
    assert one.parameters == 32
    assert one.disk_bytes == 2 + (folder / "model.safetensors").stat().st_size


def test_of_two_commits_the_one_that_the_name_means_comes_first() -> None:
    for commit, main in (("a" * 40, False), ("b" * 40, True)):
        safetensors(snapshot("org/tiny", commit, main=main) / "model.safetensors")
    assert [(one.commit, one.main) for one in listing()] == [("b" * 40, True), ("a" * 40, False)]


def test_a_download_that_broke_off_is_listed_as_incomplete_with_what_came() -> None:
    folder = snapshot("org/large", "c" * 40, main=True)
    (folder / "model.safetensors").symlink_to("../../blobs/gone")
    (folder.parent.parent / "blobs" / "gone.incomplete").write_bytes(bytes(1000))
    (one,) = listing()
    assert not one.complete
    assert one.parameters is None
    assert one.disk_bytes == 1002


def test_a_folder_counts_where_it_holds_a_model(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    found = listing([tmp_path / "empty", tmp_path / "gone", FOLDER / "model"])
    assert [(one.name, one.commit, one.complete) for one in found] == [(str(FOLDER / "model"), None, True)]
    assert found[0].parameters and found[0].parameters > 100_000

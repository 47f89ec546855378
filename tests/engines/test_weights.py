"""Models on this machine: folders and the hub's cache, as downloads, clones and accidents leave them."""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.models.weights import ModelNotFound, Weights, cached, find, hub_cache, looks_local

TENSORS = {
    "model.embed_tokens.weight": [100, 8],
    "model.layers.0.self_attn.q_proj.weight": [8, 8],
    "model.layers.0.mlp.up_proj.weight": [32, 8],
    "model.layers.0.input_layernorm.weight": [8],
    "lm_head.weight": [100, 8],
}
LINEAR = 8 * 8 + 32 * 8
TOTAL = 2 * 100 * 8 + LINEAR + 8


def safetensors(path: Path, tensors: Mapping[str, list[int]] = TENSORS) -> None:
    """A file with a header and no weights: nobody here reads further."""
    entries = {
        name: {"dtype": "BF16", "shape": shape, "data_offsets": [0, 0]} for name, shape in tensors.items()
    }
    header = json.dumps({"__metadata__": {"format": "pt"}, **entries}).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(struct.pack("<Q", len(header)) + header)


def model(folder: Path, config: Any = None, **files: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(
        json.dumps({"max_position_embeddings": 512} if config is None else config)
    )
    for name, content in files.items():
        (folder / name.replace("__", ".")).write_text(
            content if isinstance(content, str) else json.dumps(content)
        )
    safetensors(folder / "model.safetensors")
    return folder


def sharded(folder: Path, shards: list[str]) -> None:
    """An index that names the shards; the shards themselves are another matter."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text("{}")
    index = {
        "weight_map": dict(zip(TENSORS, [shards[i % len(shards)] for i in range(len(TENSORS))], strict=True))
    }
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def repository(name: str, commit: str = "c0ffee", **refs: str) -> Path:
    """A snapshot's folder in the hub's cache, with the references that lead to it."""
    folder = hub_cache() / f"models--{name.replace('/', '--')}"
    for reference, target in {"main": commit, **refs}.items():
        path = folder / "refs" / reference.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(target)
    return folder / "snapshots" / commit


def found(name: str, revision: str | None = None) -> Weights:
    weights = find(name, revision)
    assert weights is not None
    return weights


def test_a_folder_is_counted_by_its_headers(tmp_path: Path) -> None:
    weights = found(str(model(tmp_path / "base")))
    assert (weights.parameters, weights.linear_parameters, weights.context) == (TOTAL, LINEAR, 512)
    assert (weights.path, weights.revision, weights.template) == (tmp_path / "base", None, None)


def test_weights_that_lie_there_twice_are_counted_once(tmp_path: Path) -> None:
    """Mistral's repositories hold consolidated.safetensors beside the shards; others an adapter."""
    folder = model(tmp_path / "base")
    safetensors(folder / "consolidated.safetensors")
    safetensors(folder / "adapter_model.safetensors", {"lora_A.weight": [16, 8]})
    assert found(str(folder)).parameters == TOTAL

    shards = tmp_path / "sharded"
    sharded(shards, ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"])
    names = list(TENSORS)
    safetensors(shards / "model-00001-of-00002.safetensors", {name: TENSORS[name] for name in names[:2]})
    safetensors(shards / "model-00002-of-00002.safetensors", {name: TENSORS[name] for name in names[2:]})
    safetensors(shards / "consolidated.safetensors")
    assert found(str(shards)).parameters == TOTAL


def test_a_folder_is_known_by_its_whole_path_wherever_it_was_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """plan.json is read by a process that stands elsewhere."""
    model(tmp_path / "org" / "name")
    monkeypatch.chdir(tmp_path)
    assert looks_local("org/name")
    assert found("org/name").path == tmp_path / "org" / "name"
    assert found("./org/name").path == tmp_path / "org" / "name"
    monkeypatch.chdir("/")
    assert not looks_local("org/name") and find("org/name") is None


@pytest.mark.parametrize(
    ("name", "local"),
    [
        ("org/name", False),
        ("gpt2", False),
        ("", False),
        ("./name", True),
        ("../name", True),
        ("~/name", True),
        ("/models/name", True),
        ("models/org/name", True),
        ("a" * 300, False),
        ("a\0b", False),
    ],
)
def test_what_looks_like_a_path(
    name: str, local: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert looks_local(name) is local


@pytest.mark.parametrize(
    "name",
    ["", "two words", "/nowhere/at/all", "a/b/c", "~nobody-of-this-name/x", "a" * 300, "org/" + "a" * 300],
)
def test_a_name_that_is_nothing_gets_a_message(name: str) -> None:
    try:
        assert find(name) is None  # a hub id that nobody has: the download will say so
    except ModelNotFound as error:
        assert str(error)


@pytest.mark.parametrize("config", ["[]", "3", "{", "null", ""])
def test_a_config_that_is_none_is_named(tmp_path: Path, config: str) -> None:
    folder = model(tmp_path / "base", config__json=config)
    with pytest.raises(ModelNotFound, match=r"config\.json"):
        find(str(folder))


def test_a_folder_without_a_config_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFound, match=r"no config\.json"):
        find(str(tmp_path))


@pytest.mark.parametrize(
    ("config", "context"),
    [
        ({"text_config": {"max_position_embeddings": 8192}, "max_position_embeddings": 1}, 8192),
        ({"text_config": None, "max_position_embeddings": 64}, 64),
        ({}, None),
    ],
)
def test_the_context_is_that_of_the_language_model(
    tmp_path: Path, config: dict[str, Any], context: int | None
) -> None:
    assert found(str(model(tmp_path / "base", config))).context == context


@pytest.mark.parametrize(
    "content",
    [b"", b"\x05\0\0\0\0\0\0\0{", b"\xff" * 16, b"\x02\0\0\0\0\0\0\0[]", b"\x08\0\0\0\0\0\0\0" + b'{"a": 3}'],
)
def test_broken_safetensors_are_no_parameters(tmp_path: Path, content: bytes) -> None:
    folder = model(tmp_path / "base")
    (folder / "model.safetensors").write_bytes(content)
    assert found(str(folder)).parameters is None


def test_the_hub_s_cache_is_followed_by_its_references(isolated: Path) -> None:
    model(repository("org/name", "c0ffee", **{"v1.0": "c0ffee", "refs__pr__1": "c0ffee"}))
    for revision in (None, "main", "v1.0", "refs/pr/1", "c0ffee"):
        assert found("org/name", revision).revision == "c0ffee"
    assert find("org/name", "v2.0") is None and find("org/other") is None


def test_a_download_that_broke_off_is_not_there() -> None:
    snapshot = repository("org/name")
    sharded(snapshot, ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"])
    safetensors(snapshot / "model-00001-of-00002.safetensors")
    assert find("org/name") is None

    # The hub's snapshots are links to blobs; a link without its blob is a download in progress.
    os.symlink(snapshot / "nowhere", snapshot / "model-00002-of-00002.safetensors")
    assert find("org/name") is None and cached() == []
    (snapshot / "model-00002-of-00002.safetensors").unlink()
    safetensors(snapshot / "model-00002-of-00002.safetensors")
    assert found("org/name").parameters


def test_one_file_whose_blob_is_missing_is_not_there() -> None:
    snapshot = model(repository("org/name"))
    (snapshot / "model.safetensors").unlink()
    os.symlink(snapshot / "nowhere", snapshot / "model.safetensors")
    assert find("org/name") is None


@pytest.mark.parametrize("index", ["{", "{}", "[]", '{"weight_map": 3}', "null"])
def test_a_broken_index_is_a_broken_download(index: str) -> None:
    snapshot = model(repository("org/name"))
    (snapshot / "model.safetensors.index.json").write_text(index)
    assert find("org/name") is None


TEMPLATES: list[tuple[str, dict[str, Any], str | None]] = [
    (
        "the file goes first",
        {"chat_template__jinja": "J", "tokenizer_config__json": {"chat_template": "T"}},
        "J",
    ),
    ("the tokenizer's", {"tokenizer_config__json": {"chat_template": "T"}}, "T"),
    ("a processor's", {"chat_template__json": {"chat_template": "P"}}, "P"),
    (
        "the default of several",
        {
            "tokenizer_config__json": {
                "chat_template": [{"name": "tool_use", "template": "U"}, {"name": "default", "template": "D"}]
            }
        },
        "D",
    ),
    (
        "several without a default",
        {"tokenizer_config__json": {"chat_template": [{"name": "x", "template": "X"}]}},
        None,
    ),
    ("none", {"tokenizer_config__json": {}}, None),
    ("an empty one", {"tokenizer_config__json": {"chat_template": ""}}, None),
    ("broken JSON", {"tokenizer_config__json": "{"}, None),
    ("a list", {"tokenizer_config__json": []}, None),
    ("a list of texts", {"tokenizer_config__json": {"chat_template": ["T"]}}, None),
    ("a number", {"tokenizer_config__json": {"chat_template": 3}}, None),
]


@pytest.mark.parametrize(
    ("files", "template"),
    [(files, template) for _, files, template in TEMPLATES],
    ids=[case[0] for case in TEMPLATES],
)
def test_the_chat_template_is_found_in_each_place(
    tmp_path: Path, files: dict[str, Any], template: str | None
) -> None:
    assert found(str(model(tmp_path / "base", **files))).template == template


def test_every_complete_model_is_listed_whatever_lies_beside_it() -> None:
    model(repository("org/name--with--dashes"))
    model(repository("gpt2"))
    broken = model(repository("org/broken"))
    (broken / "config.json").write_text("{")
    repository("org/empty").mkdir(parents=True)
    assert [weights.name for weights in cached()] == ["gpt2", "org/name--with--dashes"]


@pytest.mark.parametrize(
    ("environment", "cache"),
    [
        ({"HF_HUB_CACHE": "/a", "HF_HOME": "/b"}, "/a"),
        ({"HUGGINGFACE_HUB_CACHE": "/old", "HF_HOME": "/b"}, "/old"),
        ({"HF_HOME": "/b", "XDG_CACHE_HOME": "/c"}, "/b/hub"),
        ({"XDG_CACHE_HOME": "/c"}, "/c/huggingface/hub"),
    ],
)
def test_the_cache_is_where_the_hub_s_library_looks(environment: dict[str, str], cache: str) -> None:
    assert hub_cache(environment) == Path(cache)
    assert hub_cache({}) == Path.home() / ".cache" / "huggingface" / "hub"

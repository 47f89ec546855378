"""Downloads from a hub: what is taken, what is left, and what is said when it cannot be had."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trainer.hub import COMMIT, Hub
from trainer.workshop import Workshop

pytestmark = pytest.mark.torch

WEIGHTS = b"w" * 100_000


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    model = {
        "config.json": b"{}",
        "tokenizer.json": b"{ }",
        "chat_template.jinja": b"{{ bos_token }}",
        "model.safetensors": WEIGHTS,
        "pytorch_model.bin": b"pickle",
        "original/consolidated.00.pth": b"pickle",
        "modeling_own.py": b"print('own code')",
    }
    pickles = {"config.json": b"{}", "pytorch_model.bin": b"pickle"}
    repositories = {"someone/model": model, "someone/gated": model, "someone/pickles": pickles}
    with Hub(repositories, gated={"someone/gated"}).running() as hub:
        yield hub


def fetch(
    workshop: Workshop, hub: Hub, cache: Path, *arguments: str, offline: bool = False
) -> tuple[int, list[Any]]:
    environment = {
        "HF_HOME": str(cache),
        "HF_ENDPOINT": hub.endpoint,
        "HF_HUB_OFFLINE": str(int(offline)),
        "HF_HUB_DISABLE_XET": "1",
    }
    status, output = workshop.run("fetch", *arguments, environment=environment)
    return status, [json.loads(line) for line in output.splitlines()]


def test_safetensors_configuration_and_tokenizer_are_taken_and_nothing_that_can_run_code(
    workshop: Workshop, hub: Hub, tmp_path: Path
) -> None:
    status, lines = fetch(workshop, hub, tmp_path, "someone/model")
    assert status == 0
    done = lines[-1]
    assert (done["outcome"], done["revision"]) == ("succeeded", COMMIT)
    assert (Path(done["path"]) / "model.safetensors").read_bytes() == WEIGHTS
    assert sorted(hub.downloads) == [
        "chat_template.jinja",
        "config.json",
        "model.safetensors",
        "tokenizer.json",
    ]
    assert lines[-2]["phase"] == "downloading"
    assert lines[-2]["done"] == lines[-2]["total"] >= len(WEIGHTS)

    hub.downloads.clear()
    status, lines = fetch(workshop, hub, tmp_path, "someone/model", offline=True)
    assert status == 0, "what the cache has needs no hub"
    assert lines[-1]["path"] == done["path"]
    assert hub.downloads == []


@pytest.mark.parametrize(
    ("model", "reason", "words"),
    [
        ("someone/nothing", "model_not_found", "not found"),
        ("someone/gated", "gated_model", "does not let this account"),
        ("someone/pickles", "unsupported", "no safetensors"),
    ],
)
def test_what_cannot_be_had_has_a_reason(
    workshop: Workshop, hub: Hub, tmp_path: Path, model: str, reason: str, words: str
) -> None:
    status, lines = fetch(workshop, hub, tmp_path, model)
    assert status == 1
    assert lines[-1]["reason"] == reason
    assert words in lines[-1]["message"]
    assert lines[-1]["advice"]


def test_a_hub_that_cannot_be_reached_is_not_called_a_missing_model(
    workshop: Workshop, tmp_path: Path
) -> None:
    nowhere = Hub({}, set())
    nowhere.endpoint = "http://127.0.0.1:9"
    status, lines = fetch(workshop, nowhere, tmp_path, "someone/model")
    assert status == 1
    assert "cannot be reached" in lines[-1]["message"]

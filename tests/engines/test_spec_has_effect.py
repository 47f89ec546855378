"""Every key of a spec changes something that is launched or shown: none is read by nobody."""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from finetui.engines.datasets.training.prepare import DataError
from finetui.engines.local.engine import LocalEngine, LocalOptions
from finetui.engines.settings import Settings
from finetui.engines.spec import JobSpec, parse, put
from finetui.engines.store import Store
from local.workbench import a_model
from nvml.stand_in import StandIn

STAND_IN = Path(__file__).parent.parent / "local" / "stand_in_trainer.py"


def interpreter(path: Path) -> Path:
    """What stands for a Python with torch: it answers `versions` at once."""
    path.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} {shlex.quote(str(STAND_IN))} "$@"\n')
    path.chmod(0o755)
    return path


def keys(cls: type, prefix: str = "") -> list[str]:
    found = []
    for field in dataclasses.fields(cls):
        if field.name == "options":
            continue
        section = field.default_factory
        if isinstance(section, type) and dataclasses.is_dataclass(section):
            found += keys(section, f"{prefix}{field.name}.")
        else:
            found.append(f"{prefix}{field.name}")
    return found


OTHER: dict[str, Any] = {
    "name": "another",
    "engine": "openai",
    "model": "FOLDER/other-model",
    "revision": "v2",
    "method": "lora",
    "remote_code": True,
    "data.train": "FOLDER/other.jsonl",
    "data.valid": "FOLDER/valid.jsonl",
    "data.valid_rows": 5,
    "data.valid_share": 0.5,
    "data.format": "text",
    "data.columns": {"messages": "talk"},
    "data.drop_bad_rows": True,
    "train.epochs": 2.5,
    "train.max_steps": 7,
    "train.batch_size": 4,
    "train.micro_batch_size": 2,
    "train.max_length": 99,
    "train.overlong": "cut",
    "train.learning_rate": 0.00123,
    "train.schedule": "linear",
    "train.warmup": 0.2,
    "train.weight_decay": 0.03,
    "train.max_grad_norm": 0.5,
    "train.seed": 7,
    "train.eval_every": 3,
    "train.save_every": 6,
    "train.gradient_checkpointing": True,
    "train.dtype": "float32",
    "train.template": "FOLDER/chat.jinja",
    "train.rehearse": False,
    "train.sample_tokens": 9,
    "lora.rank": 4,
    "lora.alpha": 5.0,
    "lora.dropout": 0.1,
    "lora.target_modules": ["q_proj"],
    "local.python": "FOLDER/other-python",
    "local.device": "cpu",
    "local.gpu": "1",
}
"""For each key a valid value that is not its default."""

GIVEN: dict[str, dict[str, Any]] = {
    # What a key needs beside it to mean something.
    "data.drop_bad_rows": {"data.train": "FOLDER/with-a-bad-row.jsonl"},
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, nvml_here: StandIn) -> Path:
    # Which GPU and which device are choices only where there are some.
    nvml_here.set_gpu(0)
    nvml_here.set_gpu(1)
    (tmp_path / "steering.json").write_text("{}")
    monkeypatch.setenv("STAND_IN_TRAINER", str(tmp_path / "steering.json"))
    rows = [
        {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"a{n}"}]}
        for n in range(40)
    ]
    lines = [json.dumps(row) + "\n" for row in rows]
    (tmp_path / "rows.jsonl").write_text("".join(lines[:30]))
    (tmp_path / "other.jsonl").write_text("".join(lines[5:35]))
    (tmp_path / "valid.jsonl").write_text("".join(lines[35:]))
    (tmp_path / "with-a-bad-row.jsonl").write_text("".join(lines[:30]) + '{"messages": []}\n')
    (tmp_path / "chat.jinja").write_text("{{ messages[0]['content'] }}")
    for name in ("model", "other-model"):
        a_model(tmp_path / name)
    for name in ("python", "other-python"):
        interpreter(tmp_path / name)
    return tmp_path


def effect(folder: Path, changes: dict[str, Any]) -> Any:
    """All that follows from a spec: the plan with the hashes of its rows, and the job's line in a list."""
    values: dict[str, Any] = {
        "model": "FOLDER/model",
        "data": {"train": "FOLDER/rows.jsonl"},
        "local": {"python": "FOLDER/python"},
    }
    for key, value in changes.items():
        put(values, key, value)
    if values.get("engine", "local") != "local":
        values.pop("local")
        spec = dataclasses.replace(
            parse(_placed(values, folder), folder), options={"python": str(folder / "python")}
        )
    else:
        spec = parse(_placed(values, folder), folder)
    settings = Settings.load()
    try:
        plan = LocalEngine(settings).plan(spec)
    except DataError as error:
        return [str(problem) for problem in error.problems]
    shown = Store(settings.home).create(spec, plan)
    summary = Store(settings.home).summary(shown.id)
    assert summary is not None
    line = {key: value for key, value in summary.to_json().items() if key not in ("id", "created", "since")}
    return msgspec.json.decode(msgspec.json.encode([plan.document, line]))


def _placed(values: Any, folder: Path) -> Any:
    if isinstance(values, dict):
        return {key: _placed(value, folder) for key, value in values.items()}
    return values.replace("FOLDER", str(folder)) if isinstance(values, str) else values


def test_every_key_is_asked_about_here() -> None:
    """A new key needs a line in OTHER: then the test below shows that somebody maps it."""
    assert sorted(OTHER) == sorted(keys(JobSpec) + keys(LocalOptions, "local."))


def test_the_same_spec_has_the_same_effect(folder: Path) -> None:
    assert effect(folder, {}) == effect(folder, {})


@pytest.mark.parametrize("key", OTHER)
def test_another_value_has_another_effect(folder: Path, key: str) -> None:
    given = GIVEN.get(key, {})
    assert effect(folder, given | {key: OTHER[key]}) != effect(folder, given)

"""Tiny models, jobs, and the trainer as a real process in which finetui cannot be imported."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainer.templates import FAMILIES, sentence

TRAINER = Path(__file__).resolve().parents[2] / "engines" / "trainer"
BLOCKED = ("finetui", "textual", "msgspec", "cyclopts", "tomllib", "pynvml", "openai")
"""What the trainer's interpreter need not have; an import of one fails."""
SITE = """
import os, sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {{*{blocked}, os.environ.get("BLOCKED_TOO")}}:
            raise ModuleNotFoundError(f"{{name}} is not for the trainer", name=name)
sys.meta_path.insert(0, Blocked())
"""
VALUES: dict[str, Any] = {
    "epochs": 2,
    "max_steps": None,
    "batch_size": 8,
    "micro_batch_size": 4,
    "max_length": None,
    "overlong": "drop",
    "learning_rate": 3e-3,
    "schedule": "cosine",
    "final_learning_rate_share": 0.1,
    "warmup_share": 0.05,
    "warmup_max": 100,
    "weight_decay": 0.01,
    "max_grad_norm": 1.0,
    "seed": 42,
    "eval_every": 3,
    "save_every": None,
    "gradient_checkpointing": False,
    "dtype": None,
    "rank": 4,
    "alpha": 8,
    "dropout": 0.1,
    "target_modules": "all-linear",
    "rehearse": True,
    "sample_tokens": 4,
}


def make_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """Canonical rows, as if they came from /data/NAME, a row a line."""
    with path.open("w") as file:
        for line, row in enumerate(rows, 1):
            file.write(json.dumps({**row, "source": {"file": f"/data/{path.name}", "line": line}}) + "\n")
    return path


def chats(count: int, seed: int) -> list[dict[str, Any]]:
    dice = random.Random(seed)
    return [
        {
            "messages": [
                {"role": "user", "content": sentence(dice, dice.randint(2, 12))},
                {"role": "assistant", "content": sentence(dice, dice.randint(2, 12))},
            ]
        }
        for _ in range(count)
    ]


@dataclass(frozen=True)
class Job:
    """A job's folder, read as anybody reads it."""

    folder: Path

    def lines(self, name: str, **wanted: Any) -> list[dict[str, Any]]:
        """Lines of a file, those with the wanted fields."""
        path = self.folder / name
        found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [line for line in found if wanted.items() <= line.items()]

    def said(self, kind: str, **wanted: Any) -> list[dict[str, Any]]:
        return self.lines("progress.jsonl", kind=kind, **wanted)

    @property
    def outcome(self) -> dict[str, Any]:
        return self.said("outcome")[-1]

    def environment(self) -> dict[str, Any]:
        return self.lines("environment.jsonl")[-1]

    def curve(self) -> dict[tuple[int, str], Any]:
        """The metrics that count by docs/job.md: a later attempt hides an older one's later steps."""
        points: dict[tuple[int, str], Any] = {}
        attempt = 0
        for line in self.lines("metrics.jsonl"):
            if line["attempt"] != attempt:
                attempt = line["attempt"]
                points = {key: value for key, value in points.items() if key[0] <= line["step"]}
            for name, value in line.items():
                if name not in ("attempt", "step", "time", "tokens_per_second", "memory_bytes"):
                    points[line["step"], name] = value
        return points

    def checkpoints(self) -> list[int]:
        found = (self.folder / "checkpoints").glob("checkpoint-*/complete.json")
        return sorted(json.loads(path.read_text())["step"] for path in found)

    def checkpoint(self, step: int) -> Path:
        return self.folder / "checkpoints" / f"checkpoint-{step}"


class Workshop:
    """Makes models and jobs under a folder, and starts the trainer on them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._models: dict[str, Path] = {}
        site = folder / "site"
        site.mkdir()
        (site / "sitecustomize.py").write_text(SITE.format(blocked=BLOCKED))
        self._site = site
        self.train = make_rows(folder / "train.jsonl", chats(20, seed=1))
        self.valid = make_rows(folder / "valid.jsonl", chats(6, seed=2))

    def model(self, family: str = "llama") -> Path:
        """A tiny model; the first call makes all families', in a process that may import torch."""
        if not self._models:
            script = Path(__file__).with_name("models.py")
            environment = {**os.environ, "PYTHONPATH": str(script.parents[1]), "OMP_NUM_THREADS": "1"}
            subprocess.run([sys.executable, str(script), str(self.folder)], env=environment, check=True)
            self._models = {family: self.folder / family for family in FAMILIES}
        return self._models[family]

    def job(
        self,
        folder: Path,
        method: str = "lora",
        *,
        family: str = "llama",
        model: dict[str, Any] | None = None,
        train: Path | None = None,
        valid: Path | None = None,
        template: str | None = None,
        device: str = "cpu",
        **values: Any,
    ) -> Job:
        """A job with its plan; `values` beside the ones above."""
        folder.mkdir(parents=True)
        base = model or {"path": str(self.model(family))}
        plan = {
            "format": 1,
            "method": method,
            "objective": "sft",
            "model": {"name": family, "path": None, "revision": None, "remote_code": False, **base},
            "data": {
                "train": {"path": str(train or self.train), "sha256": "", "rows": 0},
                "valid": {"path": str(valid or self.valid), "sha256": "", "rows": 0},
                "system": None,
            },
            "template": {"text": template, "sha256": None},
            "values": {name: {"value": value, "reason": "test"} for name, value in (VALUES | values).items()},
            "device": device,
            "estimate": {"memory_bytes": None},
        }
        (folder / "plan.json").write_text(json.dumps(plan))
        return Job(folder)

    def environment(self, **more: str) -> dict[str, str]:
        """An environment in which finetui cannot be imported; offline unless `more` says otherwise."""
        here = {"PYTHONPATH": str(self._site), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
        return os.environ | here | more

    def start(
        self, *arguments: object, without: str = "", environment: dict[str, str] | None = None, **more: Any
    ) -> subprocess.Popen[str]:
        """The trainer, its stdout a pipe of lines; in an interpreter that lacks the package `without`."""
        return subprocess.Popen(
            [sys.executable, str(TRAINER), *map(str, arguments)],
            env=self.environment(BLOCKED_TOO=without, **(environment or {})),
            stdout=subprocess.PIPE,
            text=True,
            **more,
        )

    def run(self, *arguments: object, **more: Any) -> tuple[int, str]:
        """The trainer, to its end: exit status and stdout."""
        process = self.start(*arguments, **more)
        output, _ = process.communicate(timeout=120)
        return process.returncode, output

    def run_all(self, jobs: list[Job]) -> None:
        """Several jobs one after another in one process, which spares the imports."""
        script = (
            "import runpy, sys, argparse, pathlib, importlib\n"
            f"main = runpy.run_path({str(TRAINER / '__main__.py')!r})\n"
            "main['register']()\n"
            "train = importlib.import_module('finetui_trainer.train')\n"
            "for job in sys.argv[1:]:\n"
            "    train.main(argparse.Namespace(job=pathlib.Path(job), attempt=1, resume=None, life=None))\n"
        )
        subprocess.run(
            [sys.executable, "-c", script, *(str(job.folder) for job in jobs)],
            env=self.environment(),
            stdout=subprocess.PIPE,
            timeout=120,
            check=True,
        )


def until(process: subprocess.Popen[str], text: str) -> None:
    """Read the trainer's lines up to one that begins with `text`."""
    for line in lines_of(process):
        if line.startswith(text):
            return
    raise AssertionError(f"the trainer ended without a line {text!r}")


def lines_of(process: subprocess.Popen[str]) -> Iterator[str]:
    assert process.stdout is not None
    return iter(process.stdout.readline, "")

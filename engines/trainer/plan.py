"""plan.json as the trainer reads it: what was decided, and what is left to be decided here, with reasons."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from .failures import Failure

Method = Literal["full", "lora", "qlora"]


@dataclass(frozen=True)
class Model:
    """The base model.

    Attributes:
        name: what was asked for; a hub id where `path` is None.
        path: its folder on this machine.
        revision: of the hub's repository.
        remote_code: the user allowed the model's own Python to run.
    """

    name: str
    path: Path | None
    revision: str | None
    remote_code: bool


@dataclass(frozen=True)
class Template:
    """The chat template; without a text, the tokenizer's own."""

    text: str | None
    sha256: str | None


@dataclass(frozen=True)
class Values:
    """Every setting of a run, decided. Field names are plan.json's."""

    epochs: float
    max_steps: int | None
    batch_size: int
    micro_batch_size: int
    max_length: int
    overlong: Literal["drop", "cut"]
    learning_rate: float
    schedule: Literal["cosine", "linear", "constant"]
    final_learning_rate_share: float
    warmup_share: float
    warmup_max: int | None
    weight_decay: float
    max_grad_norm: float
    seed: int
    eval_every: int
    save_every: int
    gradient_checkpointing: bool
    dtype: Literal["bfloat16", "float32"]
    rank: int
    alpha: float
    dropout: float
    target_modules: str | list[str]
    rehearse: bool
    sample_tokens: int


NULLABLE = {"max_steps", "warmup_max"}
"""Null is a decision there, not a question left open."""
ADAPTER_ONLY = {"rank", "alpha", "dropout", "target_modules"}
"""A full fine-tuning's plan leaves these null, or out."""


@dataclass
class Plan:
    """A job's plan; `decide` fills in the values that only the trainer can know."""

    method: Method
    model: Model
    train: Path
    valid: Path | None
    template: Template
    device: Literal["cpu", "cuda"]
    values: dict[str, dict[str, Any]]
    decided_here: dict[str, dict[str, Any]] = field(default_factory=dict)

    def asked(self, name: str) -> Any:
        """What the plan says for a value; None where it leaves it to the trainer."""
        return self.values[name]["value"]

    def decide(self, name: str, value: Any, reason: str) -> None:
        """Settle a value that the plan leaves open, or overrule one that cannot be kept."""
        self.values[name] = self.decided_here[name] = {"value": value, "reason": reason}

    def settled(self) -> Values:
        """All values, once nothing is left open."""
        values = {name: self.values[name]["value"] for name in Values.__dataclass_fields__}
        optional = NULLABLE | (ADAPTER_ONLY if self.method == "full" else set())
        missing = [name for name, value in values.items() if value is None and name not in optional]
        if missing:
            raise Failure("bug", f"plan.json leaves {', '.join(missing)} open", "Please report it.")
        return Values(**values)


def read_plan(path: Path) -> Plan:
    """Read plan.json.

    Raises:
        Failure: the file is missing, of another format, or lacks something; the message names it.
    """
    advice = "Create the job again with this version of finetui."
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Failure("bug", f"{path} cannot be read: {error}", advice) from error
    if said.get("format") != 1:
        raise Failure("wrong_version", f"{path}: format {said.get('format')!r}; this trainer reads 1", advice)
    if said.get("objective", "sft") != "sft":
        raise Failure(
            "unsupported", f"{path}: this trainer knows no objective {said['objective']!r}", "Use sft."
        )
    if said.get("method") not in ("full", "lora", "qlora"):
        raise Failure("unsupported", f"{path}: this trainer knows no method {said.get('method')!r}", advice)
    try:
        model, data, template = said["model"], said["data"], said.get("template") or {}
        plan = Plan(
            method=said["method"],
            model=Model(
                name=model["name"],
                path=Path(model["path"]) if model.get("path") else None,
                revision=model.get("revision"),
                remote_code=bool(model.get("remote_code", False)),
            ),
            train=Path(data["train"]["path"]),
            valid=Path(data["valid"]["path"]) if data.get("valid") else None,
            template=Template(template.get("text"), template.get("sha256")),
            device=said["device"],
            values={name: {"value": None, "reason": "no adapter"} for name in ADAPTER_ONLY}
            | {name: dict(value) for name, value in said["values"].items()},
        )
        for name in Values.__dataclass_fields__:
            plan.asked(name)
    except KeyError as error:
        raise Failure("wrong_version", f"{path} lacks {error}", advice) from error
    return plan

"""What every engine is: the protocol, the plan it makes, the registry that finds it by name."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import msgspec

from .datasets.problem import Problem
from .job import Job
from .settings import Settings
from .spec import JobSpec


class EngineError(Exception):
    """An engine can't do what was asked; `advice` is the way out."""

    def __init__(self, reason: str, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.reason, self.message, self.advice = reason, message, advice


class Value(msgspec.Struct, frozen=True):
    """One choice, with its reason in words."""

    value: Any
    reason: str


@dataclass(frozen=True)
class Plan:
    """What follows from a spec; `document` is plan.json (docs/job.md has its form)."""

    document: dict[str, Any]
    problems: tuple[Problem, ...] = ()
    """Warnings and notes that a person should see before the start; errors are raised instead."""

    @property
    def values(self) -> dict[str, Value]:
        return {name: msgspec.convert(value, Value) for name, value in self.document["values"].items()}


@dataclass(frozen=True)
class ModelRef:
    """Something that can be talked to: a base, or a base with an adapter."""

    label: str
    """As a person names it: `support-bot`, `support-bot@base`, `support-bot@120`."""
    base: str
    """A folder with weights, or a hub id."""
    revision: str | None = None
    adapter: Path | None = None
    load: str = "lora"
    """How the base is held: `qlora` (NF4), `lora` (bf16), `full` (as stored)."""
    template: Path | None = None
    """The chat template it was trained with, where that is not the tokenizer's own."""
    system: str | None = None
    """The system prompt most frequent in its training data."""
    python: str | None = None
    device: str | None = None
    remote_code: bool = field(default=False)
    environment: tuple[tuple[str, str], ...] | None = None
    """Recorded variables of the shell that created its job (docs/job.md); None: this process's own count."""


class Engine(Protocol):
    """Where jobs run. Every engine writes the same job directory."""

    name: str
    options: type
    """The dataclass of the engine's own section in a spec."""

    def check(self, spec: JobSpec) -> list[Problem]:
        """All that can be known before a cent or a GPU second is spent."""
        ...

    def plan(self, spec: JobSpec) -> Plan:
        """Every value with its reason, and the data in canonical form.

        Raises:
            EngineError: it can't run as it is.
        """
        ...

    def start(self, job: Job) -> None:
        """Returns at once; a second start of the same job never makes a second one."""
        ...

    def sync(self, job: Job) -> None:
        """Bring the directory up to date; from anywhere, at any time, twice."""
        ...

    def stop(self, job: Job, now: bool) -> None:
        """End it: gracefully, keeping what is trained so far, or `now`."""
        ...

    def resume(self, job: Job) -> None:
        """Queue it again, from its last checkpoint where there is one.

        Raises:
            EngineError: it can't be resumed, and why.
        """
        ...

    def models(self, job: Job) -> list[ModelRef]:
        """What of the job can be talked to: result, checkpoints, base."""
        ...


def engine_names() -> list[str]:
    """Names of the engines that are installed, ours and others'."""
    from importlib.metadata import entry_points  # 9 ms that the app's first frame does not wait for

    return sorted({entry.name for entry in entry_points(group="finetui.engines")})


def find_engine(name: str, settings: Settings) -> Engine:
    """An engine by its name, made by the factory that its package registered.

    Raises:
        EngineError: there is none of that name, or its package is broken.
    """
    from importlib.metadata import entry_points

    for entry in entry_points(group="finetui.engines", name=name):
        try:
            factory = entry.load()
        except (ImportError, AttributeError) as error:
            message = f"engine {name!r} ({entry.value}) can't be loaded: {error}"
            raise EngineError("missing_package", message, "install its package anew") from error
        return factory(settings)
    raise EngineError(
        "unsupported", f"there is no engine {name!r}", f"engines here: {', '.join(engine_names())}"
    )

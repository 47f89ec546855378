"""What would come of a draft: the engine's real plan, or what stands in its way and in which field."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..engines.datasets.checks.table import CHECKS
from ..engines.datasets.problem import Problem
from ..engines.datasets.read import UnknownFormat
from ..engines.datasets.training.prepare import DataError
from ..engines.engine import Engine, EngineError, Plan, Value, find_engine
from ..engines.job import Job
from ..engines.settings import Settings
from ..engines.spec import JobSpec, SpecError, parse
from ..engines.store import Store
from .draft import MODEL, TRAIN, as_text, words_of

PLAN_NAMES = {"train.warmup": "warmup_share"}
"""Settings that the plan has under another name than the last part of their key."""

FIELDS = {
    "model_not_found": MODEL,
    "gated_model": MODEL,
    "missing_package": "local.python",
    "data": TRAIN,
}
"""Which field a reason of an engine is about."""


@dataclass(frozen=True)
class Obstacle:
    """Why there is no plan.

    Args:
        message: what is wrong.
        advice: the way out.
        key: the field it is about; empty where it is about none.
        problems: of the data, worst first.
        rows: how many rows have errors.
        droppable: whether leaving these rows out would do.
    """

    message: str
    advice: str = ""
    key: str = ""
    problems: tuple[Problem, ...] = ()
    rows: int = 0
    droppable: bool = False


@dataclass(frozen=True)
class Prospect:
    """A spec with its plan, or an obstacle."""

    spec: JobSpec | None = None
    plan: Plan | None = None
    obstacle: Obstacle | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What a person should see before the start."""
        if self.obstacle is not None and not self.obstacle.problems:
            return (Problem("obstacle", "error", self.obstacle.message, self.obstacle.advice),)
        return self.plan.problems if self.plan else self.obstacle.problems if self.obstacle else ()

    @property
    def must_download(self) -> bool:
        """Whether the model is fetched before it is trained."""
        return bool(self.plan) and self.plan.document["model"]["path"] is None


def foresee(values: Mapping[str, Any], folder: Path, settings: Settings) -> Prospect:
    """Make the plan: reads the data, so it may take a while.

    Args:
        folder: what relative paths count from.
    """
    spec: JobSpec | None = None
    try:
        spec = parse(dict(values), folder)
        return Prospect(spec, find_engine(spec.engine, settings).plan(spec))
    except DataError as error:
        return Prospect(spec, obstacle=_of_data(error))
    except (SpecError, UnknownFormat, EngineError, OSError) as error:
        return Prospect(spec, obstacle=obstacle_of(error))


def obstacle_of(error: Exception) -> Obstacle:
    """What an error means for a form."""
    if isinstance(error, SpecError):
        return Obstacle(words_of(error), key=error.key)
    if isinstance(error, UnknownFormat):
        return Obstacle(str(error), key="data.format")
    if isinstance(error, EngineError):
        key, colon, _ = error.message.partition(":")  # "local.gpu: there is no GPU …" names its field
        named = key if colon and "." in key and " " not in key and "/" not in key else ""
        return Obstacle(error.message, error.advice, named or FIELDS.get(error.reason, ""))
    if isinstance(error, OSError):
        where = f"{error.filename}: " if error.filename else ""
        return Obstacle(f"{where}{error.strerror or error}")
    return Obstacle(str(error))


def _of_data(error: DataError) -> Obstacle:
    errors = [problem for problem in error.problems if problem.severity == "error"]
    failed = {name: count for name, count in error.counts.items() if CHECKS[name].severity == "error"}
    droppable = all(CHECKS[name].scope == "row" for name in failed)
    first = errors[0]
    place = f"line {first.line}: " if first.line is not None else ""
    message = f"{place}{first.message}"
    return Obstacle(message, first.fix, TRAIN, tuple(error.problems), sum(failed.values()), droppable)


def launch(prospect: Prospect, settings: Settings) -> Job:
    """Create the job of a plan and start it.

    Raises:
        EngineError, OSError, SpecError: it can't be.
    """
    assert prospect.spec is not None and prospect.plan is not None
    engine: Engine = find_engine(prospect.spec.engine, settings)
    job = Store(settings.home).create(prospect.spec, prospect.plan)
    engine.start(job)
    return job


def resolved(prospect: Prospect, key: str) -> Value | None:
    """What a setting comes to by the plan, and why; None where the plan says nothing of it."""
    spec, plan = prospect.spec, prospect.plan
    if spec is None or plan is None:
        return None
    document = plan.document
    if key.startswith("data.") or "." not in key or key.rpartition(".")[2] == "python":
        special = _special(key, spec, document)
        if special is not None:
            return special
    return plan.values.get(PLAN_NAMES.get(key, key.rpartition(".")[2]))


def _special(key: str, spec: JobSpec, document: dict[str, Any]) -> Value | None:
    data, valid = document["data"], document["data"]["valid"]
    if key == "name":
        return Value(spec.name, "after the file")
    if key == "revision":
        commit = document["model"].get("revision")
        return Value(commit[:12], "the commit that lies here") if commit else None
    if key == "data.valid_rows" and spec.data.valid is None:
        return Value(valid["rows"] if valid else 0, "held out, chosen by the seed")
    if key == "data.format":
        return Value(data["format"], "detected")
    if key.rpartition(".")[2] == "python":
        return Value(document.get("python"), "the first that has what the trainer needs")
    return None


def said(value: Value | None) -> str:
    """A resolved value as a placeholder."""
    return "" if value is None else as_text(value.value)

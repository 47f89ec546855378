"""`finetui run`: start a job from a spec file or from two options."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from ...engines.engine import EngineError, find_engine
from ...engines.planning.sentence import sentence
from ...engines.settings import Settings
from ...engines.spec import JobSpec, SpecError, literal, parse, put, read_spec
from ...engines.store import Store
from .jobs import follow_job
from .options import Json
from .output import DONE, note, note_beside, print_json, say

DATA_SUFFIXES = (".jsonl", ".json")


def run(
    spec: Path | None = None,
    *,
    train: Annotated[str | None, Parameter(name=["--train", "-t"])] = None,
    model: Annotated[str | None, Parameter(name=["--model", "-m"])] = None,
    valid: str | None = None,
    engine: Annotated[str | None, Parameter(name=["--engine", "-e"])] = None,
    method: str | None = None,
    name: Annotated[str | None, Parameter(name=["--name", "--suffix"])] = None,
    set_: Annotated[list[str] | None, Parameter(name="--set", negative="")] = None,
    follow: Annotated[bool, Parameter(negative="")] = False,
    dry_run: Annotated[bool, Parameter(negative="")] = False,
    json: Json = False,
) -> int:
    """Start a job. It runs on when this terminal closes.

    Example: `finetui run -t chats.jsonl -m Qwen/Qwen2.5-7B-Instruct --set train.epochs=2 --follow`

    Args:
        spec: A TOML file; options replace what it says.
        train: The rows to train on.
        model: A hub id or a folder.
        valid: Held-out rows; else some are split off.
        engine: Where it runs: local, or another that is installed.
        method: qlora, lora or full.
        name: A name for people; for a provider the model's suffix.
        set_: KEY=VALUE for any key of a spec, as in `--set train.epochs=1`; may be given many times.
            A wrong key is answered with those that exist.
        follow: Stay and watch it.
        dry_run: Plan it, say what would happen, and start nothing.
    """
    settings = Settings.load()
    changes = _changes(set_ or [])
    given = {
        "data.train": train,
        "data.valid": valid,
        "model": model,
        "engine": engine,
        "method": method,
        "name": name,
    }
    here = Path.cwd()
    if model and (here / Path(model).expanduser()).is_file():
        raise EngineError("usage", f"{model} is a file; a model is a folder or a hub id", "give rows with -t")
    for key, value in given.items():
        if value is not None:
            # A path on the command line counts from here, one in the file from the file's folder.
            local = key in ("data.train", "data.valid") or (key == "model" and (here / value).is_dir())
            changes[key] = str(here / Path(value).expanduser()) if local else value
    if spec and spec.suffix in DATA_SUFFIXES:
        advice = f"give a TOML file, or start it with: finetui run -t {shlex.quote(str(spec))} -m MODEL"
        raise EngineError("usage", f"{spec} is data, not a job's spec", advice)
    job_spec = read_spec(spec, changes) if spec else _from_options(changes, here)
    maker = find_engine(job_spec.engine, settings)
    plan = maker.plan(job_spec)
    if not json:
        for problem in plan.problems:
            note_beside(f"{problem.severity}: ", str(problem))
        if any(problem.line for problem in plan.problems):
            note("`finetui check` shows all that was found in the data")
    if dry_run:
        if json:
            print_json({"spec": dataclasses.asdict(job_spec), "plan": plan.document})
        else:
            say(sentence(job_spec, plan))
        return DONE
    job = Store(settings.home).create(job_spec, plan)
    maker.start(job)
    if not json:
        say(f"{job.id}: {sentence(job_spec, plan)}")
    elif not follow:
        print_json({"id": job.id, "folder": str(job.paths.folder)})
    if follow:
        return follow_job(job, maker, json=json)
    if not json:
        say(f"it runs on without this terminal; `finetui watch {job.id}` or `finetui` shows it")
    return DONE


def _changes(settings: list[str]) -> dict[str, Any]:
    changes = {}
    for text in settings:
        key, equals, value = text.partition("=")
        if not equals or not key.strip():
            raise SpecError("--set", f"expected KEY=VALUE, got {text!r}")
        changes[key.strip()] = literal(value.strip())
    return changes


def _from_options(changes: dict[str, Any], folder: Path) -> JobSpec:
    if "data.train" not in changes or "model" not in changes:
        raise SpecError("", "give a spec file, or rows with -t and a model with -m")
    values: dict[str, Any] = {}
    for key, value in changes.items():
        put(values, key, value)
    return parse(values, folder)

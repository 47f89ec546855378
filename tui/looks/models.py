"""Who can answer in a playground: what a job made, its base, and other jobs' results on the same base."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import msgspec

from ...engines.datasets.viewing.question import Question, read_questions
from ...engines.engine import EngineError, ModelRef, find_engine
from ...engines.job import Job
from ...engines.models.chat import base_key
from ...engines.settings import Settings
from ...engines.states import JobState
from ...engines.store import Summary

MOST_OTHERS = 30
"""Jobs of the same model that are looked at, the newest first."""
MOST_ROWS = 1000
"""Rows of the data that can be stepped through."""


@dataclass(frozen=True)
class Answerer:
    """Somebody who can answer."""

    ref: ModelRef
    title: str
    about: str

    @property
    def label(self) -> str:
        return self.ref.label


@dataclass(frozen=True)
class Models:
    """What a playground has to work with."""

    answerers: tuple[Answerer, ...]
    """The base first, then what the job made, the newest first, then other jobs' results."""
    chosen: tuple[Answerer, ...]
    """Those that answer at first."""
    base_name: str = ""
    refused: tuple[str, ...] = ()
    """Why jobs that were asked for can't answer here, a sentence each."""
    system: str = ""
    rows: tuple[Question, ...] = ()
    rows_are: str = ""
    """`held-out` or `trained-on`."""
    raw: bool = False
    """Prompts are raw text: the data has no turns."""


def find_models(
    settings: Settings, job_id: str, with_jobs: Sequence[str], jobs: Sequence[Summary], most: int
) -> Models:
    """Look who can answer.

    Args:
        with_jobs: ids of jobs that are to answer beside it.
        jobs: all that are known, newest first.
        most: so many answer at first at most.

    Raises:
        EngineError: the job is gone, or can't be asked for its models.
    """
    own = _refs(settings, job_id)
    base = own[-1]
    base_name = _base_name(settings, job_id)
    answerers = [Answerer(base, f"base · {base_name}", "the base, as it was before training")]
    for ref in own[:-1]:
        about = f"checkpoint, update {ref.label.rpartition('@')[2]}" if "@" in ref.label else "the result"
        answerers.append(Answerer(ref, ref.label, about))
    chosen = answerers[:2]
    summaries = {summary.id: summary for summary in jobs}
    refused = []
    model = summaries[job_id].model if job_id in summaries else None
    others = [one.id for one in jobs if one.model == model and one.state.state == JobState.succeeded]
    for other in dict.fromkeys([*with_jobs, *others[:MOST_OTHERS]]):
        if other == job_id:
            continue
        name = summaries[other].name if other in summaries else other
        try:
            found = _beside(settings, other, base, {one.label for one in answerers})
        except EngineError as error:
            if other in with_jobs:
                refused.append(f"{name} can't answer here: {error.message}")
            continue
        answerers.append(found)
        if other in with_jobs:
            chosen.append(found)
    if len(chosen) > most:
        refused.append(f"At most {most} answer at once; F2 chooses who.")
    rows, rows_are = _rows(settings, job_id)
    return Models(
        tuple(answerers),
        tuple(chosen[:most]),
        base_name,
        tuple(refused),
        base.system or "",
        rows,
        rows_are,
        bool(rows) and isinstance(rows[0].messages, str),
    )


def _beside(settings: Settings, job_id: str, base: ModelRef, taken: set[str]) -> Answerer:
    """Another job's newest model.

    Raises:
        EngineError: it has none, or not on this base.
    """
    refs = _refs(settings, job_id)
    if len(refs) < 2:
        raise EngineError("model_not_found", "it has no result and no checkpoint yet")
    ref = refs[0]
    if ref.base != base.base:
        raise EngineError("unsupported", f"its base is another one ({_base_name(settings, job_id)})")
    # One process serves both: by what and where it was trained doesn't matter for answers.
    ref = replace(ref, python=base.python, environment=base.environment)
    if base_key(replace(ref, load=base.load, device=base.device)) != base_key(base):
        raise EngineError("unsupported", "it was trained with another chat template")
    if base_key(ref) != base_key(base):
        raise EngineError("unsupported", f"it holds the base as {ref.load} on {ref.device}, this one doesn't")
    if ref.label in taken:
        ref = replace(ref, label=f"{ref.label} ({job_id})")
    return Answerer(ref, ref.label, "another job's")


def _refs(settings: Settings, job_id: str) -> list[ModelRef]:
    job = Job(settings.home, job_id)
    try:
        return find_engine(job.state().engine, settings).models(job)
    except FileNotFoundError as error:
        raise EngineError("files", "the job is no longer there", "") from error
    except (OSError, ValueError, KeyError, msgspec.MsgspecError) as error:
        raise EngineError("files", f"what the job is can't be read: {error}", "") from error


def _base_name(settings: Settings, job_id: str) -> str:
    """The last part of what was asked for: a folder in the hub's cache is named by a hash."""
    try:
        return str(Job(settings.home, job_id).plan()["model"]["name"]).rstrip("/").rpartition("/")[2]
    except (OSError, ValueError, KeyError, TypeError, msgspec.MsgspecError):
        return "?"


def _rows(settings: Settings, job_id: str) -> tuple[tuple[Question, ...], str]:
    try:
        data = Job(settings.home, job_id).plan()["data"]
    except (OSError, ValueError, KeyError, msgspec.MsgspecError):
        return (), ""
    for part, words in (("valid", "held-out"), ("train", "trained-on")):
        named = data.get(part)
        if not named or "path" not in named:
            continue
        path = Path(named["path"])
        if not path.exists():  # the home was moved
            path = settings.home.data / path.name
        try:
            rows = read_questions(path, MOST_ROWS)
        except (OSError, KeyError, TypeError):
            continue
        if rows:
            return tuple(rows), words
    return (), ""

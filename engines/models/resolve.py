"""MODEL on a command line: a job, its base or a checkpoint, a folder, a hub id: to something that answers."""

from __future__ import annotations

from pathlib import Path

from ..engine import EngineError, ModelRef, find_engine
from ..interpreter import choose
from ..job import Job
from ..settings import Settings
from ..store import JobNotFound, Store
from . import weights


def resolve(name: str, settings: Settings) -> ModelRef:
    """What a name means.

    Args:
        name: `JOB`, `JOB@base`, `JOB@STEP`, `JOB@best` (JOB: an id, unique prefix, name or `last`), a folder
            with weights, or a hub id that lies in the cache.

    Raises:
        EngineError: it means nothing that can answer; what was tried is said.
    """
    job_name, at, part = name.rpartition("@") if "@" in name else (name, "", "")
    store = Store(settings.home)
    try:
        return _of_job(store.find(job_name), part if at else "", settings)
    except JobNotFound as error:
        not_a_job = str(error)
    try:
        model = weights.find(name)
    except weights.ModelNotFound as error:
        raise EngineError(
            "model_not_found", f"{not_a_job}; as a model: {error}", "`finetui jobs` lists jobs"
        ) from error
    if model is None:
        way = "a hub id must lie in the cache; fetch it with `hf download`"
        raise EngineError("model_not_found", f"{not_a_job}; and no model {name} in the hub's cache", way)
    # As stored: nothing is known of how it should be held.
    python = choose(settings, None, "lora")
    return ModelRef(label=name, base=str(model.path), revision=model.revision, load="lora", python=python)


def _of_job(job: Job, part: str, settings: Settings) -> ModelRef:
    state = job.state()
    engine = find_engine(state.engine, settings)
    refs = engine.models(job)
    name = job.spec()["name"]
    wanted = f"{name}@{part}" if part else name
    if part == "best":
        points = [point for point in job.checkpoints() if point.eval_loss is not None]
        if points:
            wanted = f"{name}@{min(points, key=lambda point: point.eval_loss or 0).step}"
    for ref in refs:
        if ref.label == wanted:
            return ref
    known = ", ".join(ref.label for ref in refs)
    if not part and not Path(job.paths.result).is_dir():
        message = f"job {job.id} has no result yet: it is {state.state}"
        raise EngineError("model_not_found", message, f"what it has: {known}")
    raise EngineError("model_not_found", f"job {job.id} has no {wanted}", f"what it has: {known}")

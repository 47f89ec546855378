"""This machine: finetui's own trainer, which reads every form of rows with one answer.

What a model's chat template refuses is told by the counter, which renders each row with it. Preferences and
judged answers are read, but this version trains on answers only.
"""

from __future__ import annotations

from collections.abc import Iterator

from ...defaults import Facts, resolve
from ...engine import EngineError
from ...spec import JobSpec
from ..checks.table import found
from ..formats.registry import FORMATS
from ..problem import Problem
from ..tokens.cost import Schedule
from ..tokens.counter import Counter
from .target import FileFacts, Target

_REFUSED = {"preference": "preference-data", "openai-preference": "preference-data", "kto": "kto-data"}


def _check_file(facts: FileFacts) -> Iterator[Problem]:
    if facts.format in _REFUSED:
        yield found(_REFUSED[facts.format], str(facts.path))


def _counter(model: str | None, max_length: int | None) -> Counter | None:
    if model is None:
        return None
    # On first use: it brings jobs and models along.
    from ..tokens.model import model_counter

    counter = model_counter(model, max_length=max_length)
    if counter is None:
        advice = "give a folder, or check without --model: a job that trains it fetches it"
        raise EngineError("model_not_found", f"{model} is not on this machine", advice)
    return counter


def _schedule(rows: int) -> Schedule:
    values = resolve(JobSpec(), Facts(rows, None, "cuda"))
    epochs = values["epochs"]
    return Schedule(epochs.value, epochs.value, epochs.value, values["batch_size"].value, epochs.reason)


LOCAL = Target(
    name="local",
    title="This machine",
    formats=frozenset(FORMATS) - _REFUSED.keys(),
    check_row=lambda value, body, faults: None,
    check_file=_check_file,
    max_tokens=None,
    counter=_counter,
    schedule=_schedule,
)

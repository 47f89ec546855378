"""The one plain line of what will happen when a job starts."""

from __future__ import annotations

import math
from pathlib import Path

from ..engine import Plan
from ..spec import JobSpec
from ..text import one_line


def sentence(spec: JobSpec, plan: Plan) -> str:
    """Method, model, place, rows, updates, learning rate and on a GPU memory, as the plan has them."""
    document, values = plan.document, plan.values
    rows, batch = document["data"]["train"]["rows"], values["batch_size"].value
    if values["max_steps"].value:
        much = _count(values["max_steps"].value, "update")
    else:
        epochs = values["epochs"].value
        updates = max(1, round(math.ceil(rows / batch) * epochs))
        much = f"{epochs:g} {'epoch' if epochs == 1 else 'epochs'}, about {_count(updates, 'update')}"
    least = document["estimate"]["at_least_bytes"]
    memory = f", needs at least {_size(least)} (weights alone)" if least else ", memory not estimated yet"
    if document["device"] == "cpu":
        memory = ""  # a machine's memory is rarely what is short
    where = {"cpu": "the CPU", "cuda": "a GPU"}[document["device"]]
    valid = document["data"]["valid"]
    held = f"{valid['rows']:,} held out" if valid else "none held out"
    dropped = document["data"]["dropped_rows"]
    left_out = f", {dropped:,} left out" if dropped else ""
    what = f"{document['method']} of {one_line(Path(spec.model).name)} on {where}"
    rate = f"learning rate {values['learning_rate'].value:g}"
    data = f"{_count(rows, 'row')} ({held}{left_out})"
    return f"{what}: {data}, {much} of {_count(batch, 'row')}, {rate}{memory}"


def _count(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def _size(count: float) -> str:
    return f"{count / 2**30:.1f} GiB" if count >= 2**30 else f"{count / 2**20:.0f} MiB"

"""Rows as a model will see them: the trainer's `preview` verb, kept running while rows are looked at."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...job import Job
from ...models import weights
from ...records import UNREADABLE
from .verb import RowVerb

UNTRAINED = -100
"""The label of a token that is not trained (docs/job.md)."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token's text. `special`: it stands for itself in the vocabulary and not for its characters."""

    text: str
    trained: bool
    special: bool


@dataclass(frozen=True, slots=True)
class Rendered:
    """A row as it will be trained, or why it can't be.

    Args:
        tokens: in their order; empty where there is an error.
        ends: whether the last trained token ends the answer: without it the model never stops.
        begins: how many begin tokens it has; most models were trained with one.
        error: in words; None where all is well.
    """

    tokens: tuple[Token, ...] = ()
    ends: bool = False
    begins: int = 0
    error: str | None = None

    @property
    def trained(self) -> int:
        """How many tokens are trained."""
        return sum(token.trained for token in self.tokens)


@dataclass(frozen=True, slots=True)
class PreviewModel:
    """Whose tokenizer and template are used.

    Args:
        name: as it was asked for.
        path: its folder on this machine.
        template: a chat template's text; None: the tokenizer's own.
        remote_code: whether the user allowed the model's own code.
    """

    name: str
    path: Path
    template: str | None = None
    remote_code: bool = False


def model_of_job(job: Job) -> PreviewModel | None:
    """The model of a job with the template that it trained with; None where its weights are not here."""
    try:
        plan = job.plan()
        model = plan["model"]
        name, path = str(model["name"]), model.get("path")
        template = (plan.get("template") or {}).get("text")
        here = Path(path) if path else None
        if here is None and (found := weights.find(name, model.get("revision"))):
            here = found.path
        if here is None or not here.is_dir():
            return None
        return PreviewModel(name, here, template, bool(model.get("remote_code")))
    except (OSError, LookupError, TypeError, AttributeError, weights.ModelNotFound, *UNREADABLE):
        return None  # removed, damaged, or of a version that we don't know


def model_named(name: str) -> PreviewModel | None:
    """A folder, or a hub id in the cache; None where that is not on this machine.

    Raises:
        ModelNotFound: a folder that isn't there or holds no model, or a name that is neither.
    """
    found = weights.find(name)
    return PreviewModel(name, found.path) if found else None


class Preview:
    """Renders rows for one model, by one process that is kept. `render` in one thread; `close` from any.

    Args:
        python: finds the trainer's interpreter, for a tokenizer that only transformers can make.
    """

    def __init__(self, model: PreviewModel, python: Callable[[], str]) -> None:
        self._verb = RowVerb(model, ["preview", "--data", "-"], python)

    def render(self, rows: Sequence[bytes], on_row: Callable[[int, Rendered], None]) -> bool:
        """Render rows: the first a moment after the start, then some milliseconds each.

        Args:
            rows: canonical lines (`Row.canonical_line`).
            on_row: called with a row's place in `rows` and how it is rendered, as soon as it is.

        Returns:
            Whether all are rendered: not where it was closed meanwhile.

        Raises:
            EngineError: this model can't render, or no interpreter can run.
        """
        places = itertools.count()
        return self._verb.ask(rows, lambda said: on_row(next(places), _rendered(said)))

    def rest(self) -> None:
        """End the process until the next rows."""
        self._verb.rest()

    def close(self) -> None:
        """End it; what was not rendered yet never is."""
        self._verb.close()


def _rendered(said: dict[str, Any]) -> Rendered:
    if "error" in said:
        return Rendered(error=str(said["error"]))
    special = frozenset(said.get("special", ()))
    tokens = tuple(
        Token(text, label != UNTRAINED, place in special)
        for place, (text, label) in enumerate(zip(said["texts"], said["labels"], strict=True))
    )
    return Rendered(tokens, bool(said["ends"]), int(said["begins"]))

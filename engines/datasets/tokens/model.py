"""Tokens by a model's own tokenizer and chat template, exactly as its training makes them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import msgspec

from ...engine import EngineError
from ...models.weights import ModelNotFound
from ...settings import Settings, SettingsError
from ...store import JobNotFound, Store
from ..formats.form import Body
from ..read import Row
from .counter import Counted
from .preview import PreviewModel, model_named, model_of_job
from .verb import RowVerb, trainer_python


class ModelCounter:
    """Implements `Counter`. Each instance has a process of its own, from the first row on.

    Args:
        python: finds the trainer's interpreter, for a tokenizer that only transformers can make.
        max_length: tokens beyond which trained ones are lost; None: none are.
    """

    exact = True
    basis = "The model's own tokenizer and chat template, by the program that trains it."

    def __init__(self, model: PreviewModel, python: Callable[[], str], max_length: int | None = None) -> None:
        self.name = model.name
        more = [] if max_length is None else ["--max-length", str(max_length)]
        self._verb = RowVerb(model, ["tokens", *more], python)

    def count(self, rows: Sequence[Row]) -> list[Counted]:
        """See `Counter.count`."""
        lines: list[bytes] = []
        shares: list[int] = []
        for row in rows:
            parts = list(_trained_as(row))
            lines += parts
            shares.append(len(parts))
        answers: list[Counted] = []
        if not self._verb.ask(lines, lambda said: answers.append(counted(said))):
            raise EngineError("killed", "the count was ended", "")
        found = iter(answers)
        return [_together([next(found) for _ in range(share)]) for share in shares]

    def close(self) -> None:
        """Its process ends, also while it counts."""
        self._verb.close()


def model_counter(
    name: str, settings: Settings | None = None, max_length: int | None = None
) -> ModelCounter | None:
    """What counts a model's tokens.

    Args:
        name: a job (its model with the template that it trained with), a folder, or a hub id that lies in
            the cache.
        settings: None reads them.
        max_length: tokens beyond which trained ones are lost; None: none are.

    Returns:
        None where the model is not on this machine.

    Raises:
        EngineError: a folder that holds no model, or a name that is nothing of all this.
    """
    try:
        settings = settings or Settings.load()
    except SettingsError as error:
        raise EngineError("data", str(error), "correct the settings") from error
    model = token_model(name, settings)
    return None if model is None else ModelCounter(model, trainer_python(settings), max_length)


def token_model(name: str, settings: Settings) -> PreviewModel | None:
    """Whose tokenizer a name means; arguments, returns and errors as `model_counter`."""
    with contextlib.suppress(JobNotFound):
        return model_of_job(Store(settings.home).find(name))
    try:
        return model_named(name)
    except ModelNotFound as error:
        way = "give a job, a folder with a model, or a hub id such as organisation/name"
        raise EngineError("model_not_found", str(error), way) from error


def counted(said: dict[str, Any]) -> Counted:
    """What the `tokens` verb says of a row (docs/job.md)."""
    if "error" in said:
        return Counted(0, 0, error=str(said["error"]))
    return Counted(said["tokens"], said["trained_tokens"], bool(said["ends"]), said["begins"], said["lost"])


def _trained_as(row: Row) -> Iterator[bytes]:
    """The canonical lines that training makes of a row: of a preference both answers behind the prompt."""
    body = row.body
    if "label" in body:
        yield _line({key: value for key, value in body.items() if key != "label"}, row)
    elif "chosen" not in body:
        yield row.canonical_line
    else:
        tools = {"tools": body["tools"]} if "tools" in body else {}
        # Answers that stand in the prompt are not trained.
        asked = [
            {**turn, "train": False} if turn["role"] == "assistant" else turn
            for turn in body.get("messages", ())
        ]
        for answer in (body["chosen"], body["rejected"]):
            if "messages" in body:
                yield _line({"messages": asked + answer, **tools}, row)
            else:
                yield _line({"prompt": body["prompt"], "completion": answer}, row)


def _line(body: Body, row: Row) -> bytes:
    return msgspec.json.encode({**body, "source": {"file": row.file, "line": row.line}})


def _together(parts: list[Counted]) -> Counted:
    if len(parts) == 1:
        return parts[0]
    if error := next((part.error for part in parts if part.error is not None), None):
        return Counted(0, 0, error=error)
    return Counted(
        sum(part.tokens for part in parts),
        sum(part.trained for part in parts),
        all(part.ends for part in parts),
        max(part.begins or 0 for part in parts),
        sum(part.lost for part in parts),
    )

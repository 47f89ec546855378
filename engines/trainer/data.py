"""Canonical rows on disk become tokens in memory, and what that does to them is counted."""

from __future__ import annotations

import json
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .failures import Failure
from .render import UNTRAINED, Rendered, Renderer, RowError


@dataclass(frozen=True)
class Row:
    """A rendered row; four bytes a token, since a data set has millions."""

    ids: array[int]
    labels: array[int]
    number: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def trained(self) -> int:
        return sum(label != UNTRAINED for label in self.labels[1:])


@dataclass(frozen=True)
class Rows:
    """A file's rows, rendered.

    Attributes:
        rows: what is left to train or to evaluate.
        dropped: rows left out because they are longer than max_length.
        cut: rows cut to max_length.
        endless: rows whose trained tokens do not end with an end token.
    """

    rows: list[Row]
    dropped: int
    cut: int
    endless: int

    def counts(self) -> dict[str, Any]:
        """For environment.jsonl."""
        tokens = sum(len(row) for row in self.rows)
        trained = sum(row.trained for row in self.rows)
        return {
            "rows": len(self.rows),
            "dropped": self.dropped,
            "cut": self.cut,
            "without_end_token": self.endless,
            "tokens": tokens,
            "trained_tokens": trained,
            "trained_share": trained / tokens if tokens else 0.0,
        }


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Number (from 0) and content of each canonical row of a file."""
    try:
        with path.open(encoding="utf-8") as file:
            for number, line in enumerate(file):
                yield number, json.loads(line)
    except OSError as error:
        advice = "Check the disk, or create the job again from its data."
        raise Failure("data", f"The job's data cannot be read: {error}", advice) from error
    except ValueError as error:
        raise Failure("data", f"{path} is damaged: {error}", "Create the job again from its data.") from error


def place(row: dict[str, Any]) -> str:
    """Where a row came from: the user's own file and line."""
    source = row.get("source") or {}
    return f"{source.get('file', 'a row')}, line {source.get('line', '?')}"


def render_file(path: Path, renderer: Renderer, on_row: Callable[[int], None]) -> Rows:
    """Render all rows of a file, whatever their length.

    Args:
        on_row: called with the number of rows done, after each.

    Raises:
        Failure: a row cannot be trained (the message names the user's file and line), or none has an end.
    """
    rows: list[Row] = []
    endless = 0
    for number, row in read_rows(path):
        try:
            rendered = renderer.row(row)
        except RowError as error:
            advice = "Correct or remove the row; `finetui check` finds all such rows at once."
            raise Failure("data", f"{place(row)}: {error}", advice) from error
        except Failure as failure:
            raise Failure(failure.reason, f"{place(row)}: {failure.message}", failure.advice) from failure
        rows.append(Row(array("i", rendered.ids), array("i", rendered.labels), number))
        endless += not renderer.ends(rendered)
        on_row(number + 1)
    if not rows:
        raise Failure("data", f"{path} has no rows", "Give the job data.")
    if endless == len(rows):
        raise Failure(
            "data",
            "In no row do the trained tokens end with an end token: the model would never learn to stop.",
            "Choose a chat template that ends the assistant's turn with the tokenizer's end token.",
        )
    return Rows(rows, 0, 0, endless)


def fit(rendered: Rows, max_length: int, overlong: str, renderer: Renderer) -> Rows:
    """The rows with none longer than `max_length` tokens: longer ones are dropped, or cut.

    A cut answer teaches never to stop, so cutting is only done when it was asked for; a row in which
    nothing trained is left after the cut is dropped.
    """
    kept: list[Row] = []
    dropped = cut = endless = 0
    for row in rendered.rows:
        if len(row) > max_length:
            shorter = Row(row.ids[:max_length], row.labels[:max_length], row.number)
            if overlong == "drop" or not shorter.trained:
                dropped += 1
                continue
            row, cut = shorter, cut + 1
        kept.append(row)
        endless += not renderer.ends(Rendered(list(row.ids), list(row.labels)))
    return Rows(kept, dropped, cut, endless)

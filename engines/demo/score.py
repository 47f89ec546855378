"""Scores answers of the demonstration: exact or not."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Score:
    """How many of `rows` answers are exact, and how many are valid JSON at all."""

    rows: int
    exact: int
    json: int

    @property
    def accuracy(self) -> float:
        """Share of exact answers, 0 to 1; 0 without rows."""
        return self.exact / self.rows if self.rows else 0.0


def _parsed(text: str) -> Any:
    """The JSON value in `text`, or None: also for JSON's own null, which no row expects."""
    try:
        return json.loads(text)
    except ValueError:
        return None


def exact(answer: str, expected: str) -> bool:
    """Whether the answer is the expected JSON object: the same keys and values, in any order and spacing.

    Text before or after the object makes an answer wrong, and so does 4 written as "4".
    """
    value = _parsed(answer)
    return value is not None and value == _parsed(expected)


def score(rows: Sequence[dict[str, Any]], answers: Sequence[str]) -> Score:
    """Scores one answer a row.

    Args:
        rows: in messages format; the last message is what is expected.
        answers: what a model said, in the rows' order.

    Raises:
        ValueError: when the numbers of rows and answers differ.
    """
    pairs = [(answer, row["messages"][-1]["content"]) for row, answer in zip(rows, answers, strict=True)]
    return Score(
        rows=len(pairs),
        exact=sum(exact(answer, expected) for answer, expected in pairs),
        json=sum(_parsed(answer) is not None for answer, _ in pairs),
    )

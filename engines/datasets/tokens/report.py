"""The tokens of a file: how many, how they are spread over its rows, what is lost, what they cost."""

from __future__ import annotations

from collections import Counter as Lengths
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from .cost import Cost, Price, Schedule, cost
from .counter import Counter
from .histogram import Histogram, histogram


@dataclass(frozen=True, slots=True)
class TokenReport:
    """The tokens of a file's usable rows.

    Args:
        tokenizer: what counted.
        exact: whether the target counts the same; else it is an estimate.
        basis: the rule's source, or what is estimated.
        lost_tokens: trained tokens beyond the target's greatest length.
        max_tokens: that length; None where there is none.
        rows_over: rows that are longer.
        billed_tokens: of one epoch: of each row at most the greatest length.
        histogram: of the rows' lengths.
        updates: how many the target makes of these rows; None where that is not known.
        cost: None where nothing is paid, or no price is known.
    """

    tokenizer: str
    exact: bool
    basis: str
    tokens: int
    trained_tokens: int
    lost_tokens: int
    max_tokens: int | None
    rows_over: int
    billed_tokens: int
    histogram: Histogram
    updates: int | None = None
    cost: Cost | None = None

    @property
    def lost_share(self) -> float:
        """Of the trained tokens, those that are lost."""
        return self.lost_tokens / self.trained_tokens if self.trained_tokens else 0.0

    def to_json(self) -> dict[str, Any]:
        """What `check --json` prints of it."""
        return msgspec.to_builtins(self)

    @classmethod
    def from_json(cls, value: object) -> TokenReport:
        """The contrary.

        Raises:
            msgspec.ValidationError: it is something else.
        """
        return msgspec.convert(value, cls)


def token_report(
    counter: Counter,
    tokens: Iterable[int] | Mapping[int, int],
    trained_tokens: int,
    lost_tokens: int = 0,
    estimated_rows: int = 0,
    max_tokens: int | None = None,
    schedule: Schedule | None = None,
    price: Price | None = None,
) -> TokenReport:
    """Reports what a counter counted.

    Args:
        tokens: of each usable row; or lengths, each with how many rows have it.
        trained_tokens: of all rows together.
        lost_tokens: likewise.
        estimated_rows: rows with something that the counter can only estimate.
        max_tokens: a row's greatest length at the target.
        schedule: how the target trains so many rows.
        price: of the model's training tokens.
    """
    lengths = Lengths(tokens)
    rows = lengths.total()
    limit = max(lengths, default=0) if max_tokens is None else max_tokens
    total = sum(length * many for length, many in lengths.items())
    billed = sum(min(length, limit) * many for length, many in lengths.items())
    over = sum(many for length, many in lengths.items() if length > limit)
    basis = counter.basis
    if estimated_rows and counter.exact:
        have = "1 row has" if estimated_rows == 1 else f"{estimated_rows:,} rows have"
        basis = (
            f"{basis} {have} tools, tool calls or two answers, for which no rule is published: an estimate."
        )
    return TokenReport(
        counter.name,
        counter.exact and not estimated_rows,
        basis,
        total,
        trained_tokens,
        lost_tokens,
        max_tokens,
        over,
        billed,
        histogram(lengths),
        schedule.updates(rows) if schedule and rows else None,
        cost(billed, schedule, price) if schedule and price and rows else None,
    )

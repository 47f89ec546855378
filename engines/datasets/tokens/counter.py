"""What counts tokens: of rows, in pieces, by one tokenizer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from ..read import Row


class Counted(msgspec.Struct, frozen=True):
    """The tokens of a row.

    Args:
        tokens: all that the model reads.
        trained: those that it learns to write.
        ends: whether the last trained token ends the answer; None where that is not known.
        begins: how many begin tokens the row has; None where that is not known.
        lost: of the trained tokens, those beyond the greatest length.
        error: why the row can't be rendered, in words; None where all is well.
        estimated: whether the row has something that the counter can only estimate, though it is exact for
            others.
    """

    tokens: int
    trained: int
    ends: bool | None = None
    begins: int | None = None
    lost: int = 0
    error: str | None = None
    estimated: bool = False


class Counter(Protocol):
    """Counts rows for one target. Made in the process that uses it; `close` ends what it started.

    Attributes:
        name: of the tokenizer, as a report names it (`o200k_base`, a model's name).
        exact: whether the target counts the same.
        basis: where the rule comes from, or what is estimated, in one sentence.
    """

    name: str
    exact: bool
    basis: str

    def count(self, rows: Sequence[Row]) -> list[Counted]:
        """The tokens of rows, in their order.

        Raises:
            EngineError: nothing can be counted (a broken tokenizer, a missing package).
        """
        ...

    def close(self) -> None:
        """Nothing is counted any more."""
        ...

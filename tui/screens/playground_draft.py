"""What Enter would ask in the playground: a row of the data, or what was typed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from weakref import WeakKeyDictionary

from textual.app import App

from ...engines.datasets.viewing.question import Question
from ...engines.models.chat import Sampling
from ..looks.models import Models
from ..panes.wording import plural


@dataclass
class Draft:
    """What the prompt was filled from: that itself is sent, also where no screen can show all of it."""

    basis: Question | None = None
    row: int | None = None
    """The row that is in the prompt, changed or not; None where it is none."""
    _shown: str = ""
    _last: int | None = None
    """The row that was stepped to last."""

    def fill(self, question: Question, shown: str, row: int | None = None) -> None:
        """The prompt has this now; `shown`: as its field shows it."""
        self.basis, self._shown, self.row = question, shown, row
        if row is not None:
            self._last = row

    def empty(self) -> None:
        """The prompt is empty now; where one is among the rows stays."""
        self.basis = self.row = None

    def step(self, by: int, count: int) -> int | None:
        """The row `by` rows on, of so many; None where there is no such row."""
        row = (0 if by > 0 else count - 1) if self._last is None else self._last + by
        return row if 0 <= row < count else None

    def question(self, text: str, *, raw: bool) -> Question | None:
        """What is asked with this text in the prompt; None where there is nothing."""
        if not text.strip():
            return None
        if self.basis is not None:
            return self.basis if text == self._shown else self.basis.with_text(text)
        return Question(text) if raw else Question([{"role": "user", "content": text}])


@dataclass(frozen=True)
class Left:
    """What was left in a job's playground and is there again while the app runs.

    Args:
        prompt: as its field showed it.
        system: None: the one that the data has.
        with_jobs: whose jobs answered beside it.
        labels: who answered; empty: who answers by default.
    """

    prompt: str = ""
    draft: Draft = field(default_factory=Draft)
    sampling: Sampling = field(default_factory=Sampling)
    system: str | None = None
    with_jobs: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


left_by_job: WeakKeyDictionary[App[Any], dict[str, Left]] = WeakKeyDictionary()
"""By the app and the jobs' ids; it is not written anywhere."""


def place_of(models: Models | None, row: int | None, question: Question | None) -> list[str]:
    """Which row of the data a question is, and how many turns it has before it."""
    parts: list[str] = []
    if row is not None and models is not None:
        place = f"{models.rows_are} row {row + 1:,} of {len(models.rows):,}"
        parts.append(place + (" (no rows are held out)" if models.rows_are == "trained-on" else ""))
    if question is not None and not isinstance(question.messages, str):
        turns = [turn for turn in question.messages if turn["role"] != "system"]
        if len(turns) > 1:
            parts.append(f"after {plural(len(turns) - 1, 'earlier turn')}")
    return parts

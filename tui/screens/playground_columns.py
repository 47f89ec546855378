"""The playground's columns: those that answer, beside each other as far as the width allows."""

from __future__ import annotations

from collections.abc import Sequence

from textual.containers import Container

from ...engines.models.talk import Reply, Talk
from ..looks.models import Answerer
from ..widgets.answer import Answer

COMFORTABLE, NARROWEST = 40, 28
"""Cells of a column from which on all stand beside each other, and two at least."""


class Columns(Container):
    """An `Answer` for each that was chosen."""

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.chosen: tuple[Answerer, ...] = ()
        self._columns: list[Answer] = []

    def choose(self, chosen: tuple[Answerer, ...]) -> None:
        """These answer now."""
        if chosen == self.chosen:
            return
        self.chosen = chosen
        self.remove_children()
        self._columns = [Answer(one.title) for one in chosen]
        self.mount_all(self._columns)
        self.fit()

    def fit(self) -> None:
        """Fit the columns to the terminal's width."""
        count, width = len(self.chosen), self.app.size.width
        if not count:
            return
        beside = count if width >= count * COMFORTABLE else min(count, max(width // NARROWEST, 1), 2)
        self.styles.grid_size_columns = beside
        for column in self._columns:
            column.styles.column_span = 1
        if beside == 2 and count == 3:
            self._columns[-1].styles.column_span = 2

    def show(self, replies: Sequence[Reply], talk: Talk, expected: str | None) -> None:
        """
        Args:
            replies: what they say; those of others are left out.
            talk: has the processes that answer.
            expected: the answer that the data has, where it has one.
        """
        said = {reply.ref.label: reply for reply in replies}
        for one, column in zip(self.chosen, self._columns, strict=True):
            column.show(said.get(one.label), talk.base(one.ref), expected)

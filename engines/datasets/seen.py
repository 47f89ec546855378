"""What is kept of each row until all are seen: a few numbers, for what only a look at all rows shows."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from .checks.table import found
from .keys import Keys
from .problem import Problem


class Seen:
    """The rows of one file, or of a block of it, in their order."""

    def __init__(self) -> None:
        self.lines = array("I")
        self.rows = array("Q")

    def add(self, line: int, keys: Keys) -> None:
        """One row more."""
        self.lines.append(line)
        self.rows.append(keys.row)

    def extend(self, later: Seen) -> None:
        """The rows that follow those that are here."""
        self.lines.extend(later.lines)
        self.rows.extend(later.rows)

    def problems(self, path: str) -> Iterator[Problem]:
        """What is wrong with the rows of a file as a whole. Called once, when all are seen."""
        first: dict[int, int] = {}
        for line, row in zip(self.lines, self.rows, strict=True):
            if (before := first.setdefault(row, line)) != line:
                yield found("duplicate", path, line, first=before)

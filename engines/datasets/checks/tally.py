"""Problems counted by check, with the first few of each kept: a file may have a million."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from ..problem import Problem, Severity
from .table import CHECKS, Placed, found

MOST_NOTES = 8
"""Different notes of one check that are kept for a file, whatever the limit of examples: rows may have
thousands of keys that are not used."""


class Tally:
    """What was found, bounded.

    Args:
        limit_examples: how many of each check are kept for a file; None keeps all.
    """

    def __init__(self, limit_examples: int | None = 3) -> None:
        self._limit = limit_examples
        self._kept: list[Problem] = []
        self._met: Counter[tuple[str | None, str]] = Counter()
        self.counts: Counter[str] = Counter()

    def add(self, problem: Problem) -> None:
        """Counts a problem, and keeps it while its file has room; the same note is kept once a file."""
        self.counts[problem.id] += 1
        self._keep(problem)

    def add_all(self, problems: Iterable[Problem]) -> None:
        """Counts many."""
        for problem in problems:
            self.add(problem)

    def add_faults(self, path: str, faults: Iterable[Placed]) -> None:
        """Counts many, and makes words of those alone that are kept."""
        for line, fault in faults:
            self.counts[fault.check] += 1
            if self._has_room(path, fault.check):
                self._keep(found(fault.check, path, line, **fault.values))

    def _has_room(self, path: str, check: str) -> bool:
        note = CHECKS[check].severity == "note"  # those are told apart by their words
        return note or self._limit is None or self._met[path, check] < self._limit

    def merge(self, later: Tally) -> None:
        """Takes over what was found behind everything that is here, under the same limit."""
        self.counts.update(later.counts)
        for problem in later._kept:
            self._keep(problem)

    def _keep(self, problem: Problem) -> None:
        here = problem.path, problem.id
        if problem.severity != "note":
            self._met[here] += 1
            if self._limit is None or self._met[here] <= self._limit:
                self._kept.append(problem)
        elif (self._limit is None or self._met[here] < max(self._limit, MOST_NOTES)) and not self._met[
            problem.path, problem.message
        ]:
            self._met[here] += 1
            self._met[problem.path, problem.message] = 1
            self._kept.append(problem)

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Those that were kept: errors first, then warnings, then notes, each in the order of the file."""
        order: dict[Severity, int] = {"error": 0, "warning": 1, "note": 2}
        return tuple(sorted(self._kept, key=lambda problem: (order[problem.severity], problem.line or 0)))

    def count(self, severity: Severity) -> int:
        """How many problems of a severity were met, kept or not."""
        return sum(count for check, count in self.counts.items() if CHECKS[check].severity == severity)

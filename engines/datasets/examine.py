"""Looks at blocks of rows: the form, what they teach, the target's rules, their tokens.

A line that was met before is not looked at again: sets in which rows are repeated are common, and what is
found in a row depends on nothing but the row.
"""

from __future__ import annotations

import dataclasses
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from .checks.table import Faults, found
from .keys import Keys, keys_of
from .problem import Problem
from .read import Dataset, Row, counts_as_row
from .seen import Seen
from .sources.source import Block, line_value
from .tally import Tally
from .targets.target import Target
from .tokens.counter import Counted, Counter

MOST_REMEMBERED_BYTES = 8 << 20
"""Of lines that are known by heart."""


class Lengths:
    """The tokens of rows, in their order."""

    def __init__(self) -> None:
        self.tokens = array("I")
        self.trained = array("I")
        self.lost = 0
        self.estimated = 0

    def add(self, counted: Counted) -> None:
        """One row more."""
        self.tokens.append(counted.tokens)
        self.trained.append(counted.trained)
        self.lost += counted.lost
        self.estimated += counted.estimated

    def extend(self, later: Lengths) -> None:
        """The rows that follow those that are here."""
        self.tokens.extend(later.tokens)
        self.trained.extend(later.trained)
        self.lost += later.lost
        self.estimated += later.estimated


@dataclass
class Findings:
    """What was found in some rows. `merge` puts those of blocks together, in the order of the file."""

    tally: Tally
    rows: int = 0
    usable_rows: int = 0
    seen: Seen = field(default_factory=Seen)
    lengths: Lengths = field(default_factory=Lengths)

    def merge(self, later: Findings) -> None:
        self.tally.merge(later.tally)
        self.rows += later.rows
        self.usable_rows += later.usable_rows
        self.seen.extend(later.seen)
        self.lengths.extend(later.lengths)


@dataclass(slots=True)
class _Line:
    """What one line is, wherever it stands.

    Args:
        row: until everything is known of it; then only the rest is kept.
    """

    is_row: bool
    problems: tuple[Problem, ...]
    row: Row | None = None
    keys: Keys | None = None
    counted: Counted | None = None

    @property
    def usable(self) -> bool:
        return self.keys is not None and (self.counted is None or self.counted.error is None)


class Examiner:
    """Looks at the rows of one file, block by block.

    Args:
        target: whose rules count; None for those of all.
        counter: counts tokens; None counts none.
        max_length: a row's greatest length in tokens.
        limit_examples: see `Tally`.
    """

    def __init__(
        self,
        dataset: Dataset,
        target: Target | None = None,
        counter: Counter | None = None,
        max_length: int | None = None,
        limit_examples: int | None = 3,
    ) -> None:
        self._dataset, self._counter, self._max_length = dataset, counter, max_length
        # A form that the target does not take is said once, of the file: no row could be right.
        form = dataset.format.name if dataset.format else None
        self._rules = target if target is not None and form in target.formats else None
        self._limit = limit_examples
        self._known: dict[bytes, _Line] = {}
        self._known_bytes = 0
        self._said = False

    def close(self) -> None:
        """Nothing is looked at any more."""
        if self._counter is not None:
            self._counter.close()

    def examine(self, block: Block) -> Findings:
        """Everything that is found in a block.

        Raises:
            EngineError: its tokens can't be counted.
        """
        findings = Findings(Tally(self._limit))
        lines = block.lines.split(b"\n") if block.lines else []
        looked = [self._line(content, line) for content, line in zip(lines, block.places, strict=False)]
        self._count(looked)
        for line, one in zip(block.places, looked, strict=True):
            findings.rows += one.is_row
            for problem in one.problems:
                here = problem if problem.line == line else dataclasses.replace(problem, line=line)
                findings.tally.add(here)
            if one.keys is None or not one.usable:
                continue
            findings.usable_rows += 1
            findings.seen.add(line, one.row, one.keys)
            one.row = None
            if one.counted is not None:
                findings.lengths.add(one.counted)
        for problem in block.problems:
            findings.rows += counts_as_row(problem)
            findings.tally.add(problem)
        return findings

    def _line(self, content: bytes, line: int) -> _Line:
        if line > 1 and (known := self._known.get(content)) is not None:
            return known
        raw = line_value(content, line, str(self._dataset.path))
        if raw.problem is not None:
            return _Line(counts_as_row(raw.problem), (raw.problem,))
        if self._dataset.format is None and self._said:
            return _Line(True, ())  # said once: it is the same for all rows
        self._said = True
        record = self._dataset.record(raw.value, line)
        row, problems = record.row, record.problems
        if row is not None and self._rules is not None and isinstance(raw.value, dict):
            problems, usable = self._by_target(raw.value, row, line, problems, self._rules)
            row = row if usable else None
        one = _Line(record.is_row, problems, row, keys_of(row) if row is not None else None)
        if self._known_bytes < MOST_REMEMBERED_BYTES:
            self._known[content] = one
            self._known_bytes += len(content)
        return one

    def _by_target(
        self, value: Mapping[str, Any], row: Row, line: int, problems: tuple[Problem, ...], target: Target
    ) -> tuple[tuple[Problem, ...], bool]:
        faults = Faults()
        target.check_row(value, row.body, faults)
        path = str(self._dataset.path)
        said = tuple(found(fault.check, path, line, **fault.values) for fault in faults)
        return problems + said, not faults.fatal

    def _count(self, looked: list[_Line]) -> None:
        """Counts the tokens of lines that were not counted before, all at once."""
        if self._counter is None:
            return
        new = {id(one): one for one in looked if one.row is not None and one.counted is None}
        rows = [one.row for one in new.values() if one.row is not None]
        if not rows:
            return
        for one, counted in zip(new.values(), self._counter.count(rows), strict=True):
            one.counted = counted
            one.problems += tuple(self._of_tokens(counted, one.row.line if one.row else 1))

    def _of_tokens(self, counted: Counted, line: int) -> Iterator[Problem]:
        path = str(self._dataset.path)
        if counted.error is not None:
            yield found("template-refuses", path, line, reason=counted.error)
            return
        if counted.ends is False:
            yield found("no-end-token", path, line)
        if counted.begins is not None and counted.begins != 1:
            yield found("begin-tokens", path, line, count=counted.begins)
        limit = self._max_length
        if limit is not None and counted.tokens > limit:
            yield found(
                "too-long",
                path,
                line,
                tokens=counted.tokens,
                limit=limit,
                lost=counted.lost,
                of=counted.trained,
            )

"""Looks at blocks of rows: the form, what they teach, the target's rules, their tokens.

A line that was met before is not looked at again: sets in which rows are repeated are common, and what is
found in a row depends on nothing but the row.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from ..checks.table import Faults, found
from ..checks.tally import Tally
from ..checks.words import shown
from ..problem import Problem
from ..read import Dataset, Row, counts_as_row
from ..sets.keys import Keys, keys_of
from ..sets.seen import Seen
from ..sources.json_text import repeated_key
from ..sources.source import Block, line_value
from ..targets.target import Target
from ..tokens.counter import Counted
from ..tokens.counter import Counter as TokenCounter

MOST_REMEMBERED_BYTES = 8 << 20
"""Of lines that are known by heart."""

LEAST_REPEATED = 0.01
"""Of the lines known by heart when they are so many, those that came again; else all are forgotten."""


class Lengths:
    """The tokens of rows: of each length how many rows, for there are far fewer lengths than rows."""

    def __init__(self) -> None:
        self.tokens: Counter[int] = Counter()
        self.trained = 0
        self.lost = 0
        self.estimated = 0

    def add(self, rows: Sequence[Counted]) -> None:
        """Some rows more."""
        self.tokens.update([counted.tokens for counted in rows])
        self.trained += sum([counted.trained for counted in rows])
        self.lost += sum([counted.lost for counted in rows])
        self.estimated += sum([counted.estimated for counted in rows])

    def extend(self, later: Lengths) -> None:
        """Those of other rows."""
        self.tokens.update(later.tokens)
        self.trained += later.trained
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


@dataclass(slots=True, eq=False)
class _Line:
    """What one line is, wherever it stands.

    Args:
        row: until everything is known of it; then only the rest is kept.
        usable: whether it is a row without errors.
    """

    is_row: bool
    problems: tuple[Problem, ...]
    row: Row | None = None
    keys: Keys | None = None
    counted: Counted | None = None
    usable: bool = False


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
        counter: TokenCounter | None = None,
        max_length: int | None = None,
        limit_examples: int | None = 3,
    ) -> None:
        self._dataset, self._counter, self._max_length = dataset, counter, max_length
        # A form that the target does not take is said once, of the file: no row could be right.
        form = dataset.format.name if dataset.format else None
        self._rules = target if target is not None and form in target.formats else None
        self._limit = limit_examples
        self._known: dict[bytes, _Line] = {}
        self._known_bytes = self._repeats = 0
        self._said = False
        self._path = str(dataset.path)

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
        places = block.places
        contents = block.lines.split(b"\n")[: len(places)]
        looked = [self._known.get(content) for content in contents]
        self._repeats += len(looked) - looked.count(None)
        new: list[tuple[int, _Line]] = []
        for place, one in enumerate(looked):
            if one is None or places[place] == 1:  # the first line may begin with a byte order mark
                looked[place] = self._line(contents[place], places[place], new)
        lines = cast("list[_Line]", looked)
        self._count(new)
        for line, one in new:
            if one.usable and one.row is not None and one.keys is not None:
                findings.seen.meet(line, one.row, one.keys)
            one.row = None
        self._gather(findings, places, lines)
        for problem in block.problems:
            findings.rows += counts_as_row(problem)
            findings.tally.add(problem)
        return findings

    def _gather(self, findings: Findings, places: Sequence[int], lines: list[_Line]) -> None:
        """Adds lines up. All of them pass here, also those known by heart: so all at once, not one by one."""
        findings.rows = sum([one.is_row for one in lines])
        usable = [one for one in lines if one.usable]
        findings.usable_rows = len(usable)
        at = (
            places
            if len(usable) == len(lines)
            else [line for line, one in zip(places, lines, strict=True) if one.usable]
        )
        findings.seen.place(at, [one.keys.row for one in usable if one.keys is not None])
        for one, times in Counter(usable).items():
            if one.keys is not None:
                findings.seen.count(one.keys, times)
        findings.lengths.add([one.counted for one in usable if one.counted is not None])
        for line, one in zip(places, lines, strict=True):
            for problem in one.problems:
                here = problem if problem.line == line else dataclasses.replace(problem, line=line)
                findings.tally.add(here)

    def _line(self, content: bytes, line: int, new: list[tuple[int, _Line]]) -> _Line:
        if line > 1 and (known := self._known.get(content)) is not None:
            return known  # an equal one stands before it in this block
        one = self._look(content, line)
        new.append((line, one))
        # What can't be used may be told off by what was before it, so it is looked at anew.
        if one.usable and self._known_bytes < MOST_REMEMBERED_BYTES:
            self._known[content] = one
            self._known_bytes += len(content)
            if (
                self._known_bytes >= MOST_REMEMBERED_BYTES
                and self._repeats < len(self._known) * LEAST_REPEATED
            ):
                self._known.clear()
        return one

    def _look(self, content: bytes, line: int) -> _Line:
        raw = line_value(content, line, self._path)
        if raw.problem is not None:
            return _Line(counts_as_row(raw.problem), (raw.problem,))
        if self._dataset.format is None and self._said:
            return _Line(True, ())  # said once: it is the same for all rows
        self._said = True
        record = self._dataset.record(raw.value, line)
        row, problems = record.row, record.problems
        if isinstance(raw.value, dict) and (key := repeated_key(content, raw.value)) is not None:
            problems = (*problems, found("repeated-key", self._path, line, key=shown(key)))
        if row is not None and self._rules is not None and isinstance(raw.value, dict):
            problems, usable = self._by_target(raw.value, row, line, problems, self._rules)
            row = row if usable else None
        keys = keys_of(row) if row is not None else None
        return _Line(record.is_row, problems, row, keys, usable=row is not None)

    def _by_target(
        self, value: Mapping[str, Any], row: Row, line: int, problems: tuple[Problem, ...], target: Target
    ) -> tuple[tuple[Problem, ...], bool]:
        faults = Faults()
        target.check_row(value, row.body, faults)
        if not faults:
            return problems, True
        said = [found(fault.check, self._path, line, **fault.values) for fault in faults]
        return (*problems, *said), not faults.fatal

    def _count(self, new: list[tuple[int, _Line]]) -> None:
        """Counts the tokens of lines that were not met before, all at once."""
        if self._counter is None:
            return
        rows = [(one, one.row) for _, one in new if one.row is not None]
        if not rows:
            return
        for (one, row), counted in zip(rows, self._counter.count([row for _, row in rows]), strict=True):
            one.counted = counted
            one.usable = counted.error is None and counted.ends is not False
            one.problems += tuple(self._of_tokens(counted, row.line))

    def _of_tokens(self, counted: Counted, line: int) -> Iterator[Problem]:
        path = self._path
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

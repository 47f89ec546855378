"""Prompts with their answers, all or a sample: which contradict each other, which two files share."""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from .equal_keys import found_in, groups, pairs
from .keys import Exchange
from .shingles import mixed

MOST_EXCHANGES = 200_000
"""Prompts with their answers that are kept. Of more, those are whose prompts' keys are least."""

_ALL = (1 << 64) - 1


class Exchanges:
    """Prompts with their answers, all or a sample that depends on nothing but the prompts' keys."""

    def __init__(self, most: int = MOST_EXCHANGES) -> None:
        self._most = most
        self._below = _ALL
        self._asked, self._answers, self._lines = array("Q"), array("Q"), array("I")

    def add(self, line: int, exchanges: tuple[Exchange, ...]) -> None:
        """Those of one row more."""
        for asked, answer in exchanges:
            if asked <= self._below:
                self._asked.append(asked)
                self._answers.append(answer)
                self._lines.append(line)
        if len(self._asked) > 2 * self._most:
            self._trim()

    def extend(self, later: Exchanges) -> None:
        """Those of the rows that follow."""
        self._below = min(self._below, later._below)
        self._asked.extend(later._asked)
        self._answers.extend(later._answers)
        self._lines.extend(later._lines)
        if len(self._asked) > 2 * self._most:
            self._trim()

    @property
    def is_sample(self) -> bool:
        """Whether some are left out."""
        self._trim()
        return self._below < _ALL

    @property
    def rows(self) -> int:
        """Of how many rows those are that are kept."""
        return len(set(self._lines))

    def _trim(self) -> None:
        """Leaves the prompts with the least keys, each whole; of one with too many answers, some of them."""
        import numpy as np

        asked = np.frombuffer(self._asked, np.uint64)
        kept = asked <= self._below
        if int(kept.sum()) > self._most:
            # Of equal ones the first: how often one was met depends on how many processes looked.
            both = mixed(asked) ^ np.frombuffer(self._answers, np.uint64)
            first = np.zeros(len(asked), bool)
            first[np.unique(both, return_index=True)[1]] = True
            kept &= first
        if int(kept.sum()) > self._most:
            # The least key that goes, and with it all from there on.
            least = np.partition(asked[kept], self._most)[self._most]
            self._below = int(least) - 1 if least > asked.min() else int(least)
            kept &= asked <= self._below
        elif bool(kept.all()):
            return
        places = np.flatnonzero(kept)[: self._most]
        self._asked, self._answers = (
            array("Q", np.frombuffer(numbers, np.uint64)[places].tobytes())
            for numbers in (self._asked, self._answers)
        )
        self._lines = array("I", np.frombuffer(self._lines, np.uint32)[places].tobytes())

    def contradictions(self) -> Iterator[tuple[int, int]]:
        """The lines of answers that differ from the first one to their prompt, each with that one's line.

        Of equal answers to it only the first line: how often a row stands there is told elsewhere.
        """
        import numpy as np

        self._trim()
        if len(self._asked) < 2:
            return
        order, first = groups(np.frombuffer(self._asked, np.uint64))
        answers = np.frombuffer(self._answers, np.uint64)
        lines = np.frombuffer(self._lines, np.uint32)
        differs = answers[order] != answers[first]
        order, first = order[differs], first[differs]
        by_line = np.argsort(order)
        order, first = order[by_line], first[by_line]
        told: set[tuple[int, int]] = set()
        for (line, there), exchange in zip(
            pairs(lines[order], lines[first]),
            pairs(np.frombuffer(self._asked, np.uint64)[order], answers[order]),
            strict=True,
        ):
            if exchange not in told:
                told.add(exchange)
                yield line, there

    def same_asked(self, earlier: Exchanges) -> Iterator[tuple[int, int]]:
        """The first lines of prompts that `earlier` has too, each with its line there."""
        import numpy as np

        ours, theirs = np.frombuffer(self._asked, np.uint64), np.frombuffer(earlier._asked, np.uint64)
        told: set[int] = set()
        for place, there in found_in(ours, theirs):
            if (asked := self._asked[place]) not in told:
                told.add(asked)
                yield self._lines[place], earlier._lines[there]

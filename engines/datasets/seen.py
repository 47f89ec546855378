"""What is kept of each row until all are seen: a few numbers, for what only a look at all rows shows.

Of 3.3 million rows that is some 100 MB: keys and lines in arrays, and of what is compared with each other a
sample, which is then stated. It holds all rows of a prompt or none, so that it shows contradictions.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Generator, Iterator
from typing import TYPE_CHECKING

from .alike import MANY, Signatures, said
from .checks.table import found
from .checks.words import shown
from .formats.form import Body
from .keys import Exchange, Keys, key_of_text
from .problem import Problem
from .read import Kind, Row

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

MOST_EXCHANGES = 200_000
"""Prompts with their answers that are kept. Of more, those are whose prompts' keys are least."""

SAME_ANSWER_SHARE, SAME_ANSWER_ROWS = 0.8, 20
SAME_SYSTEM_SHARE = 0.9

_ALL = (1 << 64) - 1
_MOST_VALUES = 64
_SHOWN_CHARACTERS = 200
_AT_ONCE = 1 << 16

_CONTRADICTIONS = {
    "preference": "The same two answers are preferred the other way round",
    "kto": "The same answer is judged the other way",
}


class Seen:
    """The rows of one file, or of a block of it, in their order. It can be sent to another process."""

    def __init__(self) -> None:
        self.lines = array("I")
        self.rows = array("Q")
        self.exchanges = Exchanges()
        self._signatures = Signatures()
        self._answers, self._systems = Frequent(), Frequent()
        self._answered = self._conversations = 0
        self._kind: Kind | None = None
        self._line_without_system = 0

    def add(self, line: int, row: Row | Keys, keys: Keys | None = None) -> None:
        """One row more.

        Args:
            row: without it (its keys alone) only equal rows and contradictions are found.
        """
        if isinstance(row, Row):
            assert keys is not None
            self._signatures.add(line, keys.row, keys.prompt, row.body)
            self._kind = self._kind or row.kind
            self._count(line, row.body, keys)
        else:
            keys = row
        self.lines.append(line)
        self.rows.append(keys.row)
        self.exchanges.add(line, keys.exchanges)

    def _count(self, line: int, body: Body, keys: Keys) -> None:
        if messages := body.get("messages"):
            self._conversations += 1
            if messages[0]["role"] == "system":
                self._systems.add(key_of_text(messages[0]["content"]), messages[0]["content"])
            elif not self._line_without_system:
                self._line_without_system = line
        if keys.exchanges and "label" not in body:
            self._answered += 1
            key = keys.exchanges[-1][1]
            self._answers.add(key, "" if key in self._answers.counts else _answer(body))

    def extend(self, later: Seen) -> None:
        """The rows that follow those that are here."""
        self.lines.extend(later.lines)
        self.rows.extend(later.rows)
        self.exchanges.extend(later.exchanges)
        self._signatures.extend(later._signatures)
        self._answers.extend(later._answers)
        self._systems.extend(later._systems)
        self._answered += later._answered
        self._conversations += later._conversations
        self._kind = self._kind or later._kind
        self._line_without_system = self._line_without_system or later._line_without_system

    def problems(self, path: str) -> Iterator[Problem]:
        """What is wrong with the rows of a file as a whole. Called when all are seen."""
        if len(self.rows) < 2:
            return
        for index, first in _repeated(self.rows):
            yield found("duplicate", path, self.lines[index], first=self.lines[first])
        contradicting = yield from self._contradictions(path)
        yield from self._nearly_same(path, contradicting)
        yield from self._monotonous(path)

    def _contradictions(self, path: str) -> Generator[Problem, None, set[int]]:
        what = _CONTRADICTIONS.get(self._kind or "", "The same prompt has another answer")
        lines: set[int] = set()
        for line, first in self.exchanges.contradictions():
            if line not in lines:
                lines.add(line)
                yield found("contradiction", path, line, what=what, first=first)
        if self.exchanges.is_sample:
            yield self._sample(path, "Contradictions", self.exchanges.rows)
        return lines

    def _nearly_same(self, path: str, contradicting: set[int]) -> Iterator[Problem]:
        alike, lines, prompts = self._signatures.found()
        start: dict[int, int] = {}
        for one in alike:
            start[one.row] = start.get(one.first, one.first)
        sizes = Counter(start.values())
        many = {row: count + 1 for row, count in sizes.items() if count + 1 >= MANY}
        for one in alike:
            line, first = int(lines[one.row]), int(lines[one.first])
            said_before = line in contradicting and prompts[one.row] == prompts[one.first]
            if start[one.row] not in many and not said_before:
                yield found("near-duplicate", path, line, first=first, share=min(round(one.share * 100), 99))
        for row, count in many.items():
            yield found("template", path, int(lines[row]), count=count)
        if self._signatures.is_sample:
            yield self._sample(path, "Nearly equal rows", len(lines))

    def _monotonous(self, path: str) -> Iterator[Problem]:
        answer, count = self._answers.most_frequent
        if self._answered >= SAME_ANSWER_ROWS and count >= SAME_ANSWER_SHARE * self._answered:
            yield found("same-answer", path, share=_share(count, self._answered), answer=shown(answer))
        system, count = self._systems.most_frequent
        without = self._conversations - self._systems.added
        if without and count >= SAME_SYSTEM_SHARE * self._conversations:
            share, line = _share(count, self._conversations), self._line_without_system
            yield found("some-without-system", path, line, share=share, system=shown(system), count=without)

    def _sample(self, path: str, what: str, looked: int) -> Problem:
        return found("sampled", path, what=what, looked=looked, rows=len(self.rows))


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
            # The least key that goes, and with it all from there on.
            least = np.partition(asked[kept], self._most)[self._most]
            self._below = int(least) - 1 if least > asked.min() else int(least)
            kept = asked <= self._below
        elif bool(kept.all()):
            return
        places = np.flatnonzero(kept)[: self._most]
        self._asked, self._answers = (
            array("Q", np.frombuffer(numbers, np.uint64)[places].tobytes())
            for numbers in (self._asked, self._answers)
        )
        self._lines = array("I", np.frombuffer(self._lines, np.uint32)[places].tobytes())

    def contradictions(self) -> Iterator[tuple[int, int]]:
        """The lines of answers that differ from the first one to their prompt, each with that one's line."""
        import numpy as np

        self._trim()
        if len(self._asked) < 2:
            return
        order, first = _groups(np.frombuffer(self._asked, np.uint64))
        answers = np.frombuffer(self._answers, np.uint64)
        lines = np.frombuffer(self._lines, np.uint32)
        differs = answers[order] != answers[first]
        order, first = order[differs], first[differs]
        by_line = np.argsort(order)
        yield from _pairs(lines[order[by_line]], lines[first[by_line]])

    def same_asked(self, earlier: Exchanges) -> Iterator[tuple[int, int]]:
        """The lines of prompts that `earlier` has too, each with its line there."""
        import numpy as np

        ours, theirs = np.frombuffer(self._asked, np.uint64), np.frombuffer(earlier._asked, np.uint64)
        for place, there in _found_in(ours, theirs):
            yield self._lines[place], earlier._lines[there]


class Frequent:
    """The most frequent of values, each with a short text, in bounded memory.

    Misra and Gries 1982, "Finding repeated elements": of more values than have room all counts are lowered,
    so that a count may be too small by a 64th of all the other values', and never too large.
    """

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.added = 0
        self._texts: dict[int, str] = {}

    def add(self, key: int, text: str) -> None:
        """One more. The text counts the first time."""
        self.added += 1
        if key in self.counts:
            self.counts[key] += 1
            return
        self.counts[key] = 1
        self._texts[key] = text[:_SHOWN_CHARACTERS]
        if len(self.counts) > 4 * _MOST_VALUES:
            self._trim()

    def extend(self, later: Frequent) -> None:
        """All of another one."""
        self.added += later.added
        for key, count in later.counts.items():
            self.counts[key] = self.counts.get(key, 0) + count
            self._texts.setdefault(key, later._texts[key])
        if len(self.counts) > 4 * _MOST_VALUES:
            self._trim()

    def _trim(self) -> None:
        if len(self.counts) > _MOST_VALUES:
            lost = sorted(self.counts.values(), reverse=True)[_MOST_VALUES]
            self.counts = {key: count - lost for key, count in self.counts.items() if count > lost}
            self._texts = {key: self._texts[key] for key in self.counts}

    def __getstate__(self) -> dict[str, object]:
        self._trim()
        return self.__dict__

    @property
    def most_frequent(self) -> tuple[str, int]:
        """Its text, and how often it was met, at least; an empty text and 0 where there is none."""
        if not self.counts:
            return "", 0
        key, count = max(self.counts.items(), key=lambda item: item[1])
        return self._texts[key], count


def leaks(train: Seen, valid: Seen, train_path: str, valid_path: str) -> Iterator[Problem]:
    """Rows and prompts of one file that another one has too.

    Args:
        train: what was checked first.
        valid: in this one's lines the problems are.
    """
    import numpy as np

    whole: set[int] = set()
    ours, theirs = np.frombuffer(valid.rows, np.uint64), np.frombuffer(train.rows, np.uint64)
    for place, there in _found_in(ours, theirs):
        whole.add(valid.lines[place])
        yield found("row-in-both", valid_path, valid.lines[place], file=train_path, first=train.lines[there])
    for line, first in valid.exchanges.same_asked(train.exchanges):
        if line not in whole:
            whole.add(line)
            yield found("prompt-in-both", valid_path, line, file=train_path, first=first)
    for seen, path in ((train, train_path), (valid, valid_path)):
        if seen.exchanges.is_sample:
            what = f"Prompts that {train_path} and {valid_path} share"
            yield found("sampled", path, what=what, looked=seen.exchanges.rows, rows=len(seen.rows))


def _repeated(keys: array[int]) -> Iterator[tuple[int, int]]:
    """The places of keys that were met before, in their order, each with the first place of that key."""
    import numpy as np

    values = np.frombuffer(keys, np.uint64)
    ordered = np.sort(values)
    repeated = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    del ordered
    if not len(repeated):
        return
    starts = range(0, len(values), _AT_ONCE)
    places = np.concatenate(
        [start + np.flatnonzero(_is_in(values[start : start + _AT_ONCE], repeated)) for start in starts]
    )
    order, first = _groups(values[places])
    later = order != first
    order, first = order[later], first[later]
    by_place = np.argsort(order)
    yield from _pairs(places[order[by_place]], places[first[by_place]])


def _groups(keys: NDArray[numpy.uint64]) -> tuple[NDArray[numpy.intp], NDArray[numpy.intp]]:
    """The places of keys, equal ones behind each other, each with the first place of its key."""
    import numpy as np

    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    head = np.arange(len(order))
    head[1:][ordered[1:] == ordered[:-1]] = 0
    return order, order[np.maximum.accumulate(head)]


def _is_in(keys: NDArray[numpy.uint64], ordered: NDArray[numpy.uint64]) -> NDArray[numpy.bool_]:
    import numpy as np

    places = np.searchsorted(ordered, keys)
    places[places == len(ordered)] = 0
    return ordered[places] == keys


def _found_in(ours: NDArray[numpy.uint64], theirs: NDArray[numpy.uint64]) -> Iterator[tuple[int, int]]:
    """The places of keys that are among others, each with the first place there."""
    import numpy as np

    if not len(ours) or not len(theirs):
        return
    ours_ordered = np.unique(ours)
    shared = np.flatnonzero(_is_in(theirs, ours_ordered))
    keys, first = np.unique(theirs[shared], return_index=True)
    if len(keys):
        places = np.flatnonzero(_is_in(ours, keys))
        yield from _pairs(places, shared[first[np.searchsorted(keys, ours[places])]])


def _pairs(left: NDArray[numpy.generic], right: NDArray[numpy.generic]) -> Iterator[tuple[int, int]]:
    """Two arrays as pairs of integers, some at a time."""
    for start in range(0, len(left), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        yield from zip(left[some].tolist(), right[some].tolist(), strict=True)


def _answer(body: Body) -> str:
    """The last trained answer, as it may be shown."""
    match body.get("completion", body.get("chosen")):
        case str() as text:
            return text
        case list() as turns:
            return said(turns[-1])
        case _:
            turns = body["messages"]
            trained = (t for t in reversed(turns) if t["role"] == "assistant" and t.get("train") is not False)
            return said(next(trained))


def _share(count: int, of: int) -> int:
    return int(100 * count / of)

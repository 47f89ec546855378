"""What is kept of each row until all are seen: a few numbers, for what only a look at all rows shows.

Of 3.3 million rows that is some 100 MB: keys and lines in arrays, and of what is compared with each other a
sample, which is then stated. It holds all rows of a prompt or none, so that it shows contradictions.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Generator, Iterable, Iterator

from ..checks.table import Fault, Placed, found
from ..checks.words import shown
from ..formats.form import Body
from ..problem import Problem
from ..read import Kind, Row
from .alike import MANY, Signatures, said
from .equal_keys import found_in, repeated
from .exchanges import Exchanges
from .frequent import Frequent
from .keys import Keys

SAME_ANSWER_SHARE, SAME_ANSWER_ROWS = 0.8, 20
SAME_SYSTEM_SHARE = 0.9

_CONTRADICTION = "The same prompt, but for case and spaces, has another answer"
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
        self._conversations = 0
        self._kind: Kind | None = None
        self._line_without_system = 0

    def add(self, line: int, row: Row, keys: Keys) -> None:
        """One row more."""
        self.meet(line, row, keys)
        self.place((line,), (keys.row,))
        self.count(keys, 1)

    def meet(self, line: int, row: Row, keys: Keys) -> None:
        """What of a row counts only once, however often it stands in the file: the first time it is met."""
        self._signatures.add(line, keys.row, keys.prompt, row.body)
        self._kind = self._kind or row.kind
        self.exchanges.add(line, keys.exchanges)
        if keys.system == 0:
            self._line_without_system = self._line_without_system or line
        elif keys.system is not None and not self._systems.knows(keys.system):
            self._systems.add(keys.system, 0, row.body["messages"][0]["content"])
        if keys.answer is not None and not self._answers.knows(keys.answer):
            self._answers.add(keys.answer, 0, _answer(row.body))

    def place(self, lines: Iterable[int], rows: Iterable[int]) -> None:
        """Where rows stand, and their keys."""
        self.lines.extend(lines)
        self.rows.extend(rows)

    def count(self, keys: Keys, times: int) -> None:
        """How often a row that was met stands there."""
        if keys.system is not None:
            self._conversations += times
            if keys.system:
                self._systems.add(keys.system, times)
        if keys.answer is not None:
            self._answers.add(keys.answer, times)

    def extend(self, later: Seen) -> None:
        """The rows that follow those that are here."""
        self.lines.extend(later.lines)
        self.rows.extend(later.rows)
        self.exchanges.extend(later.exchanges)
        self._signatures.extend(later._signatures)
        self._answers.extend(later._answers)
        self._systems.extend(later._systems)
        self._conversations += later._conversations
        self._kind = self._kind or later._kind
        self._line_without_system = self._line_without_system or later._line_without_system

    def problems(self, path: str) -> Iterator[Problem]:
        """What is wrong with the rows of a file as a whole. Called when all are seen."""
        for line, fault in self.faults():
            yield found(fault.check, path, line, **fault.values)

    def faults(self) -> Iterator[Placed]:
        """The same before its words are made: there may be as many as rows."""
        if len(self.rows) < 2:
            return
        for index, first in repeated(self.rows):
            yield self.lines[index], Fault("duplicate", {"first": self.lines[first]})
        contradicting = yield from self._contradictions()
        yield from self._nearly_same(contradicting)
        yield from self._monotonous()

    def _contradictions(self) -> Generator[Placed, None, set[int]]:
        what = _CONTRADICTIONS.get(self._kind or "", _CONTRADICTION)
        lines: set[int] = set()
        for line, first in self.exchanges.contradictions():
            if line not in lines:
                lines.add(line)
                yield line, Fault("contradiction", {"what": what, "first": first})
        if self.exchanges.is_sample:
            yield self._sample("Contradictions", self.exchanges.rows)
        return lines

    def _nearly_same(self, contradicting: set[int]) -> Iterator[Placed]:
        alike, all_lines, all_prompts = self._signatures.found()
        lines, prompts = all_lines.tolist(), all_prompts.tolist()
        start: dict[int, int] = {}
        for row, earlier, _ in alike:
            start[row] = start.get(earlier, earlier)
        sizes = Counter(start.values())
        many = {row: count + 1 for row, count in sizes.items() if count + 1 >= MANY}
        for row, earlier, alike_share in alike:
            line = lines[row]
            said_before = line in contradicting and prompts[row] == prompts[earlier]
            if start[row] not in many and not said_before:
                share = min(round(alike_share * 100), 99)
                yield line, Fault("near-duplicate", {"first": lines[earlier], "share": share})
        for row, count in many.items():
            yield lines[row], Fault("template", {"count": count})
        if self._signatures.is_sample:
            yield self._sample("Nearly equal rows", len(lines))

    def _monotonous(self) -> Iterator[Placed]:
        answer, count = self._answers.most_frequent
        answered = self._answers.added
        if answer and answered >= SAME_ANSWER_ROWS and count >= SAME_ANSWER_SHARE * answered:
            share = _share(count, answered)
            yield None, Fault("same-answer", {"share": share, "answer": shown(answer)})
        system, count = self._systems.most_frequent
        without = self._conversations - self._systems.added
        if system and without and count >= SAME_SYSTEM_SHARE * self._conversations:
            values = {"share": _share(count, self._conversations), "system": shown(system), "count": without}
            yield self._line_without_system, Fault("some-without-system", values)

    def _sample(self, what: str, looked: int) -> Placed:
        return None, Fault("sampled", {"what": what, "looked": looked, "rows": len(self.rows)})


def leaks(train: Seen, valid: Seen, train_path: str, valid_path: str) -> Iterator[Problem]:
    """Rows and prompts of one file that another one has too; of preferences only whole rows are compared.

    Args:
        train: what was checked first.
        valid: in this one's lines the problems are.
    """
    import numpy as np

    whole: set[int] = set()
    ours, theirs = np.frombuffer(valid.rows, np.uint64), np.frombuffer(train.rows, np.uint64)
    for place, there in found_in(ours, theirs):
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

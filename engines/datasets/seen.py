"""What is kept of each row until all are seen: a few numbers, for what only a look at all rows shows.

Of 3.3 million rows that is some 100 MB: keys and lines in arrays, and of what is compared with each other a
sample, which is then stated. It holds all rows of a prompt or none, so that it shows contradictions.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Generator, Iterator

from .alike import MANY, Signatures, said
from .checks.table import found
from .checks.words import shown
from .equal_keys import found_in, repeated
from .exchanges import Exchanges
from .formats.form import Body
from .frequent import Frequent
from .keys import Keys
from .problem import Problem
from .read import Kind, Row

SAME_ANSWER_SHARE, SAME_ANSWER_ROWS = 0.8, 20
SAME_SYSTEM_SHARE = 0.9

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

    def add(self, line: int, row: Row | Keys | None, keys: Keys | None = None) -> None:
        """One row more.

        Args:
            row: None where an equal one was here before (in this process). Its keys alone show equal rows
                and contradictions.
        """
        if isinstance(row, Keys):
            row, keys = None, row
        assert keys is not None
        if row is not None:
            self._signatures.add(line, keys.row, keys.prompt, row.body)
            self._kind = self._kind or row.kind
        self._count(line, row, keys)
        self.lines.append(line)
        self.rows.append(keys.row)
        self.exchanges.add(line, keys.exchanges)

    def _count(self, line: int, row: Row | None, keys: Keys) -> None:
        if keys.system is not None:
            self._conversations += 1
            if not keys.system:
                self._line_without_system = self._line_without_system or line
            else:
                self._systems.add(keys.system, row.body["messages"][0]["content"] if row else "")
        if keys.answer is not None:
            text = _answer(row.body) if row is not None and not self._answers.knows(keys.answer) else ""
            self._answers.add(keys.answer, text)

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
        if len(self.rows) < 2:
            return
        for index, first in repeated(self.rows):
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
        answered = self._answers.added
        if answer and answered >= SAME_ANSWER_ROWS and count >= SAME_ANSWER_SHARE * answered:
            yield found("same-answer", path, share=_share(count, answered), answer=shown(answer))
        system, count = self._systems.most_frequent
        without = self._conversations - self._systems.added
        if system and without and count >= SAME_SYSTEM_SHARE * self._conversations:
            share, line = _share(count, self._conversations), self._line_without_system
            yield found("some-without-system", path, line, share=share, system=shown(system), count=without)

    def _sample(self, path: str, what: str, looked: int) -> Problem:
        return found("sampled", path, what=what, looked=looked, rows=len(self.rows))


def leaks(train: Seen, valid: Seen, train_path: str, valid_path: str) -> Iterator[Problem]:
    """Rows and prompts of one file that another one has too.

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

"""Rows that are nearly the same, found by what a few numbers of each row share.

Compared is all that a row says but its system prompt, by `shingles`; candidates have a band of equal numbers
(Leskovec, Rajaraman, Ullman: Mining of Massive Datasets, 3.4).

Rows whose answers differ are not alike, however long the template is that their prompts share.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from ..formats.form import Body
from .shingles import NUMBERS, OF_ANSWER, mixed, signatures

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray

    Bytes = NDArray[numpy.uint8]
    Words = NDArray[numpy.uint64]

MOST_ROWS = 200_000
"""Compared with each other. Of more rows those are chosen whose first number is least (mixed): rows that are
alike share it mostly, so both are chosen or none."""

MOST_CHARACTERS = 1 << 17
"""Of a prompt, and of an answer, that are looked at: their numbers are computed at once."""

LEAST_ALIKE = 0.7
"""Of the runs of three words that two rows have, those that both have: one word of sixteen changed."""

LEAST_ANSWERS_ALIKE = 0.5
MANY = 20
"""As many rows that are all alike come from a template."""

_IN_BAND = 4
_PENDING_CHARACTERS = 1 << 20
_ANSWERS = ("text", "completion", "chosen", "rejected")
_encoder = msgspec.json.Encoder()


class Alike(NamedTuple):
    """A row that is like an earlier one.

    Attributes:
        row: its index among those that were compared.
        first: the earlier one's.
        share: about how much of the words are the same, 0 to 1.
    """

    row: int
    first: int
    share: float


class Signatures:
    """The numbers of rows, computed for many rows at once and kept for at most some 200,000 of them.

    What is kept does not depend on the order in which parts are put together, but `lines` are those of the
    first of equal rows only when the parts come in the order of the file.
    """

    def __init__(self, most_rows: int = MOST_ROWS) -> None:
        self._most = most_rows
        self._texts: list[tuple[str, str]] = []
        self._texts_of: set[int] = set()
        self._texts_size = 0
        self._pending_rows, self._pending_lines, self._pending_prompts = array("Q"), array("I"), array("Q")
        self._parts: list[_Part] = []
        self._kept = 0
        self._left_out, self._bound = False, (1 << 64) - 1

    def add(self, line: int, row: int, prompt: int, body: Body) -> None:
        """One row more.

        Args:
            row: its key.
            prompt: that of its prompt.
        """
        if row in self._texts_of:
            return
        texts = _texts(body)
        self._texts.append(texts)
        self._texts_of.add(row)
        self._pending_rows.append(row)
        self._pending_lines.append(line)
        self._pending_prompts.append(prompt)
        self._texts_size += len(texts[0]) + len(texts[1])
        if self._texts_size > _PENDING_CHARACTERS:
            self._sign()

    def extend(self, later: Signatures) -> None:
        """The rows that follow those that are here."""
        self._sign()
        later._sign()
        self._left_out = self._left_out or later._left_out
        self._bound = min(self._bound, later._bound)
        for part in later._parts:
            self._append(part)

    def __getstate__(self) -> dict[str, Any]:
        """What goes to another process: numbers, not texts."""
        self._sign()
        return self.__dict__

    def _sign(self) -> None:
        if not self._texts:
            return
        import numpy as np

        numbers, first = signatures(self._texts)
        rows = np.array(self._pending_rows, dtype=np.uint64)
        # Neighbours in this order share the first number; among those that do, the row's key decides.
        order = (mixed(first.astype(np.uint64)) & np.uint64(0xFFFFFFFF00000000)) | (rows >> np.uint64(32))
        lines = np.array(self._pending_lines, dtype=np.uint32)
        self._append(_Part(order, rows, lines, np.array(self._pending_prompts, dtype=np.uint64), numbers))
        self._texts, self._texts_of, self._texts_size = [], set(), 0
        self._pending_rows, self._pending_lines, self._pending_prompts = array("Q"), array("I"), array("Q")

    def _append(self, part: _Part) -> None:
        part = part.of(part.order <= self._bound) if self._left_out else part
        self._parts.append(part)
        self._kept += len(part.rows)
        if self._kept > self._most + max(self._most // 4, 10_000):
            self._trim()

    def _trim(self) -> _Part:
        """Only the first of equal rows, and no more than may be kept, in the order of the file."""
        import numpy as np

        self._sign()
        parts, self._parts = self._parts, []
        if not parts:
            return _Part.room(0)
        chosen = np.unique(np.concatenate([part.rows for part in parts]), return_index=True)[1]
        if len(chosen) > self._most:
            order = np.concatenate([part.order for part in parts])[chosen]
            least = np.argpartition(order, self._most - 1)[: self._most]
            chosen = chosen[least]
            self._left_out, self._bound = True, int(order[least[-1]])
        chosen.sort()
        # Part by part, so that the numbers are never there twice.
        whole = _Part.room(len(chosen))
        before = filled = 0
        while parts:
            part = parts.pop(0)
            upto = int(np.searchsorted(chosen, before + len(part.rows)))
            places = chosen[filled:upto] - before
            for ours, theirs in zip(whole, part, strict=True):
                ours[filled:upto] = theirs[places]
            before, filled = before + len(part.rows), upto
        self._parts, self._kept = [whole], len(chosen)
        return whole

    @property
    def is_sample(self) -> bool:
        """Whether rows were left out."""
        self._trim()
        return self._left_out

    def found(self) -> tuple[list[Alike], NDArray[numpy.uint32], Words]:
        """What is alike.

        Returns:
            The rows that are like an earlier one, in the order of the file; and of all that were compared
            the lines and the prompts' keys.
        """
        part = self._trim()
        return list(alike(part.numbers)), part.lines, part.prompts


class _Part(NamedTuple):
    """Some rows' arrays: where they stand in the choice, their keys, lines, prompts' keys, numbers."""

    order: Words
    rows: Words
    lines: NDArray[numpy.uint32]
    prompts: Words
    numbers: Bytes

    @classmethod
    def room(cls, rows: int) -> _Part:
        """Arrays for so many rows, to be filled."""
        import numpy as np

        return cls(
            np.empty(rows, np.uint64),
            np.empty(rows, np.uint64),
            np.empty(rows, np.uint32),
            np.empty(rows, np.uint64),
            np.empty((rows, NUMBERS + OF_ANSWER), np.uint8),
        )

    def of(self, chosen: NDArray[numpy.bool_]) -> _Part:
        """Some of the rows."""
        order, rows, lines, prompts, numbers = self
        return _Part(order[chosen], rows[chosen], lines[chosen], prompts[chosen], numbers[chosen])


def _texts(body: Body) -> tuple[str, str]:
    """What a row asks and what it answers."""
    asked: list[str] = []
    answered: list[str] = []
    for message in body.get("messages", ()):
        if message["role"] != "system":
            (answered if message["role"] == "assistant" else asked).append(said(message))
    asked.append(body.get("prompt", ""))
    for key in _ANSWERS:
        if key in body:
            answer = body[key]
            answered += [answer] if isinstance(answer, str) else [said(turn) for turn in answer]
    return "\n".join(asked)[:MOST_CHARACTERS], "\n".join(answered)[:MOST_CHARACTERS]


def said(message: Mapping[str, Any]) -> str:
    """A turn's text, with its calls of tools."""
    if "tool_calls" not in message or not (calls := message["tool_calls"]):
        return message["content"]
    return message["content"] + "\n" + _encoder.encode([call["function"] for call in calls]).decode()


def alike(numbers: Bytes) -> Iterator[Alike]:
    """The rows that are like an earlier one, each with the earliest one that it was compared with.

    Args:
        numbers: see `signatures`; rows in the order of the file.
    """
    import numpy as np

    rows = len(numbers)
    if rows < 2:
        return
    first = np.arange(rows)
    of_all = np.ascontiguousarray(numbers[:, :NUMBERS])
    shares = [words_alike(count / NUMBERS) for count in range(NUMBERS + 1)]
    bands = of_all.view(np.uint32)
    for band in range(NUMBERS // _IN_BAND):
        order = np.argsort(bands[:, band], kind="stable")
        values = bands[order, band]
        same = np.flatnonzero(values[1:] == values[:-1]) + 1
        if not len(same):
            continue
        new = np.ones(rows, bool)
        new[same] = False
        heads = np.maximum.accumulate(np.where(new, np.arange(rows), 0))
        for partner in (order[heads[same]], order[same - 1]):
            later = order[same]
            closer = partner < first[later]  # what is known already need not be compared
            later, partner = later[closer], partner[closer]
            for start in range(0, len(later), 1 << 16):
                a, b = later[start : start + (1 << 16)], partner[start : start + (1 << 16)]
                agree = np.count_nonzero(of_all[a] == of_all[b], axis=1) >= LEAST_ALIKE * NUMBERS
                a, b = a[agree], b[agree]
                answers = numbers[a, NUMBERS:] == numbers[b, NUMBERS:]
                fit = np.count_nonzero(answers, axis=1) >= LEAST_ANSWERS_ALIKE * OF_ANSWER
                np.minimum.at(first, a[fit], b[fit])
    later = np.flatnonzero(first < np.arange(rows))
    for start in range(0, len(later), 1 << 16):
        a = later[start : start + (1 << 16)]
        b = first[a]
        agree = np.count_nonzero(of_all[a] == of_all[b], axis=1).tolist()
        for row, earlier, count in zip(a.tolist(), b.tolist(), agree, strict=True):
            yield Alike(row, earlier, shares[count])


def words_alike(resemblance: float) -> float:
    """About how much of the words are the same in two rows that share this part of their runs of three.

    Each changed word, standing alone, changes three runs: (1 - 3c) / (1 + 3c) of all runs are shared.
    """
    return 1 - (1 - resemblance) / (3 * (1 + resemblance))

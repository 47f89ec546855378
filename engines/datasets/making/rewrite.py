"""Blocks of rows as rows of another form, or as they stand: the lines to write, and what was met."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import msgspec

from ..checks.table import CHECKS, Faults
from ..checks.tally import Tally
from ..formats.form import Format, Losses
from ..problem import Problem
from ..read import Dataset, Row, counts_as_row
from ..sets.keys import keys_of
from ..sources.json_text import decode_line
from ..sources.source import Block, line_value

_UNUSED, _, _UNUSED_END = CHECKS["ignored-key"].message.partition("{key}")
_MOST_KEYS = 50
_encoder = msgspec.json.Encoder()


@dataclass(frozen=True, slots=True)
class Wishes:
    """What rows are to become.

    Args:
        form: what they are written as; None leaves them as they stand.
        lossy: keep rows that lose something.
        in_table: they are written into cells, which hold texts.
        keyed: whether the keys of `Part` are wanted.
        group: the raw rows' key whose equal values belong together.
    """

    form: Format | None
    lossy: bool
    in_table: bool
    keyed: bool
    group: str | None


@dataclass(slots=True)
class Part:
    """What became of a block.

    Attributes:
        lines: the rows as JSON, each with its line break.
        kept: how many these are.
        prompts: their keys by their prompts.
        written_prompts: likewise of what was written, where a form is wanted: rows that differ in what is
            lost may become the same, and the same prompt may have come from two forms.
        groups: their keys by their groups; a row in none has that of its prompt.
        rows: all rows, of which `left_out` have errors and `unfit` can't be rows of the form.
        losses: what has no place in the form, and in how many rows.
        tally: the errors of rows.
        broken: an error of the file as a whole.
        cells: whether a row has what a table has no cells for.
        keys: of the first rows.
    """

    tally: Tally
    lines: bytearray = field(default_factory=bytearray)
    kept: int = 0
    prompts: array[int] = field(default_factory=lambda: array("Q"))
    written_prompts: array[int] = field(default_factory=lambda: array("Q"))
    groups: array[int] = field(default_factory=lambda: array("Q"))
    rows: int = 0
    left_out: int = 0
    unfit: int = 0
    losses: Counter[str] = field(default_factory=Counter)
    broken: Problem | None = None
    cells: bool = True
    keys: dict[str, None] = field(default_factory=dict)


class Rewriter:
    """Rewrites the rows of one file, block by block, in any process.

    Args:
        limit_examples: see `Tally`.
    """

    def __init__(self, dataset: Dataset, wishes: Wishes, limit_examples: int | None = 3) -> None:
        self._dataset, self._wishes, self._limit = dataset, wishes, limit_examples

    def examine(self, block: Block) -> Part:
        """What becomes of a block. It ends at an error of the whole file."""
        part = Part(Tally(self._limit))
        name = str(self._dataset.path)
        for content, line in zip(block.lines.split(b"\n"), block.places, strict=False):
            raw = line_value(content, line, name)
            if raw.problem is not None:
                self._note(raw.problem, part)
                continue
            record = self._dataset.record(raw.value, line)
            part.rows += record.is_row
            part.left_out += record.is_row and record.row is None
            for problem in record.problems:
                if problem.severity == "error":
                    self._tally(problem, part)
            if part.broken is not None:
                return part
            if record.row is not None:
                self._add(raw.value, content, record.row, record.problems, part)
        for problem in block.problems:
            self._note(problem, part)
        return part

    def close(self) -> None:
        """Nothing is held."""

    def _note(self, problem: Problem, part: Part) -> None:
        """A problem in place of a row."""
        if counts_as_row(problem):
            part.rows += 1
            part.left_out += 1
        if problem.severity == "error":
            self._tally(problem, part)

    def _tally(self, problem: Problem, part: Part) -> None:
        if CHECKS[problem.id].scope == "file":
            part.broken = part.broken or problem
        else:
            part.tally.add(problem)

    def _add(
        self, value: Mapping[str, Any], content: bytes, row: Row, problems: tuple[Problem, ...], part: Part
    ) -> None:
        losses = Losses()
        line = self._line(value, content, row, problems, losses, part)
        part.losses.update(losses)
        if line is None or (part.losses and not self._wishes.lossy):
            return  # what will be refused is counted on, but not kept
        part.lines += line
        part.lines += b"\n"
        part.kept += 1
        if not self._wishes.keyed:
            return
        prompt = keys_of(row).prompt
        part.prompts.append(prompt)
        if self._wishes.form is not None:
            part.written_prompts.append(_prompt_of(line, self._wishes.form, row))
        if self._wishes.group is not None:
            part.groups.append(self._group_of(value, prompt, part))

    def _line(
        self,
        value: Mapping[str, Any],
        content: bytes,
        row: Row,
        problems: tuple[Problem, ...],
        losses: Losses,
        part: Part,
    ) -> bytes | None:
        form = self._wishes.form
        if form is None:
            return _as_it_stands(value, content)
        written = form.write(row.body, losses)
        if written is None:
            part.unfit += 1
            return None
        if self._dataset.format is form and not self._dataset.columns and _holds(value, written):
            return _as_it_stands(value, content)
        if not self._dataset.columns:
            losses.update(_unused(problems))
        if self._wishes.in_table:
            part.cells = part.cells and _has_cells(written)
        return _encoder.encode(written)

    def _group_of(self, value: Mapping[str, Any], prompt: int, part: Part) -> int:
        if len(part.keys) < _MOST_KEYS:
            part.keys.update(dict.fromkeys(value))
        group = value.get(self._wishes.group or "")
        if group is None:
            return prompt  # in no group: its prompt alone holds it together with others
        content = b"\0" + json.dumps(group, sort_keys=True).encode()
        return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")


def _prompt_of(line: bytes, form: Format, row: Row) -> int:
    """The key of the prompt of a row that was written."""
    body = form.read(decode_line(line), Faults())
    if body is None:
        return keys_of(row).prompt
    return keys_of(Row(body, _encoder.encode(body), row.file, row.line)).prompt


def _holds(value: Mapping[str, Any], written: Mapping[str, Any]) -> bool:
    """Whether a raw row is what would be written of it, perhaps with more keys."""
    return all(key in value and value[key] == part for key, part in written.items())


def _has_cells(written: Mapping[str, Any]) -> bool:
    """Whether a table can hold a row: texts, and of lists only what its form knows as a text too."""
    return not any(isinstance(part, (list, dict)) for key, part in written.items() if key != "history")


def _as_it_stands(value: Any, content: bytes) -> bytes:
    """A row's own JSON; written anew where escapes would make it unreadable for people."""
    if b"\\u" not in content:
        return content.removeprefix(b"\xef\xbb\xbf").strip()
    try:
        return _encoder.encode(value)
    except UnicodeEncodeError:  # half a character in a key that no form uses
        return json.dumps(value).encode()


def _unused(problems: tuple[Problem, ...]) -> Iterator[str]:
    for problem in problems:
        if problem.id == "ignored-key":
            yield f"the key {problem.message.removeprefix(_UNUSED).removesuffix(_UNUSED_END)}"

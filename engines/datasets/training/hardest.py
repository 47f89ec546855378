"""The training rows that a model found hardest when it first saw them: among them are the label errors.

Read from row_losses.jsonl (docs/job.md) and from the job's canonical rows. The rule of the order:

- A row's loss is the mean over its trained tokens (nats), from the forward pass that trained on it in the
  first epoch. Of several the first counts: that from before the model learned from the row.
- Early rows are harder than late ones only because the model has learned less. So what counts is how far the
  loss is over the mean loss of the rows around it: those of its own update and of so many before and after
  it that they are 32 rows together (at the epoch's ends fewer: one side is missing). The hardest row is the
  one that is farthest over that mean.

A high loss is a reason to look, and no proof: a rare row is hard, too.
"""

from __future__ import annotations

import heapq
import json
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Any

import msgspec

from ...job import Job
from ...records import UNREADABLE, read_json
from ...states import JobState

MOST = 50
AROUND_ROWS = 32
"""Rows that the mean around a row is made of, at least, where there are updates at both sides."""
MOST_TEXT = 2_000
"""Characters of a prompt and of an answer that are kept."""

Texts = dict[int, "Text"]
"""What was read of canonical rows, by their number."""


@dataclass(frozen=True, slots=True)
class Text:
    """The beginning of a canonical row, and where it came from. Foreign text.

    Args:
        file: name of the user's file.
        line: in it, counted from 1; None where it is not known.
        prompt: the last thing that is asked; empty for rows of plain text.
        answer: the last thing that is trained.
    """

    file: str
    line: int | None
    prompt: str
    answer: str


UNKNOWN = Text("", None, "", "")


@dataclass(frozen=True, slots=True)
class HardRow:
    """A row, and how hard it was.

    Args:
        number: among the canonical rows, counted from 0.
        step: the update that trained on it first.
        loss: mean over its trained tokens, nats.
        around: mean loss of the rows around it.
        tokens: that are trained.
        text: its beginning and its place.
    """

    number: int
    step: int
    loss: float
    around: float
    tokens: int
    text: Text = UNKNOWN

    @property
    def over(self) -> float:
        """How far its loss is over that of the rows around it: what the order goes by."""
        return self.loss - self.around

    def to_json(self) -> dict[str, Any]:
        return {
            "line": self.text.line,
            "loss": self.loss,
            "around": self.around,
            "over": self.over,
            "tokens": self.tokens,
            "step": self.step,
            "row": self.number,
            "prompt": self.text.prompt,
            "answer": self.text.answer,
        }


@dataclass(frozen=True, slots=True)
class Hardest:
    """A job's hardest rows, worst first.

    Args:
        rows: at most so many as were asked for.
        seen: rows whose loss is known.
        of: rows of the whole epoch; 0 where nothing is known.
        not_finite: rows whose loss was no finite number: they have no place in the order.
        data: the user's training file, absolute; None where the spec names none.
        stale: why the lines may not be those of the file as it is now, in words; empty where they are.
    """

    rows: tuple[HardRow, ...]
    seen: int
    of: int
    not_finite: int
    data: Path | None
    stale: str

    @property
    def complete(self) -> bool:
        """Whether the whole first epoch is over."""
        return 0 < self.of <= self.seen


class _Line(msgspec.Struct, gc=False):
    step: int
    rows: list[tuple[int, float | None, int]]
    of: int
    seen: int
    mean: float | None
    attempt: int = 1


def hardest(job: Job, most: int = MOST, texts: Texts | None = None) -> Hardest:
    """The hardest rows of a job, as far as it is.

    Args:
        most: how many.
        texts: of rows that were read before; those that are read now are added.

    Raises:
        OSError: what is there can't be read. A file that is not there holds nothing.
    """
    updates = _updates(job.paths.row_losses)
    ranked = _ranked(updates)
    worst = heapq.nlargest(most, ranked.values(), key=lambda row: (row.over, -row.number))
    texts = {} if texts is None else texts
    missing = {row.number for row in worst} - texts.keys()
    if missing:
        texts.update(_texts(job, missing))
    of = max((line.of for line in updates), default=0)
    lost = {row[0] for line in updates for row in line.rows if not _is_finite(row[1])}
    data, stale = _file(job)
    return Hardest(
        tuple(_with_text(row, texts) for row in worst),
        min(sum(line.seen for line in updates), of),
        of,
        len(lost - ranked.keys()),
        data,
        stale,
    )


def far(found: Hardest, state: JobState, unfinished: bool) -> str:
    """How much of the first epoch is known, in words."""
    if not found.of:
        return ""
    if found.complete:
        return f"all {found.of:,} rows"
    some = f"{found.seen:,} of {found.of:,} rows"
    return f"{some} so far" if unfinished else f"{some}: {state} in the first epoch"


def why_none(job: Job, unfinished: bool) -> str:
    """Why nothing is known of a job's rows, in words, with the way out where there is one."""
    try:
        managed = job.spec().get("method") == "managed"
    except (OSError, ValueError):
        managed = False
    if managed:
        return "A provider trains this job, and tells no losses of single rows."
    if unfinished and not job.paths.metrics.exists():
        return "None yet: they come with the first updates."
    return (
        "The losses of its rows are not known: it was trained before they were written down, or not at all. "
        "The same job started again has them."
    )


def _is_finite(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _updates(path: Path) -> list[_Line]:
    """The updates that count, in their order: an attempt hides what older ones made above its start."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    decoder = msgspec.json.Decoder(_Line)
    found: dict[int, _Line] = {}
    attempt: int | None = None
    for raw in content.split(b"\n")[:-1]:
        try:
            line = decoder.decode(raw)
        except UNREADABLE:
            continue  # what a crash left of it
        if line.attempt != attempt:
            attempt = line.attempt
            found = {step: older for step, older in found.items() if step < line.step}
        found[line.step] = line
    return [found[step] for step in sorted(found)]


def _ranked(updates: Sequence[_Line]) -> dict[int, HardRow]:
    """Each row with a finite loss, by its number: the first look at it."""
    found: dict[int, HardRow] = {}
    for line, around in zip(updates, _means(updates), strict=True):
        for number, loss, tokens in line.rows:
            if loss is not None and math.isfinite(loss) and number not in found:
                found[number] = HardRow(number, line.step, loss / max(tokens, 1), around, tokens)
    return found


def _means(updates: Sequence[_Line]) -> Iterator[float]:
    """For each update the mean loss of the rows around it."""
    known = [
        (line.seen, line.seen * (line.mean or 0.0)) if _is_finite(line.mean) else (0, 0.0) for line in updates
    ]
    rows = [0, *accumulate(seen for seen, _ in known)]
    losses = [0.0, *accumulate(loss for _, loss in known)]
    size = max((line.seen for line in updates), default=1)
    reach = math.ceil((math.ceil(AROUND_ROWS / max(size, 1)) - 1) / 2)
    for place in range(len(updates)):
        first, last = max(place - reach, 0), min(place + reach + 1, len(updates))
        count = rows[last] - rows[first]
        yield (losses[last] - losses[first]) / count if count else 0.0


def _with_text(row: HardRow, texts: Texts) -> HardRow:
    text = texts.get(row.number, UNKNOWN)
    return HardRow(row.number, row.step, row.loss, row.around, row.tokens, text)


def _texts(job: Job, numbers: Iterable[int]) -> Iterator[tuple[int, Text]]:
    """What the canonical rows say; nothing where they are gone."""
    wanted = set(numbers)
    try:
        with open(read_json(job.paths.plan)["data"]["train"]["path"], "rb") as file:
            for number, line in enumerate(file):
                if number in wanted:
                    yield number, _text(line)
                    wanted.discard(number)
                    if not wanted:
                        return
    except (OSError, LookupError, TypeError, *UNREADABLE):
        return


def _text(line: bytes) -> Text:
    try:
        row = msgspec.json.decode(line)
        source = row["source"]
        prompt, answer = _sides(row)
        return Text(str(source["file"]), int(source["line"]), prompt[:MOST_TEXT], answer[:MOST_TEXT])
    except (LookupError, TypeError, ValueError, AttributeError, *UNREADABLE):
        return UNKNOWN


def _sides(row: dict[str, Any]) -> tuple[str, str]:
    """What is asked and what is answered, of each kind of canonical row."""
    if "messages" not in row:
        return str(row.get("prompt", "")), str(row.get("completion", row.get("text", "")))
    messages = row["messages"]
    last = max((place for place, turn in enumerate(messages) if turn["role"] == "assistant"), default=0)
    before = (turn for turn in reversed(messages[:last]) if turn["role"] in ("user", "tool"))
    return _said(next(before, {})), _said(messages[last])


def _said(turn: dict[str, Any]) -> str:
    calls = [
        json.dumps(call.get("function", call), ensure_ascii=False) for call in turn.get("tool_calls") or ()
    ]
    return "\n".join(filter(None, [str(turn.get("content") or ""), *calls]))


def _file(job: Job) -> tuple[Path | None, str]:
    """The user's training file, and why its lines may be others by now."""
    try:
        data = job.spec().get("data")
        named = data.get("train") if isinstance(data, dict) else None
        if not isinstance(named, str) or not named:
            return None, "The job's spec names no training file."
        path = Path(named)
        made = job.paths.spec.stat().st_mtime
    except (OSError, ValueError):
        return None, "The job's spec can't be read."
    try:
        changed = path.stat().st_mtime > made
    except OSError:
        return path, f"{path} is not there any more."
    return path, f"{path.name} has changed since: lines may have moved." if changed else ""

"""What a model answered at each evaluation of its training, and how an answer differs from the one before."""

from __future__ import annotations

import difflib
import re
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..engines.follow import Follower
from ..engines.records import parse_lines
from ..engines.text import clean

MOST_SAMPLES = 500
"""Kept of the newest."""
MOST_CHARACTERS = 20_000
"""Of one text."""
MOST_WORDS = 2_000
"""Two answers that are longer are not compared."""


@dataclass(frozen=True)
class Sample:
    """An answer. All text is safe for a terminal."""

    step: int
    attempt: int
    prompt: tuple[tuple[str, str], ...]
    """(role, text) of each message; the role is empty where the prompt is plain text."""
    expected: str
    answer: str
    pieces: tuple[tuple[str, bool], ...]
    """The answer in pieces; with each, whether it is new against the answer to this prompt before it."""
    changed: bool | None
    """None: there is none before it."""

    @property
    def right(self) -> bool:
        """It is what was expected."""
        return bool(self.expected) and self.answer.strip() == self.expected.strip()


class SamplesReader:
    """Follows the samples in a job's progress.jsonl."""

    def __init__(self, path: Path) -> None:
        self._feed = Follower(path)
        self._samples: deque[Sample] = deque(maxlen=MOST_SAMPLES)
        self._answers: dict[tuple[tuple[str, str], ...], str] = {}

    @property
    def more(self) -> bool:
        """There is more than was read."""
        return self._feed.more

    def read(self) -> bool:
        """Take in what is new; whether there are other samples than before."""
        lines = self._feed.read()
        changed = self._feed.restarted
        if changed:
            self._samples.clear()
            self._answers.clear()
        for line in parse_lines([line for line in lines if b'"sample"' in line]):
            if line.get("kind") == "sample":
                self._samples.append(self._sample(line))
                changed = True
        return changed

    @property
    def samples(self) -> tuple[Sample, ...]:
        """Newest first."""
        return tuple(reversed(self._samples))

    def _sample(self, line: dict[str, Any]) -> Sample:
        prompt, answer = _prompt(line.get("prompt")), _text(line.get("answer"))
        before = self._answers.get(prompt)
        self._answers[prompt] = answer
        return Sample(
            _whole(line.get("step")),
            _whole(line.get("attempt")),
            prompt,
            _text(line.get("expected")),
            answer,
            compare(before, answer),
            None if before is None else before != answer,
        )


def compare(before: str | None, after: str) -> tuple[tuple[str, bool], ...]:
    """A text in pieces of whole words; with each, whether it is new against the text before."""
    old, new = _words(before or ""), _words(after)
    if before is None or before == after or len(old) > MOST_WORDS or len(new) > MOST_WORDS:
        return ((after, False),) if after else ()
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    return tuple(
        ("".join(new[start:end]), kind != "equal")
        for kind, _, _, start, end in matcher.get_opcodes()
        if end > start
    )


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|\w+|[^\w\s]", text)


def _prompt(value: object) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, list):
        return (("", _text(value)),)
    return tuple(
        (_text(message.get("role")), _text(message.get("content")))
        for message in value
        if isinstance(message, dict)
    )


def _text(value: object) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return clean(text[:MOST_CHARACTERS])


def _whole(value: object) -> int:
    return value if isinstance(value, int) else 0

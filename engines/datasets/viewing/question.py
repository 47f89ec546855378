"""A row of data as a question: what a model is shown of it, and the answer that the data has."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...records import parse_lines


@dataclass(frozen=True)
class Question:
    """A prompt, and what the data has as its answer."""

    messages: list[dict[str, Any]] | str
    """Turns, or a raw prompt."""
    expected: str | None = None
    tools: list[dict[str, Any]] | None = None

    @property
    def text(self) -> str:
        """The prompt as people know it: the last user's turn."""
        if isinstance(self.messages, str):
            return self.messages
        users = [_words(turn) for turn in self.messages if turn["role"] == "user"]
        return users[-1] if users else ""

    @property
    def system(self) -> str | None:
        """The system prompt of its own; None where it has none."""
        if isinstance(self.messages, str) or not self.messages or self.messages[0]["role"] != "system":
            return None
        return _words(self.messages[0])

    def with_system(self, system: str | None) -> Question:
        """The same under another system prompt; None or "" for none. A raw prompt has no place for one."""
        if isinstance(self.messages, str):
            return self
        turns = self.messages[1:] if self.system is not None else self.messages
        if system:
            turns = [{"role": "system", "content": system}, *turns]
        return Question(turns, self.expected, self.tools)

    def with_text(self, text: str) -> Question:
        """The same turns with another last prompt: nobody knows what is expected then."""
        if isinstance(self.messages, str):
            return Question(text)
        places = [place for place, turn in enumerate(self.messages) if turn["role"] == "user"]
        before = self.messages[: places[-1]] if places else self.messages
        return Question([*before, {"role": "user", "content": text}], None, self.tools)


def _words(turn: dict[str, Any]) -> str:
    return str(turn.get("content") or "")


def question_of(row: dict[str, Any]) -> Question:
    """A canonical row as a question: the turns before its last answer, and that answer."""
    if "text" in row:
        return Question(row["text"])
    if "prompt" in row:
        return Question(row["prompt"], row["completion"])
    messages = row["messages"]
    last = max((i for i, m in enumerate(messages) if m["role"] == "assistant"), default=len(messages))
    expected = messages[last].get("content") if last < len(messages) else None
    return Question(messages[:last], expected, row.get("tools"))


def read_questions(path: Path, most: int) -> list[Question]:
    """The first rows of a file of canonical rows (docs/job.md) as questions.

    Args:
        most: so many rows are read at most.

    Raises:
        OSError: the file can't be read.
    """
    with open(path, "rb") as file:
        lines = [line for line, _ in zip(file, range(most), strict=False)]
    return [question_of(row) for row in parse_lines(lines)]

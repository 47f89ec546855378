"""Pairs of a question and its answer (GSM8K and its like), which become a user and an assistant turn."""

from __future__ import annotations

from ..checks.table import Faults
from .form import Body, Format, Losses, Row, note_ignored, optional_text, text_of
from .shapes import exchange_of

_PAIRS = (
    ("question", "answer"),
    ("question", "response"),
    ("query", "response"),
    ("query", "answer"),
    ("prompt", "response"),
    ("input", "output"),
)
_EXAMPLE = '{"question": "…", "answer": "…"}'


def _pair(row: Row) -> tuple[str, str] | None:
    return next((pair for pair in _PAIRS if pair[0] in row and pair[1] in row), None)


def _read(row: Row, faults: Faults) -> Body | None:
    asked, answered = _pair(row) or _PAIRS[0]
    note_ignored(row, frozenset({asked, answered, "system"}), faults)
    question = text_of(row, asked, faults, _EXAMPLE)
    answer = text_of(row, answered, faults, _EXAMPLE)
    system = optional_text(row, "system", faults)
    if question is None or answer is None:
        return None
    messages = [{"role": "system", "content": system}] if system else []
    messages += [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": messages}


def _write(body: Body, losses: Losses) -> Body | None:
    exchange = exchange_of(body, losses)
    if exchange is None:
        return None
    if exchange.earlier:
        losses.add("earlier turns")
    system = {"system": exchange.system} if exchange.system else {}
    return {**system, "question": exchange.asked, "answer": exchange.answered}


QUESTION_ANSWER = Format(
    name="question-answer",
    example=_EXAMPLE,
    keys=frozenset({*(key for pair in _PAIRS for key in pair), "system"}),
    matches=lambda row: _pair(row) is not None,
    read=_read,
    write=_write,
)

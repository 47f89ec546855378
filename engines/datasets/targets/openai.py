"""OpenAI: chat messages and preferences.

Sources: OpenAI's guide "Supervised fine-tuning" (at least 10 rows, `weight`), its API reference of files
(only .jsonl, at most 512 MB), its table of fine-tuning limits (65,536 tokens a row; longer ones are cut),
and the cookbook's "Data preparation and analysis for chat model fine-tuning" (how many epochs).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..problem import Problem
from ..tokens.cost import Schedule
from ..tokens.openai import OpenAICounter
from .files import MIB, form_problems, layout_problems, size_problems
from .openai_rows import MESSAGE_KEYS, ROW_KEYS, Rows
from .target import FileFacts, Target

TITLE = "OpenAI"
FORMATS = frozenset({"messages", "openai-preference"})
LEAST_ROWS = 10
MOST_BYTES = 512 * MIB
MAX_TOKENS = 65_536

_USUAL_EPOCHS = 3
_LEAST_EXAMPLES, _MOST_EXAMPLES, _MOST_EPOCHS = 100, 25_000, 25


def openai_schedule(rows: int) -> Schedule:
    """How OpenAI trains so many rows: its cookbook's rule, but it decides itself and promises nothing."""
    epochs = _USUAL_EPOCHS
    if rows * epochs < _LEAST_EXAMPLES:
        epochs = min(_MOST_EPOCHS, _LEAST_EXAMPLES // max(1, rows))
    elif rows * epochs > _MOST_EXAMPLES:
        epochs = max(1, _MOST_EXAMPLES // rows)
    return Schedule(epochs, 1, max(epochs, _USUAL_EPOCHS), None, "the cookbook's rule; OpenAI decides")


def _check_file(facts: FileFacts) -> Iterator[Problem]:
    yield from form_problems(facts, TITLE, FORMATS, "messages")
    yield from layout_problems(facts, TITLE, facts.format if facts.format in FORMATS else "messages")
    yield from size_problems(facts, TITLE, LEAST_ROWS, MOST_BYTES)


_ROWS = Rows("openai", TITLE)

OPENAI = Target(
    name="openai",
    title=TITLE,
    formats=FORMATS,
    check_row=lambda value, body, faults: _ROWS.check(value, faults),
    check_file=_check_file,
    max_tokens=MAX_TOKENS,
    counter=OpenAICounter,
    schedule=openai_schedule,
    row_keys=ROW_KEYS,
    turn_keys=MESSAGE_KEYS,
    prices="openai",
)

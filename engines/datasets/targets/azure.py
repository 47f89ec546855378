"""Azure OpenAI: OpenAI's rules, and a byte order mark at the start of the file.

Source: Microsoft's "Customize a model with fine-tuning" ("training and validation data files must be
encoded in UTF-8 and include a byte-order mark (BOM). The file must be less than 512 MB in size"; at least
10 rows).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..checks.table import found
from ..problem import Problem
from ..tokens.openai import OpenAICounter
from .files import form_problems, layout_problems, size_problems
from .openai import FORMATS, LEAST_ROWS, MAX_TOKENS, MOST_BYTES, openai_schedule
from .openai_rows import MESSAGE_KEYS, ROW_KEYS, Rows
from .target import FileFacts, Target

TITLE = "Azure OpenAI"


def _check_file(facts: FileFacts) -> Iterator[Problem]:
    yield from form_problems(facts, TITLE, FORMATS, "messages")
    yield from layout_problems(facts, TITLE, facts.format if facts.format in FORMATS else "messages")
    yield from size_problems(facts, TITLE, LEAST_ROWS, MOST_BYTES)
    if facts.rows and not facts.bom:
        yield found("missing-bom", str(facts.path), title=TITLE, target="azure")


_ROWS = Rows("azure", TITLE)

AZURE = Target(
    name="azure",
    title=TITLE,
    formats=FORMATS,
    check_row=lambda value, body, faults: _ROWS.check(value, faults),
    check_file=_check_file,
    max_tokens=MAX_TOKENS,
    counter=OpenAICounter,
    schedule=openai_schedule,
    row_keys=ROW_KEYS,
    turn_keys=MESSAGE_KEYS,
)

"""All forms, in the order in which they are tried: the more particular first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from .alpaca import ALPACA
from .form import Format, Row
from .kto import KTO
from .messages import ANTHROPIC, MESSAGES
from .openai_preference import OPENAI_PREFERENCE
from .parts import PARTS
from .preference import PREFERENCE
from .prompt_completion import PROMPT_COMPLETION
from .question_answer import QUESTION_ANSWER
from .sharegpt import SHAREGPT
from .text import TEXT

FORMATS: Mapping[str, Format] = {
    form.name: form
    for form in (
        OPENAI_PREFERENCE,
        PREFERENCE,
        KTO,
        ANTHROPIC,
        MESSAGES,
        PARTS,
        SHAREGPT,
        ALPACA,
        PROMPT_COMPLETION,
        QUESTION_ANSWER,
        TEXT,
    )
}


def recognise(row: object) -> Format | None:
    """The form that a row has by its keys; None when no form fits."""
    if not isinstance(row, dict):
        return None
    return next((form for form in FORMATS.values() if form.matches(row)), None)


def most_fitting(rows: Iterable[object]) -> Format | None:
    """The form that most of the rows have; of equals the one met first. None when no row has a known form."""
    counts = Counter(form.name for row in rows if (form := recognise(row)) is not None)
    return FORMATS[counts.most_common(1)[0][0]] if counts else None


def fits(form: Format, row: Row, named: bool) -> bool:
    """Whether a row may stand in a file of this form: it has that form, or one with the same reader.

    Args:
        named: the user named the form, so it wins over what else the row could be read as.
    """
    if named:
        return any(one.matches(row) for one in FORMATS.values() if one.read is form.read)
    other = recognise(row)
    return other is form or (other is not None and other.read is form.read)

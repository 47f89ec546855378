"""Between what the playground shows and its history: a prompt with its answers, kept and brought back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...engines.datasets.viewing.question import Question
from ...engines.models.chat import Sampling
from ...engines.models.history import Asked, Said
from ...engines.models.talk import Reply
from ..looks.models import Answerer


def to_keep(question: Question, asked_at: float, replies: Sequence[Reply], sampling: Sampling) -> Asked:
    """
    Args:
        question: as it was asked, with its system prompt.
        asked_at: unix seconds.
        replies: each has ended.
    """
    said = tuple(
        Said(
            reply.ref.label,
            reply.text,
            reply.tokens,
            reply.seconds,
            reply.first_token_seconds,
            reply.stop_reason,
            f"{reply.error}. {reply.advice}".strip(". ") if reply.error is not None else None,
        )
        for reply in replies
    )
    bare = question.with_system(None)
    return Asked(asked_at, bare.messages, said, question.system, bare.expected, bare.tools, sampling)


@dataclass(frozen=True)
class BroughtBack:
    """A prompt of the history with the answers of those that are still here."""

    question: Question
    """Without its system prompt."""
    chosen: tuple[Answerer, ...]
    replies: list[Reply]
    gone: list[str]
    """Labels of models that are no longer here."""


def bring_back(asked: Asked, answerers: Sequence[Answerer], most: int) -> BroughtBack:
    """`most`: so many answers are shown at most."""
    known = {one.label: one for one in answerers}
    said = [one for one in asked.answers if one.label in known][:most]
    replies = [
        Reply(
            known[one.label].ref,
            "failed" if one.error is not None else "done",
            one.text,
            one.tokens,
            one.seconds,
            one.first_token_seconds,
            one.stop_reason,
            one.error,
        )
        for one in said
    ]
    return BroughtBack(
        Question(asked.messages, asked.expected, asked.tools),
        tuple(known[one.label] for one in said),
        replies,
        [one.label for one in asked.answers if one.label not in known],
    )

"""What the model answered at each evaluation, newest first; what is new against the one before stands out."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from ....monitors.samples import Sample
from .document import Block

LABEL_CELLS = 10
NEW = "bold $success"


def blocks_of(samples: Sequence[Sample]) -> list[Block]:
    """Prompt and expected answer are said once for all that follow with the same."""
    blocks: list[Block] = []
    asked: object = None
    for sample in samples:
        if (sample.prompt, sample.expected) != asked:
            asked = (sample.prompt, sample.expected)
            if blocks:
                blocks.append(Block(Content("")))
            blocks += [_labelled(role or "prompt", text, "$quiet") for role, text in sample.prompt]
            if sample.expected:
                blocks.append(_labelled("expected", sample.expected, "$quiet", "$primary"))
        blocks += [Block(Content("")), Block(_title(sample))]
        pieces = [(text, NEW if new else "") for text, new in sample.pieces]
        answer = Content.assemble(*pieces) if pieces else Content.styled("(nothing)", "$quiet")
        blocks.append(Block(answer, Content.styled("answer", "$quiet"), LABEL_CELLS))
    return blocks


def _labelled(label: str, text: str, style: str, text_style: str = "") -> Block:
    label = " ".join(label.split())[: LABEL_CELLS - 1]
    return Block(Content.styled(text, text_style), Content.styled(label, style), LABEL_CELLS)


def _title(sample: Sample) -> Content:
    parts: list[tuple[str, str]] = [(f"step {sample.step:,}", "bold")]
    if sample.attempt > 1:
        parts.append((f" · attempt {sample.attempt}", "$quiet"))
    if sample.right:
        parts.append(("  ✓ as expected", "$success"))
    if sample.changed is False:
        parts.append(("  = as before", "$quiet"))
    elif sample.changed:
        parts.append(("  ≠ another answer than before", "$quiet"))
    return Content.assemble(*parts)

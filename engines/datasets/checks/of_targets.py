"""What a target refuses or does otherwise than others: a provider's rules, a template's, a tokenizer's."""

from __future__ import annotations

from collections.abc import Mapping

from .kinds import Check

OF_TARGETS: Mapping[str, Check] = {
    "template-refuses": Check(
        "error",
        "row",
        "The row can't be rendered with the model's chat template: {reason}.",
        "Change the row, or choose another template.",
    ),
    "no-end-token": Check(
        "error",
        "row",
        "No end token is trained at the end of the answer: the model would learn never to stop.",
        "Choose a chat template that ends each turn with the model's end token.",
    ),
    "begin-tokens": Check(
        "warning",
        "row",
        "The row has {count} begin tokens instead of one.",
        "Remove the begin token from the text or from the template: the tokenizer puts it there itself.",
    ),
    "too-long": Check(
        "warning",
        "row",
        "The row has {tokens:,} tokens, {limit:,} are taken: {lost:,} of the {of:,} trained tokens are lost.",
        "Shorten the row, split it, or take a greater length.",
    ),
}

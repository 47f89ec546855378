"""What only a look at all rows shows: rows that repeat or contradict each other, on both sides of a split."""

from __future__ import annotations

from collections.abc import Mapping

from .kinds import Check

OF_SETS: Mapping[str, Check] = {
    "valid-size": Check(
        "error",
        "file",
        "{wanted} validation rows can't be taken from {rows}.",
        "Ask for fewer, or give a validation file.",
    ),
    "no-valid": Check(
        "warning",
        "file",
        "There is nothing to validate with: all rows have the same prompt.",
        "Give a validation file.",
    ),
    "valid-kind": Check(
        "error",
        "file",
        "The validation file has rows of the kind {valid}, the training file {train}.",
        "Give both in the same form.",
    ),
    "valid-in-train": Check(
        "warning",
        "row",
        "The prompt of this validation row is also trained, so its loss says little.",
        "Remove it from one of the two files.",
    ),
    "no-rows-left": Check(
        "error", "file", "No usable row is left: all {rows} have faults.", "Mend the faults that were found."
    ),
}

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
    "contradiction": Check(
        "warning",
        "row",
        "{what} in line {first:,}.",
        "Keep the one that is right; if both are, nothing is to be done.",
    ),
    "near-duplicate": Check(
        "warning",
        "row",
        "The row is nearly the same as that in line {first:,} (an estimate: {share} % of the words).",
        "Remove one of the two, unless both are meant.",
    ),
    "template": Check(
        "note",
        "row",
        "{count:,} rows, this one the first, are nearly the same: they seem to be filled into one template.",
        "Nothing to do, if that is meant; few different rows teach as much.",
    ),
    "same-answer": Check(
        "warning",
        "file",
        "{share} % of the rows have the same answer: {answer}.",
        "Add rows with other answers, or remove some of these: the model may learn to say nothing else.",
    ),
    "some-without-system": Check(
        "warning",
        "file",
        "{count:,} rows have no system prompt (the first one here), {share} % have the same one: {system}.",
        "Give all rows the system prompt, or none.",
    ),
    "row-in-both": Check(
        "warning",
        "row",
        "The row is also in {file}, line {first:,}.",
        "Remove it from one of the two: what was trained says little when it validates.",
    ),
    "prompt-in-both": Check(
        "warning",
        "row",
        "The prompt is also in {file}, line {first:,}.",
        "Remove it from one of the two: what was trained says little when it validates.",
    ),
    "sampled": Check(
        "note",
        "file",
        "{what} were looked for among {looked:,} of {rows:,} rows.",
        "There may be more of them in the others.",
    ),
    "no-rows-left": Check(
        "error", "file", "No usable row is left: all {rows} have faults.", "Mend the faults that were found."
    ),
}

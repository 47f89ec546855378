"""What can be wrong with what a row teaches: its turns, its answers, its texts."""

from __future__ import annotations

from collections.abc import Mapping

from .kinds import Check

OF_LESSONS: Mapping[str, Check] = {
    "no-answer": Check(
        "error",
        "row",
        "There is no assistant turn, so nothing to learn.",
        "Add the answer, or remove the row.",
    ),
    "nothing-trained": Check(
        "error", "row", "Every answer of the row has weight 0, so nothing is trained.", "Remove the row."
    ),
    "empty-answer": Check(
        "error",
        "row",
        "{what} is empty: it would teach to say nothing.",
        "Write the answer, or remove the row.",
    ),
    "empty-turn": Check("warning", "row", "{what} is empty.", "Fill it in, or remove it."),
    "empty-text": Check("error", "row", "The text is empty.", "Remove the row."),
    "last-turn": Check(
        "warning",
        "row",
        "The last turn is {role}'s, not the assistant's: what follows the last answer is not trained.",
        "End the conversation with an answer; providers refuse such rows.",
    ),
    "role-order": Check(
        "warning",
        "row",
        "Turn {turn} ({role}) follows {before}; some chat templates refuse that.",
        "Join the two turns, or put the missing one between them.",
    ),
    "system-place": Check(
        "warning",
        "row",
        "Turn {turn} is a system prompt, but not the first turn; some chat templates refuse that.",
        "Put the system prompt first.",
    ),
    "placeholder": Check(
        "warning",
        "row",
        "The placeholder {placeholder} was left in: the model will learn to write it.",
        "Replace it by the text that it stands for.",
    ),
    "control-character": Check(
        "warning",
        "row",
        "The text has the control character {character}.",
        "Remove it, unless the model should learn it.",
    ),
    "broken-character": Check(
        "warning",
        "row",
        "The text has the character U+FFFD, the remains of a failed conversion.",
        "Convert the source again with its right encoding.",
    ),
    "duplicate": Check(
        "warning",
        "row",
        "The row is the same as that in line {first:,}.",
        "Remove it, unless it should count twice.",
    ),
}

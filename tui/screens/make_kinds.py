"""The dialogs that make a new file from a dataset: in another form, split in two, or mended."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...engines.datasets.kept.checked import Rules
from ...engines.datasets.making.process import Asked, Conversion, Mending, name_beside
from ...engines.datasets.targets.registry import TARGETS
from ...engines.settings import Settings
from ...engines.text import one_line
from .make import Blank, Make
from .pick import Refused

KINDS = ".jsonl .json .csv .tsv .parquet .gz"
BESIDE = "beside the source"


class Convert(Make):
    """Another form, and by the name perhaps another kind of file."""

    def __init__(self, settings: Settings, path: Path, rules: Rules, to: str) -> None:
        """`to`: the form that is wanted."""
        about = f"Rows as {to}. The name's end says the kind of file: {KINDS}."
        super().__init__(settings, path, f"Convert to {to}", about)
        self._rules, self._to = rules, to

    def blanks(self) -> tuple[Blank, ...]:
        return (
            Blank("out", "new file", name_beside(self._path, self._to).name, note=BESIDE),
            Blank("lossy", "accept losses", "false", ("false", "true"), "what the form has no place for"),
        )

    def asked(self, answers: dict[str, str]) -> Asked:
        return Conversion(
            str(self._path),
            path_of(answers["out"], self._path),
            self._to,
            answers["lossy"] == "true",
            format=self._rules.format,
            columns=self._rules.columns,
        )


class Split(Make):
    """Two files: rows to train, and rows to validate with."""

    def __init__(self, settings: Settings, path: Path, rules: Rules, examples: Mapping[str, Any]) -> None:
        """`examples`: the keys of the file's rows with a value of each; one may say what belongs together."""
        about = "Rows with the same prompt stay on one side. The same seed chooses the same rows."
        super().__init__(settings, path, "Split off rows for validation", about)
        self._rules, self._examples = rules, examples

    def blanks(self) -> tuple[Blank, ...]:
        plain = [key for key, value in self._examples.items() if not isinstance(value, (dict, list))]
        keys = one_line(", ".join(plain), 36)
        return (
            Blank("out", "to train", name_beside(self._path, "train").name, note=BESIDE),
            Blank("held", "to validate", name_beside(self._path, "valid").name, note=BESIDE),
            Blank("share", "hold out", "", note="rows, or a share: 200, 5 %", placeholder="the usual share"),
            Blank("seed", "seed", "42"),
            Blank("group", "keep together", "", note=f"by a key: {keys}" if keys else "", placeholder="none"),
        )

    def asked(self, answers: dict[str, str]) -> Asked:
        rows, share = held_out(answers["share"])
        seed = answers["seed"] or "42"
        if not seed.isascii() or not seed.isdecimal() or len(seed) > 9:
            raise Refused("The seed is a whole number of at most nine digits.")
        group = answers["group"] or None
        if group is not None and self._examples and group not in self._examples:
            there = one_line(", ".join(self._examples), 200)
            raise Refused(f"The rows have no key {one_line(group, 40)}; they have {there}.")
        return Conversion(
            str(self._path),
            path_of(answers["out"], self._path),
            held_out=path_of(answers["held"], self._path),
            held_rows=rows,
            held_share=share,
            seed=int(seed),
            group=group,
            format=self._rules.format,
            columns=self._rules.columns,
        )


class Fix(Make):
    """What needs no guess is put right; what can't be is left out."""

    def __init__(self, settings: Settings, path: Path, rules: Rules) -> None:
        about = (
            "What needs no guess is put right (encodings, commas, roles, blank lines, duplicates); "
            "rows that can't be are left out, each with its line."
        )
        if rules.target:
            about = f"{about} Spelled as {TARGETS[rules.target].title} wants it."
        super().__init__(settings, path, "Fix: a repaired copy", about)
        self._rules = rules

    def blanks(self) -> tuple[Blank, ...]:
        return (Blank("out", "new file", name_beside(self._path, "fixed").name, note=BESIDE),)

    def asked(self, answers: dict[str, str]) -> Asked:
        rules = self._rules
        out = path_of(answers["out"], self._path)
        return Mending(str(self._path), out, rules.target, rules.format, rules.columns)


def path_of(text: str, source: Path) -> str:
    """The absolute path that was typed; a name alone stands beside the source.

    Raises:
        Refused: none was.
    """
    if not text:
        raise Refused("The name of the new file is missing.")
    return os.path.abspath(source.parent / os.path.expanduser(text))


def held_out(text: str) -> tuple[int | None, float | None]:
    """How many rows are held out, or which share (0 to 1) of all; both None: the usual share.

    Raises:
        Refused: it is neither.
    """
    words = text.replace(",", "").replace("_", "").strip()
    if not words:
        return None, None
    try:
        if words.endswith("%"):
            return None, float(words[:-1]) / 100
        if "." in words:
            return None, float(words)
        return int(words), None
    except ValueError:
        raise Refused("What is held out is a number of rows (200) or a share of them (5 %, 0.05).") from None

"""Columns that the user mapped: the keys of a known form under the names that a file has for them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from ..checks.words import key_list, shown
from .registry import FORMATS

Columns = Mapping[str, str]
"""A known form's keys, each with the file's name for it: `{"question": "Frage", "answer": "Antwort"}`."""

KEYS = frozenset().union(*(form.keys for form in FORMATS.values()))
"""What a column can be mapped to."""

# A name may have commas: it ends before the next pair. What would be read otherwise stands in quotes.
_PAIR = re.compile(
    r'\s*(?P<key>[^=,]*?)\s*=\s*(?P<name>"(?:[^"\\]|\\.)*"|.*?)\s*(?:,(?=\s*\w+\s*=)|$)', re.DOTALL
)


class ColumnsError(ValueError):
    """A mapping that can't be used; the message says why, and what could be."""


def parse_columns(text: str) -> dict[str, str]:
    """The mapping that `question=Frage,answer=Antwort` says.

    Raises:
        ColumnsError: it is no such list, or a key is none of a known form.
    """
    columns: dict[str, str] = {}
    place = 0
    while place < len(text) or not columns:
        pair = _PAIR.match(text, place)
        key, name = (pair["key"], _unquoted(pair["name"])) if pair is not None else ("", "")
        if pair is None or not key or not name:
            got = shown(text[place:].strip())
            raise ColumnsError(f"expected KEY=COLUMN, got {got}; for instance question=Frage,answer=Antwort")
        if key in columns:
            raise ColumnsError(f"{key} is given twice")
        columns[key] = name
        place = pair.end()
    return known_columns(columns)


def _unquoted(name: str) -> str:
    if name[:1] != '"' or len(name) < 2:
        return name
    try:
        return json.loads(name, strict=False)
    except ValueError:
        return name


def in_words(columns: Columns) -> str:
    """A mapping as `parse_columns` reads it."""
    pairs = [f"{key}={name}" for key, name in columns.items()]
    for number, (key, name) in enumerate(columns.items()):
        if name != name.strip() or name[:1] == '"' or "," in name or "=" in name:
            pairs[number] = f"{key}={json.dumps(name, ensure_ascii=False)}"
    return ",".join(pairs)


def known_columns(columns: Mapping[str, Any]) -> dict[str, str]:
    """The mapping itself, when its keys are those of known forms.

    Raises:
        ColumnsError: a key is none of a known form, or a name is no text.
    """
    for key, name in columns.items():
        if key not in KEYS:
            near = get_close_matches(key, KEYS, 1)
            swapped = isinstance(name, str) and name in KEYS
            hint = (
                f"the form's key stands first: {name}={key}"
                if swapped
                else f"is {near[0]} meant?"
                if near
                else f"known are {', '.join(sorted(KEYS))}"
            )
            raise ColumnsError(f"no form has the key {shown(key)}; {hint}")
        if not isinstance(name, str) or not name:
            raise ColumnsError(f"expected the name of a column for {key}, got {shown(name)}")
    return dict(columns)


def renamed(row: Mapping[str, Any], columns: Columns) -> dict[str, Any]:
    """The row under the known names; what was not mapped is left out, and so is what the row has not."""
    return {known: row[own] for known, own in columns.items() if own in row}


def completed(columns: Columns, rows: Iterable[object]) -> Columns:
    """A mapping with the keys that rows have under their known names: `answer` where only `question` is
    mapped."""
    own = {key for row in rows if isinstance(row, dict) for key in row}
    return {**{key: key for key in KEYS & own if key not in columns.values()}, **columns}


def lacking(columns: Columns, rows: Iterable[object]) -> dict[str, Any] | None:
    """What fills the check `missing-column`: the first mapped column that none of the rows has."""
    objects = [row for row in rows if isinstance(row, dict)]
    own = list({key: None for row in objects for key in row})
    missing = next((name for name in columns.values() if name not in own), None)
    if not objects or missing is None:
        return None
    # Near by letters, or the same but for case.
    folded = {name.casefold(): name for name in own}
    near = get_close_matches(missing.casefold(), folded, 1, 0.5)
    hint = f"Is {shown(folded[near[0]])} meant?" if near else "Map one of these."
    return {"missing": shown(missing), "keys": key_list(own), "hint": hint}

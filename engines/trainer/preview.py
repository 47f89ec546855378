"""`preview`: rows as they will be trained, token by token, as JSON lines."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .data import place, read_rows
from .failures import classify
from .progress import say
from .render import UNTRAINED, Renderer, RowError

_MOST_TOKENS_A_CHARACTER = 8
"""Of UTF-8's four bytes and what a tokenizer puts before them; more is text that was broken before."""


def main(asked: argparse.Namespace) -> int:
    """Print a line a row.

    `{row, source, ids, labels, texts, special, tokens, trained_tokens, ends}` (`special`: special tokens'
    places), or `{row, source, error}`; last, where nothing more can be shown, `{error: {reason, message,
    advice}}`, and exit status 1.
    """
    try:
        first, last = _range(asked.rows)
        renderer = open_renderer(asked.model, asked.template, asked.remote_code)
        for number, row in read_rows(asked.data):
            if number >= first and (last is None or number < last):
                say(json.dumps(_line(number, row, renderer), ensure_ascii=False))
    except Exception as error:  # noqa: BLE001 - said as JSON, like everything here
        say(json.dumps({"error": classify(error).as_json()}))
        return 1
    return 0


def open_renderer(model: str, template: Path | None, remote_code: bool) -> Renderer:
    """The renderer of a folder or a hub id, of which only the tokenizer is read."""
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(model, trust_remote_code=remote_code)
    return Renderer(tokenizer, template.read_text(encoding="utf-8") if template else None)


def _line(number: int, row: dict[str, Any], renderer: Renderer) -> dict[str, Any]:
    try:
        rendered = renderer.row(row)
    except RowError as error:
        return {"row": number, "source": row.get("source"), "error": f"{place(row)}: {error}"}
    return {
        "row": number,
        "source": row.get("source"),
        "ids": rendered.ids,
        "labels": rendered.labels,
        "texts": texts(rendered.ids, renderer.decode),
        "special": [place for place, token in enumerate(rendered.ids) if renderer.is_special(token)],
        "tokens": len(rendered.ids),
        "trained_tokens": sum(label != UNTRAINED for label in rendered.labels),
        "ends": renderer.ends(rendered),
    }


def texts(ids: list[int], decode: Callable[[list[int]], str]) -> list[str]:
    """Each token's part of the whole text.

    Alone, a token may lose the space before its word, and one of several that make up a character is no text
    at all: so each is what the text grows by, and a character belongs to the last of its tokens.
    """
    parts: list[str] = []
    known, begun = 0, 0
    for end in range(1, len(ids) + 1):
        before, after = decode(ids[begun:known]), decode(ids[begun:end])
        if after.endswith("\ufffd") and end < len(ids) and end - known < _MOST_TOKENS_A_CHARACTER:
            parts.append("")
            continue
        parts.append(after[len(before) :])
        begun, known = known, end
    return parts


def _range(text: str) -> tuple[int, int | None]:
    first, _, last = text.partition(":")
    return int(first or 0), int(last) if last else None

"""`preview`: rows as they will be trained, token by token, as JSON lines."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .data import place, read_rows
from .failures import Failure
from .progress import say
from .render import Renderer, RowError
from .tokens import answering, refusal

_MOST_TOKENS_A_CHARACTER = 8
"""Of UTF-8's four bytes and what a tokenizer puts before them; more is text that was broken before."""


def main(asked: argparse.Namespace) -> int:
    """Print a line a row, of stdin as soon as it comes.

    `{row, source, ids, labels, texts, special, tokens, trained_tokens, ends, begins}` (`special`: special
    tokens' places), or `{row, source, error}`; last, where nothing more can be shown, `{error: {reason,
    message, advice}}`, and exit status 1, or 3 where `--transformers` would do.
    """

    def answer_all(renderer: Renderer) -> None:
        first, last = _range(asked.rows)
        for number, row in _rows(asked.data):
            if number >= first and (last is None or number < last):
                say(json.dumps(_line(number, row, renderer, asked.data == "-"), ensure_ascii=False))

    return answering(asked, answer_all)


def _rows(data: str) -> Iterator[tuple[int, dict[str, Any]]]:
    if data != "-":
        return read_rows(Path(data))
    return enumerate(json.loads(line) for line in sys.stdin.buffer)


def _line(number: int, row: dict[str, Any], renderer: Renderer, live: bool) -> dict[str, Any]:
    """`live`: rows come as they are wanted, so one that can't be rendered doesn't end it."""
    try:
        rendered = renderer.row(row)
    except RowError as error:
        return {"row": number, "source": row.get("source"), "error": f"{place(row)}: {error}"}
    except Failure as error:
        if not live:
            raise
        return {"row": number, "source": row.get("source"), "error": refusal(row, error, renderer)}
    return {
        "row": number,
        "source": row.get("source"),
        "ids": rendered.ids,
        "labels": rendered.labels,
        "texts": texts(rendered.ids, renderer.decode),
        "special": [place for place, token in enumerate(rendered.ids) if renderer.is_special(token)],
        "tokens": len(rendered.ids),
        "trained_tokens": rendered.trained,
        "ends": renderer.ends(rendered),
        "begins": renderer.begins(rendered),
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

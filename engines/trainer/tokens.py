"""`tokens`: how many tokens rows have, without torch and transformers; answers lines as they come."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .data import place
from .failures import Failure, classify
from .progress import say
from .render import UNTRAINED, Renderer, RowError

NEEDS_TRANSFORMERS = 3
"""Exit status where `--transformers` would do."""
LONGEST_ERROR = 400
"""Characters of what is said of a row that can't be rendered; templates may raise anything."""


class NeedsTransformers(Failure):
    """A tokenizer of a kind that only transformers can make; the message says why."""

    def __init__(self, message: str) -> None:
        super().__init__("unsupported", message, "Ask an interpreter that has transformers.")


def main(asked: argparse.Namespace) -> int:
    """Print a line a row: `{tokens, trained_tokens, ends, begins, lost}` or `{error}`.

    Where nothing can be counted the last line is `{error: {reason, message, advice}}` and the exit status 1;
    or 3 where `--transformers` would do.
    """

    def answer_all(renderer: Renderer) -> None:
        for line in sys.stdin.buffer:
            say(json.dumps(counted(json.loads(line), renderer, asked.max_length), ensure_ascii=False))

    return answering(asked, answer_all)


def answering(asked: argparse.Namespace, answer: Callable[[Renderer], None]) -> int:
    """Do something with the renderer that a command line asks for; what goes wrong is said as JSON."""
    try:
        answer(open_renderer(asked))
    except Exception as error:  # noqa: BLE001
        say(json.dumps({"error": classify(error).as_json()}))
        lacking = isinstance(error, ImportError) and not asked.transformers
        return NEEDS_TRANSFORMERS if lacking or isinstance(error, NeedsTransformers) else 1
    return 0


def open_renderer(asked: argparse.Namespace) -> Renderer:
    """The renderer of a model, of which only the tokenizer is read.

    Args:
        asked: `model`, a folder, or with `transformers` a hub id too; `template`, a file; `remote_code`.

    Raises:
        NeedsTransformers: without `transformers`, where only that can make the tokenizer.
        Exception: whatever reading it raises.
    """
    template = asked.template.read_text(encoding="utf-8") if asked.template else None
    if asked.transformers:
        from transformers import AutoTokenizer

        tokenizer: Any = AutoTokenizer.from_pretrained(asked.model, trust_remote_code=asked.remote_code)
    else:
        from .light import LightTokenizer

        folder = Path(asked.model)
        if not folder.is_dir():
            raise Failure("model_not_found", f"There is no folder {folder}.", "Give a folder with a model.")
        tokenizer = LightTokenizer(folder)
    return Renderer(tokenizer, template)


def counted(row: dict[str, Any], renderer: Renderer, max_length: int | None) -> dict[str, Any]:
    """What is said of a canonical row.

    Args:
        max_length: tokens beyond which trained ones are lost; None: none are.

    Raises:
        Failure: no row like it can be counted.
    """
    try:
        rendered = renderer.row(row)
    except (RowError, Failure) as error:
        return {"error": refusal(row, error, renderer)}
    labels = rendered.labels
    lost = [] if max_length is None else labels[max_length:]
    return {
        "tokens": len(labels),
        "trained_tokens": rendered.trained,
        "ends": renderer.ends(rendered),
        "begins": renderer.begins(rendered),
        "lost": len(lost) - lost.count(UNTRAINED),
    }


def refusal(row: dict[str, Any], error: RowError | Failure, renderer: Renderer) -> str:
    """Why a row can't be rendered, in words.

    Raises:
        Failure: no row like it can be.
    """
    if isinstance(error, Failure) and renderer.template is None:
        raise error
    return f"{place(row)}: {error}"[:LONGEST_ERROR]

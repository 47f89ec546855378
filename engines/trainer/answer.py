"""`answer`: greedy answers of a base and its adapters to a file of rows, in batches (docs/job.md)."""

from __future__ import annotations

import argparse
import json
import os
import signal
from pathlib import Path
from typing import Any

from .failures import Failure, classify
from .render import Renderer, RowError

BATCH_ROWS = 32
BASE = "base"


def main(asked: argparse.Namespace) -> int:
    """Answer every row with every model; exit status 1 where that can't be done."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Libraries print on the ordinary stdout.
    out = os.dup(1)
    os.dup2(2, 1)

    def say(**line: Any) -> None:
        os.write(out, json.dumps(line, ensure_ascii=False).encode() + b"\n")

    try:
        from transformers.utils.logging import disable_progress_bar

        from .sampling import generate_batch
        from .speaker import load_speaker

        disable_progress_bar()
        rows = [json.loads(line) for line in asked.data.read_text(encoding="utf-8").splitlines()]
        speaker = load_speaker(asked.model, asked.load, asked.template, asked.device, asked.remote_code)
        for number, name in enumerate(asked.adapter):
            adapter = None if name == BASE else Path(name)
            renderer = speaker.renderer(adapter)
            prompts = [prompt_of(row, renderer) for row in rows]
            # Rows of like length together: less padding.
            order = sorted(range(len(rows)), key=lambda index: len(prompts[index]))
            with speaker.use(adapter):
                for start in range(0, len(order), BATCH_ROWS):
                    batch = order[start : start + BATCH_ROWS]
                    said = generate_batch(
                        speaker.model,
                        [prompts[index] for index in batch],
                        end_ids=speaker.ends(renderer),
                        max_tokens=asked.max_tokens,
                    )
                    for index, ids in zip(batch, said, strict=True):
                        say(model=number, row=index, text=renderer.decode(ids))
    except Exception as error:  # noqa: BLE001 - said as JSON, like everything here
        say(error=classify(error, "answering").as_json())
        return 1
    return 0


def prompt_of(row: dict[str, Any], renderer: Renderer) -> list[int]:
    """A canonical row up to its last answer, as the model is asked.

    Raises:
        Failure: the template can't render it.
    """
    try:
        if "messages" in row:
            turns = row["messages"]
            answers = [place for place, turn in enumerate(turns) if turn["role"] == "assistant"]
            return renderer.prompt(turns[: answers[-1]] if answers else turns, row.get("tools"))
        return renderer.raw_prompt(row["prompt"] if "prompt" in row else row["text"])
    except RowError as error:
        raise Failure("data", str(error), "Change the row, or choose another template.") from error

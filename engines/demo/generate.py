"""Writes the demonstration's data: `python -m finetui.engines.demo.generate [FOLDER]`.

The files are the same to the byte whenever and wherever they are written. Each row is in OpenAI's
messages format: a system prompt, a request for a table in somebody's own words, and the answer that the
tuning teaches, exact JSON.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random

from .chats import Booking, Message, as_json, fields, make_booking, request, spell_out
from .domains import TABLE
from .new_phrasings import HELD_OUT_REQUESTS

Row = dict[str, list[Message]]

DATA = Path(__file__).parent / "data"
SYSTEM = "You are the booking desk of the Blue Olive restaurant."
SEED = 20261124
ROWS = {"train": 600, "valid": 60, "test": 120, "test_new_phrasings": 84}


def _row(text: str, booking: Booking) -> Row:
    return {
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": text},
            {"role": "assistant", "content": as_json(fields(booking))},
        ]
    }


def _fresh_booking(rng: Random, held_out: bool, taken: set[str], mine: set[str]) -> Booking:
    """A booking whose name shares no word with another file's names."""
    while True:
        booking = make_booking(rng, TABLE, held_out)
        words = set(booking.name.split())
        if not words & taken:
            mine |= words
            return booking


def data(seed: int = SEED) -> dict[str, list[Row]]:
    """The rows of each file by its name without ending.

    train and valid are for tuning. test has names of which no word occurs in these two.
    test_new_phrasings has such names and requests in wordings that occur nowhere else.
    """
    rng = Random(seed)
    files: dict[str, list[Row]] = {}
    taken: set[str] = set()
    prompts: set[str] = set()
    for name, count in ROWS.items():
        held_out = name.startswith("test")
        mine: set[str] = set()
        rows: list[Row] = []
        wordings = _held_out_wordings() if name == "test_new_phrasings" else None
        while len(rows) < count:
            booking = _fresh_booking(rng, held_out, taken if held_out else set(), mine)
            text = spell_out(rng, next(wordings), booking) if wordings else request(rng, booking)
            if text not in prompts:
                prompts.add(text)
                rows.append(_row(text, booking))
        if not held_out:
            taken |= mine
        files[name] = rows
    return files


def _held_out_wordings() -> Iterator[str]:
    while True:
        yield from HELD_OUT_REQUESTS


def write(folder: Path) -> list[Path]:
    """Writes all files into `folder`, which is made when missing.

    Returns:
        Their paths.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, rows in data().items():
        path = folder / f"{name}.jsonl"
        path.write_text("".join(as_json(row) + "\n" for row in rows), encoding="utf-8", newline="\n")
        paths.append(path)
    return paths


if __name__ == "__main__":
    for written in write(Path(sys.argv[1]) if len(sys.argv) > 1 else DATA):
        sys.stdout.write(f"{written}\n")

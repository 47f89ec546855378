"""What was asked of a job's models: a file of JSON lines in the job's folder, a line a prompt."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from ..records import UNREADABLE, append_line
from .chat import Sampling

FOLDER, FILE = "chats", "playground.jsonl"


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """One model's answer."""

    label: str
    text: str = ""
    tokens: int = 0
    seconds: float = 0.0
    first_token_seconds: float | None = None
    stop_reason: str | None = None
    """`stop`, `length` or `cancelled`; None where it failed."""
    error: str | None = None


class Asked(msgspec.Struct, frozen=True, omit_defaults=True):
    """A prompt with what each model said to it."""

    time: float
    """Unix seconds."""
    messages: list[dict[str, Any]] | str
    """Turns without the system prompt, or a raw prompt."""
    answers: tuple[Said, ...]
    system: str | None = None
    expected: str | None = None
    tools: list[dict[str, Any]] | None = None
    sampling: Sampling | None = None


def keep(job_folder: Path, asked: Asked) -> None:
    """Append to a job's history.

    Raises:
        OSError: as the file system says.
    """
    folder = job_folder / FOLDER
    folder.mkdir(exist_ok=True)
    append_line(folder / FILE, asked)


def kept(job_folder: Path) -> list[Asked]:
    """What was asked of a job's models, oldest first; lines that can't be read are left out.

    Raises:
        OSError: the file is there and can't be read.
    """
    try:
        content = (job_folder / FOLDER / FILE).read_bytes()
    except FileNotFoundError:
        return []
    found = []
    for line in content.split(b"\n")[:-1]:
        try:
            found.append(msgspec.json.decode(line, type=Asked))
        except UNREADABLE:
            continue
    return found

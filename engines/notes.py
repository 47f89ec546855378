"""What the user says of a job: tags, a note, whether it is put away. `user.toml` in the job's folder.

It has a lock of its own, `user.lock`: the job's lock is held by its supervisor for life.
"""

from __future__ import annotations

import contextlib
import fcntl
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import tomli_w

from .job import Job, announce
from .records import replace_bytes
from .text import clean, one_line

LONGEST_TAG = 40
"""Characters of a tag: it stands in a list."""


@dataclass(frozen=True)
class Notes:
    """Tags and a note of a job; `archived`: it is put away."""

    tags: tuple[str, ...] = ()
    note: str = ""
    archived: bool = False


def notes_path(folder: str | Path) -> str:
    """Where the notes of the job in a folder lie."""
    return f"{folder}/user.toml"


def read_notes(job: Job) -> Notes:
    """What is said of a job. Nothing, where there is no file, or none that can be read.

    Tags and note are made safe for a terminal.
    """
    try:
        found = tomllib.loads(Path(notes_path(job.paths.folder)).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):  # no TOML and no UTF-8 are ValueErrors
        return Notes()
    tags, note = found.get("tags"), found.get("note")
    words = [tag for tag in tags if isinstance(tag, str)] if isinstance(tags, list) else []
    return Notes(
        tags_of(",".join(words)),
        clean(note) if isinstance(note, str) else "",
        found.get("archived") is True,
    )


def write_notes(job: Job, notes: Notes) -> None:
    """Replace what is said of a job, and tell those who list jobs.

    Raises:
        FileNotFoundError: the job was removed.
        OSError: it can't be written; what was there stays.
    """
    document = {"tags": list(notes.tags), "note": notes.note, "archived": notes.archived}
    with _locked(job):
        replace_bytes(
            Path(notes_path(job.paths.folder)), tomli_w.dumps(document, multiline_strings=True).encode()
        )
    with contextlib.suppress(OSError):  # the feed is for readers' comfort
        announce(job.home, job.id)


def tags_of(text: str) -> tuple[str, ...]:
    """Tags from words between commas: each once, in their order, on one line."""
    tags = (one_line(part, LONGEST_TAG) for part in text.split(","))
    return tuple(dict.fromkeys(tag for tag in tags if tag))


@contextlib.contextmanager
def _locked(job: Job) -> Iterator[None]:
    with open(job.paths.folder / "user.lock", "ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield

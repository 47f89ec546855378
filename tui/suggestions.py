"""The rest of what is being typed, shown behind the cursor: → takes it. Looked for in a thread."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from textual.suggester import Suggester


class Completion(Suggester):
    """Completes by a function that may take its time."""

    def __init__(self, complete: Callable[[str], str | None]) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._complete = complete

    async def get_suggestion(self, value: str) -> str | None:
        return await asyncio.to_thread(self._complete, value)


def of_data(text: str) -> str | None:
    """A path that begins so: a file of rows or a folder."""
    return _first(text, lambda entry: entry.is_dir() or is_data(entry.name))


def of_folder(text: str) -> str | None:
    """A path that begins so and is a folder; only where what is typed looks like a path."""
    return _first(text, lambda entry: entry.is_dir()) if text.startswith(("/", ".", "~")) else None


def is_data(name: str) -> bool:
    """Whether a file is called as files of rows usually are."""
    return name.lower().removesuffix(".gz").endswith((".jsonl", ".json", ".ndjson", ".jsonlines"))


def _first(text: str, fits: Callable[[os.DirEntry[str]], bool]) -> str | None:
    folder, _, begun = text.rpartition(os.sep)
    if not text or begun == "." or begun == ".." or (begun.startswith("~") and not folder):
        return None
    place = os.path.expanduser(folder + os.sep) if os.sep in text else os.curdir
    try:
        with os.scandir(place) as entries:
            names = sorted(
                entry.name + (os.sep if entry.is_dir() else "")
                for entry in entries
                if entry.name.startswith(begun) and (begun or entry.name[0] != ".") and fits(entry)
            )
    except (OSError, ValueError):
        return None
    return text[: len(text) - len(begun)] + names[0] if names else None

"""Which rows of a file have some words: the whole file, by a process of its own where it is large.

JSON writes a text in several ways (`ü` or `\\u00fc`, `"` as `\\"`), so lines are first sieved by bytes that
each way has, and those that pass are read as JSON and looked at text by text.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ...records import UNREADABLE
from ..sources.source import BLOCK_BYTES, blocks

SMALL_BYTES = 1 << 20
"""Up to this size a file is searched at once, as one types."""

_PLAIN = re.compile(r"[A-Za-z0-9 ,.:;!?()_*#-]+")
"""Characters that every writer of JSON leaves as they are (Go's escapes `<`, `>` and `&`, too)."""


@dataclass(frozen=True, slots=True)
class Found:
    """What was found in one more piece of a file.

    Args:
        lines: those on which rows with the words start, counted from 1, after all that were told before.
        bytes: how far in the file the search is.
        size_bytes: of the file.
    """

    lines: list[int]
    bytes: int
    size_bytes: int


def pattern_of(words: str) -> re.Pattern[str]:
    """What the words are looked for by, in a text: as they stand, in any case."""
    return re.compile(re.escape(words), re.IGNORECASE)


def search(path: Path, words: str, block_bytes: int = BLOCK_BYTES) -> Iterator[Found]:
    """Look through a whole file. What can't be read of it has no words; nothing is raised for it.

    Args:
        words: not empty.
        block_bytes: how much is looked through before something is told.
    """
    pattern, needles = pattern_of(words), _needles(words)
    try:
        size = os.stat(path).st_size
    except OSError:
        return
    for block in blocks(path, block_bytes):
        yield Found([*_in_block(block.lines, block.places, pattern, needles)], block.end, size)


def _in_block(
    lines: bytes, places: Any, pattern: re.Pattern[str], needles: tuple[bytes, ...]
) -> Iterator[int]:
    lowered = lines.lower()
    if not any(needle in lowered for needle in needles):
        return
    for content, lower, place in zip(lines.split(b"\n"), lowered.split(b"\n"), places, strict=False):
        if any(needle in lower for needle in needles) and has_words(content, pattern):
            yield place


def has_words(line: bytes, pattern: re.Pattern[str]) -> bool:
    """Whether a text in a row has the words; of a line that is no JSON, the line."""
    try:
        value = msgspec.json.decode(line)
    except (*UNREADABLE, RecursionError):
        return pattern.search(line.decode("utf-8", "replace")) is not None
    return any(pattern.search(text) for text in _texts(value))


def _texts(value: Any) -> Iterator[str]:
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list):
            pending += value
        elif isinstance(value, (int, float)) and not isinstance(value, bool):
            yield str(value)


def places_of(value: Any, pattern: re.Pattern[str]) -> Iterator[str]:
    """The keys under which a row has the words, as a path: `meta.source`."""
    pending: list[tuple[str, Any]] = [("", value)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, dict):
            pending += [(f"{path}.{key}" if path else str(key), below) for key, below in value.items()]
        elif isinstance(value, list):
            pending += [(f"{path}[{place}]", below) for place, below in enumerate(value)]
        elif any(pattern.search(text) for text in _texts(value)):
            yield path


def _needles(words: str) -> tuple[bytes, ...]:
    """Bytes in lower case of which a line with the words has at least one."""
    plain = max(_PLAIN.findall(words), key=len, default="")
    if plain:
        return (plain.lower().encode(),)
    variants = {form for form in (words[0], words[0].lower(), words[0].upper()) if len(form) == 1}
    # Beyond ASCII: as it is, or by its UTF-16 units; a quotation mark and its like always has its sign.
    raw = [form.encode("utf-8", "surrogatepass") for form in variants]
    escaped = [f"\\u{form.encode('utf-16-be', 'surrogatepass').hex()[:4]}".encode() for form in variants]
    short = [b"\\"] if words[0] < " " else []  # a line break is `\n`
    return tuple(needle.lower() for needle in dict.fromkeys([*raw, *escaped, *short]))


class Search:
    """One search. `run` in one thread; `stop` from any ends it early."""

    def __init__(self, path: Path, words: str) -> None:
        """`words`: not empty."""
        self._path, self._words = path, words
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def stop(self) -> None:
        """Look no further."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def run(self, on_found: Callable[[Found], None]) -> bool:
        """Look through the file.

        Args:
            on_found: called for each piece of the file.

        Returns:
            Whether the whole file was looked through.
        """
        try:
            small = os.stat(self._path).st_size <= SMALL_BYTES
        except OSError:
            return False
        if not small:
            return self._in_a_process(on_found)
        for found in search(self._path, self._words):
            if self._stopped:
                return False
            on_found(found)
        return True

    def _in_a_process(self, on_found: Callable[[Found], None]) -> bool:
        """A thread that computes for seconds holds up the screen's."""
        command = [sys.executable, "-m", __name__, os.fspath(self._path)]
        with self._lock:
            if self._stopped:
                return False
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        process = self._process
        assert process.stdin is not None and process.stdout is not None
        with process:
            try:
                process.stdin.write(self._words.encode("utf-8", "surrogatepass"))
                process.stdin.close()
            except OSError:  # ended meanwhile
                return False
            for line in process.stdout:
                try:
                    on_found(msgspec.json.decode(line, type=Found))
                except UNREADABLE:
                    break
        return process.returncode == 0 and not self._stopped


def main() -> None:
    """`python -m …search PATH`, the words on stdin: what is found, a line of JSON for each piece."""
    path, words = Path(sys.argv[1]), sys.stdin.buffer.read().decode("utf-8", "surrogatepass")
    os.nice(10)
    for found in search(path, words):
        sys.stdout.buffer.write(msgspec.json.encode(found) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()

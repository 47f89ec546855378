"""Words that are searched in a dataset's rows: through the whole file, told piece by piece."""

from __future__ import annotations

import time
from pathlib import Path

from textual.message import Message
from textual.message_pump import MessagePump

from ...engines.datasets.viewing.search import Found, Search

IDLE_SECONDS = 3600.0
"""It is woken when something is searched."""
TELL_SECONDS = 0.1


class LinesFound(Message):
    """More lines on which rows with the words start; `words`: those that were searched.

    Args:
        lines: in the order of the file, behind all that were told before.
        share: of the file that was looked through, 0 to 1.
        complete: nothing more comes.
    """

    def __init__(self, words: str, lines: list[int], share: float, *, complete: bool) -> None:
        super().__init__()
        self.words, self.lines, self.share, self.complete = words, lines, share, complete


class SearchLook:
    """Searches; what is wanted is said from the screen's thread."""

    def __init__(self, target: MessagePump, path: Path) -> None:
        self._target, self._path = target, path
        self._wanted = ""
        self._search: Search | None = None

    def want(self, words: str) -> None:
        """Search these from the start of the file; wake the watcher then. Empty: search no more."""
        self._wanted = words
        if (search := self._search) is not None:
            search.stop()

    def close(self) -> None:
        """The page is left: what runs ends."""
        self.want("")

    def __call__(self) -> float:
        words, self._wanted = self._wanted, ""
        if not words:
            return IDLE_SECONDS
        lines: list[int] = []
        share, told_at = 0.0, time.monotonic()

        def on_found(found: Found) -> None:
            nonlocal share, told_at
            lines.extend(found.lines)
            share = min(found.bytes / found.size_bytes, 1.0) if found.size_bytes else 1.0
            if time.monotonic() - told_at > TELL_SECONDS:
                told_at = time.monotonic()
                self._target.post_message(LinesFound(words, [*lines], share, complete=False))
                lines.clear()

        self._search = search = Search(self._path, words)
        if self._wanted:  # other words meanwhile
            return 0.0
        whole = search.run(on_found)
        self._search = None
        if whole:
            self._target.post_message(LinesFound(words, lines, 1.0, complete=True))
        return 0.0 if self._wanted else IDLE_SECONDS

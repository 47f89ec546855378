"""The dialog that asks for the file of a job's rows: recent ones first, then the folders of this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..panes.wording import short_path
from ..suggestions import is_data
from .add_file import AddFile
from .pick import Refused, Suggestion
from .pick_first import PickFirst


class PickFile(PickFirst[Path]):
    """Its result is an existing file, absolute; the first that fits is taken by Enter."""

    ASKS = "Dataset"

    def __init__(self, value: str, recent: Sequence[str]) -> None:
        """
        Args:
            value: the path that stands there at first.
            recent: absolute paths of files that are known, newest first.
        """
        super().__init__(
            value,
            "type to filter, or a path",
            "Files that were used come first; a path shows what lies there.",
        )
        self._recent = recent
        self._folders = AddFile(value or os.curdir)

    def find(self, text: str) -> Sequence[Suggestion]:
        words = text.casefold().split()
        known = [
            Suggestion(path, os.path.basename(path), short_path(os.path.dirname(path)))
            for path in self._recent
            if all(word in path.casefold() for word in words) and os.path.isfile(path)
        ]
        exact = os.path.abspath(os.path.expanduser(text)) if text else ""
        seen = {one.value for one in known}
        there = [one for one in self._folders.find(text) if not one.whole or is_data(one.value)]
        others = [one for one in there if os.path.abspath(os.path.expanduser(one.value)) not in seen]
        # Of a path that is typed, what lies there comes first; of a word, the files that were used.
        found = [*others, *known] if os.sep in text else [*known, *others]
        if exact and os.path.isfile(exact) and not any(one.value in (text, exact) for one in found[:1]):
            found.insert(0, Suggestion(text, text))
        return found

    def accept(self, text: str) -> Path:
        (path, *more) = self._folders.accept(text)
        if more or os.path.isdir(os.path.expanduser(text)):
            raise Refused("A job trains on one file: choose one.")
        return path

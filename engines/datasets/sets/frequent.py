"""The most frequent of many values, in bounded memory."""

from __future__ import annotations

_MOST_VALUES = 64
_SHOWN_CHARACTERS = 200


class Frequent:
    """The most frequent of values, each with a short text.

    Misra and Gries 1982, "Finding repeated elements": of more values than have room all counts are lowered,
    so that a count may be too small by a 64th of all the other values', and never too large.
    """

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.added = 0
        self._texts: dict[int, str] = {}

    def knows(self, key: int) -> bool:
        """Whether its text is here."""
        return bool(self._texts.get(key))

    def add(self, key: int, times: int, text: str = "") -> None:
        """So many more.

        Args:
            text: the first one that is not empty counts.
        """
        self.added += times
        self.counts[key] = self.counts.get(key, 0) + times
        if not self._texts.get(key):
            self._texts[key] = text[:_SHOWN_CHARACTERS]
        if len(self.counts) > 4 * _MOST_VALUES:
            self._trim()

    def extend(self, later: Frequent) -> None:
        """All of another one."""
        self.added += later.added
        for key, count in later.counts.items():
            self.counts[key] = self.counts.get(key, 0) + count
            self._texts[key] = self._texts.get(key) or later._texts[key]
        if len(self.counts) > 4 * _MOST_VALUES:
            self._trim()

    def _trim(self) -> None:
        if len(self.counts) > _MOST_VALUES:
            lost = sorted(self.counts.values(), reverse=True)[_MOST_VALUES]
            self.counts = {key: count - lost for key, count in self.counts.items() if count > lost}
            self._texts = {key: self._texts[key] for key in self.counts}

    def __getstate__(self) -> dict[str, object]:
        self._trim()
        return self.__dict__

    @property
    def most_frequent(self) -> tuple[str, int]:
        """Its text, and how often it was met, at least; an empty text and 0 where there is none."""
        if not self.counts:
            return "", 0
        key, count = max(self.counts.items(), key=lambda item: item[1])
        return self._texts[key], count

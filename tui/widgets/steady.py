"""Values shown as before until they have moved far enough: noise of an idle machine draws nothing."""

from __future__ import annotations


class Steady:
    """Keeps a value as it was shown until it has moved far enough."""

    def __init__(self) -> None:
        self._shown: dict[tuple[str, str], float] = {}

    def of(self, key: str, kind: str, value: float, slack: float) -> float:
        """The value to show, for one thing (`key`) and one of its values (`kind`)."""
        before = self._shown.get((key, kind))
        # To and from nothing is always worth a change.
        if before is None or abs(value - before) > slack or (value == 0) != (before == 0):
            self._shown[key, kind] = before = value
        return before

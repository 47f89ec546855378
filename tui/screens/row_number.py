"""A dialog that asks for a row by its number, or by its line in the file."""

from __future__ import annotations

from .pick import Pick, Refused


class RowNumber(Pick[tuple[str, int]]):
    """Its result: ("row", number counted from 1), or ("line", line)."""

    ASKS = "To a row"

    def __init__(self, rows: int, complete: bool) -> None:
        """
        Args:
            rows: how many there are.
            complete: False while they are still being counted.
        """
        about = f"1 to {rows:,}" if complete else "counting rows …"
        super().__init__(
            placeholder="12, or line 12", about=f"{about}; `line 12` or `l12` goes by the file's line"
        )
        self._rows, self._complete = rows, complete

    def accept(self, text: str) -> tuple[str, int]:
        words = text.lower().replace(",", "").replace("_", "")
        kind = "line" if words.startswith("l") else "row"
        digits = words.removeprefix("line" if kind == "line" and words.startswith("line") else "l").strip()
        if kind == "row":
            digits = words.removeprefix("row").strip()
        if not digits.isdecimal() or len(digits) > 12 or int(digits) < 1:
            raise Refused("A number is wanted, counted from 1.")
        if kind == "row" and self._complete and int(digits) > self._rows:
            raise Refused(f"The last row is {self._rows:,}.")
        return kind, int(digits)

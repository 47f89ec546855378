"""A window over a long text: as much of it as is needed, with lines and columns counted from its start."""

from __future__ import annotations

import codecs
import re
from typing import BinaryIO

PIECE_BYTES = 1 << 20
_SPACE = re.compile(r"[ \t\r\n]*")


class EncodingFault(Exception):
    """A byte of the text that is no UTF-8.

    Args:
        line: counted from 1.
        column: in characters, counted from 1.
        byte: in words, as in `0xE4`.
    """

    def __init__(self, line: int, column: int, byte: str) -> None:
        super().__init__(byte)
        self.line = line
        self.column = column
        self.byte = byte


class TextWindow:
    """The part of a UTF-8 text that is being looked at.

    Positions are those in `text`, and hold until the next `drop`. A byte that is no UTF-8 is met when
    the text before it has been given.

    Attributes:
        text: what is held.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._fault: EncodingFault | None = None
        self._ended = False
        self._line = 1
        self._column = 1
        self._counted = (0, 1)
        self.text = ""

    @property
    def ended(self) -> bool:
        """Whether all of the text that there is has been read."""
        return self._ended

    def grow(self) -> bool:
        """Reads on, at least as much again as is held; whether there was more.

        Raises:
            EncodingFault: what follows is no UTF-8.
        """
        if self._fault is not None:
            raise self._fault
        if self._ended:
            return False
        before = len(self.text)
        while not self._ended and len(self.text) == before:
            piece = self._stream.read(max(PIECE_BYTES, before))
            self._ended = not piece
            try:
                self.text += self._decoder.decode(piece, final=not piece)
            except UnicodeDecodeError as fault:
                self.text += fault.object[: fault.start].decode("utf-8")
                line, column = self.place(len(self.text))
                self._fault = EncodingFault(line, column, f"0x{fault.object[fault.start]:02X}")
                if len(self.text) == before:
                    raise self._fault from None
                break
        return len(self.text) > before

    def drop(self, position: int) -> int:
        """Forgets what stands before a position, when that is much; the position's new number."""
        if position < PIECE_BYTES // 2:
            return position
        self._line, self._column = self.place(position)
        self._counted = (0, self._line)
        self.text = self.text[position:]
        return 0

    def line_at(self, position: int) -> int:
        """The line of a position; fast where positions are asked for in their order."""
        counted, line = self._counted
        if position < counted:
            return self.place(position)[0]
        line += self.text.count("\n", counted, position)
        self._counted = (position, line)
        return line

    def place(self, position: int) -> tuple[int, int]:
        """Line and column of a position."""
        breaks = self.text.count("\n", 0, position)
        if breaks:
            return self._line + breaks, position - self.text.rfind("\n", 0, position)
        return self._line, self._column + position

    def skip(self, position: int) -> int:
        """The next position, from this one on, that is no white space; the text's length at its end."""
        while True:
            match = _SPACE.match(self.text, position)
            position = match.end() if match else position
            if position < len(self.text) or not self.grow():
                return position

    def mark(self, position: int) -> str:
        """The character at a position; empty at the end of the text."""
        while position >= len(self.text):
            if not self.grow():
                return ""
        return self.text[position]

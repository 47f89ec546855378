"""Follows a growing file: each complete line once, by reading only what is new.

A last line without its newline is not there yet: it is handed out when it is complete. A file that was
replaced, cut or rewritten is read from its start again, and `restarted` says so.
"""

import os
from pathlib import Path

CHUNK_BYTES = 1024**2
# A line longer than this is handed out in pieces, so that a file without newlines cannot fill the memory.
LONGEST_LINE_BYTES = 16 * 1024**2
# As much of what was read last is compared before reading on: a file that was cut and has since grown past
# the old place would otherwise be taken for the same. Inode numbers are reused and don't tell.
REMEMBERED_BYTES = 64
BLOCK_BYTES = 64 * 1024
# The end of a file is looked for this far back and no further.
TAIL_BYTES = 16 * 1024**2


class Follower:
    """Reads a file's new lines each time it is asked. Not there yet, or not readable, is an empty file."""

    def __init__(self, path: Path, offset: int = 0, chunk_bytes: int = CHUNK_BYTES) -> None:
        """`offset`: where to start, in bytes: a former follower's `offset`. `chunk_bytes`: most a reading."""
        self.path = path
        self.more = False
        """After `read`: there was more than one chunk; read again, at once or after a frame."""
        self.restarted = False
        """After `read`: the file is not the one of before, and its lines come from the start."""
        self._chunk_bytes = chunk_bytes
        self._position = offset
        self._partial = bytearray()
        self._inode: tuple[int, int] | None = None
        self._remembered = b""

    @classmethod
    def at_tail(cls, path: Path, lines: int) -> tuple["Follower", list[bytes]]:
        """The last complete lines of a file, and a follower that goes on behind them."""
        found, end = _tail(path, lines)
        return cls(path, offset=end), found

    @property
    def offset(self) -> int:
        """Where the first line begins that was not handed out yet, in bytes."""
        return self._position - len(self._partial)

    def read(self) -> list[bytes]:
        """The lines completed since the last reading, without their newlines; at most a chunk of them."""
        self.more = self.restarted = False
        try:
            with self.path.open("rb", buffering=0) as file:
                return self._read(file.fileno())
        except OSError:
            # Gone for now, as during a replacement: what comes next is judged when it is there.
            return []

    def _read(self, file: int) -> list[bytes]:
        status = os.fstat(file)
        if self._is_another(file, status):
            self._position = 0
            self._partial.clear()
            self._remembered = b""
            self.restarted = True
        self._inode = (status.st_dev, status.st_ino)
        new = os.pread(file, self._chunk_bytes, self._position)
        self.more = len(new) == self._chunk_bytes and status.st_size > self._position + len(new)
        self._position += len(new)
        self._remembered = (self._remembered + new)[-REMEMBERED_BYTES:]
        searched = len(self._partial)
        self._partial += new
        end = self._partial.rfind(b"\n", searched)
        if end < 0:
            if len(self._partial) < LONGEST_LINE_BYTES:
                return []
            piece = bytes(self._partial)
            self._partial.clear()
            return [piece]
        lines = bytes(self._partial[:end]).split(b"\n")
        del self._partial[: end + 1]
        return lines

    def _is_another(self, file: int, status: os.stat_result) -> bool:
        if self._inode is not None and self._inode != (status.st_dev, status.st_ino):
            return True
        if status.st_size < self._position:
            return True
        start = self._position - len(self._remembered)
        return os.pread(file, len(self._remembered), start) != self._remembered


def tail(path: Path, lines: int) -> list[bytes]:
    """The last complete lines of a file, oldest first, without their newlines, read from its end.

    As many bytes are read as these lines have, at most TAIL_BYTES, however long the file is. A missing file
    has none.
    """
    return _tail(path, lines)[0]


def _tail(path: Path, lines: int) -> tuple[list[bytes], int]:
    """These lines, and where the last of them ends (behind its newline)."""
    try:
        with path.open("rb", buffering=0) as file:
            return _tail_of(file.fileno(), lines)
    except OSError:
        return [], 0


def _tail_of(file: int, lines: int) -> tuple[list[bytes], int]:
    size = os.fstat(file).st_size
    blocks: list[bytes] = []
    begin, newlines = size, 0
    # One newline more than lines: it ends the line before the first of them.
    while begin > 0 and newlines <= lines and size - begin < TAIL_BYTES:
        length = min(BLOCK_BYTES, begin)
        begin -= length
        block = os.pread(file, length, begin)
        newlines += block.count(b"\n")
        blocks.append(block)
    text = b"".join(reversed(blocks))
    last = text.rfind(b"\n")
    if last < 0:
        return [], begin
    complete = text[:last].split(b"\n")
    if begin > 0:
        del complete[0]  # its beginning was not read
    return complete[max(len(complete) - lines, 0) :], begin + last + 1

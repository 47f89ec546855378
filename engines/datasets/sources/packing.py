"""Files unpacked while they are read: gzip and zstd, which their first bytes tell."""

from __future__ import annotations

import gzip
import io
import os
import stat
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

from ..checks.table import found
from .fault import FileFault, lacks_package

Packing = Literal["gzip", "zstd"]

PACKED_SUFFIXES = frozenset({".gz", ".zst"})
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
# A frame may also begin with one that is to be skipped: 0x184D2A50 to …5F (RFC 8878, 3.1.2).
_ZSTD_SKIPPED = b"\x2a\x4d\x18"
# A piece can unpack to some 30,000 times its size.
_PIECE_BYTES = 1 << 14


class BrokenFrame(Exception):
    """What a file packed with zstd holds can't be unpacked; the words say why."""


BROKEN_ARCHIVE = (gzip.BadGzipFile, EOFError, zlib.error, BrokenFrame)
"""What reading a packed file raises when it is broken or was cut off. (The first one is an OSError.)"""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that is being read.

    Args:
        stream: its bytes, unpacked.
        file: the file as it lies on the disk.
        packing: None when it is not packed.
    """

    stream: BinaryIO
    file: BinaryIO
    packing: Packing | None

    @property
    def end(self) -> int:
        """How far the reading is, in bytes of the file as it lies on the disk."""
        return self.file.tell()


@contextmanager
def opened(path: Path) -> Iterator[Opened]:
    """A file's bytes, unpacked where it is packed.

    Raises:
        OSError: the file can't be read; so do the streams, which raise BROKEN_ARCHIVE besides.
        FileFault: it is a pipe or a device, or the package that unpacks it is missing.
    """
    _refuse_endless(path)
    with path.open("rb") as file:
        head = file.read(4)
        file.seek(0)
        if head[:2] == _GZIP:
            with gzip.open(file) as unpacked:
                yield Opened(cast(BinaryIO, unpacked), file, "gzip")
        elif head == _ZSTD or (head[1:] == _ZSTD_SKIPPED and head[0] >> 4 == 5):
            with io.BufferedReader(_Zstd(file, str(path)), 1 << 17) as unpacked:
                yield Opened(cast(BinaryIO, unpacked), file, "zstd")
        else:
            yield Opened(file, file, None)


def _refuse_endless(path: Path) -> None:
    """A file is read more than once. A pipe can be read once, and to open it may wait for ever."""
    mode = path.stat().st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):
        return
    is_pipe = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
    reason = f"it is a {'pipe' if is_pipe else 'device'}, not a file"
    fix = "Write what comes out of it to a file, and give that." if is_pipe else "Give a file."
    raise FileFault(found("unreadable-file", os.fspath(path), reason=reason, fix=fix))


class _Zstd(io.RawIOBase):
    """The unpacked bytes of a file of zstd frames.

    zstandard 0.25's own reader takes a frame that was cut off for one that ended.
    """

    def __init__(self, file: BinaryIO, name: str) -> None:
        try:
            import zstandard
        except ImportError:
            raise lacks_package(name, "zstd") from None
        self._zstandard: Any = zstandard
        self._file = file
        self._frame: Any = None
        self._rest = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        while not self._ready:
            if not self._unpack():
                return 0
        given = self._ready[: len(buffer)]
        buffer[: len(given)] = given
        self._ready = self._ready[len(given) :]
        return len(given)

    def _unpack(self) -> bool:
        """Unpacks one piece more; whether there was one."""
        piece = self._rest or self._file.read(_PIECE_BYTES)
        if not piece:
            if self._frame is not None:
                raise BrokenFrame("it ended before the end of the packed data")
            return False
        if self._frame is None:
            self._frame = self._zstandard.ZstdDecompressor().decompressobj()
        try:
            self._ready = memoryview(self._frame.decompress(piece))
        except self._zstandard.ZstdError as fault:
            raise BrokenFrame(str(fault).rstrip(".")) from None
        self._rest = self._frame.unused_data if self._frame.eof else b""
        if self._frame.eof:
            self._frame = None
        return True

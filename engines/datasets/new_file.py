"""A new file of rows: it is there when all went well, and else not."""

from __future__ import annotations

import contextlib
import gzip
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from ..engine import EngineError
from .sources.layout import BOM

_NOT_WRITTEN = frozenset({".parquet", ".csv", ".tsv", ".arrow", ".zst", ".zip", ".bz2", ".xz"})


def refuse_place(path: Path, out: Path, overwrite: bool) -> None:
    """Refuses a place where nothing can be written.

    Raises:
        EngineError: it is the source, a folder, there already, or named as a kind that is not written.
    """
    if out.suffix.lower() in _NOT_WRITTEN:
        raise EngineError(
            "usage", f"{out}: {out.suffix} is not written", "name it .jsonl, .json or .jsonl.gz"
        )
    with contextlib.suppress(OSError):
        if out.exists() and out.samefile(path):
            raise EngineError("usage", f"{out} is the source", "name another file")
    if out.is_dir():
        raise EngineError("usage", f"{out} is a folder", "name a file in it")
    if out.exists() and not overwrite:
        raise EngineError("exists", f"{out} exists", "name another file, or say that it may be replaced")


@contextmanager
def written(out: Path, overwrite: bool, as_list: bool, bom: bool) -> Iterator[Callable[[bytes], None]]:
    """Writes rows, one a call, into a file beside `out` that takes its place at the end.

    Args:
        as_list: one list instead of lines.
        bom: a byte order mark comes first.

    Raises:
        EngineError: the place was taken meanwhile.
        OSError: as the file system says; nothing is left behind.
    """
    temporary = out.with_name(f".{out.name}.{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as plain:
            packed = out.suffix.lower() == ".gz"
            stream = cast(IO[bytes], gzip.GzipFile("", "wb", 6, plain, 0)) if packed else plain
            first = True
            if bom:
                stream.write(BOM)

            def write(row: bytes) -> None:
                nonlocal first
                if as_list:
                    stream.write(b"[\n" if first else b",\n")
                stream.write(row if as_list else row + b"\n")
                first = False

            yield write
            if as_list:
                stream.write(b"\n]\n")
            if packed:
                stream.close()
            plain.flush()
            os.fsync(plain.fileno())
        if not overwrite and out.exists():  # it came while this was at work
            raise EngineError("exists", f"{out} exists", "name another file")
        os.replace(temporary, out)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise

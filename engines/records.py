"""Records on disk: JSON documents replaced whole, JSON lines appended, safe against a crash at any byte."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What msgspec raises for bytes that are no JSON, or not of the expected type."""


def replace_bytes(path: Path, content: bytes) -> None:
    """Replace a file's content: a reader sees the old or the new, never a part, also after a power cut.

    Raises:
        OSError: as the file system says (disk full, no permission); the old file is then untouched.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        # Not mkstemp: its 0600 would have to be widened by guess; open() obeys the user's umask.
        with open(temporary, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any) -> None:
    """`replace_bytes` with indented JSON; NaN and infinities become null."""
    replace_bytes(path, msgspec.json.format(msgspec.json.encode(value), indent=1) + b"\n")


def read_json(path: Path) -> Any:
    """A JSON document.

    Raises:
        FileNotFoundError: there is none.
        msgspec.DecodeError: it is not JSON.
    """
    try:
        return msgspec.json.decode(path.read_bytes())
    except (UnicodeDecodeError, RecursionError) as error:
        raise msgspec.DecodeError(f"{path.name}: {error}") from error


def append_line(path: Path, value: Any, *, durable: bool = False) -> None:
    """Append one JSON line in one write, so that lines of several writers don't mix.

    Where a crash left half a line, the new one starts on a line of its own, and the half line is marked:
    it stays unreadable, also where only its newline was missing and no reader has taken it for there.

    Args:
        durable: wait until it is on the disk (state changes), not only with the kernel.

    Raises:
        OSError: the line, or the rest of it, could not be written.
    """
    line = msgspec.json.encode(value) + b"\n"
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        size = os.fstat(descriptor).st_size
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"...\n" + line
        written = os.write(descriptor, line)
        # A disk that fills takes a part and reports no error: the next write does.
        while written < len(line):
            written += os.write(descriptor, line[written:])
        if durable:
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def parse_lines(lines: list[bytes]) -> Iterator[dict[str, Any]]:
    """The objects of complete JSON lines; what a crash left of a line is skipped."""
    for line in lines:
        try:
            value = msgspec.json.decode(line)
        except UNREADABLE:
            continue
        if isinstance(value, dict):
            yield value


def read_lines(path: Path) -> list[dict[str, Any]]:
    """All complete JSON lines of a file; none where the file is missing."""
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return []
    return list(parse_lines(content.split(b"\n")[:-1]))

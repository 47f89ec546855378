"""Rows as a file of the kind that its name says, which appears only when it is whole and on the disk.

A draft has no name until then, where the file system allows it (Linux, O_TMPFILE): whatever ends the process,
nothing of it is left behind. Elsewhere it has a hidden name and is removed by whoever closes it.
"""

from __future__ import annotations

import csv
import gzip
import io
import os
import secrets
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Literal, cast

import msgspec

from ...engine import EngineError
from ..sources.json_text import decode_line

Kind = Literal["lines", "list", "table", "parquet"]
Lines = Callable[[], Iterator[bytes]]
"""Rows as lines of JSON without their breaks, from the first one at each call."""

_KINDS: dict[str, tuple[Kind, str]] = {
    ".jsonl": ("lines", ""),
    ".ndjson": ("lines", ""),
    ".json": ("list", ""),
    ".csv": ("table", ","),
    ".tsv": ("table", "\t"),
    ".parquet": ("parquet", ""),
}
_PACKINGS = (".gz", ".zst")
_BATCH_BYTES = 8 << 20
_GZIP_LEVEL = 6


class Unwritable(Exception):
    """The rows can't be held by a file of this kind; the message says which and why."""


@dataclass(frozen=True, slots=True)
class Container:
    """What kind of file rows are written to.

    Args:
        delimiter: of a table.
        packing: `.gz`, `.zst` or nothing.
    """

    kind: Kind
    delimiter: str
    packing: str


def container_of(path: Path, kinds: Collection[Kind] = ("lines", "list", "table", "parquet")) -> Container:
    """What a file's name says about its kind.

    Args:
        kinds: those that can be written.

    Raises:
        EngineError: nothing that can be written; or a package for it is missing.
    """
    suffixes = [suffix.lower() for suffix in path.suffixes]
    packing = suffixes.pop() if suffixes and suffixes[-1] in _PACKINGS else ""
    kind, delimiter = _KINDS.get(suffixes[-1] if suffixes else "", (None, ""))
    if kind is None or kind not in kinds or (kind == "parquet" and packing):
        known = ", ".join(suffix for suffix, (of_kind, _) in _KINDS.items() if of_kind in kinds)
        all_but = "all but Parquet " if "parquet" in kinds else ""
        why = "no kind of file is named so" if kind is None else f"{suffixes[-1]} is not written here"
        if kind == "parquet" and packing:
            why = "no kind of file is named so: Parquet is packed inside"
        advice = f"known are {known}; {all_but}also with {' or '.join(_PACKINGS)}"
        raise EngineError("usage", f"{path}: {why}", advice)
    if kind == "parquet":
        pyarrow()
    if packing == ".zst":
        zstandard()
    return Container(kind, delimiter, packing)


def pyarrow() -> Any:
    """The package for Parquet.

    Raises:
        EngineError: it is not installed.
    """
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise EngineError(
            "missing_package", "writing Parquet takes the package pyarrow", "pip install pyarrow"
        ) from error
    return pyarrow


def zstandard() -> Any:
    """The package for zstd.

    Raises:
        EngineError: it is not installed.
    """
    try:
        import zstandard
    except ImportError as error:
        raise EngineError(
            "missing_package", "packing with zstd takes the package zstandard", "pip install zstandard"
        ) from error
    return zstandard


class Draft:
    """A file that is being written; in a `with`, it is gone at the end unless it has landed.

    Args:
        path: what it will be called.
        overwrite: whether a file of that name may be replaced.

    Raises:
        OSError: the folder can't be written.
    """

    def __init__(self, path: Path, overwrite: bool) -> None:
        self.path = path
        self._overwrite = overwrite
        # A link is followed: what it leads to is written.
        self._target = path.resolve()
        folder = self._target.parent
        self._folder = os.open(folder, os.O_RDONLY)
        self._hidden: str | None = None
        try:
            handle = os.open(folder, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o666)
        except (AttributeError, OSError):  # no Linux, or a file system without it, such as NFS
            self._hidden = self._hidden_name()
            flags = os.O_RDWR | os.O_CREAT | os.O_EXCL
            try:
                handle = os.open(folder / self._hidden, flags, 0o666)
            except OSError:
                os.close(self._folder)
                raise
        self.file: BinaryIO = os.fdopen(handle, "w+b", buffering=1 << 20)

    def _hidden_name(self) -> str:
        return f".{self._target.name[:100]}.{secrets.token_hex(4)}.partial"

    def __enter__(self) -> Draft:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.file.close()
        if self._hidden is not None:
            (self._target.parent / self._hidden).unlink(missing_ok=True)
        os.close(self._folder)

    def settle(self) -> None:
        """Everything is on the disk after this; only the name is missing.

        Raises:
            OSError: the disk is full.
        """
        self.file.flush()
        os.fsync(self.file.fileno())

    def land(self) -> None:
        """Gives the file its name.

        Raises:
            FileExistsError: a file of that name has come meanwhile, and may not be replaced.
        """
        if self._hidden is None and not self._overwrite:
            self._link(self._target.name)
        else:
            if self._hidden is None:
                self._hidden = self._hidden_name()
                self._link(self._hidden)
            if not self._overwrite and self._target.exists():
                raise FileExistsError(17, "the file exists", str(self.path))
            os.replace(self._target.parent / self._hidden, self._target)
            self._hidden = None
        os.fsync(self._folder)

    def _link(self, name: str) -> None:
        # Only with a folder's handle does Python call linkat, which follows the link in /proc to the file.
        source = f"/proc/self/fd/{self.file.fileno()}"
        os.link(source, name, dst_dir_fd=self._folder, follow_symlinks=True)

    def withdraw(self) -> None:
        """Takes back a file that has landed and replaced none."""
        if not self._overwrite:
            self._target.unlink(missing_ok=True)


class Spool:
    """Rows kept in a nameless file until it is known where each one goes. Used in a `with`.

    Args:
        folder: where there is room.
    """

    def __init__(self, folder: Path) -> None:
        self._file = tempfile.TemporaryFile(dir=folder, buffering=1 << 20)  # noqa: SIM115 - see __exit__
        self.rows = 0

    def __enter__(self) -> Spool:
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, lines: bytes | bytearray, rows: int) -> None:
        """More rows, each as JSON with its line break."""
        self._file.write(lines)
        self.rows += rows

    def lines(self, chosen: frozenset[int], inside: bool) -> Iterator[bytes]:
        """The rows whose indices are chosen, or all others. One iteration at a time."""
        self._file.seek(0)
        for index, line in enumerate(self._file):
            if (index in chosen) == inside:
                yield line[:-1]


def pack(lines: Lines, container: Container, file: BinaryIO, before: bytes = b"") -> None:
    """Writes rows into a file of this kind.

    Args:
        lines: called once for lines and lists.
        before: what comes before the rows, such as a byte order mark; of Parquet nothing can.

    Raises:
        Unwritable: a row has what such a file can't hold.
        OSError: the disk is full.
    """
    if container.kind == "parquet":
        _write_parquet(lines, file)
        return
    with _packed(file, container.packing) as stream:
        stream.write(before)
        if container.kind == "table":
            _write_table(lines, container.delimiter, stream)
        elif container.kind == "list":
            _write_list(lines, stream)
        else:
            for line in lines():
                stream.write(line + b"\n")


def _packed(file: BinaryIO, packing: str) -> AbstractContextManager[BinaryIO]:
    if packing == ".gz":
        # Without a name and a time: the same rows make the same bytes.
        packed = gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0)
        return cast(AbstractContextManager[BinaryIO], io.BufferedWriter(cast(Any, packed), 1 << 20))
    if packing == ".zst":
        return zstandard().ZstdCompressor().stream_writer(file, closefd=False)
    return nullcontext(file)


def _write_list(lines: Lines, stream: BinaryIO) -> None:
    between = b"[\n"
    for line in lines():
        stream.write(between)
        stream.write(line)
        between = b",\n"
    stream.write(b"\n]\n")


def _write_table(lines: Lines, delimiter: str, stream: BinaryIO) -> None:
    names = list({key: None for line in lines() for key in _row(line)})
    with ExitStack() as stack:
        text = io.TextIOWrapper(cast(Any, stream), "utf-8", newline="")
        stack.callback(text.detach)
        # Both characters of a break, as in RFC 4180: a cell with either of them is put in quotes.
        writer = csv.writer(text, delimiter=delimiter, lineterminator="\r\n")
        writer.writerow(names)
        try:
            for line in lines():
                row = _row(line)
                writer.writerow([_cell(row.get(name)) for name in names])
        except UnicodeEncodeError as error:
            raise Unwritable("a table can't hold half a character") from error


def _row(line: bytes) -> dict[str, Any]:
    return decode_line(line)


def _cell(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()


def _write_parquet(lines: Lines, file: BinaryIO) -> None:
    arrow = pyarrow()
    try:
        schema = None
        for rows in _batches(lines):
            found = arrow.Table.from_pylist(rows).schema
            both = [found] if schema is None else [schema, found]
            schema = arrow.unify_schemas(both, promote_options="permissive")
        with arrow.parquet.ParquetWriter(file, schema) as writer:
            for rows in _batches(lines):
                writer.write_table(arrow.Table.from_pylist(rows, schema=schema))
    except (arrow.ArrowException, OverflowError, UnicodeEncodeError) as error:
        reason = str(error).partition("\n")[0].rstrip(".")
        raise Unwritable(f"Parquet takes one type a column: {reason}") from error


def _batches(lines: Lines) -> Iterator[list[dict[str, Any]]]:
    """Rows by the columns that all of a batch have; free objects as JSON.

    Parquet would give each tool the parameters of all others, as nulls.
    """
    rows: list[dict[str, Any]] = []
    names: dict[str, None] = {}
    size = 0
    for line in lines():
        row = _row(line)
        if isinstance(row.get("tools"), list):
            row["tools"] = msgspec.json.encode(row["tools"]).decode()
        rows.append(row)
        names.update(dict.fromkeys(row))
        size += len(line)
        if size > _BATCH_BYTES:
            yield _filled(rows, names)
            rows, names, size = [], {}, 0
    if rows:
        yield _filled(rows, names)


def _filled(rows: list[dict[str, Any]], names: dict[str, None]) -> list[dict[str, Any]]:
    # Table.from_pylist takes its columns from the first row alone.
    if rows[0].keys() != names.keys():
        rows[0] = {name: rows[0].get(name) for name in names}
    return rows

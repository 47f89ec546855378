"""What kind of file a file is: its content decides, for many a `.json` holds lines; the suffix only helps."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from ..checks.table import found
from .fault import SAVE, FileFault, no_dataset
from .json_text import JsonFault, decode_line
from .packing import PACKED_SUFFIXES, opened
from .table import TABLE_SUFFIXES, delimiter_of, looks_like_table

Kind = Literal["lines", "document", "table", "parquet"]

LINE_SUFFIXES = frozenset({".jsonl", ".ndjson", ".jsonlines"})
BOM = b"\xef\xbb\xbf"
_START_BYTES = 1 << 18
_LONG_LINE_BYTES = 1 << 16
_MOST_LINE_BYTES = 4 << 20
_TABLE_CHARACTERS = 1 << 16
_UNPACK = "Unpack it, or pack it with gzip or zstd."
_PICKLE = "This is a pickle; pandas' own, of a source that you trust: "
_PICKLE += 'pandas.read_pickle("IN").to_json("OUT.jsonl", orient="records", lines=True).'
_OTHERS: Mapping[bytes, str] = {
    b"\x80\x04\x95": _PICKLE,
    b"\x80\x05\x95": _PICKLE,
    b"PARE": "The Parquet file is encrypted: write it without encryption.",
    b"BZh": _UNPACK,
    b"\xfd7zXZ": _UNPACK,
    b"7z\xbc\xaf": _UNPACK,
    b"PK\x03\x04": "Save a workbook as CSV (UTF-8); unpack an archive.",
    b"\xd0\xcf\x11\xe0": "Save a workbook as CSV (UTF-8).",
    b"ARROW1": 'Write it as Parquet: pyarrow.parquet.write_table(pyarrow.feather.read_table("IN"), "OUT").',
    b"\xff\xff\xff\xff": 'Of a folder of save_to_disk: load_from_disk("FOLDER").to_parquet("OUT.parquet").',
    b"ORC": "Write it as Parquet.",
    b"Obj\x01": "Write Avro as Parquet or JSON lines.",
    b"SQLite format 3": "Write the table as CSV: sqlite3 -csv -header IN 'select * from TABLE' > OUT.csv",
    b"version https://git-lfs": "This only stands for the file, which Git LFS keeps elsewhere: git lfs pull.",
}


@dataclass(frozen=True, slots=True)
class Layout:
    """How a file is to be read.

    Args:
        kind: JSON lines, one document of JSON, a table as text, or Parquet.
        bom: whether it starts with a byte order mark.
        delimiter: what parts the cells of a table.
    """

    kind: Kind
    bom: bool = False
    delimiter: str = ","


def suffix_of(path: Path) -> str:
    """The suffix that tells what a file holds, in lower case: of a packed one that before the packing's."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    while suffixes and suffixes[-1] in PACKED_SUFFIXES:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def layout_of(path: Path) -> Layout:
    """What kind of file it is, by its first lines.

    Raises:
        FileFault: it is of no kind that is read, or empty.
        OSError or one of BROKEN_ARCHIVE: it can't be read.
    """
    name = str(path)
    with opened(path) as file:
        start = file.stream.read(_START_BYTES)
        if start[:4] == b"PAR1":
            if file.packing is not None:
                raise no_dataset(
                    name, start, f"Parquet is packed inside: unpack the {file.packing} around it."
                )
            return Layout("parquet")
        _refuse_others(name, start)
        bom = start.startswith(BOM)
        first_lines = _FirstLines(start.removeprefix(BOM), file.stream)
        first = first_lines.following()
        if not first:
            raise FileFault(found("empty-file", name))
        return _layout(path, first, first_lines, start.removeprefix(BOM), bom)


def _layout(path: Path, first: bytes, following: _FirstLines, start: bytes, bom: bool) -> Layout:
    suffix = suffix_of(path)
    lines = suffix in LINE_SUFFIXES
    mark = first[:1]
    text = start[:_TABLE_CHARACTERS].decode("utf-8", "replace")
    if suffix in TABLE_SUFFIXES and not (mark in b"[{" and _is_json(first)):
        return Layout("table", bom, delimiter_of(text, suffix))
    if mark not in b"[{":
        second = following.following()
        if lines or second[:1] == b"{":
            return Layout("lines", bom)
        is_table = looks_like_table(text)
        if is_table and suffix != ".json":
            return Layout("table", bom, delimiter_of(text, suffix))
        if is_table:
            raise no_dataset(str(path), first, "A table's name ends in .csv or .tsv.")
        fix = _way_from_text(suffix, first)
        raise no_dataset(str(path), first) if fix is None else no_dataset(str(path), first, fix)
    whole = _value(first)
    second = following.following()
    if whole is not _BROKEN:
        return Layout("lines" if second or (lines and mark == b"{") else "document", bom)
    if mark == b"{":
        return Layout("lines" if second[:1] == b"{" or (lines and not second) else "document", bom)
    # A broken list in a file of lines, or a document that opens a list.
    alone = first != b"[" and lines and isinstance(_value(second), dict)
    return Layout("lines" if alone else "document", bom)


def _way_from_text(suffix: str, first: bytes) -> str | None:
    """How a text that is no JSON becomes rows, where its first line or its name tells what it is."""
    if first[:2] in (b"//", b"/*"):
        return "JSON has no comments: remove them."
    if first[:9].lower() == b"<!doctype" or first[:5].lower() in (b"<html", b"<?xml"):
        return "This is a page, perhaps one that asks to sign in or tells an error: download the file again."
    if suffix in (".txt", ".md"):
        return (
            'A text becomes rows as {"text": "…"}, here one a paragraph; with jq: '
            r"""jq -R -s -c 'splits("\\n\\s*\\n") | select(test("\\S")) | {text: .}' IN > OUT.jsonl"""
        )
    return None


def _refuse_others(name: str, start: bytes) -> None:
    for magic, fix in _OTHERS.items():
        if start.startswith(magic):
            raise no_dataset(name, start, fix)
    head = start[:4]
    if head[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in head:
        wide = head[:2] in (b"\xff\xfe", b"\xfe\xff") or head.count(0) == 2
        fix = SAVE.format("UTF-16") if wide else "Give JSON, JSON lines, CSV, TSV or Parquet."
        raise FileFault(found("encoding", name, encoding="UTF-16" if wide else "binary", fix=fix))


_BROKEN = object()


def _value(line: bytes) -> Any:
    try:
        return decode_line(line)
    except JsonFault:
        return _BROKEN


def _is_json(first: bytes) -> bool:
    """Whether a first line is JSON, or opens a list of it."""
    return first == b"[" or first[:2] in (b"[{", b'{"') or _value(first) is not _BROKEN


class _FirstLines:
    """The first lines of a file, of which a part was read.

    Args:
        start: that part.
        rest: what follows it.
    """

    def __init__(self, start: bytes, rest: BinaryIO) -> None:
        self._start, self._rest = io.BytesIO(start), rest

    def following(self) -> bytes:
        """The next line that is not blank, without its white space; empty at the end. Long ones are cut."""
        while line := self._line(_LONG_LINE_BYTES):
            if stripped := line.strip():
                if len(line) == _LONG_LINE_BYTES and stripped[:1] == b"{":
                    stripped += self._line(_MOST_LINE_BYTES).strip()
                return stripped
        return b""

    def _line(self, most: int) -> bytes:
        line = self._start.readline(most)
        if len(line) < most and not line.endswith(b"\n"):
            line += self._rest.readline(most - len(line))
        return line

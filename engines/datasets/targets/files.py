"""Rules for whole files that several providers share: the form, the layout, the name, the size."""

from __future__ import annotations

import json
from collections.abc import Iterator

from ..checks.table import found
from ..checks.words import shown
from ..problem import Problem
from .target import FileFacts

MIB = 1 << 20
_BOM = b"\xef\xbb\xbf"
_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_HEAD_BYTES = 1 << 16


def form_problems(facts: FileFacts, title: str, formats: frozenset[str], to: str) -> Iterator[Problem]:
    """The file has a known form, but none that the target takes.

    Args:
        to: the form that `finetui convert` should make.
    """
    if facts.format is not None and facts.format not in formats:
        forms = " or ".join(sorted(formats))
        to = "openai-preference" if facts.format == "preference" and "openai-preference" in formats else to
        yield found("target-form", str(facts.path), title=title, form=facts.format, forms=forms, to=to)


def layout_problems(facts: FileFacts, title: str, to: str) -> Iterator[Problem]:
    """The file holds something else than JSON lines, or is not named so."""
    path = str(facts.path)
    if facts.rows and (other := _other_layout(facts)) is not None:
        yield found("target-layout", path, title=title, found=other, to=to)
    elif facts.path.suffix.lower() != ".jsonl":
        yield found("target-suffix", path, title=title, name=shown(facts.path.name))


def size_problems(facts: FileFacts, title: str, least_rows: int, most_bytes: int) -> Iterator[Problem]:
    """The file has too few usable rows, or is too large."""
    path = str(facts.path)
    if facts.rows and facts.usable_rows < least_rows:
        yield found("too-few-rows", path, title=title, least=least_rows, rows=f"{facts.usable_rows:,}")
    if facts.size_bytes > most_bytes:
        size = -(-facts.size_bytes // MIB)
        yield found("too-large", path, title=title, size=size, most=most_bytes // MIB)


def _other_layout(facts: FileFacts) -> str | None:
    """What the file is where it is not plain JSON lines, by its first bytes."""
    try:
        with facts.path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError:
        return None  # another check says so
    if head.startswith(_GZIP):
        return "a gzip file"
    if head.startswith(_ZSTD):
        return "a zstd file"
    if head.startswith(b"PAR1"):
        return "a Parquet file"
    head = head.removeprefix(_BOM).lstrip()
    if head.startswith(b"["):
        return "one JSON list"
    if not head.startswith(b"{"):
        return "a table of text"
    line, ended, _ = head.partition(b"\n")
    return "one JSON document over several lines" if ended and _is_cut(line) else None


def _is_cut(line: bytes) -> bool:
    """Whether an object that starts in this line goes on behind it."""
    try:
        json.loads(line)
    except json.JSONDecodeError as error:
        return error.pos >= len(error.doc.rstrip())
    except ValueError:  # not UTF-8: the row's own fault says so
        return False
    return False

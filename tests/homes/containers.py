"""Rows in files of every kind that is read, written by other code than reads them."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any


def write(path: Path, rows: Sequence[dict[str, Any]], indent: int | None = None) -> Path:
    """Writes rows as the path's suffixes say: .jsonl, .json, .csv, .tsv, .parquet; behind them .gz or .zst.

    Args:
        indent: of a .json.

    Returns:
        The path.
    """
    suffixes = path.suffixes
    packing = suffixes.pop() if suffixes[-1] in (".gz", ".zst") else None
    match suffixes[-1]:
        case ".jsonl":
            content = "".join(json.dumps(row) + "\n" for row in rows).encode()
        case ".json":
            content = json.dumps(rows, indent=indent, ensure_ascii=False).encode()
        case ".parquet":
            content = _parquet(rows)
        case suffix:
            content = _table(rows, "\t" if suffix == ".tsv" else ",")
    if packing == ".gz":
        content = gzip.compress(content, mtime=0)
    if packing == ".zst":
        import zstandard

        content = zstandard.compress(content)
    path.write_bytes(content)
    return path


def _parquet(rows: Sequence[dict[str, Any]]) -> bytes:
    import pyarrow
    import pyarrow.parquet

    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(list(rows)), out, row_group_size=100)
    return out.getvalue()


def _table(rows: Sequence[dict[str, Any]], delimiter: str) -> bytes:
    out = io.StringIO(newline="")
    columns = list(dict.fromkeys(key for row in rows for key in row))
    table = csv.DictWriter(out, columns, restval="", delimiter=delimiter)
    table.writeheader()
    for row in rows:
        table.writerow(
            {key: cell if isinstance(cell, str) else json.dumps(cell) for key, cell in row.items()}
        )
    return out.getvalue().encode()

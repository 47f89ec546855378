"""Parquet as a stream of rows, batch by batch. A row's number stands for its line.

What JSON has no value for is made a text (dates, times, decimals, bytes that are UTF-8); a column for which
that can't be is left out and told. Null fields of structs are left out: in Parquet every struct has the
fields of all others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..checks.table import found
from ..checks.words import shown
from ..problem import Problem
from .cells import NOTHING, BrokenCell, broken_cell, reader_of
from .fault import FileFault, Raw, lacks_package

_BATCH_BYTES = 4 << 20
_BATCH_ROWS = 4096


class ParquetRows:
    """The rows of a Parquet file; iterating reads them. Problems come where they are met.

    Raises:
        FileFault: also while iterating: the file is broken, or pyarrow is missing.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._name = path, str(path)
        self._size = path.stat().st_size
        self._done = 0
        self._rows = 0
        try:
            import pyarrow
            import pyarrow.parquet
        except ImportError:
            raise lacks_package(self._name, "Parquet") from None
        self._arrow: Any = pyarrow

    @property
    def end(self) -> int:
        """How far the reading is, in bytes of the file, if all rows are of one length."""
        return self._size * self._done // max(self._rows, 1)

    def __iter__(self) -> Iterator[Raw]:
        try:
            # Buffering ahead, the default of pyarrow 26, keeps all that was read: memory grows with the file.
            options = {"pre_buffer": False, "buffer_size": 1 << 20}
            with self._arrow.parquet.ParquetFile(str(self._path), **options) as file:
                self._rows = file.metadata.num_rows
                yield from self._read(file)
        except (self._arrow.ArrowException, OSError) as fault:
            words = str(fault).splitlines()[0].rstrip(".") if str(fault) else type(fault).__name__
            raise FileFault(
                found("broken-parquet", self._name, reason=shown(words, 200).strip('"'))
            ) from None

    def _read(self, file: Any) -> Iterator[Raw]:
        names = file.schema_arrow.names
        for name in names:
            if names.count(name) > 1:
                raise FileFault(found("duplicate-column", self._name, 1, name=shown(name)))
        columns = [_Column(self._arrow, field) for field in file.schema_arrow]
        for column in columns:
            if column.target is None:
                yield Raw(None, problem=self._left_out(column))
        columns = [column for column in columns if column.target is not None]
        groups = [file.metadata.row_group(number) for number in range(file.metadata.num_row_groups)]
        row_bytes = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=1)
        size = min(max(_BATCH_BYTES // max(row_bytes, 1), 1), _BATCH_ROWS)
        names = [column.name for column in columns]
        for batch in file.iter_batches(batch_size=size, columns=names, use_threads=False):
            for column in [column for column in columns if not column.fits(batch)]:
                columns.remove(column)
                yield Raw(None, problem=self._left_out(column))
            yield from self._rows_of(batch, columns)

    def _rows_of(self, batch: Any, columns: list[_Column]) -> Iterator[Raw]:
        first = self._done + 1
        try:
            values = [column.values(batch) for column in columns]
        except UnicodeDecodeError as fault:
            if batch.num_rows > 1:  # which one it is
                for number in range(batch.num_rows):
                    yield from self._rows_of(batch.slice(number, 1), columns)
                return
            self._done += 1
            byte = f"0x{fault.object[fault.start]:02X}"
            yield Raw(first, problem=found("invalid-utf8", self._name, first, byte=byte))
            return
        names = [column.name for column in columns]
        readers = [(column.name, column.reader) for column in columns if column.reader is not None]
        for line, row in enumerate(zip(*values, strict=True) if values else (), start=first):
            self._done = line
            yield self._row(dict(zip(names, row, strict=True)), line, readers)
        self._done = first + batch.num_rows - 1

    def _row(self, row: dict[str, Any], line: int, readers: list[tuple[str, Callable[[str], Any]]]) -> Raw:
        for name, reader in readers:
            if isinstance(text := row[name], str):
                try:
                    value = reader(text)
                except BrokenCell as fault:
                    problem = broken_cell(name, fault, self._name, line)
                    return Raw(line, row, problem)
                if value is NOTHING:
                    del row[name]
                else:
                    row[name] = value
        return Raw(line, row)

    def _left_out(self, column: _Column) -> Problem:
        return found("unread-column", self._name, name=shown(column.name), type=shown(column.type)[1:-1])


class _Column:
    """One column: how its values become JSON's."""

    def __init__(self, arrow: Any, field: Any) -> None:
        self._arrow = arrow
        self.name: str = field.name
        self.type = str(field.type)
        self.target = _json_type(arrow, field.type)
        self._casts = self.target != field.type
        is_text = self.target is not None and arrow.types.is_string(self.target)
        self.reader = reader_of(self.name) if is_text else None

    def fits(self, batch: Any) -> bool:
        """Whether this batch's values can be JSON: bytes may be UTF-8, or may not."""
        if not self._casts:
            return True
        try:
            batch.column(self.name).cast(self.target)
        except self._arrow.ArrowException:
            return False
        return True

    def values(self, batch: Any) -> list[Any]:
        """The values of a batch in which they fit."""
        column = batch.column(self.name)
        return _values(self._arrow, column.cast(self.target) if self._casts else column)


def _values(arrow: Any, array: Any) -> list[Any]:
    """An array's values, without null fields of structs; what is no number is null.

    Field by field, and texts by way of numpy: several times faster than pyarrow's `to_pylist`, which makes an
    object of each value first.
    """
    kind, types = array.type, arrow.types
    if types.is_string(kind):
        try:
            return array.to_numpy(zero_copy_only=False).tolist()
        except arrow.ArrowException:  # what is no UTF-8 it says without saying what or where
            return array.to_pylist()
    if types.is_list(kind):
        inner = _values(arrow, array.flatten())
        lists: list[Any] = []
        start = 0
        for length in array.value_lengths().to_pylist():
            lists.append(None if length is None else inner[start : start + length])
            start += length or 0
        return lists
    if types.is_struct(kind):
        names = [field.name for field in kind]
        fields = zip(*(_values(arrow, field) for field in array.flatten()), strict=True)
        structs: list[Any] = [
            {name: value for name, value in zip(names, row, strict=True) if value is not None}
            for row in (fields if names else [()] * len(array))
        ]
        if array.null_count:
            valid = array.is_valid().to_pylist()
            return [struct if there else None for struct, there in zip(structs, valid, strict=True)]
        return structs
    values = array.to_pylist(maps_as_pydicts="lossy")
    return [_sound(value) for value in values] if types.is_map(kind) or types.is_floating(kind) else values


def _sound(value: Any) -> Any:
    """The value without null fields; what is no number is null."""
    match value:
        case dict():
            return {key: _sound(item) for key, item in value.items() if item is not None}
        case list():
            return [_sound(item) for item in value]
        case float() if not math.isfinite(value):
            return None
        case _:
            return value


def _json_type(arrow: Any, kind: Any) -> Any:
    """The type as which values of a type are read; None when JSON has none for them."""
    types = arrow.types
    if types.is_dictionary(kind):
        return _json_type(arrow, kind.value_type)
    if types.is_struct(kind):
        fields = [(field.name, _json_type(arrow, field.type)) for field in kind]
        if any(inner is None for _, inner in fields) or len({name for name, _ in fields}) < len(fields):
            return None
        return arrow.struct(fields)
    if types.is_map(kind):
        key, item = _json_type(arrow, kind.key_type), _json_type(arrow, kind.item_type)
        if item is None or key is None or not types.is_string(key):
            return None
        return arrow.map_(key, item)
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        inner = _json_type(arrow, kind.value_type)
        return None if inner is None else arrow.list_(inner)
    if types.is_float16(kind):
        return arrow.float32()
    if types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind) or types.is_null(kind):
        return kind
    if types.is_string(kind):
        return kind
    texts = (
        types.is_large_string,
        types.is_string_view,
        types.is_binary,
        types.is_large_binary,
        types.is_binary_view,
        types.is_fixed_size_binary,
        types.is_date,
        types.is_time,
        types.is_timestamp,
        types.is_decimal,
    )
    return arrow.string() if any(is_kind(kind) for is_kind in texts) else None

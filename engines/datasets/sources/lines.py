"""JSON lines: what one line holds."""

from __future__ import annotations

from ..checks.table import found
from .fault import Raw
from .json_text import JsonFault, decode_line
from .layout import BOM


def line_value(line: bytes, number: int, name: str) -> Raw:
    """What one line of a file of lines holds.

    Args:
        line: with or without its line break.
        number: counted from 1.
        name: the file's, for the problem.
    """
    if number == 1 and line.startswith(BOM):
        line = line[3:]
    line = line.rstrip(b"\r\n")
    if not line.strip():
        return Raw(number, problem=found("blank-line", name, number))
    try:
        return Raw(number, decode_line(line))
    except JsonFault as fault:
        return Raw(number, problem=found(fault.check, name, number, fault.column, **fault.values))

"""The machine around the GPUs: processors, memory, disks, and histories of any two shares in one line."""

from __future__ import annotations

from collections.abc import Sequence

from textual.content import Content

from ...engines.host import Disk, Host
from ...engines.text import one_line
from ..widgets.bar import bar
from ..widgets.sparkline import sparkline
from ..widgets.steady import Steady
from .wording import gibibytes, percent

USED = ("▆", "$primary")
"""Bars lie on adjacent lines: a character of full height would make them one."""
SPAN_SECONDS = 15.0
"""What a column of dots in a history stands for."""
WHY_LINES = 3
"""Of the sentence why there is no GPU, where not all of it fits."""


def machine_lines(host: Host, steady: Steady, width: int) -> list[Content]:
    """A bar each for processors, memory and every file system that matters."""
    share = steady.of("host", "cpu", host.cpu_share or 0.0, 0.04)
    total = max(host.memory_total_bytes, 1)
    used = steady.of("host", "memory", total - host.memory_available_bytes, 0.008 * total)
    rows = [
        ("CPU", share, f"{percent(share)} of {host.cpus}"),
        ("RAM", used / total, f"{gibibytes(used)}/{gibibytes(total)} GiB"),
    ]
    seen: list[tuple[int, int]] = []
    for disk in host.disks:
        free, size = disk.free_bytes, disk.total_bytes
        # The same file system under two paths, asked a moment apart.
        if free is None or not size or any(size == s and abs(free - f) < size / 100 for f, s in seen):
            continue
        seen.append((free, size))
        rows.append(_disk(disk, free, size, steady))
    aside = max(len(text) for _, _, text in rows)
    return [
        Content.assemble(
            (f"{name:<5}", "$quiet"),
            bar(max(width - aside - 6, 4), [(part, *USED)]),
            (f" {text:<{aside}}", "$quiet"),
        )
        for name, part, text in rows
    ]


def _disk(disk: Disk, free: int, total: int, steady: Steady) -> tuple[str, float, str]:
    shown = steady.of(str(disk.path), "free", free, 0.005 * total)
    return "disk", 1 - shown / total, f"{gibibytes(shown)} GiB free"


def history_line(histories: Sequence[tuple[str, Sequence[float | None]]], width: int) -> Content | None:
    """Histories beside each other, those that fit; None where there is nothing to draw yet.

    Args:
        histories: a word and shares by spans of SPAN_SECONDS, oldest first.
    """
    there = [(word, shares) for word, shares in histories if any(share is not None for share in shares)]
    there = there[: max(width // 14, 1)]
    if not there:
        return None
    room = width - sum(len(word) + 1 for word, _ in there) - 2 * (len(there) - 1)
    longest = max(len(shares) for _, shares in there)
    cells = min(room // len(there), (longest + 1) // 2)
    parts: list[Content] = [
        Content.assemble((f"{word} ", "$quiet"), (sparkline(shares, cells), "$primary"))
        for word, shares in there
    ]
    minutes = round(min(2 * cells, longest) * SPAN_SECONDS / 60)
    line = Content("  ").join(parts)
    about = f"  {minutes} min"
    return (
        line + Content.styled(about, "$quiet") if minutes and line.cell_length + len(about) <= width else line
    )


def why_none(text: str, width: int, room: int) -> list[Content]:
    """Why there is no GPU: all of it where it fits, else its beginning and the key that shows all."""
    lines = wrapped(text, width)
    if len(lines) <= max(WHY_LINES, room):
        return lines
    sign = " … (z: all)"
    words = lines[WHY_LINES - 1].plain.rstrip()[: max(width - len(sign), 0)].rstrip()
    last = Content.assemble((words, "$quiet"), " … (", ("z", "bold $key"), ": all)")
    return [*lines[: WHY_LINES - 1], last]


def wrapped(text: str, width: int, style: str = "$quiet") -> list[Content]:
    """Foreign text on as many lines as it takes."""
    return Content.styled(one_line(text, 400), style).wrap(max(width, 8))

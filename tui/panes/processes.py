"""Who holds a GPU's memory: a line a process, ours first and named by their job."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from ...engines.gpu import Gpu
from ...engines.text import one_line
from ..widgets.steady import Steady
from .wording import gibibytes

if TYPE_CHECKING:
    from .gpu import Hardware

WIDE = 56
"""Cells from which on a line names the user too."""


def process_lines(
    hardware: Hardware, gpus: Sequence[Gpu], steady: Steady, width: int, ours: tuple[str, str], others: str
) -> list[Content]:
    """All processes on the GPUs, below a title; what the driver hides is said.

    Args:
        ours: character and style that mark finetui's own in bars.
        others: style of the rest.
    """
    lines: list[Content] = []
    for gpu in gpus:
        if gpu.error is not None:
            continue
        if gpu.processes is None:
            lines.append(Content.styled(f"{gpu.index}  the driver lists no processes", "$quiet"))
            continue
        split = hardware.memory.get(gpu.uuid)
        if not gpu.processes and split is not None and split.ours_bytes is None and gpu.memory_used_bytes:
            lines.append(Content.styled(f"{gpu.index}  hidden from here: who holds the memory", "$quiet"))
        shown = sorted(
            gpu.processes, key=lambda one: (one.pid not in hardware.owners, -(one.memory_bytes or 0), one.pid)
        )
        for process in shown:
            held = "?"
            if process.memory_bytes is not None:
                slack = 0.004 * (gpu.memory_total_bytes or process.memory_bytes)
                kept = steady.of(f"{gpu.uuid} {process.pid}", "held", process.memory_bytes, slack)
                held = f"{gibibytes(kept)} GiB"
            job = hardware.owners.get(process.pid)
            name = one_line(process.name, 60) if process.name else "not visible from here"
            user = f"{one_line(process.user or '?', 10):<10} " if width >= WIDE else ""
            left = Content.assemble(
                (f"{gpu.index}  ", "bold"),
                (f"{process.pid:>7} {user}", "$quiet"),
                (f"{ours[0]} {one_line(job, 40)}", ours[1]) if job is not None else (name, others),
                (f"  {name}" if job is not None and width >= WIDE else "", "$quiet"),
            )
            right = Content.styled(held, "$quiet")
            left = left.truncate(max(width - right.cell_length - 1, 0), ellipsis=True)
            gap = max(width - left.cell_length - right.cell_length, 0)
            lines.append(left + Content(" " * gap) + right)
    if lines:
        lines.insert(0, Content.styled("processes", "bold"))
    return lines

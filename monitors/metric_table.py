"""A job's metrics as rows, a row a step, with all that was written: for the command line and exports."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..engines.job import Job
from ..engines.records import read_lines


def table_of(job: Job) -> list[dict[str, Any]]:
    """A job's metrics; see `rows_of`."""
    return rows_of(read_lines(job.paths.metrics))


def rows_of(lines: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """What counts of metrics.jsonl, by the reading rule of docs/job.md.

    Returns:
        In step order: `step`, and each metric's last written value; where an attempt went on from step k,
        older attempts' lines above k don't count.
    """
    lines = [line for line in lines if isinstance(line.get("step"), int)]
    starts: dict[int, int] = {}
    for line in lines:
        # An attempt's first line is that of its first update, or of an evaluation that was owed at its start.
        starts.setdefault(line["attempt"], line["step"] - 1 if "loss" in line else line["step"])
    rows: dict[int, dict[str, Any]] = {}
    for line in lines:
        later = [start for attempt, start in starts.items() if attempt > line["attempt"]]
        if line["step"] <= min(later, default=line["step"]):
            rows.setdefault(line["step"], {"step": line["step"]}).update(line)
    return [rows[step] for step in sorted(rows)]

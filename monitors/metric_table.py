"""A job's metrics as rows, a row a step, with all that was written: for the command line and exports."""

from __future__ import annotations

from typing import Any

from ..engines.job import Job
from ..engines.records import read_lines


def table_of(job: Job) -> list[dict[str, Any]]:
    """What counts of metrics.jsonl, by the reading rule of docs/job.md.

    Returns:
        In step order: `step`, and each metric's last written value; where an attempt went on from step k,
        older attempts' lines above k don't count.
    """
    attempts: dict[int, list[dict[str, Any]]] = {}
    for line in read_lines(job.paths.metrics):
        if isinstance(line.get("step"), int):
            attempts.setdefault(line.get("attempt", 1), []).append(line)
    rows: dict[int, dict[str, Any]] = {}
    for number in sorted(attempts):
        first = min(attempts[number], key=lambda line: line["step"])
        # An attempt's first update is that after its start; an evaluation may be made up at the start itself.
        start = first["step"] - 1 if "loss" in first else first["step"]
        rows = {step: row for step, row in rows.items() if step <= start}
        for line in attempts[number]:
            rows.setdefault(line["step"], {"step": line["step"]}).update(line)
    return [rows[step] for step in sorted(rows)]

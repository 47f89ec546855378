"""`finetui rows`: the training rows that a job's model found hardest."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from ...engines.datasets.training.hardest import MOST, far, hardest, why_none
from ...engines.states import UNFINISHED
from ...engines.text import one_line
from .jobs import JobRef, open_job
from .options import AT_LEAST_ONE, Json
from .output import DONE, note, number, print_json, say, table


def rows(
    job: JobRef,
    *,
    most: Annotated[int, AT_LEAST_ONE, Parameter(name=["--most", "-n"])] = MOST,
    json: Json = False,
) -> int:
    """List the training rows that the model found hardest in the first epoch: label errors are among them.

    Example: `finetui rows last --json | jq '.rows[].line'`

    The order is by how far a row's loss is over that of the rows around it (`over`), not by the loss alone:
    early rows are harder only because the model has learned less.

    Args:
        most: How many.
    """
    found_job, _ = open_job(job)
    state = found_job.state().state
    found = hardest(found_job, most)
    if json:
        print_json(
            {
                "file": str(found.data) if found.data else None,
                "stale": found.stale or None,
                "complete": found.complete,
                "seen": found.seen,
                "of": found.of,
                "not_finite": found.not_finite,
                "rows": [row.to_json() for row in found.rows],
            }
        )
        return DONE
    if not found.rows:
        note("no row's loss was a finite number" if found.seen else why_none(found_job, state in UNFINISHED))
        return DONE
    say(f"{found.data or 'the training data'}: {far(found, state, state in UNFINISHED)}")
    shown = [
        (
            number(row.loss),
            f"{row.over:+.3g}",
            str(row.text.line or "?"),
            f"{one_line(row.text.prompt, 60)} → {one_line(row.text.answer, 60)}",
        )
        for row in found.rows
    ]
    table([("loss", "over", "line", "row"), *shown], right=frozenset({0, 1, 2}))
    if found.not_finite:
        note(f"without a finite loss: {found.not_finite:,} more")
    if found.stale:
        note(found.stale)
    return DONE

"""`finetui logs` and `finetui metrics`: what a job has written."""

from __future__ import annotations

import csv
import sys
import time
from typing import Annotated

from cyclopts import Parameter

from ...engines.follow import Follower
from ...engines.states import UNFINISHED
from ...engines.text import clean
from ...monitors.metric_table import table_of
from .jobs import JobRef, open_job
from .options import Json
from .output import DONE, note, number, print_json, table

FIRST_METRICS = ("step", "loss", "eval_loss", "learning_rate", "grad_norm", "tokens_per_second")


def logs(
    job: JobRef, *, follow: Annotated[bool, Parameter(name=["--follow", "-f"], negative="")] = False
) -> int:
    """Print what the trainer printed.

    Example: `finetui logs -f last`

    Args:
        follow: Go on until the job ends.
    """
    found, engine = open_job(job)
    follower = Follower(found.paths.log)
    while True:
        ended = found.state().state not in UNFINISHED
        while lines := follower.read():
            sys.stdout.write("".join(clean(line.decode(errors="replace")) + "\n" for line in lines))
        sys.stdout.flush()
        if ended or not follow:
            if not follower.offset:
                note(f"its trainer has printed nothing; `finetui show {found.id}` says where the job stands")
            return DONE
        engine.sync(found)
        time.sleep(0.3)


def metrics(
    job: JobRef, *, csv_: Annotated[bool, Parameter(name="--csv", negative="")] = False, json: Json = False
) -> int:
    """Print a job's metrics, a row a step: what counts after resumes, not every line that was written.

    Example: `finetui metrics last --csv > metrics.csv`

    Args:
        csv_: As CSV.
    """
    found, _ = open_job(job)
    rows = table_of(found)
    if json:
        print_json(rows)
        return DONE
    names = list(dict.fromkeys(name for row in rows for name in row))
    if csv_:
        writer = csv.DictWriter(sys.stdout, names)
        writer.writeheader()
        writer.writerows(rows)
    elif rows:
        shown = sorted((name for name in names if name not in ("attempt", "time")), key=_rank)
        left_out = table(
            [shown, *([number(row.get(name), 6) for name in shown] for row in rows)],
            right=frozenset(range(len(shown))),
            spare=range(len(shown) - 1, 1, -1),
        )
        if left_out:
            note(f"too wide for this terminal: {', '.join(reversed(left_out))}; --csv has them")
    else:
        note("no metrics yet")
    return DONE


def _rank(name: str) -> int:
    """Where a metric stands in a table for people: what they look for first comes first."""
    return FIRST_METRICS.index(name) if name in FIRST_METRICS else len(FIRST_METRICS)

"""Which rows are the hardest: over their surroundings, of the attempts that count, whatever a file holds."""

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

import msgspec
import pytest
from finetui.engines.datasets.training.hardest import far, hardest, why_none
from finetui.engines.job import Job
from finetui.engines.states import JobState
from homes.jobs import add_job, settings_of
from hypothesis import given
from hypothesis import strategies as st

S = JobState


def write(job: Job, *lines: Any) -> None:
    """Lines of row_losses.jsonl; bytes as they are."""
    with open(job.paths.row_losses, "ab") as file:
        for line in lines:
            file.write(line if isinstance(line, bytes) else msgspec.json.encode(line) + b"\n")


def update(step: int, rows: list[Any], *, of: int = 100, attempt: int = 1, **other: Any) -> dict[str, Any]:
    """A line of the file: rows as (number, loss a token), four trained tokens each."""
    losses = [loss for _, loss in rows if loss is not None]
    mean = sum(losses) / len(losses) if losses else None
    written = [[number, None if loss is None else loss * 4, 4] for number, loss in rows]
    line = {"attempt": attempt, "step": step, "of": of, "seen": len(rows), "mean": mean, "rows": written}
    return line | other


def with_data(job: Job, folder: Path, bodies: list[dict[str, Any]]) -> Path:
    """The canonical rows of a job, two lines of its file each; returns the user's file."""
    file, canonical = folder / "faq.jsonl", folder / "canonical.jsonl"
    file.write_text("{}\n" * 2 * len(bodies))
    os.utime(file, (1.0, 1.0))
    rows = [
        body | {"source": {"file": "faq.jsonl", "line": 2 * number + 1}} for number, body in enumerate(bodies)
    ]
    canonical.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
    document = job.plan() | {"data": {"train": {"path": str(canonical), "sha256": "0", "rows": len(bodies)}}}
    job.paths.plan.write_bytes(msgspec.json.encode(document))
    job.paths.spec.write_text(f'name = "faq"\n[data]\ntrain = "{file}"\n')
    return file


@pytest.fixture
def job(tmp_path: Path) -> Job:
    return add_job(settings_of(tmp_path), "faq", S.succeeded)


def test_a_row_counts_by_how_far_it_is_over_the_rows_around_it(job: Job) -> None:
    # The loss falls from 4 to 1; row 85 is at 2 where others are at 1.15.
    lines = []
    for step in range(10):
        rows = [(number, 4.0 - step / 3) for number in range(step * 10, step * 10 + 10)]
        lines.append(update(step + 1, [(n, 2.0 if n == 85 else loss) for n, loss in rows]))
    write(job, *lines)
    found = hardest(job)
    assert found.complete
    assert (found.seen, found.of, len(found.rows)) == (100, 100, 50)
    first = found.rows[0]
    assert (first.number, first.step, first.loss, first.tokens) == (85, 9, 2.0, 4)
    # It takes two updates at each side to have 32 rows: here there is one after it.
    around = [4.0 - step / 3 for step in (6, 7, 8, 9) for _ in range(10)]
    assert first.around == pytest.approx((sum(around) + 2.0 - (4.0 - 8 / 3)) / 40)
    assert first.over == first.loss - first.around


def test_its_place_and_its_beginning_come_from_the_canonical_rows(job: Job, tmp_path: Path) -> None:
    call = {"function": {"name": "find", "arguments": "{}"}}
    file = with_data(
        job,
        tmp_path,
        [
            {"text": "once upon a time"},
            {"prompt": "2 + 2 =", "completion": " 5"},
            {"messages": [{"role": "user", "content": "hello"}, {"role": "assistant", "content": "bye"}]},
            {
                "messages": [
                    {"role": "user", "content": "where?"},
                    {"role": "assistant", "tool_calls": [call]},
                ]
            },
        ],
    )
    write(job, update(1, [(0, 1.0), (1, 2.0), (2, 3.0), (3, 4.0)], of=4))
    found = hardest(job)
    assert found.data == file
    assert found.stale == ""
    assert [(row.text.line, row.text.prompt, row.text.answer) for row in found.rows] == [
        (7, "where?", '{"name": "find", "arguments": "{}"}'),
        (5, "hello", "bye"),
        (3, "2 + 2 =", " 5"),
        (1, "", "once upon a time"),
    ]
    file.write_text("changed\n")
    assert "faq.jsonl has changed" in hardest(job).stale
    file.unlink()
    assert "not there any more" in hardest(job).stale
    (tmp_path / "canonical.jsonl").unlink()
    assert [row.text.line for row in hardest(job).rows] == [None] * 4


def test_a_resumed_attempt_hides_what_came_after_its_checkpoint(job: Job) -> None:
    write(job, update(1, [(0, 1.0), (1, 1.0)], of=6), update(2, [(2, 9.0), (3, 1.0)], of=6))
    write(job, b'{"attempt": 1, "step": 3, "of": 6, "se')
    write(job, b"\n", update(2, [(2, 1.5), (3, 1.0)], of=6, attempt=2))
    found = hardest(job)
    assert next((row.number, row.loss) for row in found.rows) == (2, 1.5)
    assert (found.seen, found.of, found.complete) == (4, 6, False)
    assert far(found, S.running, unfinished=True) == "4 of 6 rows so far"
    assert far(found, S.cancelled, unfinished=False) == "4 of 6 rows: cancelled in the first epoch"
    # A row that comes again at the epoch's end, since a process lacked some, was learned from already.
    write(job, update(3, [(4, 1.0), (5, 1.0), (2, 7.0)], of=6, attempt=2))
    found = hardest(job)
    assert {row.number: row.loss for row in found.rows}[2] == 1.5
    assert found.complete
    assert far(found, S.succeeded, unfinished=False) == "all 6 rows"


def test_losses_that_are_no_numbers_have_no_place(job: Job) -> None:
    write(job, update(1, [(0, 1.0), (1, None), (2, 3.0)], of=5), update(2, [(3, None), (4, None)], of=5))
    found = hardest(job)
    assert [row.number for row in found.rows] == [2, 0]
    assert found.not_finite == 3
    assert found.complete


def test_without_the_file_it_says_why(tmp_path: Path) -> None:
    settings = settings_of(tmp_path)
    waiting = add_job(settings, "new", S.queued)
    old = add_job(settings, "old", S.succeeded, metrics=3)
    managed = add_job(settings, "theirs", S.running)
    managed.paths.spec.write_text('method = "managed"\n')
    for job in (waiting, old, managed):
        assert hardest(job).rows == ()
        assert not hardest(job).complete
    assert "first updates" in why_none(waiting, unfinished=True)
    assert "before they were written down" in why_none(old, unfinished=False)
    assert "provider" in why_none(managed, unfinished=True)


@given(st.binary(max_size=300), st.integers(0, 2**32))
def test_no_content_makes_it_fail(job: Job, rubbish: bytes, seed: int) -> None:
    dice = random.Random(seed)
    lines = [update(step, [(step, dice.random()), (-step, None)]) for step in range(1, 20)]
    lines += [
        update(2**70, [(2**70, 1e308)]),
        update(3, [(1, -1.0)], attempt=-1, of=-5, seen=-3, mean=-1e308),
    ]
    content = b"\n".join(msgspec.json.encode(line) for line in lines)
    cut = dice.randrange(len(content))
    job.paths.row_losses.write_bytes(content[:cut] + rubbish + content[cut:])
    found = hardest(job)
    far(found, S.running, unfinished=True)
    assert len(found.rows) <= 50

"""The page of a job's hardest rows, and the command that lists them."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from finetui.engines.job import Job
from finetui.engines.settings import Settings
from finetui.engines.states import JobState
from finetui.tui.app import FinetuiApp
from finetui.tui.cli.main import main
from finetui.tui.messages import OpenJob
from finetui.tui.screens.dataset import DatasetPage
from finetui.tui.screens.hardest import HardestRows
from finetui.tui.screens.job import JobPage
from homes.jobs import add_job
from homes.waiting import until
from textual.pilot import Pilot

S = JobState
EVIL = "\x1b]0;owned\x07\x1b[31m[/nope] [bold]x"


def update(step: int, rows: Sequence[tuple[int, float | None]], of: int) -> bytes:
    losses = [loss for _, loss in rows if loss is not None]
    written = [[number, None if loss is None else 3 * loss, 3] for number, loss in rows]
    mean = sum(losses) / max(len(losses), 1)
    line = {"attempt": 1, "step": step, "of": of, "seen": len(rows), "mean": mean, "rows": written}
    return msgspec.json.encode(line) + b"\n"


def trained(settings: Settings, folder: Path, state: JobState, rows: int = 60, **fields: Any) -> Job:
    """A job on a file of so many rows; line 42 is hard, and those from line 51 on are not seen yet."""
    job = add_job(settings, "faq", state, metrics=3, **fields)
    bodies = [
        {
            "messages": [
                {"role": "user", "content": f"question {number} {EVIL}"},
                {"role": "assistant", "content": f"answer {number} 日本語"},
            ]
        }
        for number in range(rows)
    ]
    file, canonical = folder / "faq.jsonl", folder / "canonical.jsonl"
    file.write_bytes(b"".join(msgspec.json.encode(body) + b"\n" for body in bodies))
    os.utime(file, (1.0, 1.0))
    sources = [{"source": {"file": "faq.jsonl", "line": number + 1}} for number in range(rows)]
    canonical.write_bytes(
        b"".join(
            msgspec.json.encode(body | source) + b"\n" for body, source in zip(bodies, sources, strict=True)
        )
    )
    document = job.plan() | {"data": {"train": {"path": str(canonical), "sha256": "0", "rows": rows}}}
    job.paths.plan.write_bytes(msgspec.json.encode(document))
    job.paths.spec.write_text(
        f'name = "faq"\nmodel = "org/tiny"\nengine = "local"\n[data]\ntrain = "{file}"\n'
    )
    losses = [(number, 3.0 if number == 41 else 1.0 + number / 1000) for number in range(50)]
    job.paths.row_losses.write_bytes(update(1, losses[:25], rows) + update(2, losses[25:], rows))
    return job


def append(job: Job, content: bytes) -> None:
    with open(job.paths.row_losses, "ab") as file:
        file.write(content)


async def opened(pilot: Pilot[None], job: Job) -> HardestRows:
    app = pilot.app
    assert isinstance(app, FinetuiApp)
    await until(pilot, lambda: app.jobs is not None and app.jobs.complete)
    app.post_message(OpenJob(job.id))
    await until(pilot, lambda: isinstance(app.screen, JobPage) and app.screen.is_mounted)
    await pilot.press("w")
    await until(pilot, lambda: isinstance(app.screen, HardestRows) and app.screen.is_mounted)
    page = app.screen
    assert isinstance(page, HardestRows)
    await until(pilot, lambda: page._none != "reading …")
    await pilot.pause()
    return page


def text(app: Any) -> str:
    """What stands on the screen."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_the_hardest_row_comes_first_and_enter_opens_its_line(
    settings: Settings, tmp_path: Path, size: tuple[int, int]
) -> None:
    job = trained(settings, tmp_path, S.succeeded)
    async with FinetuiApp(settings).run_test(size=size) as pilot:
        page = await opened(pilot, job)
        rows = text(pilot.app).splitlines()
        assert "faq · hardest rows" in rows[0]
        assert rows[0].rstrip().endswith("50 of 60 rows: succeeded in the first epoch")
        assert rows[1].split() == ["loss", "over", "line", "asked", "answer"]
        assert rows[2].split()[:4] == ["3.00", "+1.94", "42", "question"]
        assert rows[2].index("answer 41") - rows[1].index("answer") == 0
        assert "\x1b" not in "".join(rows)
        assert "[bold]x" in text(pilot.app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, DatasetPage))
        dataset = pilot.app.screen
        assert isinstance(dataset, DatasetPage)
        await until(pilot, lambda: dataset._number == 41)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is page)
        assert page._list.selected is page._list.items[0]
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobPage))


async def test_its_lines_in_the_files_order_can_be_copied(settings: Settings, tmp_path: Path) -> None:
    job = trained(settings, tmp_path, S.succeeded)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        page = await opened(pilot, job)
        await pilot.press("o")
        assert [row.text.line for row in page._list.items] == list(range(1, 51))
        assert page._list.selected is not None
        assert page._list.selected.text.line == 42
        await pilot.press("y")
        await until(pilot, lambda: pilot.app.clipboard)
        assert pilot.app.clipboard.splitlines() == [str(line) for line in range(1, 51)]


async def test_while_the_first_epoch_goes_on_new_rows_come_in(settings: Settings, tmp_path: Path) -> None:
    job = trained(settings, tmp_path, S.running)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        page = await opened(pilot, job)
        assert "50 of 60 rows so far" in text(pilot.app)
        rest = update(3, [(number, 9.0 if number == 55 else 1.0) for number in range(50, 60)], 60)
        append(job, rest + b'{"attempt": 1, "ste')
        page._watcher.wake()
        await until(pilot, lambda: page._found is not None and page._found.complete)
        await pilot.pause()
        assert "all 60 rows" in text(pilot.app)
        assert page._list.items[0].text.line == 56
        assert page._list.selected is not None
        assert page._list.selected.text.line == 42, "what was selected stays so"


async def test_a_file_that_has_changed_and_rows_without_a_loss_are_said(
    settings: Settings, tmp_path: Path
) -> None:
    job = trained(settings, tmp_path, S.succeeded)
    append(job, update(3, [(number, None) for number in range(50, 60)], 60))
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        await opened(pilot, job)
        assert "! 10 rows more had no finite loss." in text(pilot.app)
    (tmp_path / "faq.jsonl").write_text("other\n")
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        await opened(pilot, job)
        assert "! faq.jsonl has changed since: lines may have moved." in text(pilot.app)


async def test_a_job_without_such_losses_says_why(settings: Settings) -> None:
    job = add_job(settings, "old", S.succeeded, metrics=3)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        await opened(pilot, job)
        assert "it was trained before they were written" in " ".join(text(pilot.app).split())
        await pilot.press("o", "y", "enter", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, JobPage))


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(list(arguments))
    return int(end.value.code or 0)


def test_the_command_lists_them(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FINETUI_HOME", str(settings.home.path))
    trained(settings, tmp_path, S.succeeded)
    assert run("rows", "faq", "-n", "2") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{tmp_path / 'faq.jsonl'}: 50 of 60 rows: succeeded in the first epoch"
    assert lines[1].split() == ["loss", "over", "line", "row"]
    assert lines[2].split()[:5] == ["3", "+1.94", "42", "question", "41"]
    assert len(lines) == 4
    assert "\x1b" not in "".join(lines)

    assert run("rows", "faq", "--json") == 0
    said = json.loads(capsys.readouterr().out)
    assert said["file"] == str(tmp_path / "faq.jsonl")
    assert (said["seen"], said["of"], said["complete"], len(said["rows"])) == (50, 60, False, 50)
    assert said["rows"][0]["line"] == 42
    assert said["rows"][0]["answer"] == "answer 41 日本語"

    add_job(settings, "old", S.succeeded, metrics=3)
    assert run("rows", "old") == 0
    assert "before they were written down" in capsys.readouterr().err

"""The page of a job: every key of its places, rubbish in its directory, foreign text, and a job that goes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest
from finetui.engines.job import Job
from finetui.engines.notes import Notes as Said
from finetui.engines.notes import read_notes
from finetui.engines.settings import Settings
from finetui.engines.states import JobState
from finetui.engines.store import Store
from finetui.tui.app import FinetuiApp
from finetui.tui.messages import OpenJob, OpenNewJob, OpenPlayground
from finetui.tui.screens.copy import CopyChoice
from finetui.tui.screens.job import JobPage
from finetui.tui.screens.job_parts.head import how_far
from finetui.tui.screens.notes import Notes
from finetui.tui.screens.question import Question
from homes.jobs import add_job
from homes.waiting import until
from textual.message import Message
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

S = JobState
EVIL = "\x1b]0;owned\x07\x1b[31m[/nope] [bold]x"


async def opened(pilot: Pilot[None], job: Job) -> JobPage:
    """The page of a job once all parts are read."""
    app = pilot.app
    assert isinstance(app, FinetuiApp)
    await until(pilot, lambda: app.jobs is not None and app.jobs.complete)
    app.post_message(OpenJob(job.id))
    await until(pilot, lambda: isinstance(app.screen, JobPage) and app.screen.is_mounted)
    page = app.screen
    assert isinstance(page, JobPage)
    await until(pilot, lambda: page._points is not None)
    return page


def text(app: FinetuiApp) -> str:
    """What stands on the screen."""
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


def said(app: FinetuiApp) -> str:
    return "\n".join(str(note.message) for note in app._notifications)


def append(path: Path, *values: object) -> None:
    with open(path, "ab") as file:
        for value in values:
            file.write((value if isinstance(value, bytes) else msgspec.json.encode(value)) + b"\n")


def sample(step: int, answer: str, expected: str = "yes") -> dict[str, object]:
    prompt = [{"role": "user", "content": f"Is it {EVIL}?"}]
    return {"kind": "sample", "time": 1.0, "attempt": 1, "step": step, "prompt": prompt,
            "expected": expected, "answer": answer}  # fmt: skip


@pytest.fixture
def done(settings: Settings) -> Job:
    log = "".join(f"update {step}\n" for step in range(1, 301)) + "ValueError: bad\nupdate 301\n"
    job = add_job(settings, "faq", S.succeeded, metrics=300, log=log, step=300, total_steps=300)
    append(job.paths.progress, sample(0, "no idea"), sample(30, "no"), sample(60, "yes"))
    return job


async def test_its_parts_are_a_number_a_tab_or_a_click_away(settings: Settings, done: Job) -> None:
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        page = await opened(pilot, done)
        for key, part in [
            ("2", 2), ("3", 3), ("4", 4), ("5", 5), ("1", 1), ("tab", 2), ("shift+tab", 1), ("shift+tab", 5),
            ("right_square_bracket", 1), ("left_square_bracket", 5), ("1", 1),
        ]:  # fmt: skip
            await pilot.press(key)
            assert page._part == part, key
            assert page.query_one(f"#part-{part}").display
            assert page.focused is page._mains[part - 1]
        await pilot.click("#tabs", offset=(16, 0))
        assert page._part == 2
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, JobPage)


async def test_the_overview_has_chart_and_numbers(settings: Settings, done: Job) -> None:
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        page = await opened(pilot, done)
        await until(pilot, lambda: not page.loss.chart.empty)
        shown = text(page.app)
        assert "succeeded" in shown and "300 of 300" in shown and "eval_loss" in shown
        before = text(page.app)
        await pilot.press("L")
        await until(pilot, lambda: text(page.app) != before)
        await pilot.press("x")


async def test_the_log_is_searched_followed_and_has_its_errors(settings: Settings, done: Job) -> None:
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        page = await opened(pilot, done)
        log = page.log_part.log_lines
        await pilot.press("2")
        await until(pilot, lambda: log.count > 300 and log.at_end)
        await pilot.press("n")
        assert "Search first" in said(page.app) or not log.searched
        await pilot.press("slash", *"update 29", "enter")
        assert page.focused is log
        assert log.found == (2, 11)  # of 29 and 290 to 299 the first that was in view
        await pilot.press("N")
        assert log.found == (1, 11)
        await pilot.press("N")
        assert log.found == (11, 11)
        await pilot.press("n", "n")
        assert log.found == (2, 11)
        await until(pilot, lambda: "2 of 11 lines" in text(page.app))
        await pilot.press("escape")
        assert not log.searched and isinstance(pilot.app.screen, JobPage)
        await pilot.press("e")
        assert "ValueError: bad" in text(page.app)
        await pilot.press("g")
        assert not log.follows
        await pilot.press("f")
        assert log.follows and log.at_end


async def test_samples_and_facts_are_shown(settings: Settings, done: Job) -> None:
    async with FinetuiApp(settings).run_test(size=(80, 40)) as pilot:
        page = await opened(pilot, done)
        await pilot.press("4")
        await until(pilot, lambda: "step 60" in text(page.app))
        shown = text(page.app)
        assert shown.index("step 60") < shown.index("step 30") < shown.index("step 0")
        assert "✓ as expected" in shown and "[/nope] [bold]x?" in shown
        await pilot.press("5")
        await until(pilot, lambda: 'name = "faq"' in text(page.app))
        await pilot.press("3")
        await until(pilot, lambda: "running → succeeded" in text(page.app))


@pytest.mark.parametrize(
    ("state", "key", "why"),
    [
        (S.succeeded, "s", "nothing to stop"),
        (S.succeeded, "K", "nothing to stop"),
        (S.succeeded, "r", "can't be resumed"),
        (S.stopping, "s", "stopping already"),
        (S.running, "X", "Stop it first"),
        (S.running, "r", "can't be resumed"),
        (S.queued, "p", "nothing to talk to"),
    ],
)
async def test_a_key_in_vain_says_why(settings: Settings, state: JobState, key: str, why: str) -> None:
    job = add_job(settings, "faq", state)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        page = await opened(pilot, job)
        await pilot.press(key)
        await until(pilot, lambda: why in said(page.app))
        assert pilot.app.screen is page


@pytest.mark.parametrize(
    ("state", "key", "verb"), [(S.running, "s", "stop"), (S.running, "K", "kill"), (S.paused, "r", "resume")]
)
async def test_stop_kill_and_resume_are_asked_of_the_engine(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, state: JobState, key: str, verb: str
) -> None:
    job = add_job(settings, "faq", state)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        page = await opened(pilot, job)
        asked: list[str] = []
        monkeypatch.setattr(page._acts, verb, lambda summary: asked.append(summary.id))
        await pilot.press(key)
        if verb == "kill":
            await until(pilot, lambda: isinstance(pilot.app.screen, Question))
            assert not asked
            await pilot.press("y")
        await until(pilot, lambda: asked == [job.id])


async def test_duplicate_and_playground_are_asked_of_the_app(
    settings: Settings, done: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        await opened(pilot, done)
        heard: list[Message] = []
        monkeypatch.setattr(FinetuiApp, "on_open_new_job", lambda app, message: heard.append(message))
        monkeypatch.setattr(FinetuiApp, "on_open_playground", lambda app, message: heard.append(message))
        await pilot.press("p")
        await until(pilot, lambda: heard)
        assert isinstance(heard[0], OpenPlayground) and heard[0].job_id == done.id
        await pilot.press("d")
        await until(pilot, lambda: len(heard) == 2)
        assert isinstance(heard[1], OpenNewJob)


async def test_removed_here_it_closes(settings: Settings, done: Job) -> None:
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        page = await opened(pilot, done)
        await pilot.press("X")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("n")
        await until(pilot, lambda: pilot.app.screen is page)
        await pilot.press("X")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("y")
        await until(pilot, lambda: page not in pilot.app.screen_stack)
        assert not done.paths.folder.exists()


async def test_removed_elsewhere_it_closes_below_a_dialog(settings: Settings, done: Job) -> None:
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        page = await opened(pilot, done)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, Notes))
        Store(settings.home).remove(done)
        await until(pilot, lambda: page._removed)
        assert page in pilot.app.screen_stack
        await pilot.press("escape")
        await until(pilot, lambda: page not in pilot.app.screen_stack)
        assert "is gone" in said(page.app)


async def test_tags_and_note_are_kept_or_asked_about(settings: Settings, done: Job) -> None:
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        page = await opened(pilot, done)
        await pilot.press("t")
        await until(pilot, lambda: isinstance(pilot.app.screen, Notes))
        await pilot.press(*"good, best", "enter", *"hi", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, Question))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(pilot.app.screen, Notes))
        assert pilot.app.screen.query_one("#tags", Input).value == "good, best"
        assert pilot.app.screen.query_one("#note", TextArea).text == "hi"
        await pilot.press("ctrl+s")
        await until(pilot, lambda: pilot.app.screen is page)
        assert read_notes(done) == Said(("good", "best"), "hi")
        await until(pilot, lambda: "#good" in text(page.app))


@pytest.mark.parametrize(
    ("key", "copied"),
    [("i", "{id}"), ("f", "{folder}"), ("w", "finetui watch {id}"), ("enter", "{id}"),
     ("a", 'finetui ask "…" -m {id} -m {id}@base'), ("s", "finetui run {folder}/job.toml")],
)  # fmt: skip
async def test_what_is_wanted_is_copied(settings: Settings, done: Job, key: str, copied: str) -> None:
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        page = await opened(pilot, done)
        await pilot.press("y")
        await until(pilot, lambda: isinstance(pilot.app.screen, CopyChoice))
        await pilot.press(key)
        await until(pilot, lambda: pilot.app.screen is page)
        await until(pilot, lambda: pilot.app.clipboard)
        assert pilot.app.clipboard == copied.format(id=done.id, folder=done.paths.folder)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_rubbish_and_foreign_text_do_no_harm(settings: Settings, size: tuple[int, int]) -> None:
    job = add_job(settings, f"faq {EVIL}", S.failed, reason="bug", message=EVIL, advice=EVIL, log="x\n")
    with job.hold() as held:
        held.event("note", EVIL, level="error", data={"advice": 3})
    append(job.paths.log, EVIL.encode(), bytes(range(256)) * 20, b"\xff" * 5000)
    append(job.paths.events, b"{", [1], {"kind": [EVIL], "time": "x", "level": 7, "message": {"a": EVIL}}, {})
    append(job.paths.metrics, b"\x00\xff", {"step": 1, "attempt": 1, "loss": "x"},
           {"step": 2, "attempt": 1, "loss": None, "odd[/]": 1, "__class__": 2, "class": 1.5})  # fmt: skip
    append(job.paths.progress, sample(1, EVIL), {"kind": "sample"}, {"kind": "sample", "step": [],
           "prompt": 7, "answer": {"a": 1}, "expected": []})  # fmt: skip
    append(
        job.paths.environment, {"settled": {EVIL: EVIL}, "values": [1], "versions": {EVIL: None}, "train": 3}
    )
    async with FinetuiApp(settings).run_test(size=size) as pilot:
        page = await opened(pilot, job)
        job.paths.plan.write_bytes(b'{"values": {"a": 3}, "data"')
        for part in "12345":
            await pilot.press(part)
            await pilot.pause(0.1)
            assert "\x1b" not in text(page.app)
        await until(pilot, lambda: "plan.json can't be read" in text(page.app))
        assert "[/nope]" in text(page.app)


async def test_a_flood_in_the_log_does_not_freeze(settings: Settings) -> None:
    job = add_job(settings, "faq", S.running, log="x\n")
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        page = await opened(pilot, job)
        await pilot.press("2")
        for _ in range(5):
            append(job.paths.log, b"\n".join(b"line %d" % number for number in range(10_000)))
            await asyncio.wait_for(pilot.press("1", "2"), 2)
        await until(
            pilot, lambda: "left out" in "\n".join(row[0] for row in page.log_part.log_lines._wrapped)
        )


def test_while_it_evaluates_the_bar_stays_the_jobs(settings: Settings) -> None:
    job = add_job(settings, "bot", S.running)
    (summary,) = Store(settings.home).jobs()
    state = msgspec.structs.replace(
        summary.state, phase="evaluating", step=84, total_steps=114, done=0, total=20, unit="rows"
    )
    left, _ = how_far(msgspec.structs.replace(summary, state=state), (), None)
    assert left.plain.endswith("evaluating, 0 % · 84 of 114 · 74 %")
    assert left.plain.startswith("▇" * 11)
    assert summary.id == job.id

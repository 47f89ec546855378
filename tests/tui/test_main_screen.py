"""The main screen's habits: filter, marks, what can't be done, ends told, where one was, remapped keys."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path

import msgspec
import pytest
from finetui.engines.datasets.kept.known import remember
from finetui.engines.home import Home
from finetui.engines.local.progress import Progress
from finetui.engines.settings import Settings, SettingsError
from finetui.engines.states import JobState
from finetui.tui.app import FinetuiApp
from finetui.tui.keys import remapped, write
from finetui.tui.messages import JobStarted
from finetui.tui.remembered import Remembered
from finetui.tui.screens.first_start import FirstStart
from finetui.tui.screens.help import Help
from finetui.tui.screens.question import Question
from finetui.tui.widgets.keyline import KeyLine
from homes.jobs import add_job, write_metrics
from homes.waiting import until
from textual.command import CommandPalette
from textual.pilot import Pilot

S = JobState


async def ready(pilot: Pilot[None], jobs: int) -> FinetuiApp:
    app = pilot.app
    assert isinstance(app, FinetuiApp)
    await until(pilot, lambda: app.jobs is not None and len(app.jobs.summaries) == jobs)
    await pilot.pause()
    return app


def names(app: FinetuiApp) -> list[str]:
    return [job.name for job in app.main.jobs.list.items]


def title(app: FinetuiApp) -> str:
    return str(app.main.jobs._border_title)


def told(app: FinetuiApp) -> str:
    return "\n".join(notice.message for notice in app._notifications)


def hints(app: FinetuiApp) -> str:
    return app.main.query_one(KeyLine)._rows[0].text


async def test_a_filter_narrows_as_one_types_and_esc_clears_it(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        await pilot.press("slash", *"sum")
        await until(pilot, lambda: names(app) == ["summaries"])
        assert "1 of 6 match sum" in title(app)
        await pilot.press("enter")
        await pilot.pause()
        assert app.main.jobs.list.has_focus and names(app) == ["summaries"]
        await pilot.press("escape")
        await pilot.pause()
        assert len(names(app)) == 6 and "match" not in title(app)
        await pilot.press("slash", *"org qlora s", "escape")
        await pilot.pause()
        assert len(names(app)) == 6 and app.main.jobs.list.has_focus


async def test_a_filter_that_nothing_matches_is_said_by_enter(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        await pilot.press("slash", *"zzz", "enter", "enter")
        await until(pilot, lambda: "Nothing matches" in told(app))
        assert app.main.selected is None and app.screen is app.main


async def test_jobs_are_marked_and_drawn_beside_the_selected(settings: Settings) -> None:
    for number in range(7):
        add_job(settings, f"job-{number}", S.succeeded, metrics=20, step=20, total_steps=20)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 7)
        for _ in range(5):
            await pilot.press("space", "j")
        await until(pilot, lambda: len(app.main.marked) == 5)
        assert "◆" in app.main.jobs.list._rows[0].text
        await pilot.press("space")
        await until(pilot, lambda: "5 are marked" in told(app))
        await pilot.press("g", "space")
        await until(pilot, lambda: len(app.main.marked) == 4)


@pytest.mark.parametrize(
    ("downs", "key", "why"),
    [
        (0, "r", "It is running; there is nothing to resume"),
        (0, "X", "stop it first"),
        (1, "r", "starts by itself"),
        (2, "s", "nothing to stop"),
        (5, "K", "nothing to stop"),
        (5, "r", "It succeeded"),
        (1, "L", "no losses yet"),
        (1, "p", "no result yet"),
    ],
)
async def test_a_key_that_cannot_work_says_why(busy: Settings, downs: int, key: str, why: str) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        await pilot.press(*["j"] * downs, key)
        await until(pilot, lambda: why in told(app))
        assert app.screen is app.main


async def test_the_key_line_shows_what_is_most_useful(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        await until(pilot, lambda: "s stop" in hints(app))
        assert hints(app).startswith(" n new  Enter open") and "q leave" in hints(app)
        await pilot.press("G")
        await until(pilot, lambda: "p playground" in hints(app) and "s stop" not in hints(app))


async def test_the_end_of_a_job_is_told(settings: Settings) -> None:
    job = add_job(settings, "bot", S.running, machine=None, step=1, total_steps=2, first_loss=2.31, loss=1.02)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 1)
        with job.hold() as held:
            held.become(S.failed, reason="out_of_memory", advice="Lower train.max_length.")
        await until(pilot, lambda: "bot failed: out of memory. Lower train.max_length." in told(app))


def test_the_first_loss_of_a_job_is_kept_over_attempts(settings: Settings) -> None:
    job = add_job(settings, "bot", S.running)
    write_metrics(job, 3)
    first = Progress(job.paths, job.state()).read()["first_loss"]
    assert first is not None
    with job.hold() as held:
        held.update(first_loss=first, attempt=2)
    write_metrics(job, 3, first=4, attempt=2, seed=9)
    assert Progress(job.paths, job.state()).read()["first_loss"] == first


async def test_one_comes_back_to_where_one_was(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        await until(pilot, lambda: not app.main.loss.chart.empty)
        await pilot.press("L", "slash", *"s", "enter", "j", "3")
        await pilot.pause()
        before = app.main.selected
        await pilot.press("q")
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        await until(pilot, lambda: app.main.selected and before and app.main.selected.id == before.id)
        assert app.main.jobs.list.filter == "s" and app.main.loss.chart.log_scale
        assert app.main.pane is app.main.loss


async def test_the_first_start_explains_itself_once(tmp_path: Path, settings: Settings) -> None:
    (settings.home.path / "app.json").unlink(missing_ok=True)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        app = pilot.app
        await until(pilot, lambda: isinstance(app.screen, FirstStart) and app.screen.query("#box"))
        await pilot.pause()
        box = app.screen.query_one("#box")
        assert box.region.height <= 24 and box.region.width <= 80
        await pilot.press("enter")
        await until(pilot, lambda: not isinstance(app.screen, FirstStart))
    assert Remembered.exists(settings.home)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, FinetuiApp)
        await until(pilot, lambda: app.main.jobs.has_class("-empty"))
        await pilot.pause()
        assert app.screen is app.main


async def test_a_job_is_found_by_name_in_the_palette_and_foreign_names_are_plain(settings: Settings) -> None:
    add_job(settings, "[red]evil[/] bot", S.succeeded)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 1)
        await pilot.press("ctrl+p")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"evil bot")
        await pilot.pause(0.5)
        shown = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "[red]evil[/] bot" in shown


async def test_a_remapped_key_works_and_is_shown(busy: Settings) -> None:
    settings = dataclasses.replace(busy, keys={"pane.zoom": "Z", "job.new": "ctrl+e"})
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        assert "Ctrl+E new" in hints(app)
        await pilot.press("z")
        await pilot.pause()
        assert app.main._zoomed is None
        await pilot.press("Z")
        await pilot.pause()
        assert app.main._zoomed is app.main.jobs
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, Help))
        assert isinstance(app.screen, Help) and "  Z " in app.screen._text().plain


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"job.stopp": "S"}, "keys.job.stopp: there is no such action; known are job.stop"),
        ({"job.stop": "n"}, "keys.job.stop: n is the key of job.new"),
        ({"job.stop": "hyper+q"}, "is no key"),
        ({"job.stop": "j"}, "move.down"),
    ],
)
def test_keys_that_cannot_be_are_said(settings: Settings, keys: dict[str, str], said: str) -> None:
    with pytest.raises(SettingsError, match=r"config\.toml") as raised:
        remapped(dataclasses.replace(settings, keys=keys))
    assert said in str(raised.value)


def test_two_keys_can_be_swapped(settings: Settings) -> None:
    swapped = dataclasses.replace(settings, keys={"job.stop": "x", "chart.axis": "s"})
    assert remapped(swapped) == {"job.stop": "x", "chart.axis": "s"}


def test_a_sign_can_be_a_key(settings: Settings) -> None:
    assert remapped(dataclasses.replace(settings, keys={"job.stop": "_"})) == {"job.stop": "underscore"}


async def test_the_first_start_begins_with_a_new_job(settings: Settings) -> None:
    (settings.home.path / "app.json").unlink(missing_ok=True)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        app = pilot.app
        await until(pilot, lambda: isinstance(app.screen, FirstStart))
        await pilot.press("n")
        await until(pilot, lambda: type(app.screen).__name__ == "NewJob")


async def test_ten_thousand_jobs_are_filtered_with_every_letter(settings: Settings) -> None:
    add_job(settings, "one", S.succeeded)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 1)
        (one,) = app.main.jobs.list.items
        many = [msgspec.structs.replace(one, id=f"id-{n}", name=f"job-{n}") for n in range(10_000)]
        app.main.jobs.list.show(many)
        app.main.jobs.list.filter = "job"
        started = time.perf_counter()
        app.main.jobs.list.filter = "job-99 succ"
        seconds = time.perf_counter() - started
        assert len(app.main.jobs.list.items) == 111 and seconds < 0.25, seconds
        print(seconds)


async def test_in_the_pane_of_datasets_keys_are_for_datasets(tmp_path: Path, busy: Settings) -> None:
    rows = tmp_path / "mine.jsonl"
    rows.write_text('{"prompt": "a", "completion": "b"}\n' * 3)
    remember(busy.home, rows)
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        datasets = app.main.datasets.list
        await until(pilot, lambda: datasets.choose(str(rows)))
        await pilot.press("2")
        await until(pilot, lambda: "n new" in hints(app) and "s stop" not in hints(app))
        for key in "drsKtp":
            app.clear_notifications()
            await pilot.press(key)
            await until(pilot, lambda: "Choose a job first: 1." in told(app))
            assert app.screen is app.main
        await pilot.press("X")
        await until(pilot, lambda: "mine.jsonl is off the list; the file stays." in told(app))
        await until(pilot, lambda: all(known.path != str(rows) for known in datasets.items))
        assert rows.exists() and app.screen is app.main
        await pilot.press("1", "j", "j", "X")
        await until(pilot, lambda: isinstance(app.screen, Question))
        shown = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "Remove the job night-run?" in shown


@pytest.mark.parametrize("kind", ["a plain file", "no place"])
async def test_a_home_that_cannot_be_used_is_said(tmp_path: Path, kind: str) -> None:
    home = tmp_path / "home"
    home.write_text("")
    path = home if kind == "a plain file" else home / "below"
    app = FinetuiApp(Settings(Home(path), tmp_path / "config.toml"))
    async with app.run_test(size=(120, 36)) as pilot:
        await until(pilot, lambda: "can't be written" in str(app.main.jobs._border_subtitle))
        assert app.screen is app.main
        await pilot.press("D")
        await until(pilot, lambda: "set FINETUI_HOME to a folder of yours" in told(app))
        assert "no longer there" not in told(app)


async def test_on_a_narrow_screen_the_column_with_the_focus_is_all_there_is(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(40, 10)) as pilot:
        app = await ready(pilot, 6)
        for key, pane in [("2", "datasets"), ("tab", "loss"), ("4", "gpu"), ("5", "log"), ("1", "jobs")]:
            await pilot.press(key)
            await pilot.pause()
            assert app.main.pane.id == pane
            shown = {one.id: one.region for one in app.main.panes if one.region.width}
            assert pane in shown and all(region.right <= 40 for region in shown.values()), (key, shown)
            assert shown[pane].width == 40
            if pane == "log":
                await pilot.press("z")


async def test_marks_are_there_again_after_one_has_left(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        await pilot.press("G", "space", "k", "space")
        await until(pilot, lambda: len(app.main.marked) == 2)
        before = [job.id for job in app.main.marked]
        await pilot.press("q")
    for _ in range(2):
        async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
            app = await ready(pilot, 6)
            jobs = app.main.jobs.list
            await until(pilot, lambda jobs=jobs: [job.id for job in jobs.marked] == before)
            await pilot.press("q")


async def test_a_job_that_starts_where_it_is_not_seen_is_told(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, Help))
        job = add_job(busy, "from-afar", S.queued)
        app.main.post_message(JobStarted(job.id))
        await until(pilot, lambda: "from-afar starts; Esc leads to it." in told(app))


async def test_on_a_page_the_key_line_says_the_way_back(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is not app.main and app.screen.query(KeyLine))
        line = app.screen.query_one(KeyLine)
        await until(pilot, lambda: line._rows and line._rows[0].text.rstrip().endswith("Esc back"))
        assert "leave" not in line._rows[0].text and len(line._rows[0].text.rstrip()) <= 80


@pytest.mark.parametrize(
    ("name", "written"),
    [
        ("tab", "Tab"), ("shift+tab", "Shift+Tab"), ("backspace", "Backspace"), ("delete", "Delete"),
        ("ctrl+s", "Ctrl+S"), ("slash", "/"), ("plus", "+"), ("X", "X"), ("f5", "F5"), ("home", "Home"),
    ],
)  # fmt: skip
def test_a_key_is_written_as_on_a_keyboard(name: str, written: str) -> None:
    assert write(name) == written

"""Every key of the table, pressed; and what tells of the keys: help, the line at the bottom, the palette."""

from __future__ import annotations

from pathlib import Path

import pytest
from finetui.engines.job import Job
from finetui.engines.settings import Settings
from finetui.engines.states import JobState
from finetui.tui.app import FinetuiApp
from finetui.tui.keys import INSTEAD, KEYS
from finetui.tui.screens.help import Help
from finetui.tui.screens.question import Question
from finetui.tui.widgets.keyline import KeyLine
from homes.jobs import add_job
from homes.waiting import ready, until
from textual.command import CommandPalette

S = JobState


def selected(app: FinetuiApp) -> str:
    assert app.main.selected is not None
    return app.main.selected.name


def append(path: Path, text: str) -> None:
    with open(path, "a", encoding="utf-8") as file:
        file.write(text)


def test_the_table_has_no_key_twice_in_one_place() -> None:
    assert len({key.id for key in KEYS}) == len(KEYS)
    for place in {key.where for key in KEYS}:
        own = [key for key in KEYS if key.where == place and key.id not in INSTEAD]
        keys = [name for key in own for name in key.keys.split(",")]
        assert len(keys) == len(set(keys)), place
    over_the_panes = [n for key in KEYS if key.where in ("pane", "main", "app") for n in key.keys.split(",")]
    assert len(over_the_panes) == len(set(over_the_panes))


async def test_the_selection_moves(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        for key, name in [
            ("j", "classifier"), ("down", "night-run"), ("k", "classifier"), ("up", "support-bot"),
            ("up", "support-bot"), ("G", "faq-v2"), ("j", "faq-v2"), ("g", "support-bot"),
            ("pagedown", "faq-v2"), ("pageup", "support-bot"), ("end", "faq-v2"), ("home", "support-bot"),
        ]:  # fmt: skip
            await pilot.press(key)
            assert selected(app) == name, key


async def test_loss_and_log_are_those_of_the_selected_job(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(120, 36)) as pilot:
        app = await ready(pilot, 6)
        await until(pilot, lambda: not app.main.loss.chart.empty)
        await until(pilot, lambda: app.main.log_pane.lines.at_end and app.main.log_pane.lines.count)
        await pilot.press("j", "k", "j", "k")  # there and back at once
        await until(pilot, lambda: not app.main.loss.chart.empty)
        await until(pilot, lambda: app.main.log_pane.lines.count > 600)
        await pilot.press("j")
        await until(pilot, lambda: app.main.log_pane.lines.count == 1)
        assert app.main.loss.chart.empty


async def test_panes_are_reached_by_number_and_by_tab(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(120, 36)) as pilot:
        app = await ready(pilot, 6)
        for key, pane in [
            ("2", "datasets"), ("3", "loss"), ("4", "gpu"), ("5", "log"), ("1", "jobs"), ("tab", "datasets"),
            ("tab", "loss"), ("tab", "gpu"), ("tab", "log"), ("tab", "jobs"), ("shift+tab", "log"),
        ]:  # fmt: skip
            await pilot.press(key)
            assert app.main.pane.id == pane, key


async def test_on_a_short_screen_the_log_is_a_key_away(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        await pilot.press("tab", "tab", "tab", "tab")
        assert app.main.pane.id == "jobs", "what is not there is passed over"
        await pilot.press("5")
        await pilot.pause()
        assert app.main.log_pane.size.width > 70 and app.main.pane.id == "log"
        await pilot.press("escape")
        await pilot.pause()
        assert app.main.pane.id == "jobs" and not app.main.log_pane.region.area


async def test_a_pane_is_zoomed_and_left_by_escape(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(120, 36)) as pilot:
        app = await ready(pilot, 6)
        narrow = app.main.log_pane.size.width
        await pilot.press("5", "z")
        await pilot.pause()
        assert app.main.log_pane.size.width > 70 > narrow
        assert not app.main.jobs.region.area
        await pilot.press("1")
        await pilot.pause()
        assert app.main.jobs.size.width > 70 and not app.main.log_pane.region.area
        await pilot.press("escape")
        await pilot.pause()
        assert app.main.jobs.region.area and app.main.log_pane.size.width == narrow
        await pilot.press("escape")
        assert app.is_running, "escape never quits"
        await pilot.press("z", "z")
        await pilot.pause()
        assert app.main.log_pane.size.width == narrow


async def test_stop_kill_and_resume_are_offered_where_they_can_work(busy: Settings) -> None:
    def hints(app: FinetuiApp) -> set[str]:
        return {key.id for key in app.main.query_one(KeyLine)._keys} & {"job.stop", "job.kill", "job.resume"}

    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        expected = {
            "support-bot": {"job.stop", "job.kill"},
            "classifier": {"job.stop", "job.kill"},
            "night-run": {"job.resume"},
            "summaries": {"job.resume"},
            "big-70b": {"job.resume"},
            "faq-v2": set(),
        }
        for name, ids in expected.items():
            assert selected(app) == name
            await until(pilot, lambda ids=ids: hints(app) == ids)
            await pilot.press("j")


async def test_s_stops_a_waiting_job_without_a_question(settings: Settings) -> None:
    job = add_job(settings, "waiting", machine=None)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 1)
        await pilot.press("s")
        await until(pilot, lambda: job.state().state == S.cancelled)
        await until(pilot, lambda: app.main.selected and app.main.selected.state.state == S.cancelled)


async def test_K_kills_after_a_yes_and_not_after_a_no(settings: Settings) -> None:
    job = add_job(settings, "waiting", machine=None)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 1)
        for answer in ("n", "escape", "q", "enter"):
            await pilot.press("K")
            await until(pilot, lambda: isinstance(app.screen, Question))
            await pilot.press(answer)
            await until(pilot, lambda: not isinstance(app.screen, Question))
            assert job.state().state == S.queued, answer
        await pilot.press("K", "y")
        await until(pilot, lambda: job.state().state == S.cancelled)


async def test_r_resumes(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    # No scheduler is to be started by a test of keys.
    from finetui.engines.local import scheduling

    monkeypatch.setattr(scheduling, "ensure", lambda *_: None)
    job = add_job(settings, "paused", S.paused, machine=None)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        await ready(pilot, 1)
        await pilot.press("r")
        await until(pilot, lambda: job.state().state == S.queued)
        assert job.state().attempt == 2


async def test_what_an_engine_refuses_is_said_in_plain_words(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        before = Job(busy.home, app.main.jobs.list.items[0].id).state()
        await pilot.press("s")
        await until(pilot, lambda: app._notifications)
        assert "belongs to gpu-box-3" in next(iter(app._notifications)).message
        assert Job(busy.home, app.main.jobs.list.items[0].id).state() == before


async def test_L_changes_the_scale(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        chart = app.main.loss.chart
        await until(pilot, lambda: not chart.empty)
        linear = [strip.text for strip in chart._rows]
        await pilot.press("L")
        await pilot.pause()
        assert chart.log_scale and [strip.text for strip in chart._rows] != linear
        await pilot.press("L")
        await pilot.pause()
        assert [strip.text for strip in chart._rows] == linear


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_lists_the_keys_that_work_here(busy: Settings, key: str) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        await pilot.press("j", "j", key)
        await until(pilot, lambda: isinstance(app.screen, Help))
        assert isinstance(app.screen, Help)
        shown = app.screen._text().plain
        assert "go on from the last checkpoint" in shown and "end the job at once" not in shown
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, Help))


@pytest.mark.parametrize("key", ["ctrl+p", "colon"])
async def test_commands_are_found_by_name(busy: Settings, key: str) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        await pilot.press(*"zoom")
        await pilot.pause(0.3)
        await pilot.press("enter")
        await until(
            pilot, lambda: not isinstance(app.screen, CommandPalette) and app.main.jobs.size.width > 70
        )


async def test_the_keys_at_the_bottom_can_be_clicked(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(200, 40)) as pilot:
        app = await ready(pilot, 6)
        line = app.main.query_one(KeyLine)
        await until(pilot, lambda: any(key.id == "pane.zoom" for _, _, key in line._places))
        start = next(start for start, _, key in line._places if key.id == "pane.zoom")
        await pilot.click(KeyLine, offset=(start, 0))
        await until(pilot, lambda: app.main.jobs.size.width > 70)


async def test_a_job_is_selected_by_a_click(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        await pilot.click("#jobs-list", offset=(5, 3))
        assert selected(app) == "summaries"


@pytest.mark.parametrize("keys", [("q",), ("ctrl+q",), ("ctrl+c", "ctrl+c")])
async def test_leaving(busy: Settings, keys: tuple[str, ...]) -> None:
    app = FinetuiApp(busy)
    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot, 6)
        await pilot.press(*keys)
        await until(pilot, lambda: not app.is_running or app._exit)
    assert app.return_code == 0


async def test_one_press_of_ctrl_c_only_hints(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        await pilot.press("ctrl+c")
        await until(pilot, lambda: app._notifications)
        assert app.is_running


async def test_an_empty_home_welcomes_and_offers_the_demo(settings: Settings) -> None:
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, FinetuiApp)
        await until(pilot, lambda: app.main.jobs.has_class("-empty"))
        assert app.main.query_one("#welcome").display
        await pilot.press("j", "k", "g", "G", "s", "K", "r", "L", "z", "z", "tab", "4", "escape")
        assert app.is_running and app.screen is app.main


async def test_no_locals_in_the_last_words_after_an_error(busy: Settings, tmp_path: Path) -> None:
    app = FinetuiApp(busy)

    def fail() -> None:
        secret = "sk-" + "very-secret"
        raise ValueError(f"\x1b]52;c;AAAA\x07 with {len(secret)} letters")

    async with app.run_test(size=(80, 24)) as pilot:
        await ready(pilot, 6)
        try:
            fail()
        except ValueError:
            app._fatal_error()
        said = str(app._exit_renderables[0])
        app._exit_renderables.clear()
    assert "with 14 letters" in said and "test_keys.py" in said
    assert "very-secret" not in said and "\x1b" not in said


async def test_what_the_mouse_marked_in_the_log_is_copied(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(120, 36)) as pilot:
        app = await ready(pilot, 6)
        log = app.main.log_pane.lines
        await until(pilot, lambda: log.count > 600)
        await pilot.pause()
        await pilot.mouse_down(log, offset=(0, 1))
        await pilot.hover(log, offset=(6, 1))
        await pilot.mouse_up(log, offset=(6, 1))
        await pilot.press("ctrl+c")
        await pilot.pause()
        assert app.clipboard.startswith("update")
        assert not app._notifications, "it was no attempt to leave"


async def test_the_log_follows_until_one_scrolls_up(busy: Settings) -> None:
    async with FinetuiApp(busy).run_test(size=(120, 36)) as pilot:
        app = await ready(pilot, 6)
        log = app.main.log_pane.lines
        await until(pilot, lambda: log.count > 600)
        path = next(busy.home.jobs.glob("*support-bot")) / "log.txt"
        count = log.count
        append(path, "one more\n")
        await until(pilot, lambda: log.count == count + 1)
        assert log.at_end
        await pilot.press("5", "k")
        top = log.top
        append(path, "and another\n")
        await until(pilot, lambda: log.count == count + 2)
        assert log.top == top
        await pilot.press("G")
        assert log.at_end


@pytest.mark.parametrize("theme", ["nord", "textual-light", "ansi-dark"])
async def test_another_theme_can_be_chosen(busy: Settings, theme: str) -> None:
    async with FinetuiApp(busy).run_test(size=(80, 24)) as pilot:
        app = await ready(pilot, 6)
        app.theme = theme
        await pilot.press("j", "K")
        await pilot.pause(0.1)
        await pilot.press("n")
        assert app.is_running and app.main.jobs.list._rows


async def test_a_home_that_cannot_be_read_is_said(settings: Settings) -> None:
    settings.home.path.mkdir()
    settings.home.jobs.write_text("not a folder")
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        app = pilot.app
        assert isinstance(app, FinetuiApp)
        await until(pilot, lambda: "Not a directory" in str(app.main.jobs._border_subtitle))
        assert app.is_running

"""The form for a new job: from two keys to a running job, and what happens where something is wrong."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from finetui.engines.demo.job import FOLDER
from finetui.engines.spec import parse, to_dict
from finetui.engines.states import JobState
from finetui.tui.app import FinetuiApp
from finetui.tui.messages import OpenNewJob
from finetui.tui.remembered import Remembered
from finetui.tui.screens.dataset import DatasetPage
from finetui.tui.screens.faults import Faults
from finetui.tui.screens.main import MainScreen
from finetui.tui.screens.new_job import NewJob
from finetui.tui.screens.pick_file import PickFile
from finetui.tui.screens.pick_model import PickModel
from finetui.tui.widgets.choice import Choice
from finetui.tui.widgets.field import SettingField
from finetui.tui.widgets.group import FoldLine, SettingGroup
from homes.waiting import until
from local import conftest as local_conftest
from local.workbench import Workbench
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static

bench = local_conftest.bench
"""The fixture: a home with a stand-in for the trainer."""


@asynccontextmanager
async def the_app(bench: Workbench, size: tuple[int, int] = (80, 24)) -> AsyncIterator[Pilot[None]]:
    """The app on the bench's home, where it was before, once it has looked at the jobs."""
    Remembered().save(bench.settings.home)
    async with FinetuiApp(bench.settings).run_test(size=size) as pilot:
        await until(pilot, lambda: of(pilot).jobs is not None)
        yield pilot


def of(pilot: Pilot[None]) -> FinetuiApp:
    assert isinstance(pilot.app, FinetuiApp)
    return pilot.app


async def form(pilot: Pilot[None], *keys: str) -> NewJob:
    """The form, opened by `n`, after some more keys."""
    await pilot.press("n")
    await until(pilot, lambda: isinstance(pilot.app.screen, NewJob))
    screen = pilot.app.screen
    assert isinstance(screen, NewJob)
    await pilot.press(*keys)
    return screen


def field(screen: NewJob, key: str) -> SettingField:
    return next(one for one in screen.query(SettingField) if one.entry.key == key)


def text_of(screen: NewJob, place: str) -> str:
    return str(screen.query_one(place, Static).content)


async def fill(pilot: Pilot[None], screen: NewJob, key: str, text: str) -> None:
    """Type a text into a field of a group that is unfolded, or above them."""
    control = field(screen, key).control
    assert isinstance(control, Input)
    screen.set_focus(control)
    await pilot.pause()
    control.value = text
    await pilot.pause()


async def filled(pilot: Pilot[None], bench: Workbench) -> NewJob:
    """The form with dataset and model, once the plan is made."""
    screen = await form(pilot)
    await fill(pilot, screen, "data.train", str(bench.data))
    await fill(pilot, screen, "model", str(bench.model))
    await planned(pilot, screen)
    return screen


async def planned(pilot: Pilot[None], screen: NewJob) -> None:
    await until(pilot, lambda: text_of(screen, "#outcome").startswith("✓"))


# -- the launch


async def test_from_a_cold_start_to_a_running_job_in_four_keys(bench: Workbench) -> None:
    app = FinetuiApp(bench.settings)
    app.remembered.chose(str(bench.data), str(bench.model))
    pressed = 0
    async with app.run_test(size=(80, 24)) as pilot:

        async def press(key: str, then: Callable[[], object]) -> None:
            nonlocal pressed
            pressed += 1
            await pilot.press(key)
            await until(pilot, then)

        await press("n", lambda: isinstance(app.screen, NewJob))
        await press("enter", lambda: isinstance(app.screen, PickFile))
        await until(pilot, lambda: app.screen.query_one(OptionList).highlighted == 0)
        await press("enter", lambda: isinstance(app.screen, NewJob))
        await press("ctrl+s", lambda: isinstance(app.screen, MainScreen))
        assert pressed <= 10
        await until(pilot, lambda: app.main.selected is not None)
        (summary,) = bench.store.jobs()
        assert app.main.selected is not None
        assert app.main.selected.id == summary.id
    job = bench.store.find(summary.id)
    assert bench.wait_for(job, JobState.succeeded).state == JobState.succeeded
    assert job.spec()["data"]["train"] == str(bench.data)
    assert app.remembered.draft == {}


async def test_pressed_twice_it_starts_once(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        await filled(pilot, bench)
        await pilot.press("ctrl+s", "ctrl+s", "ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
        await until(pilot, lambda: of(pilot).main.selected is not None)
    (summary,) = bench.store.jobs()
    bench.wait_for(bench.store.find(summary.id), JobState.succeeded)


async def test_before_the_plan_is_made_it_starts_as_soon_as_it_is(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await form(pilot)
        await fill(pilot, screen, "data.train", str(bench.data))
        await fill(pilot, screen, "model", str(bench.model))
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
    (summary,) = bench.store.jobs()
    bench.wait_for(bench.store.find(summary.id), JobState.succeeded)


async def test_what_was_typed_is_what_the_job_is_asked(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await filled(pilot, bench)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: len(screen.query(SettingField)) > 10)
        await fill(pilot, screen, "train.epochs", "2")
        await fill(pilot, screen, "name", "two rounds")
        screen.set_focus(field(screen, "method").control)
        await pilot.press("right", "right")
        await planned(pilot, screen)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
    (summary,) = bench.store.jobs()
    job = bench.store.find(summary.id)
    spec = job.spec()
    assert (spec["name"], spec["method"], spec["train"]["epochs"]) == ("two rounds", "lora", 2)
    bench.wait_for(job, JobState.succeeded)


async def test_without_rows_nothing_starts_and_the_field_is_shown(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await form(pilot, "down", "down", "ctrl+s")
        assert screen.focused is field(screen, "data.train").control
        assert "a dataset and a model" in text_of(screen, "#outcome")
    assert bench.store.jobs() == []


async def test_a_job_that_can_not_be_made_leaves_the_form_as_it_is(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await filled(pilot, bench)
        (bench.home.path / "jobs").write_text("a file in the way")
        await pilot.press("ctrl+s")
        await until(pilot, lambda: text_of(screen, "#outcome").startswith("✗"))
        assert field(screen, "data.train").text == str(bench.data)
        (bench.home.path / "jobs").unlink()
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
    (summary,) = bench.store.jobs()
    bench.wait_for(bench.store.find(summary.id), JobState.succeeded)


# -- what will happen


async def test_the_plan_fills_in_what_is_not_asked_for(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await filled(pilot, bench)
        assert "qlora of model on the CPU" in text_of(screen, "#outcome")
        assert "rows to train on" in text_of(screen, "#below-train")
        assert "parameters · lies here" in text_of(screen, "#below-model")
        await pilot.press("ctrl+t")
        await until(pilot, lambda: len(screen.query(SettingField)) > 10)
        batch = field(screen, "train.batch_size").control
        assert isinstance(batch, Input)
        assert batch.placeholder == "8"


@pytest.mark.parametrize("wrong", ["-1", "abc"])
async def test_a_wrong_value_is_told_while_it_is_typed(bench: Workbench, wrong: str) -> None:
    async with the_app(bench) as pilot:
        screen = await filled(pilot, bench)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: len(screen.query(SettingField)) > 10)
        screen.set_focus(field(screen, "train.epochs").control)
        await pilot.press(*({"-": "minus"}.get(key, key) for key in wrong))
        assert "train.epochs" in text_of(screen, "#outcome")
        assert field(screen, "train.epochs").error
        await pilot.press("up", "ctrl+s")
        assert screen.focused is field(screen, "train.epochs").control
        await fill(pilot, screen, "train.epochs", "")
        await planned(pilot, screen)
        assert not field(screen, "train.epochs").error
    assert bench.store.jobs() == []


async def test_a_mistake_that_several_fields_make_together_is_told_at_one(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await filled(pilot, bench)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: len(screen.query(SettingField)) > 10)
        await fill(pilot, screen, "data.valid_rows", "5")
        await fill(pilot, screen, "data.valid_share", "0.1")
        await until(pilot, lambda: "valid_share was given too" in text_of(screen, "#outcome"))
        assert "valid_share was given too" in field(screen, "data.valid_rows").error


async def test_a_model_that_is_not_here_will_be_downloaded(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await filled(pilot, bench)
        await fill(pilot, screen, "model", "org/elsewhere")
        await until(pilot, lambda: "downloaded first" in text_of(screen, "#outcome"))
        assert "not on this machine" in text_of(screen, "#below-model")


async def test_a_folder_without_a_model_is_told_at_the_model(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await filled(pilot, bench)
        await fill(pilot, screen, "model", str(bench.folder / "nowhere"))
        await until(pilot, lambda: "no such folder" in text_of(screen, "#below-model"))
        assert field(screen, "model").error


@pytest.mark.parametrize("name", ["my rows.jsonl", "ünï [bold].jsonl"])
async def test_a_path_may_have_a_tilde_spaces_and_markup(
    bench: Workbench, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(bench.folder))
    (bench.folder / name).write_bytes(bench.data.read_bytes())
    async with the_app(bench) as pilot:
        screen = await filled(pilot, bench)
        await fill(pilot, screen, "data.train", f"~/{name}")
        await planned(pilot, screen)


async def test_what_is_pasted_with_a_line_break_is_one_line(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await form(pilot)
        await fill(pilot, screen, "data.train", f"{bench.data}\x1b\n")
        assert field(screen, "data.train").text == str(bench.data)


# -- rows with faults


def with_faults(bench: Workbench) -> Path:
    path = bench.folder / "faults.jsonl"
    lines = bench.data.read_text().splitlines()
    lines[11] = '{"messages": [{"role": "user", "content": "and no answer"}]}'
    lines[20] = '{"messages": '
    path.write_text("\n".join(lines) + "\n")
    return path


async def test_rows_with_faults_are_seen_and_left_out(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await filled(pilot, bench)
        await fill(pilot, screen, "data.train", str(with_faults(bench)))
        await until(pilot, lambda: "2 rows have faults" in text_of(screen, "#outcome"))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(pilot.app.screen, Faults))
        faults = pilot.app.screen
        assert isinstance(faults, Faults)
        await until(pilot, lambda: [one.line for one, _ in faults._list.items] == [12, 21])
        await pilot.press("down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, DatasetPage))
        page = pilot.app.screen
        assert isinstance(page, DatasetPage)
        await until(pilot, lambda: page._line == 21)
        await pilot.press("escape")
        await until(pilot, lambda: pilot.app.screen is faults)
        await pilot.press("escape", "ctrl+r")
        await until(pilot, lambda: isinstance(pilot.app.screen, Faults))
        await pilot.press("o")
        await planned(pilot, screen)
        assert "2 left out" in text_of(screen, "#outcome")


async def test_faults_of_a_file_with_mapped_columns_lead_to_its_rows_read_so(bench: Workbench) -> None:
    path = bench.folder / "mapped.jsonl"
    rows = [{"Frage": f"Wie {number}?", "Antwort": f"So {number}."} for number in range(12)]
    lines = [json.dumps(row) for row in rows]
    path.write_text("\n".join([*lines[:6], '{"Frage": ', *lines[6:]]))
    async with the_app(bench) as pilot:
        screen = await filled(pilot, bench)
        screen._set({"data.columns": "question=Frage,answer=Antwort"})
        await fill(pilot, screen, "data.train", str(path))
        await until(pilot, lambda: "1 row has a fault" in text_of(screen, "#outcome"))
        await pilot.press("ctrl+r")
        await until(pilot, lambda: isinstance(pilot.app.screen, Faults))
        faults = pilot.app.screen
        assert isinstance(faults, Faults)
        await until(pilot, lambda: [one.line for one, _ in faults._list.items] == [7])
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, DatasetPage))
        page = pilot.app.screen
        assert isinstance(page, DatasetPage)
        await until(pilot, lambda: page._line == 7 and page._rows is not None)
        assert page._rows is not None and page._rows.format == "question-answer"


async def test_a_file_that_is_mended_is_read_again_by_the_launch(bench: Workbench) -> None:
    path = with_faults(bench)
    async with the_app(bench) as pilot:
        screen = await filled(pilot, bench)
        await fill(pilot, screen, "data.train", str(path))
        await until(pilot, lambda: "2 rows have faults" in text_of(screen, "#outcome"))
        path.write_bytes(bench.data.read_bytes())
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
    (summary,) = bench.store.jobs()
    bench.wait_for(bench.store.find(summary.id), JobState.succeeded)


# -- choosing


@pytest.mark.parametrize("key", ["enter", "f2", "ctrl+o"])
async def test_a_model_is_chosen_from_what_lies_here(bench: Workbench, key: str) -> None:
    async with the_app(bench) as pilot:
        screen = await form(pilot, "down", key)
        await until(pilot, lambda: isinstance(pilot.app.screen, PickModel))
        await until(pilot, lambda: pilot.app.screen.query_one(OptionList).option_count)
        await pilot.press(*"bundled")
        await until(pilot, lambda: pilot.app.screen.query_one(OptionList).highlighted == 0)
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert field(screen, "model").text == str(FOLDER / "model")


async def test_any_hub_id_may_be_written_with_its_revision(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await form(pilot, "down", "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickModel))
        pilot.app.screen.query_one(Input).value = "org/other@v2"
        await until(pilot, lambda: pilot.app.screen.query_one(OptionList).highlighted == 0)
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: len(screen.query(SettingField)) > 10)
        assert (field(screen, "model").text, field(screen, "revision").text) == ("org/other", "v2")


async def test_a_file_is_found_by_its_folder(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await form(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, PickFile))
        pilot.app.screen.query_one(Input).value = f"{bench.folder}/ro"
        await until(pilot, lambda: pilot.app.screen.query_one(OptionList).highlighted == 0)
        await pilot.press("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert field(screen, "data.train").text == str(bench.data)
        assert screen.focused is field(screen, "model").control


async def test_enter_means_what_is_typed_and_not_an_older_list(bench: Workbench) -> None:
    (bench.folder / "other.jsonl").write_bytes(bench.data.read_bytes())
    async with the_app(bench) as pilot:
        of(pilot).remembered.chose(str(bench.folder / "other.jsonl"))
        of(pilot).remembered.chose(str(bench.data))
        screen = await form(pilot, "enter")
        await until(pilot, lambda: pilot.app.screen.query_one(OptionList).option_count)
        pilot.app.screen.query_one(Input).value = "other"
        pilot.app.simulate_key("enter")
        await until(pilot, lambda: pilot.app.screen is screen)
        assert field(screen, "data.train").text == str(bench.folder / "other.jsonl")


async def test_a_path_completes_while_it_is_typed(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await form(pilot)
        await fill(pilot, screen, "data.train", f"{bench.folder}/ro")
        control = field(screen, "data.train").control
        assert isinstance(control, Input)
        control.cursor_position = len(control.value)
        await until(pilot, lambda: control._suggestion)
        await pilot.press("right")
        await until(pilot, lambda: control.value == str(bench.data))


# -- drafts


async def test_what_is_left_is_there_again_until_it_is_emptied(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await form(pilot)
        await fill(pilot, screen, "data.train", "/half/a/pa")
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, MainScreen)
        screen = await form(pilot)
        assert field(screen, "data.train").text == "/half/a/pa"
        await pilot.press("ctrl+l")
        assert field(screen, "data.train").text == ""
        await pilot.press("escape")
        screen = await form(pilot)
        assert field(screen, "data.train").text == ""


async def test_a_copy_has_all_that_the_first_was_asked(bench: Workbench) -> None:
    values = {
        "name": "bot",
        "model": str(bench.model),
        "method": "lora",
        "data": {"train": str(bench.data), "valid_rows": 5},
        "train": {"epochs": 2.0, "rehearse": False},
        "lora": {"rank": 4, "target_modules": ["q_proj", "v_proj"]},
        "local": {"device": "cpu"},
    }
    spec = parse(values, bench.folder)
    async with the_app(bench) as pilot:
        pilot.app.post_message(OpenNewJob(to_dict(spec)))
        await until(pilot, lambda: isinstance(pilot.app.screen, NewJob))
        screen = pilot.app.screen
        assert isinstance(screen, NewJob)
        await planned(pilot, screen)
        await pilot.press("ctrl+s")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
    (summary,) = bench.store.jobs()
    job = bench.store.find(summary.id)
    assert job.spec() == to_dict(spec) | {"name": "bot-2"}
    bench.wait_for(job, JobState.succeeded)


async def test_a_copy_that_is_only_looked_at_or_changed_leaves_the_draft_alone(bench: Workbench) -> None:
    async def copy(pilot: Pilot[None]) -> NewJob:
        values = {"name": "bot", "model": str(bench.model), "data": {"train": str(bench.data)}}
        pilot.app.post_message(OpenNewJob(values))
        await until(pilot, lambda: isinstance(pilot.app.screen, NewJob))
        await pilot.pause()
        assert isinstance(pilot.app.screen, NewJob)
        return pilot.app.screen

    async with the_app(bench) as pilot:
        await form(pilot, *"mine", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
        await copy(pilot)
        await pilot.press("escape")
        assert of(pilot).remembered.draft["data.train"] == "mine"
        await copy(pilot)
        await pilot.press("end", "x", "escape")
        assert field(await copy(pilot), "data.train").text == f"{bench.data}x"
        await pilot.press("escape")
        assert field(await form(pilot), "data.train").text == "mine"


async def test_what_is_typed_at_once_replaces_what_was_left(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        of(pilot).remembered.chose(model=str(bench.model))
        await form(pilot, *"mine", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, MainScreen))
        screen = await form(pilot, *"other")
        assert field(screen, "data.train").text == "other"


# -- moving about


async def test_groups_fold_by_keys_and_by_the_mouse(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await form(pilot, "down", "down", "enter")
        groups = list(screen.query(SettingGroup))
        assert [group.unfolded for group in groups] == [True, False, False, False, False]
        await pilot.click(groups[0].line)
        assert not groups[0].unfolded
        await pilot.press("ctrl+t")
        assert all(group.unfolded for group in groups)
        await pilot.press("ctrl+t")
        assert not any(group.unfolded for group in groups)
        assert isinstance(screen.focused, (FoldLine, Input))


async def test_a_long_reason_is_seen_whole_and_the_field_with_it(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await filled(pilot, bench)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: len(screen.query(SettingField)) > 10)
        form, about, rows = screen.query_one("#form"), screen.query_one("#about"), set()
        for _ in range(len(screen.query(SettingField))):
            await pilot.press("down")
            await pilot.pause()
            one = screen.focused
            assert one is not None
            await until(pilot, lambda one=one: form.region.contains_region(one.region))
            room = about.content_region.width * about.content_region.height
            assert len(text_of(screen, "#about")) <= room
            rows.add(about.region.height)
        assert rows > {1}


async def test_the_arrows_go_through_all_fields_and_say_what_each_is_for(bench: Workbench) -> None:
    async with the_app(bench) as pilot:
        screen = await form(pilot, "ctrl+t")
        await until(pilot, lambda: len(screen.query(SettingField)) > 10)
        await pilot.press(*["down"] * 4)
        assert screen.focused is field(screen, "engine").control
        assert "where it runs" in text_of(screen, "#about")
        await pilot.press("up")
        assert screen.focused is field(screen, "name").control


async def test_a_choice_changes_by_keys_and_by_the_mouse(bench: Workbench) -> None:
    async with the_app(bench, (120, 36)) as pilot:
        screen = await form(pilot, "down", "down", "enter")
        await pilot.pause()
        choice = field(screen, "method").control
        assert isinstance(choice, Choice)
        assert choice.value == ""
        await pilot.click(choice, offset=(8, 0))
        assert choice.value == "full"
        await pilot.press("left")
        assert choice.value == ""
        await pilot.press("space", "right", "right")
        assert choice.value == "qlora"


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 60)])
async def test_the_outcome_is_always_in_view(bench: Workbench, size: tuple[int, int]) -> None:
    async with the_app(bench, size) as pilot:
        screen = await filled(pilot, bench)
        await pilot.press("ctrl+t")
        await until(pilot, lambda: len(screen.query(SettingField)) > 10)
        await pilot.pause()
        outcome, keys = screen.query_one("#outcome"), screen.query_one("#keys")
        assert outcome.region.bottom == keys.region.y == size[1] - 1
        assert outcome.region.height >= 2


# -- the editor


async def test_without_an_editor_the_way_out_is_said(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", "no-such-editor")
    async with the_app(bench) as pilot:
        await form(pilot, "ctrl+g")
        await until(pilot, lambda: len(pilot.app._notifications))
        (told,) = pilot.app._notifications
        assert "no editor 'no-such-editor'" in told.message

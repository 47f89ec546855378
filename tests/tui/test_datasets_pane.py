"""The pane of datasets: what it says of each, adding files, and what watches them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.kept.known import Known, remember, remembered
from finetui.engines.settings import Settings
from finetui.monitors.jobs import Jobs
from finetui.tui.app import FinetuiApp
from finetui.tui.looks.datasets import LOOK_SECONDS, DatasetsLook
from finetui.tui.messages import DatasetsRead
from finetui.tui.panes.datasets import WELCOME
from finetui.tui.remembered import Remembered
from finetui.tui.screens.add_file import AddFile
from homes.waiting import until
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

GOOD = '{"question": "1+1?", "answer": "2"}\n'
EVIL = "\x1b]0;title\x07\x1b[31m[/nope] [bold]x‮\x9b1m字"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An empty home on which the app was left before: it welcomes nobody."""
    Remembered().save(settings.home)
    return settings


async def told(pilot: Pilot[None]) -> None:
    """Wait until the app's own watcher has said that this home has no datasets."""
    app = pilot.app
    assert isinstance(app, FinetuiApp)
    await until(pilot, lambda: app._datasets_look._told is not None)
    await pilot.pause()


def screen_of(app: FinetuiApp) -> str:
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


def data(tmp_path: Path) -> Path:
    """A folder with some files of rows."""
    folder = tmp_path / "data"
    folder.mkdir()
    for name in ("train.jsonl", "trial.jsonl", "notes.txt"):
        (folder / name).write_text(GOOD)
    (folder / "more").mkdir()
    (folder / "more" / "deep.json").write_text(f"[{GOOD}]")
    return folder


async def opened(pilot: Pilot[None], path: str) -> AddFile:
    """The dialog with this in its field, and the matches of it."""
    await pilot.press("2", "a")
    await until(pilot, lambda: isinstance(pilot.app.screen, AddFile))
    dialog = pilot.app.screen
    assert isinstance(dialog, AddFile)
    await pilot.pause()
    dialog._fill(path)
    await settled(pilot, dialog)
    return dialog


async def settled(pilot: Pilot[None], dialog: AddFile) -> None:
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def shown(dialog: AddFile) -> list[str]:
    return [one.shown for one in dialog._found]


async def test_each_line_says_how_a_dataset_stands(settings: Settings) -> None:
    datasets = (
        Known("/d/new.jsonl", 9, reading=True),
        Known(
            "/d/gsm8k_train.jsonl", 8, False, False, "question-answer", 7473, 7473, 0, 0, 1_260_000, 400_000
        ),
        Known("/d/a/train.jsonl", 7, False, False, "messages", 812, 809, 3, 0),
        Known("/d/b/train.jsonl", 6, False, False, "messages", 20, 20, 0, 2),
        Known("/d/gone.jsonl", 5, missing=True),
        Known("/d/later.jsonl", 4),
    )
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await told(pilot)
        app.main.show_datasets(datasets)
        await pilot.pause()
        text = screen_of(app)
        for words in (
            "gsm8k_train",
            "7,473",
            "1.26M tok",
            "ok",
            "a/train",
            "3 errors",
            "2 warnings",
            "missing",
        ):
            assert words in text, words
        assert "reading …" in text
    app = FinetuiApp(settings)
    async with app.run_test(size=(200, 60)) as pilot:
        await told(pilot)
        await pilot.press("2", "z")
        app.main.show_datasets(datasets)
        await pilot.pause()
        for words in (
            "gsm8k_train.jsonl",
            "1.26 M tok",
            "32 % trained",
            "question-answer",
            "✗ 3 errors",
            "/d/b",
        ):
            assert words in screen_of(app), words


async def test_a_name_that_many_files_have_gets_its_folder(settings: Settings) -> None:
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await told(pilot)
        app.main.show_datasets((Known("/d/tickets/train.jsonl", 2), Known("/d/faq/bot.jsonl", 1)))
        await pilot.pause()
        assert "tickets/train" in screen_of(app)
        assert "faq/bot" not in screen_of(app)


async def test_where_there_is_none_it_says_how_to_add_one(settings: Settings) -> None:
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await told(pilot)
        app.main.show_datasets(())
        await pilot.pause()
        assert WELCOME[0] in screen_of(app)
        app.main.show_datasets((Known("/d/a.jsonl", 1.0),))
        await pilot.pause()
        assert WELCOME[0] not in screen_of(app)


@pytest.mark.parametrize("name", [EVIL, "[/nope]", "字" * 90, "", "\x00", "$primary", "a" * 300])
async def test_any_name_can_be_shown(settings: Settings, name: str) -> None:
    for size in ((80, 24), (200, 60)):
        app = FinetuiApp(settings)
        async with app.run_test(size=size) as pilot:
            await told(pilot)
            app.main.show_datasets(
                (Known(f"/{name}/{name}.jsonl", 1.0, format=EVIL, rows=3, errors=0, warnings=0),)
            )
            await pilot.pause()
            assert not set(screen_of(app)) & set("\x1b\x07\x00\x9b‮")


async def test_a_file_is_added_by_its_path(settings: Settings, tmp_path: Path) -> None:
    folder = data(tmp_path)
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await opened(pilot, f"{folder}/")
        assert shown(dialog) == ["train.jsonl", "trial.jsonl", "more/", "notes.txt"]
        dialog._fill(f"{folder}/t")
        await settled(pilot, dialog)
        await pilot.press("tab")  # to what both begin with
        assert dialog.field.value == f"{folder}/tr"
        await settled(pilot, dialog)
        await pilot.press("down", "down", "up", "enter")
        await until(pilot, lambda: app.screen is app.main)
        await until(
            pilot, lambda: [Path(one.path).name for one in app.main.datasets.list.items] == ["train.jsonl"]
        )
        assert app.main.datasets.list.selected is not None
        await app.workers.wait_for_complete()
        assert list(remembered(settings.home)) == [str(folder / "train.jsonl")]


async def test_a_folder_is_entered_by_tab_and_added_whole_by_enter(
    settings: Settings, tmp_path: Path
) -> None:
    folder = data(tmp_path)
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await opened(pilot, f"{folder}/mo")
        await pilot.press("tab")
        assert dialog.field.value == f"{folder}/more/"
        await settled(pilot, dialog)
        assert shown(dialog) == ["deep.json"]
        dialog._fill(str(folder))
        await settled(pilot, dialog)
        await pilot.press("enter")
        await until(pilot, lambda: len(app.main.datasets.list.items) == 2)


async def test_a_pattern_adds_what_fits_it(settings: Settings, tmp_path: Path) -> None:
    folder = data(tmp_path)
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, f"{folder}/**/*e*.json*")
        await pilot.press("enter")
        await until(pilot, lambda: [Path(k.path).name for k in app.main.datasets.list.items] == ["deep.json"])


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "A path is missing"),
        ("/nowhere/x.jsonl", "There is no nowhere in /"),
        ("{data}/trane.jsonl", "There is no trane.jsonl in"),
        ("{data}/*.parquet", "No file fits"),
        ("{data}/empty", "no file of rows in this folder"),
        ("/dev/null", "no plain file"),
        ("x" * 5000, "There is no"),
        ("{data}/[/nope]", "No file fits"),
    ],
)
async def test_a_wrong_path_says_so_at_the_field(
    settings: Settings, tmp_path: Path, path: str, words: str
) -> None:
    folder = data(tmp_path)
    (folder / "empty").mkdir()
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await opened(pilot, path.format(data=folder))
        await pilot.press("enter")
        word = dialog.query_one("#word", Static)
        await until(pilot, lambda: "✗" in str(word.render()))
        assert words in str(word.render())
        assert app.screen is dialog
        await pilot.press("x")
        await until(pilot, lambda: "✗" not in str(word.render()))
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)
        assert not app.main.datasets.list.items


async def test_names_of_files_are_harmless_in_the_dialog(settings: Settings, tmp_path: Path) -> None:
    name = EVIL.replace("/", "")
    (tmp_path / f"{name}.jsonl").write_text(GOOD)
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        dialog = await opened(pilot, f"{tmp_path}/")
        assert dialog.query_one(OptionList).option_count
        await pilot.press("down")
        await pilot.pause()
        assert not set(screen_of(app)) & set("\x1b\x07\x9b‮")


async def test_a_click_takes_a_suggestion(settings: Settings, tmp_path: Path) -> None:
    folder = data(tmp_path)
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await opened(pilot, f"{folder}/")
        await pilot.click(OptionList, offset=(3, 1))
        await until(
            pilot, lambda: [Path(k.path).name for k in app.main.datasets.list.items] == ["trial.jsonl"]
        )


class Heard:
    """Hears what a look posts."""

    def __init__(self) -> None:
        self.messages: list[Any] = []

    def post_message(self, message: Any) -> None:
        self.messages.append(message)

    def standing(self) -> list[tuple[str, bool, int | None]]:
        """Name, whether it is being read, and rows, as they were told last."""
        last = self.messages[-1]
        assert isinstance(last, DatasetsRead)
        return [(Path(known.path).name, known.reading, known.rows) for known in last.datasets]


def test_files_are_read_one_at_a_time_and_told_only_when_something_changed(
    settings: Settings, tmp_path: Path
) -> None:
    folder = data(tmp_path)
    heard = Heard()
    look = DatasetsLook(heard, settings)  # type: ignore[arg-type]
    assert look() < LOOK_SECONDS  # nothing is told: the jobs that are not known yet may have datasets
    assert heard.messages == []
    look.jobs = Jobs(())
    assert look() == LOOK_SECONDS
    assert heard.standing() == []
    remember(settings.home, folder / "train.jsonl")
    remember(settings.home, folder / "trial.jsonl")
    assert look() == 0
    assert heard.standing() == [("trial.jsonl", True, None), ("train.jsonl", False, None)]
    assert look() == 0
    assert heard.standing() == [("trial.jsonl", False, 1), ("train.jsonl", True, None)]
    assert look() == LOOK_SECONDS
    assert heard.standing() == [("trial.jsonl", False, 1), ("train.jsonl", False, 1)]
    told = len(heard.messages)
    assert look() == LOOK_SECONDS
    assert len(heard.messages) == told, "nothing changed"
    (folder / "train.jsonl").write_text(GOOD * 2)
    look()
    look()
    assert heard.standing()[1] == ("train.jsonl", False, 2)
    (folder / "train.jsonl").unlink()
    look()
    assert heard.messages[-1].datasets[1].missing


def test_a_file_that_grows_while_it_is_read_keeps_no_processor_busy(
    settings: Settings, tmp_path: Path
) -> None:
    path = data(tmp_path) / "train.jsonl"
    remember(settings.home, path)
    look = DatasetsLook(Heard(), settings)  # type: ignore[arg-type]
    waits = []
    for _ in range(4):
        waits.append(look())
        with path.open("a") as file:
            file.write(GOOD)
        os.utime(path, ns=(0, len(waits)))
    assert waits == [0.0, LOOK_SECONDS, LOOK_SECONDS, LOOK_SECONDS]

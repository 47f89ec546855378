"""What the dataset's page makes and counts: copies in another form, split, mended; lengths, targets, keys."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from finetui.engines.datasets.kept import checked
from finetui.engines.datasets.kept.checked import Rules
from finetui.engines.datasets.kept.known import remember, remembered
from finetui.engines.datasets.making import process as making
from finetui.engines.datasets.making.process import Conversion, Made, Making, Reached, Refusal, name_beside
from finetui.engines.settings import Settings
from finetui.tui.app import FinetuiApp
from finetui.tui.messages import OpenNewJob
from finetui.tui.remembered import Remembered
from finetui.tui.screens.choose import Choose
from finetui.tui.screens.dataset import DatasetPage
from finetui.tui.screens.lengths import Lengths
from finetui.tui.screens.make import Make
from finetui.tui.screens.make_kinds import held_out
from finetui.tui.screens.map_columns import MapColumns, fault_of
from finetui.tui.screens.pick import Refused
from homes.dataset_page import at, page_of, rows_of, screen_of
from homes.waiting import until
from textual.pilot import Pilot

EVIL = "\x1b]0;title\x07\x1b[31m[/nope] [bold]x‮\x9b1m字"


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An empty home on which the app was left before: it welcomes nobody."""
    Remembered().save(settings.home)
    return settings


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read(path: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def files_in(folder: Path) -> list[str]:
    return sorted(one.name for one in folder.iterdir() if one.is_file())


async def dialog_of(pilot: Pilot[None], key: str, kind: type) -> object:
    await pilot.press(key)
    await until(pilot, lambda: isinstance(pilot.app.screen, kind))
    await pilot.pause()
    return pilot.app.screen


async def choose(pilot: Pilot[None], value: str) -> None:
    """Choose one of a list."""
    await until(pilot, lambda: isinstance(pilot.app.screen, Choose))
    dialog = pilot.app.screen
    assert isinstance(dialog, Choose)
    await pilot.pause()
    assert dialog._list.choose(value)
    await pilot.press("enter")


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_a_copy_in_another_form(settings: Settings, tmp_path: Path, size: tuple[int, int]) -> None:
    path = rows_of(tmp_path / "a.jsonl", 3)
    before = digest(path)
    app = FinetuiApp(settings)
    async with app.run_test(size=size) as pilot:
        await page_of(pilot, path)
        await pilot.press("c")
        await choose(pilot, "sharegpt")
        await until(pilot, lambda: isinstance(app.screen, Make))
        await at(pilot, "a_sharegpt.jsonl")
        await pilot.press("enter")
        await at(pilot, "a_sharegpt.jsonl: 3 rows")
        await at(pilot, "a.jsonl is as it was")
        assert len(read(tmp_path / "a_sharegpt.jsonl")[0]["conversations"]) == 2  # type: ignore[arg-type]
        assert digest(path) == before
        assert str(tmp_path / "a_sharegpt.jsonl") in remembered(settings.home)
        await pilot.press("enter")
        await at(pilot, "a_sharegpt.jsonl")
        await at(pilot, "row 1 of 3")
        await pilot.press("escape")
        await at(pilot, "question 1?")


async def test_what_would_be_lost_is_said_before_it_is(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    turn = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
    path.write_text(json.dumps({"messages": [*turn, *turn]}) + "\n")
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await page_of(pilot, path)
        await pilot.press("c")
        await choose(pilot, "question-answer")
        await until(pilot, lambda: isinstance(app.screen, Make))
        await pilot.press("enter")
        await at(pilot, "earlier turns")
        assert not (tmp_path / "a_question-answer.jsonl").exists()
        await pilot.press("down", "right", "enter")
        await at(pilot, "Lost:")
        assert read(tmp_path / "a_question-answer.jsonl") == [{"question": "q", "answer": "a"}]


async def test_a_split_keeps_what_belongs_together_and_starts_a_job(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        "".join(json.dumps({"question": f"q{n}", "answer": "a", "case": n // 4}) + "\n" for n in range(40))
    )
    asked: list[OpenNewJob] = []
    monkeypatch.setattr(FinetuiApp, "on_open_new_job", lambda app, message: asked.append(message))
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await page_of(pilot, path)
        await dialog_of(pilot, "v", Make)
        await at(pilot, "by a key: question, answer, case")
        await pilot.press("down", "down", *"x", "enter")
        await at(pilot, "a number of rows (200) or a share")
        await pilot.press("backspace", "2", "0", "percent_sign", "down", "down", *"cas", "enter")
        await at(pilot, "have no key cas")
        await pilot.press("e", "enter")
        await at(pilot, "a_valid.jsonl: 8 rows")
        sides = [{row["case"] for row in read(tmp_path / f"a_{name}.jsonl")} for name in ("train", "valid")]
        assert len(sides[0]) == 8 and len(sides[1]) == 2 and not sides[0] & sides[1]
        await pilot.press("n")
        await until(pilot, lambda: asked)
        assert asked[0].values == {
            "data": {"train": str(tmp_path / "a_train.jsonl"), "valid": str(tmp_path / "a_valid.jsonl")}
        }


async def test_a_repaired_copy_says_what_was_changed_and_left_out(settings: Settings, tmp_path: Path) -> None:
    path = rows_of(tmp_path / "a.jsonl", 3)
    lines = path.read_text().splitlines()
    path.write_text("\n".join([*lines, "", lines[0], '{"question": "lost"', ""]))
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await page_of(pilot, path)
        await dialog_of(pilot, "F", Make)
        await pilot.press("enter")
        await at(pilot, "a_fixed.jsonl: 3 rows")
        await at(pilot, "duplicates removed")
        await at(pilot, "Left out: 1 row")
        await at(pilot, "line 6:")
        await pilot.press("enter")
        await at(pilot, "✓ no problems")
        await pilot.press("F")
        await at(pilot, "a_fixed_fixed.jsonl")


async def test_a_refusal_is_said_and_nothing_is_written(settings: Settings, tmp_path: Path) -> None:
    path = rows_of(tmp_path / "a.jsonl", 3)
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await page_of(pilot, path)
        dialog = await dialog_of(pilot, "F", Make)
        assert isinstance(dialog, Make)
        field = dialog._controls[0]
        for value, words in [
            ("", "name of the new file is missing"),
            (str(path), "✗"),
            (str(tmp_path), "name a file in it"),
            (str(tmp_path / "no" / "where.jsonl"), "✗"),
            (str(tmp_path / f"{EVIL.replace('/', '').replace(chr(0), '')}.parquet"), "✗"),
        ]:
            field.value = value
            await pilot.press("enter")
            await at(pilot, words)
            await until(pilot, lambda: dialog._making is None)
            assert not set(screen_of(app)) & set("\x1b\x07\x9b\x00‮")
        assert isinstance(dialog, Make) and dialog._made is None
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DatasetPage))
    assert files_in(tmp_path) == ["a.jsonl"]


def test_work_that_is_stopped_leaves_nothing(tmp_path: Path) -> None:
    path = rows_of(tmp_path / "a.jsonl", 200_000)
    out = tmp_path / "new" / "b.jsonl"
    out.parent.mkdir()
    work = Making(Conversion(str(path), str(out), "messages"))
    heard: list[Reached] = []

    def stop(reached: Reached) -> None:
        heard.append(reached)
        work.stop()

    assert work.run(stop) is None
    assert heard and heard[0].share < 1
    assert list(out.parent.iterdir()) == []


async def test_esc_stops_the_work_and_the_dialog_stays(settings: Settings, tmp_path: Path) -> None:
    path = rows_of(tmp_path / "a.jsonl", 300_000)
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await page_of(pilot, path, checked=False)
        await dialog_of(pilot, "F", Make)
        await pilot.press("enter")
        await at(pilot, "Esc stops")
        await pilot.press("escape")
        await at(pilot, "Stopped; nothing was written.")
        assert files_in(tmp_path) == ["a.jsonl"]
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, DatasetPage))


def test_a_new_name_stands_beside_the_source(tmp_path: Path) -> None:
    for name, expected in [
        ("a.jsonl", "a_fixed.jsonl"),
        ("a.jsonl.gz", "a_fixed.jsonl.gz"),
        ("a.json", "a_fixed.json"),
        ("a.parquet", "a_fixed.jsonl"),
        ("a.csv.gz", "a_fixed.jsonl"),
        ("a", "a_fixed.jsonl"),
        (".jsonl", ".jsonl_fixed.jsonl"),
        ("a.v2.jsonl", "a.v2_fixed.jsonl"),
    ]:
        assert name_beside(tmp_path / name, "fixed").name == expected
    (tmp_path / "a_fixed.jsonl").touch()
    assert name_beside(tmp_path / "a.jsonl", "fixed").name == "a_fixed_2.jsonl"


def test_what_is_held_out_is_a_number_or_a_share() -> None:
    assert [held_out(text) for text in ("", "200", "1,000", "5 %", "0.25")] == [
        (None, None), (200, None), (1000, None), (None, 0.05), (None, 0.25)
    ]  # fmt: skip
    for text in ("x", "5 rows", "%", "²"):
        with pytest.raises(Refused):
            held_out(text)


async def test_a_file_is_checked_by_the_rules_of_a_target_that_is_remembered(
    settings: Settings, tmp_path: Path
) -> None:
    path = rows_of(tmp_path / "a.jsonl", 3)
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await page_of(pilot, path)
        await at(pilot, "✓ no problems")
        await pilot.press("t")
        await choose(pilot, "openai")
        await at(pilot, "for openai: ✗")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)
        await page_of(pilot, path)
        await at(pilot, "for openai: ✗")
    assert Remembered.load(settings.home).target == "openai"
    kept = checked.kept(settings.home, path, path.stat(), Rules(target="openai"))
    assert kept is not None and kept.errors
    plain = checked.kept(settings.home, path, path.stat())
    assert plain is not None and not plain.errors


async def test_how_long_rows_are_is_counted_and_shown(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(
        "".join(
            json.dumps(
                {
                    "messages": [
                        {"role": "user", "content": "word " * n},
                        {"role": "assistant", "content": f"answer {n}"},
                    ]
                }
            )
            + "\n"
            for n in range(1, 30)
        )
    )
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await page_of(pilot, path)
        await pilot.press("L")
        await choose(pilot, "openai")
        await until(pilot, lambda: isinstance(app.screen, Lengths))
        await at(pilot, "longest")
        await at(pilot, "█")
        await at(pilot, "median")
        await pilot.press("escape")
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, Lengths))
        # A model whose price is known says what it costs.
        await pilot.press("escape", "t")
        await choose(pilot, "openai gpt-4o-mini")
        await at(pilot, "✓ no problems")
        await pilot.press("L")
        await at(pilot, "cost about $")
    assert Remembered.load(settings.home).target == "openai gpt-4o-mini"


async def test_keys_of_an_unknown_form_are_said_to_be_question_and_answer(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"id": 7, "Frage": "Wie?", "Antwort": "So."}\n' * 2)
    asked: list[OpenNewJob] = []
    monkeypatch.setattr(FinetuiApp, "on_open_new_job", lambda app, message: asked.append(message))
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        page = await page_of(pilot, path)
        await at(pilot, "M says which of its keys")
        await dialog_of(pilot, "M", MapColumns)
        await at(pilot, "Wie?")
        await pilot.press("down", "right", "right", "enter")
        await at(pilot, "The answer is missing")
        await pilot.press("down", "right", "right", "right", "enter")
        await until(pilot, lambda: isinstance(app.screen, DatasetPage))
        await at(pilot, "question-answer")
        await until(pilot, lambda: page._checked is not None)
        assert page._checked is not None and page._checked.usable_rows == 2
        assert not any("has changed" in one.message for one in app._notifications)
        await pilot.press("n")
        await until(pilot, lambda: asked)
        assert asked[0].values["data"]["columns"] == {"question": "Frage", "answer": "Antwort"}
        # The copy is of the file as it is read.
        await pilot.press("c")
        await choose(pilot, "messages")
        await until(pilot, lambda: isinstance(app.screen, Make))
        await pilot.press("enter")
        await at(pilot, "a_messages.jsonl: 2 rows")


async def test_what_was_said_of_a_files_keys_is_known_the_next_time(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"Frage": "Wie?", "Antwort": "So."}\n' * 2)
    remember(settings.home, path)
    asked: list[OpenNewJob] = []
    monkeypatch.setattr(FinetuiApp, "on_open_new_job", lambda app, message: asked.append(message))
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        await page_of(pilot, path)
        await dialog_of(pilot, "M", MapColumns)
        await pilot.press("right", "right", "down", "right", "right", "right", "enter")
        await at(pilot, "question-answer")
    columns = {"question": "Frage", "answer": "Antwort"}
    again = FinetuiApp(settings)
    async with again.run_test(size=(80, 24)) as pilot:
        page = await page_of(pilot, path)
        await at(pilot, "question-answer")
        assert page._checked is not None and page._checked.usable_rows == 2
        await pilot.press("escape", "2")
        await until(pilot, lambda: again.main.datasets.list.selected is not None)
        await pilot.press("n")
        await until(pilot, lambda: asked)
        assert asked[0].values == {"data": {"train": str(path), "columns": columns}}
        # What is said no longer is forgotten.
        await page_of(pilot, path)
        await dialog_of(pilot, "M", MapColumns)
        await pilot.press("left", "left", "down", "left", "left", "left", "enter")
        await at(pilot, "M says which of its keys")
    assert Remembered.load(settings.home).columns == {}


def test_a_mapping_that_makes_no_row_says_why() -> None:
    for known in ([], ["text"], ["messages"], ["question", "answer"], ["system", "answer", "question"]):
        assert fault_of(known) == ""
    for known in (["question"], ["answer"], ["system"], ["text", "answer"], ["text", "text"]):
        assert fault_of(known)


def test_a_refusal_of_the_process_comes_in_words(tmp_path: Path) -> None:
    gone = making.make(Conversion(str(tmp_path / "gone.jsonl"), str(tmp_path / "b.jsonl")), lambda _: None)
    assert isinstance(gone, Refusal) and "gone.jsonl" in gone.message
    odd = making.make(Conversion(str(tmp_path / "a"), str(tmp_path / "b.jsonl"), "nonsense"), lambda _: None)
    assert isinstance(odd, Refusal) and "nonsense" in odd.message
    path = rows_of(tmp_path / "a.jsonl", 3)
    made = making.make(Conversion(str(path), str(tmp_path / "b.jsonl"), "messages"), lambda _: None)
    assert isinstance(made, Made) and made.rows == (3,)

"""A dataset's page: each of its keys, good and bad rows, files of every kind, rows as a model sees them."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from finetui.engines.datasets.checks.table import CHECKS
from finetui.engines.datasets.kept.known import remember, remembered
from finetui.engines.datasets.read import Row
from finetui.engines.datasets.tokens.preview import PreviewModel, Rendered, Token
from finetui.engines.datasets.viewing import search
from finetui.engines.datasets.viewing.rows import NumberedRow
from finetui.engines.demo.job import FOLDER
from finetui.engines.settings import LocalSettings, Settings
from finetui.tui.app import FinetuiApp
from finetui.tui.keys import KEYS
from finetui.tui.messages import OpenNewJob
from finetui.tui.panes.row import Line, of_tokens, visible
from finetui.tui.panes.row_words import learned
from finetui.tui.panes.wording import by_keys
from finetui.tui.remembered import Remembered
from finetui.tui.screens.choose import Choose
from finetui.tui.screens.dataset import DatasetPage
from finetui.tui.screens.preview_model import ChoosePreviewModel
from finetui.tui.screens.problems import Problems
from finetui.tui.screens.row_number import RowNumber
from homes.dataset_page import at, page_of, rows_of, screen_of, told
from homes.waiting import until
from hypothesis import given
from hypothesis import strategies as st
from textual.widgets import Static

EVIL = "\x1b]0;title\x07\x1b[31m[/nope] [bold]x‮\x9b1m\x00字"
MODEL = str(FOLDER / "model")


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An empty home on which the app was left before: it welcomes nobody."""
    Remembered().save(settings.home)
    return settings


async def test_the_keys_go_through_the_rows(settings: Settings, tmp_path: Path) -> None:
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        await page_of(pilot, rows_of(tmp_path / "a.jsonl"))
        await at(pilot, "row 1 of 20 · line 1")
        await at(pilot, "answer 1")
        for key, number in [
            ("right", 2), ("l", 3), ("left", 2), ("h", 1), ("left", 1), ("dollar_sign", 20), ("right", 20),
            ("left", 19), ("0", 1),
        ]:  # fmt: skip
            await pilot.press(key)
            await at(pilot, f"row {number} of 20 ")
            await at(pilot, f"question {number}?")


async def test_to_a_row_by_its_number_or_by_its_line(settings: Settings, tmp_path: Path) -> None:
    path = rows_of(tmp_path / "a.jsonl")
    path.write_text("\n\n" + path.read_text())
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        await page_of(pilot, path)
        for typed, number in [
            ("12", 12),
            ("line 7", 5),
            ("l1", 1),
            ("l 9000", 20),
            ("row 2", 2),
            ("1,0", 10),
        ]:
            await pilot.press("colon")
            await until(pilot, lambda: isinstance(pilot.app.screen, RowNumber))
            await pilot.press(*("space" if c == " " else "comma" if c == "," else c for c in typed), "enter")
            await at(pilot, f"row {number} of 20 · line {number + 2}")
        for typed in ("21", "0", "x", "-1", "²", "9" * 30):
            await pilot.press("colon")
            await until(pilot, lambda: isinstance(pilot.app.screen, RowNumber))
            dialog = pilot.app.screen
            assert isinstance(dialog, RowNumber)
            await until(pilot, lambda: "Enter take" in screen_of(pilot.app))  # type: ignore[arg-type]
            assert "Tab" not in screen_of(pilot.app), "there is nothing to complete"  # type: ignore[arg-type]
            dialog._fill(typed)
            await pilot.press("enter")
            await until(pilot, lambda dialog=dialog: "✗" in str(dialog.query_one("#word", Static).render()))
            await pilot.press("escape")
            await at(pilot, "row 10 of 20")


async def test_a_long_row_scrolls(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    text = "\n".join(f"word {number}" for number in range(200))
    path.write_text(json.dumps({"text": text}) + "\n" + json.dumps({"text": "short"}) + "\n")
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        page = await page_of(pilot, path)
        canvas = page.query_one("#text")
        for key, shown in [
            ("down", "word 19"),
            ("pagedown", "word 30"),
            ("end", "word 199"),
            ("home", "word 0↵"),
        ]:
            await pilot.press(key)
            await at(pilot, shown)
        await pilot.press("pagedown", "right")
        await at(pilot, "short")
        await pilot.press("left")
        await at(pilot, "word 0↵")
        assert canvas.has_focus


async def test_problems_are_listed_and_lead_to_their_rows(settings: Settings, tmp_path: Path) -> None:
    path = rows_of(tmp_path / "a.jsonl", 5)
    lines = path.read_text().splitlines()
    lines[1] = '{"question": "q" "answer": "a"}'
    lines[3] = lines[0]
    path.write_text("\n".join(lines) + "\n")
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        await page_of(pilot, path)
        await at(pilot, "✗ 1 error  ! 1 warning")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, Problems))
        await at(pilot, "line 2:18")
        await at(pilot, "→ Put the comma")
        await pilot.press("down")
        await at(pilot, "→ Remove it, unless it should count twice.")
        await pilot.press("enter")
        await at(pilot, "row 4 of 5 · line 4")
        await at(pilot, "! The row is the same as that in line 1.")
        await pilot.press("w", "enter")
        await at(pilot, "row 2 of 5")
        await at(pilot, "✗ column 18: The line is not a JSON object")
        await at(pilot, '{"question": "q" "answer": "a"}')
        await at(pilot, "✗ not usable")
        await pilot.press("w")
        await until(pilot, lambda: isinstance(pilot.app.screen, Problems))
        await pilot.press("escape")
        await at(pilot, "row 2 of 5")


async def test_copy_new_job_forget_and_back(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = rows_of(tmp_path / "a.jsonl")
    app = FinetuiApp(settings)
    copied: list[str] = []
    monkeypatch.setattr(FinetuiApp, "copy_to_clipboard", lambda app, text: copied.append(text))
    asked: list[OpenNewJob] = []
    monkeypatch.setattr(FinetuiApp, "on_open_new_job", lambda app, message: asked.append(message))
    async with app.run_test(size=(80, 24)) as pilot:
        await page_of(pilot, path)
        await pilot.press("right", "y")
        await until(pilot, lambda: copied)
        assert json.loads(copied[0])["answer"] == "answer 2"
        await pilot.press("n")
        await until(pilot, lambda: asked)
        assert asked[0].values == {"data": {"train": str(path)}}
        assert str(path) in remembered(settings.home)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)
        await page_of(pilot, path)
        await pilot.press("X")
        await until(pilot, lambda: app.screen is app.main)
        assert remembered(settings.home) == {}
        assert path.exists()
        await page_of(pilot, path)
        await pilot.press("q")
        await until(pilot, lambda: app.screen is app.main)


def words_of(path: Path) -> Path:
    """Rows of which some have words, each in a way that JSON has."""
    rows = [
        '{"question": "one", "answer": "an apple"}',
        '{"question": "two", "answer": "a pear"}',
        r'{"question": "three", "answer": "Das \u00c4pfelchen \"APPLE\""}',
        '{"question": "four", "answer": "nothing", "meta": {"fruit": "Apple"}}',
        '{"question": "five", "answer": "Äpfelchen"}',
        '{"question": "broken apple" "answer": 1}',
    ]
    path.write_text("".join(f"{row}\n" for row in rows))
    return path


async def test_words_are_searched_in_all_rows(settings: Settings, tmp_path: Path) -> None:
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await page_of(pilot, words_of(tmp_path / "a.jsonl"))
        await pilot.press("right", "slash", *"APPLE")
        await at(pilot, "row 3 of 6")  # the first one from where one is, as one types
        await at(pilot, "2 of 4 rows")
        await pilot.press("enter")
        for key, row, rank in [("n", 4, 3), ("n", 6, 4), ("n", 1, 1), ("N", 6, 4), ("N", 4, 3), ("N", 3, 2)]:
            await pilot.press(key)
            await at(pilot, f"row {row} of 6")
            await at(pilot, f"{rank} of 4 rows")
        await pilot.press("n")
        await at(pilot, "/ found in meta.fruit, which is not shown")
        await pilot.press("slash", *"zzz")
        await at(pilot, "no row has these words")
        await at(pilot, "row 4 of 6")
        await pilot.press("escape")
        await until(pilot, lambda: "zzz" not in screen_of(app))
        assert isinstance(app.screen, DatasetPage)
        await pilot.press("slash", "ä", "p", "f", "enter")
        await at(pilot, "row 5 of 6")
        await at(pilot, "2 of 2 rows")
        await pilot.press("n")
        await at(pilot, "row 3 of 6")
        await pilot.press("slash", "quotation_mark", "a", "p", "enter")
        await at(pilot, "1 of 1 row")
        await pilot.press("escape", "escape")
        await until(pilot, lambda: app.screen is app.main)


async def test_a_large_file_is_searched_by_a_process(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = rows_of(tmp_path / "a.jsonl", 3000)
    monkeypatch.setattr(search, "SMALL_BYTES", 100)
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await page_of(pilot, path)
        await pilot.press("slash", *"answer 2999", "enter")
        await at(pilot, "row 2,999 of 3,000")
        await at(pilot, "1 of 1 row")


async def test_only_rows_with_one_problem(settings: Settings, tmp_path: Path) -> None:
    path = rows_of(tmp_path / "a.jsonl", 9)
    lines = path.read_text().splitlines()
    lines[2] = '{"question": "q", "answer": ""}'
    lines[5] = '{"question": "p", "answer": ""}'
    lines[7] = lines[0]
    path.write_text("\n".join(lines) + "\n")
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        page = await page_of(pilot, path)
        await pilot.press("f")
        await until(pilot, lambda: isinstance(app.screen, Choose))
        dialog = app.screen
        assert isinstance(dialog, Choose)
        worst = dialog._offers[0].value
        assert page._checked is not None
        places = page._checked.places[worst]
        await pilot.press("enter")
        for place, line in enumerate(places):
            await at(pilot, f"row {line} of 9")
            await at(pilot, f"{place + 1} of {len(places)} row")
            await pilot.press("right")
        await told(pilot, "It is the last one")
        await pilot.press("0")
        await at(pilot, f"row {places[0]} of 9")
        await pilot.press("dollar_sign")
        await at(pilot, f"row {places[-1]} of 9")
        await pilot.press("escape", "0", "right")
        await at(pilot, "row 2 of 9")
        # Mended meanwhile: nothing has the problem any more, and one stays where one is.
        await pilot.press("f", "enter")
        await at(pilot, "Esc shows all rows")
        number = page._number
        rows_of(path, 9)
        page._watchers["rows"].wake()
        await told(pilot, "a.jsonl has changed")
        await at(pilot, "✓ no problems")
        await until(pilot, lambda: not page._filter)
        assert page._number == number


def test_every_key_of_the_page_does_something() -> None:
    actions = {key.action.partition("(")[0] for key in KEYS if key.where == "rows"}
    assert all(hasattr(DatasetPage, f"action_{action}") for action in actions)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("empty.jsonl", b"", "There is no row in the file"),
        ("blank.jsonl", b"\n\n", "There is no row in the file"),
        ("rubbish.jsonl", random.Random(7).randbytes(3000).replace(b"\n", b"") + b"\n\xff\xfe\xfd", ""),
        ("null.jsonl", b"\0" * 5000, "binary"),
        ("table.csv", b"a,b\n1,2\n", "No known form fits"),
        ("cut.json", b'[{"question": "1", "answer": "2"}, {"que', "✗ 1 error"),
        ("odd.jsonl", b'{"x": 1}\n{"x": 2}\n', "No known form fits"),
        ("kto.jsonl", b'{"prompt": "a", "completion": "b", "label": true}\n', "judged good"),
        ("pairs.jsonl", b'{"prompt": "a", "chosen": "b", "rejected": "c"}\n', "rejected: less like this"),
        ("broken.jsonl.gz", b"\x1f\x8b\x08\x00rubbish", "packed file is broken"),
        ("numbers.jsonl", b"1\n2\n", ""),
    ],
    ids=lambda value: value.split(".")[0] if isinstance(value, str) and "." in value else "",
)
async def test_any_file_is_shown_with_what_is_wrong(
    settings: Settings, tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        await page_of(pilot, path)
        await at(pilot, words)
        for key in ("right", "dollar_sign", "0", "y", "w", "escape"):
            await pilot.press(key)
        await pilot.pause()
        assert not set(screen_of(pilot.app)) & set("\x1b\x07\x9b\x00")  # type: ignore[arg-type]


async def test_a_file_that_is_gone_can_be_taken_off_the_list(settings: Settings, tmp_path: Path) -> None:
    remember(settings.home, tmp_path / "gone.jsonl")
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        await page_of(pilot, tmp_path / "gone.jsonl", checked=False)
        await at(pilot, "X takes it off the list")
        await pilot.press("X")
        await until(pilot, lambda: not isinstance(pilot.app.screen, DatasetPage))
    assert remembered(settings.home) == {}


async def test_a_file_that_is_gone_says_so_and_comes_back(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    async with FinetuiApp(settings).run_test(size=(80, 24)) as pilot:
        page = await page_of(pilot, path, checked=False)
        await at(pilot, "No such file")
        rows_of(path)
        page._watchers["rows"].wake()
        await at(pilot, "row 1 of 20")
        await pilot.press("dollar_sign")
        await at(pilot, "row 20 of 20")
        rows_of(path, 4)
        page._watchers["rows"].wake()
        await at(pilot, "row 4 of 4")


async def test_foreign_text_is_seen_and_does_nothing(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / f"{EVIL.replace('/', '').replace(chr(0), '')}.jsonl"
    bad = {"messages": [{"role": EVIL, "content": EVIL}]}
    good = {"messages": [{"role": "user", "content": EVIL}, {"role": "assistant", "content": f"{EVIL}\t"}]}
    path.write_text("".join(json.dumps(row) + "\n" for row in (good, bad)))
    async with FinetuiApp(settings).run_test(size=(120, 36)) as pilot:
        await page_of(pilot, path)
        await at(pilot, "␛]0;title␇␛[31m[/nope] [bold]x")
        await pilot.press("right")
        await at(pilot, "unknown role")
        await pilot.press("w")
        await pilot.pause()
        assert not set(screen_of(pilot.app)) & set("\x1b\x07\x9b\x00‮")  # type: ignore[arg-type]


@pytest.mark.torch
async def test_rows_as_a_model_will_see_them(settings: Settings, tmp_path: Path) -> None:
    settings = replace(settings, local=LocalSettings(python=sys.executable))
    path = rows_of(tmp_path / "a.jsonl", 120)
    app = FinetuiApp(settings)
    async with app.run_test(size=(100, 24)) as pilot:
        page = await page_of(pilot, path)
        await at(pilot, "m chooses a model")
        await pilot.press("m")
        await until(pilot, lambda: isinstance(app.screen, ChoosePreviewModel))
        dialog = app.screen
        assert isinstance(dialog, ChoosePreviewModel)
        await until(pilot, lambda: dialog._found)
        dialog._fill("nobody/has-this")
        await pilot.press("enter")
        await at(pilot, "not on this machine")
        dialog._fill(MODEL)
        await pilot.press("enter")
        await until(pilot, lambda: "tokens" in screen_of(app), 60)
        await at(pilot, "✓ ends with its end token")
        text = screen_of(app)
        assert "⟨|user|⟩question 1?⟨|end|⟩" in text
        assert " ▌ answer 1⟨|end|⟩" in text
        assert app.remembered.recent_models == [MODEL]
        await pilot.press("right")
        await at(pilot, " ▌ answer 2⟨|end|⟩")
        await pilot.press("dollar_sign")
        await at(pilot, "answer 120")
        await until(pilot, lambda: "▌ answer 120⟨|end|⟩" in screen_of(app), 60)
        await pilot.press("C")
        await until(pilot, lambda: page._counted is None, 60)
        await at(pilot, "2,064 tokens, 30 % trained")
        await pilot.press("escape")
        await until(pilot, lambda: app.screen is app.main)
        # The model is taken again, for it was chosen last.
        page = await page_of(pilot, path)
        assert page._model is not None and page._model.name == MODEL


async def test_without_an_interpreter_that_trains_rows_are_seen_all_the_same(
    settings: Settings, tmp_path: Path
) -> None:
    settings = replace(settings, local=LocalSettings(python=str(tmp_path / "no-python")))
    app = FinetuiApp(settings)
    app.remembered.chose(model=MODEL)
    async with app.run_test(size=(100, 24)) as pilot:
        await page_of(pilot, rows_of(tmp_path / "a.jsonl"))
        await at(pilot, "✓ ends with its end token")
        await at(pilot, "▌ answer 1⟨|end|⟩")


def plain(lines: list[Line]) -> list[tuple[str, bool]]:
    return [(line.content.plain, line.trained) for line in lines]


def tokens_of(*parts: tuple[str, bool, bool]) -> list[Token]:
    return [Token(*part) for part in parts]


def test_trained_tokens_stand_in_lines_of_their_own() -> None:
    chatml = tokens_of(
        ("<|im_start|>", False, True), ("user", False, False), ("\n", False, False), ("Hi", False, False),
        ("<|im_end|>", False, True), ("\n", False, False), ("<|im_start|>", False, True),
        ("assistant", False, False), ("\n", False, False), ("Yes", True, False), ("\n\n", True, False),
        ("sir", True, False), ("<|im_end|>", True, True), ("\n", False, False),
    )  # fmt: skip
    assert plain(of_tokens(chatml)) == [
        ("⟨|im_start|⟩user↵", False), ("Hi⟨|im_end|⟩↵", False), ("⟨|im_start|⟩assistant↵", False),
        ("Yes↵", True), ("↵", True), ("sir⟨|im_end|⟩↵", True),
    ]  # fmt: skip
    assert Rendered(tuple(chatml)).trained == 4


def test_a_way_out_is_said_by_the_pages_keys() -> None:
    ways = [check.fix for check in CHECKS.values()]
    assert not [way for way in map(by_keys, ways) if "--fix OUT" in way or "finetui convert IN" in way]
    assert by_keys("`finetui check FILE --fix OUT` sets it right.") == "F (a repaired copy) sets it right."
    assert by_keys("Convert it: `finetui convert IN OUT --to {to}`.") == "Convert it: c (to {to})."
    assert by_keys("So: `finetui convert IN OUT.jsonl --to messages --lossy`.") == "So: c (to messages)."
    assert by_keys("Write the row again.") == "Write the row again."


async def test_dialogs_follow_the_terminals_size(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"question": f"{n}", "answer": ""}) + "\n" for n in range(30)))
    app = FinetuiApp(settings)
    async with app.run_test(size=(120, 50)) as pilot:
        await page_of(pilot, path)
        for key, kind, below in (("w", Problems, "#way"), ("c", Choose, "#about")):
            await pilot.press(key)
            await until(pilot, lambda kind=kind: isinstance(app.screen, kind))
            for size in ((40, 12), (80, 24), (200, 60)):
                await pilot.resize_terminal(*size)
                await pilot.pause()
                box, said = app.screen.query_one("#box").region, app.screen.query_one(below).region
                assert box.y >= 0 and box.bottom <= size[1] - 1
                assert said.height and said.bottom < box.bottom
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, DatasetPage))


async def test_what_is_wrong_with_the_whole_file_leads_to_no_row(settings: Settings, tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        page = await page_of(pilot, path)
        assert not page.check_action("filter", ())
        await pilot.press("f", "w", "enter")
        await told(pilot, "It is about the whole file.")
        assert isinstance(app.screen, Problems)


def test_a_row_says_how_it_ends_and_whether_it_begins_twice() -> None:
    row = NumberedRow(0, 1, b"", Row({"prompt": "Hi", "completion": "Yes"}, b"{}", "a.jsonl", 1), ())
    model = PreviewModel("m", Path("m"))

    def said(*, ends: bool, begins: int) -> str:
        rendered = Rendered(tuple(tokens_of(("Hi", False, False), ("Yes", True, False))), ends, begins)
        return learned(row, rendered, model, sought=True)[0].plain

    assert said(ends=True, begins=1) == "✓ ends with its end token"
    assert said(ends=True, begins=0) == "✓ ends with its end token"
    assert said(ends=True, begins=2) == "! has 2 begin tokens instead of one"
    assert said(ends=False, begins=2) == "✗ never ends: the model will not learn to stop"


@given(
    st.lists(st.tuples(st.text(max_size=4), st.booleans(), st.booleans()), max_size=20),
)
def test_of_any_tokens_the_bar_is_exact_and_nothing_is_lost(parts: list[tuple[str, bool, bool]]) -> None:
    lines = of_tokens(tokens_of(*parts))
    text = "".join(line.content.plain for line in lines)
    for part, _, special in parts:
        shown = "".join(piece for piece, _ in visible(part)).replace("\n", "↵")
        assert special or shown in text
    assert any(line.trained for line in lines) <= any(trained for _, trained, _ in parts)
    assert not set(text) & {chr(code) for code in (*range(32), *range(127, 160))}

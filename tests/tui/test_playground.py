"""The playground: what is asked, who answers, what is seen, and what goes wrong. The models are stand-ins."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from finetui.engines.job import Job
from finetui.engines.models.chat import Sampling
from finetui.engines.models.history import kept
from finetui.engines.records import write_json
from finetui.engines.settings import Settings
from finetui.engines.states import JobState
from finetui.tui.app import FinetuiApp
from finetui.tui.messages import OpenPlayground
from finetui.tui.screens.playground import Playground
from finetui.tui.screens.playground_choices import Earlier, SystemPrompt, WhoAnswers
from finetui.tui.screens.playground_sampling import FIELDS, HowDrawn, NotInRange, read_sampling
from finetui.tui.widgets.answer import Answer
from finetui.tui.widgets.expected import Expected
from finetui.tui.widgets.prompt import Prompt
from homes.jobs import add_job
from homes.talking import talking_job, turn, write_rows
from homes.terminal import Terminal
from homes.waiting import until
from textual import events
from textual.pilot import Pilot


class Room:
    """An open playground, and what is on its screen."""

    def __init__(self, pilot: Pilot[None]) -> None:
        self.pilot = pilot
        app = pilot.app
        assert isinstance(app, FinetuiApp)
        self.app = app

    @property
    def screen(self) -> Playground:
        return next(one for one in self.app.screen_stack if isinstance(one, Playground))

    @property
    def text(self) -> str:
        """All that is seen."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    @property
    def prompt(self) -> Prompt:
        return self.screen.query_one(Prompt)

    @property
    def title(self) -> str:
        return str(self.prompt.border_title)

    def answers(self) -> list[str]:
        return [reply.text for reply in self.screen._replies]

    def heads(self) -> list[str]:
        return [column._head._rows[0].text.strip() for column in self.screen.query(Answer)]

    def said(self) -> list[str]:
        """The titles of the columns."""
        return [str(column.border_title) for column in self.screen.query(Answer)]

    async def until(self, condition: Callable[[], object]) -> None:
        await until(self.pilot, condition)

    async def ask(self, prompt: str) -> None:
        self.prompt.fill(prompt)
        await self.pilot.press("enter")

    async def answered(self) -> None:
        await self.until(lambda: self.screen._replies and not self.screen.running)
        await self.pilot.pause(0.15)


@contextlib.asynccontextmanager
async def playground(
    settings: Settings,
    job: Job,
    *others: Job,
    size: tuple[int, int] = (80, 24),
    loaded: bool = True,
    notices: bool = False,
) -> AsyncIterator[Room]:
    app = FinetuiApp(settings)
    async with app.run_test(size=size, notifications=notices) as pilot:
        await until(pilot, lambda: app.jobs is not None and app.jobs.complete)
        app.main.post_message(OpenPlayground(job.id, tuple(other.id for other in others)))
        await until(pilot, lambda: isinstance(app.screen, Playground))
        room = Room(pilot)
        if loaded:
            await room.until(lambda: room.said())
            await room.until(lambda: "GiB" in room.text)
        yield room


def started(folder: Path) -> list[int]:
    path = folder / "started"
    return [int(line) for line in path.read_text().split()] if path.exists() else []


def requests(folder: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in (folder / "requests").read_text().splitlines()]


def lives(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.fixture
def job(settings: Settings, tmp_path: Path) -> Job:
    return talking_job(settings, tmp_path)


async def test_base_and_result_answer_side_by_side_from_one_process(
    settings: Settings, job: Job, tmp_path: Path
) -> None:
    async with playground(settings, job) as room:
        assert room.said() == ["base · tiny", "faq"]
        await room.pilot.press(*"hi", "enter")
        await room.answered()
        assert room.answers() == ["base: hi", "tuned: hi"]
        assert "base: hi" in room.text and "tuned: hi" in room.text
        assert room.heads()[0].startswith("2 tokens") and "first 0.10 s · 4 tokens/s" in room.heads()[0]
        assert "greedy" in room.text and "tiny · cpu · float32 · 0.4 GiB" in room.text
    assert len(started(tmp_path)) == 1
    sent = requests(tmp_path)
    assert [one["adapter"] for one in sent] == [None, str(job.paths.result)]
    assert all(one["messages"] == [turn("system", "Be kind."), turn("user", "hi")] for one in sent)


async def test_what_was_asked_stands_above_and_the_arrow_brings_it_back(
    settings: Settings, job: Job, tmp_path: Path
) -> None:
    async with playground(settings, job) as room:
        await room.pilot.press("up")
        assert "asked" not in room.text and room.prompt.text == ""
        await room.ask("one")
        await room.answered()
        assert room.prompt.text == "" and "asked     one" in room.text
        await room.pilot.press(*"two", "up")
        assert room.prompt.text == "two", "what is typed is not lost"
        await room.pilot.press("enter")
        await room.answered()
        assert room.answers() == ["base: two", "tuned: two"]
        await room.pilot.press("up", "enter")
        await room.until(lambda: len(requests(tmp_path)) == 6)
        await room.answered()
        assert "asked     two" in room.text
        await room.pilot.press("enter")
        await room.until(lambda: any("nothing to ask" in one.message for one in room.app._notifications))
        assert len(requests(tmp_path)) == 6


async def test_a_row_that_was_asked_keeps_its_place_and_comes_back(settings: Settings, job: Job) -> None:
    async with playground(settings, job, size=(120, 36)) as room:
        await room.pilot.press("ctrl+n", "ctrl+n", "enter")
        await room.answered()
        assert room.title == " Ask " and "held-out row 2 of 3 · after 2 earlier turns" in room.text
        assert "expected  something else" in room.text
        await room.pilot.press("up")
        await room.pilot.pause()
        assert room.prompt.text == "second?" and "held-out row 2 of 3" in room.title
        await room.pilot.press("ctrl+n")
        assert "row 3 of 3" in room.title and "asked" not in room.text


async def test_a_notice_leaves_the_prompt_free(settings: Settings, job: Job) -> None:
    async with playground(settings, job, notices=True) as room:
        room.app.tell("something happened " * 6)
        await room.until(lambda: "something happened" in room.text)
        lines = room.text.splitlines()
        assert any("something happened" in line for line in lines[1:8])
        assert not any("something happened" in line for line in lines[12:])


async def test_how_answers_are_drawn_is_changed(settings: Settings, job: Job, tmp_path: Path) -> None:
    async with playground(settings, job, size=(120, 36)) as room:
        assert "greedy · at most 512 tokens" in room.text
        await room.pilot.press("f5")
        await room.until(lambda: isinstance(room.app.screen, HowDrawn))
        await room.pilot.press("end", "backspace", *"3", "enter")
        await room.pilot.pause()
        assert "✗ temperature: 0 (greedy" in room.text, "3 is too hot"
        await room.pilot.press("end", "backspace", *"0.7", "down", "end", "backspace", *"0.9", "down")
        await room.pilot.press("end", *["backspace"] * 3, *"64", "enter")
        await room.until(lambda: isinstance(room.app.screen, Playground))
        await room.until(lambda: "temperature 0.7 · top-p 0.9" in room.text)
        assert "at most 64 tokens" in room.text
        await room.ask("hi")
        await room.answered()
        sent = requests(tmp_path)[0]
        assert (sent["temperature"], sent["top_p"], sent["max_tokens"], sent["seed"]) == (0.7, 0.9, 64, 42)
        await room.until(lambda: kept(job.paths.folder))
        assert kept(job.paths.folder)[0].sampling == Sampling(64, 0.7, 0.9, 42)
        await room.pilot.press("f5")
        await room.until(lambda: isinstance(room.app.screen, HowDrawn))
        await room.pilot.press("end", *["backspace"] * 3, "0", "escape")
        await room.until(lambda: "greedy · at most 64 tokens" in room.text)


def texts(**changes: str) -> dict[str, str]:
    return {"temperature": "0", "top_p": "1", "max_tokens": "512", "seed": "42"} | changes


def test_numbers_are_read_as_people_write_them() -> None:
    assert read_sampling(texts()) == Sampling()
    assert read_sampling(texts(temperature=" 0,7", max_tokens="1,000")) == Sampling(1000, 0.7)


@pytest.mark.parametrize(
    ("key", "text"),
    [("temperature", "nan"), ("temperature", "-1"), ("top_p", "0"), ("max_tokens", "0"), ("seed", "x")],
)
def test_a_number_that_cannot_be_taken_is_named(key: str, text: str) -> None:
    with pytest.raises(NotInRange) as caught:
        read_sampling(texts(**{key: text}))
    assert caught.value.key == key and FIELDS[key][0] in str(caught.value)


async def test_a_paste_keeps_its_lines_and_loses_what_a_terminal_must_not_see(
    settings: Settings, job: Job, tmp_path: Path
) -> None:
    async with playground(settings, job) as room:
        room.app.post_message(events.Paste("one\r\ntwo\x1b]52;c;aGk=\x07\nthree"))
        await room.until(lambda: room.prompt.text == "one\ntwo\nthree")
        await room.pilot.press("ctrl+j", *"four", "enter")
        await room.answered()
        assert requests(tmp_path)[0]["messages"] == [
            turn("system", "Be kind."),
            turn("user", "one\ntwo\nthree\nfour"),
        ]


@pytest.mark.parametrize("key", ["ctrl+x", "escape"])
async def test_answers_are_stopped_in_the_middle(
    settings: Settings, job: Job, tmp_path: Path, key: str
) -> None:
    async with playground(settings, job) as room:
        await room.ask("forever")
        await room.until(lambda: room.screen._replies and room.screen._replies[0].text)
        await room.pilot.pause(0.15)
        assert room.heads() == ["writes …", "waits for its turn"]
        await room.pilot.press(key)
        await room.answered()
        assert [head.split("  ")[0] for head in room.heads()] == ["stopped", "stopped"]
        assert room.answers()[0].startswith("on and on") and room.answers()[1] == ""
        assert len(requests(tmp_path)) == 1, "the second was not asked any more"
        await room.ask("and now")
        await room.answered()
        assert room.answers() == ["base: and now", "tuned: and now"]
        await room.pilot.press("escape")
        await room.until(lambda: room.app.screen is room.app.main)
    assert len(started(tmp_path)) == 1


async def test_a_process_that_dies_says_so_and_the_next_prompt_has_a_new_one(
    settings: Settings, job: Job, tmp_path: Path
) -> None:
    async with playground(settings, job) as room:
        await room.ask("die")
        await room.answered()
        assert room.heads() == ["✗ failed", "✗ failed"]
        assert "before" in room.text and "the model's process was killed" in room.text
        assert "ask again" in room.text and "is not loaded" in room.text
        await room.ask("alive?")
        await room.answered()
        assert room.answers() == ["base: alive?", "tuned: alive?"]
    assert len(started(tmp_path)) == 2


async def test_a_process_killed_from_outside_while_it_answers(
    settings: Settings, job: Job, tmp_path: Path
) -> None:
    async with playground(settings, job) as room:
        await room.ask("forever")
        await room.until(lambda: room.screen._replies and room.screen._replies[0].text)
        os.kill(started(tmp_path)[0], signal.SIGTERM)
        await room.answered()
        assert "was ended from outside" in " ".join(room.text.split()) or "ended from" in room.text
        assert room.heads() == ["✗ failed", "✗ failed"]


async def test_memory_that_ran_out_is_said_with_a_way_out(
    settings: Settings, job: Job, tmp_path: Path
) -> None:
    (tmp_path / "full").touch()
    async with playground(settings, job, loaded=False) as room:
        await room.until(lambda: "✗ tiny is not loaded" in room.text)
        (tmp_path / "full").unlink()
        await room.ask("too big")
        await room.answered()
        assert "memory ran out" in room.text and "wait until a running job" in room.text
        await room.ask("small")
        await room.answered()
        assert room.answers() == ["base: small", "tuned: small"]


async def test_an_interpreter_that_is_gone(settings: Settings, job: Job, tmp_path: Path) -> None:
    (tmp_path / "python").unlink()
    async with playground(settings, job, loaded=False) as room:
        await room.until(lambda: "✗ tiny is not loaded" in room.text)
        await room.ask("hello")
        await room.answered()
        assert "No such file or directory" in room.text and "finetui doctor" in room.text


async def test_a_job_that_is_gone(settings: Settings, job: Job, tmp_path: Path) -> None:
    job.paths.state.unlink()
    async with playground(settings, job, loaded=False) as room:
        await room.until(lambda: "the job is no longer there" in room.text)
        opened = room.screen
        await room.pilot.press(*"hi", "enter", "escape")
        await room.until(lambda: opened not in room.app.screen_stack)


async def test_foreign_text_in_answers_and_rows_is_only_text(
    settings: Settings, job: Job, tmp_path: Path
) -> None:
    async with playground(settings, job) as room:
        await room.ask("foreign")
        await room.answered()
        assert "[/nope] [b] abc end" in " ".join(room.text.split())
        await room.pilot.press("ctrl+b")  # the last row
        await room.pilot.pause()
        assert room.prompt.text == "foreign [/nope]"
        assert "[b]x" in room.text
        for unwanted in "\x1b\x9b\u202e\x07":
            assert unwanted not in room.text
        await room.pilot.press("enter")
        await room.answered()
        assert requests(tmp_path)[-1]["messages"] == [turn("user", "foreign \x1b]52;c;aGk=\x07[/nope]")]


@pytest.mark.parametrize(("forth", "back"), [("ctrl+n", "ctrl+b"), ("pagedown", "pageup")])
async def test_held_out_rows_are_prompts_with_an_expected_answer(
    settings: Settings, job: Job, tmp_path: Path, forth: str, back: str
) -> None:
    async with playground(settings, job) as room:
        await room.pilot.press(forth)
        assert room.prompt.text == "first?" and "held-out row 1 of 3" in room.title
        assert "expected  tuned: first?" in room.text
        await room.pilot.press("enter")
        await room.answered()
        assert [head.split("  ")[0] for head in room.heads()] == ["≠ differs", "✓ same"]
        await room.pilot.press(forth)
        assert room.prompt.text == "second?" and "after 2 earlier turns" in room.title
        assert "Be odd." in room.text, "the row's own system prompt"
        assert room.answers() == []
        await room.pilot.press("enter")
        await room.answered()
        assert requests(tmp_path)[-1]["messages"] == [
            turn("system", "Be odd."), turn("user", "a"), turn("assistant", "b"), turn("user", "second?"),
        ]  # fmt: skip
        await room.pilot.press(forth, forth, forth)
        assert "row 3 of 3" in room.title
        await room.pilot.press(back, back, back)
        assert "row 1 of 3" in room.title
        await room.pilot.press("end", "x")
        await room.pilot.pause()
        assert "expected" not in room.text, "nobody knows what a changed prompt should give"


async def test_without_held_out_rows_there_are_those_it_was_trained_on(
    settings: Settings, tmp_path: Path
) -> None:
    rows = write_rows(tmp_path, [{"prompt": "Once", "completion": " upon"}, {"text": "All of it"}], "raw")
    job = talking_job(
        settings, tmp_path, data={"train": {"path": str(rows), "sha256": "0" * 64}, "valid": None}
    )
    async with playground(settings, job) as room:
        assert "raw text: no chat template" in room.text
        await room.pilot.press("ctrl+n")
        assert "trained-on row 1 of 2 (no rows are held out)" in room.title
        assert room.prompt.text == "Once" and "expected   upon" in room.text
        await room.pilot.press("enter")
        await room.answered()
        await room.ask("typed")
        await room.answered()
    assert [one.get("prompt") for one in requests(tmp_path)] == ["Once", "Once", "typed", "typed"]


async def test_an_answer_that_does_not_end_is_cut_and_says_so(settings: Settings, job: Job) -> None:
    async with playground(settings, job) as room:
        await room.ask("never ends")
        await room.answered()
        assert all(head.startswith("cut at 512 tokens") for head in room.heads())


@pytest.mark.parametrize("key", ["f3"])
async def test_the_system_prompt_is_changed(settings: Settings, job: Job, tmp_path: Path, key: str) -> None:
    async with playground(settings, job) as room:
        assert "Be kind." in room.text
        await room.pilot.press(key)
        await room.until(lambda: isinstance(room.app.screen, SystemPrompt))
        await room.pilot.press(*" Now", "enter")
        await room.until(lambda: isinstance(room.app.screen, Playground))
        assert "Be kind. Now" in room.text
        await room.pilot.press(key)
        await room.until(lambda: isinstance(room.app.screen, SystemPrompt))
        room.app.screen.query_one(Prompt).fill("")
        await room.pilot.press("escape")
        await room.until(lambda: isinstance(room.app.screen, Playground))
        await room.ask("hi")
        await room.answered()
        assert requests(tmp_path)[0]["messages"] == [turn("user", "hi")]


@pytest.mark.parametrize("key", ["f2", "ctrl+o"])
async def test_others_are_chosen_to_answer(settings: Settings, job: Job, tmp_path: Path, key: str) -> None:
    other = talking_job(settings, tmp_path, "faq", base="tiny")
    stranger = talking_job(settings, tmp_path, "stranger", base="another")
    async with playground(settings, job, other, stranger) as room:
        twin = f"faq ({other.id})"
        assert room.said() == ["base · tiny", "faq", twin]
        assert any("its base is another one (another)" in one.message for one in room.app._notifications)
        await room.pilot.press(key)
        await room.until(lambda: isinstance(room.app.screen, WhoAnswers))
        await room.pilot.press("j", "j", "space", "j", "space", "enter")  # the checkpoint, not the twin
        await room.until(lambda: isinstance(room.app.screen, Playground))
        await room.until(lambda: room.said() == ["base · tiny", "faq", "faq@5"])
        await room.ask("all")
        await room.answered()
        assert len(room.answers()) == 3
    assert requests(tmp_path)[2]["adapter"] == str(job.paths.checkpoints / "checkpoint-5")
    assert len(started(tmp_path)) == 1


async def test_what_was_asked_comes_back_after_a_restart(
    settings: Settings, job: Job, tmp_path: Path
) -> None:
    async with playground(settings, job) as room:
        await room.pilot.press("f4")
        await room.until(lambda: room.app._notifications)
        await room.pilot.press("ctrl+n", "enter")
        await room.answered()
        await room.ask("typed")
        await room.answered()
        await room.until(lambda: len(kept(job.paths.folder)) == 2)
    async with playground(settings, job) as room:
        await room.pilot.press("f4")
        await room.until(lambda: isinstance(room.app.screen, Earlier))
        await room.pilot.pause()
        assert room.text.index("typed") < room.text.index("first?"), "the newest first"
        await room.pilot.press("j", "enter")
        await room.until(lambda: isinstance(room.app.screen, Playground))
        await room.pilot.pause(0.15)
        assert room.prompt.text == "first?" and "expected  tuned: first?" in room.text
        assert "base: first?" in room.text and "✓ same" in room.text
        await room.pilot.press("f4")
        await room.until(lambda: isinstance(room.app.screen, Earlier))
        await room.pilot.press("escape")
        await room.until(lambda: isinstance(room.app.screen, Playground))
        await room.pilot.press("enter")
        await room.until(lambda: len(kept(job.paths.folder)) == 3)


async def test_answers_are_copied(settings: Settings, job: Job) -> None:
    async with playground(settings, job) as room:
        await room.ask("hi")
        await room.answered()
        await room.pilot.press("ctrl+y")
        await room.until(lambda: room.app._notifications)
        assert room.app.clipboard == "base · tiny: base: hi\n\nfaq: tuned: hi"


async def test_without_an_answer_there_is_nothing_to_copy(settings: Settings, job: Job) -> None:
    async with playground(settings, job) as room:
        await room.pilot.press("ctrl+y")
        await room.until(lambda: any("no answer yet" in one.message for one in room.app._notifications))


async def test_what_was_left_is_there_again(settings: Settings, job: Job) -> None:
    async with playground(settings, job) as room:
        await room.pilot.press("f2")
        await room.until(lambda: isinstance(room.app.screen, WhoAnswers))
        await room.pilot.press("space", "enter")  # not the base
        await room.until(lambda: room.said() == ["faq"])
        room.screen._sampling = Sampling(32, 0.5)
        await room.pilot.press("ctrl+n", *"ab", "escape")
        await room.until(lambda: not isinstance(room.app.screen, Playground))
        room.app.main.post_message(OpenPlayground(job.id))
        await room.until(lambda: isinstance(room.app.screen, Playground) and room.said())
        assert room.prompt.text.endswith("ab")
        assert len(room.prompt.text) > 2
        await room.until(lambda: "row 1" in room.title)
        assert room.said() == ["faq"]
        assert "temperature 0.5" in room.text


async def test_leaving_while_it_loads_ends_the_process(settings: Settings, job: Job, tmp_path: Path) -> None:
    (tmp_path / "slow").touch()
    async with playground(settings, job, loaded=False) as room:
        await room.until(lambda: "loads, 0 s" in room.text and started(tmp_path))
        assert "loading tiny" in room.text
        await room.ask("early")
        await room.until(lambda: room.heads() and room.heads()[0].startswith("loads"))
        await room.pilot.press("escape")
        await room.answered()
        assert room.heads() == ["stopped", "stopped"]
        began = time.monotonic()
        await room.pilot.press("escape")
        await room.until(lambda: room.app.screen is room.app.main)
        assert time.monotonic() - began < 1
        await room.until(lambda: not lives(started(tmp_path)[0]))


async def test_leaving_the_app_ends_the_process(settings: Settings, job: Job, tmp_path: Path) -> None:
    async with playground(settings, job) as room:
        await room.ask("forever")
        await room.until(lambda: room.screen._replies and room.screen._replies[0].text)
    deadline = time.monotonic() + 6
    while lives(started(tmp_path)[0]):
        assert time.monotonic() < deadline


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_the_process_ends_with_an_app_that_is_ended(
    settings: Settings, job: Job, tmp_path: Path, terminals: Callable[..., Terminal], number: int
) -> None:
    terminal = terminals(settings)
    terminal.wait_for("faq")
    terminal.press("p")
    terminal.wait_for("float32")
    terminal.press("forever\r")
    terminal.wait_for("on and on")
    os.kill(terminal.pid, number)
    deadline = time.monotonic() + 6
    while lives(started(tmp_path)[0]):
        assert time.monotonic() < deadline
        terminal.read()


@pytest.mark.parametrize(("columns", "rows"), [(80, 24), (120, 36), (200, 60), (60, 20)])
async def test_four_columns_fit_every_screen(
    settings: Settings, job: Job, tmp_path: Path, columns: int, rows: int
) -> None:
    others = [talking_job(settings, tmp_path, name) for name in ("second", "third")]
    async with playground(settings, job, *others, size=(columns, rows)) as room:
        assert len(room.said()) == 4
        await room.ask("word")
        await room.answered()
        for answer in room.screen.query(Answer):
            assert answer.size.height >= 3 and answer.size.width >= 26
        assert room.screen.query_one("#keys").region.bottom == rows
        assert room.screen.query_one(Expected).size.height == 0


async def test_a_job_without_a_result_shows_its_base_alone(settings: Settings, job: Job) -> None:
    job.paths.result.rmdir()
    (job.paths.checkpoints / "checkpoint-5" / "complete.json").unlink()
    async with playground(settings, job) as room:
        assert room.said() == ["base · tiny"]
        assert any("only the base answers" in one.message for one in room.app._notifications)


async def test_a_gpu_that_a_job_uses_is_shared(settings: Settings, tmp_path: Path) -> None:
    job = talking_job(settings, tmp_path, device="cuda")
    running = add_job(settings, "night", JobState.running, machine=None)
    with running.hold():  # it lives
        async with playground(settings, job, size=(120, 36)) as room:
            await room.until(lambda: "shares the GPU's memory with night" in room.text)


def test_a_full_finetune_and_its_base_are_two_processes(settings: Settings, tmp_path: Path) -> None:
    job = talking_job(settings, tmp_path)
    write_json(job.paths.plan, job.plan() | {"method": "full"})

    async def talk() -> None:
        async with playground(settings, job) as room:
            await room.ask("hi")
            await room.answered()
            assert room.answers() == ["base: hi", "base: hi"]

    asyncio.run(talk())
    assert len(started(tmp_path)) == 2

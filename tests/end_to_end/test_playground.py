"""The playground with the real trainer and the bundled model: one copy of the base answers as both."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from finetui.engines.demo.job import FOLDER
from finetui.engines.engine import find_engine
from finetui.engines.job import Job
from finetui.engines.models.history import kept
from finetui.engines.settings import Settings
from finetui.engines.spec import parse
from finetui.engines.states import ENDED, JobState
from finetui.engines.store import Store
from finetui.tui.app import FinetuiApp
from finetui.tui.messages import OpenPlayground
from finetui.tui.screens.playground import Playground
from textual.pilot import Pilot

pytestmark = [pytest.mark.torch, pytest.mark.timeout(600)]


def trained(settings: Settings) -> Job:
    """A job of forty updates that was started here."""
    values = {
        "name": "short",
        "model": str(FOLDER / "model"),
        "method": "lora",
        "data": {"train": str(FOLDER / "data" / "valid.jsonl"), "valid_rows": 12},
        "train": {"max_steps": 40, "eval_every": 20, "batch_size": 8, "learning_rate": 3e-3},
        "local": {"device": "cpu", "python": sys.executable},
    }
    engine = find_engine("local", settings)
    spec = parse(values, Path.cwd())
    job = Store(settings.home).create(spec, engine.plan(spec))
    engine.start(job)
    return job


async def until(pilot: Pilot[None], condition: Callable[[], object], seconds: float = 300) -> None:
    async with asyncio.timeout(seconds):
        while not condition():
            await pilot.pause(0.1)


async def test_a_trained_job_answers_beside_its_base() -> None:
    settings = Settings.load()
    job = trained(settings)
    app = FinetuiApp(settings)
    async with app.run_test(size=(80, 24)) as pilot:
        await until(pilot, lambda: job.state().state in ENDED)
        assert job.state().state == JobState.succeeded
        app.main.post_message(OpenPlayground(job.id))
        await until(pilot, lambda: isinstance(app.screen, Playground) and app.screen._chosen)
        room = app.screen
        assert isinstance(room, Playground)
        await pilot.press("ctrl+n", "enter")
        await until(pilot, lambda: room._replies and not room.running)
        assert [reply.error for reply in room._replies] == [None, None]
        base, tuned = (reply.text for reply in room._replies)
        assert base and tuned and base != tuned
        assert all(reply.tokens and reply.first_token_seconds for reply in room._replies)
        await until(pilot, lambda: kept(job.paths.folder))
        assert [said.text for said in kept(job.paths.folder)[0].answers] == [base, tuned]
        process = room._talk.base(room._chosen[0].ref)
        assert process is not None and process is room._talk.base(room._chosen[1].ref)
        chat = process.chat
        assert chat is not None
        await pilot.press("escape")
        await until(pilot, lambda: not chat.alive, 30)

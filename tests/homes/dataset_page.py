"""The page of a dataset under test: a file of rows, its page, and what it shows."""

from __future__ import annotations

import json
from pathlib import Path

from finetui.tui.app import FinetuiApp
from finetui.tui.messages import OpenDataset
from finetui.tui.screens.dataset import DatasetPage
from textual.pilot import Pilot

from .waiting import until


def screen_of(app: FinetuiApp) -> str:
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips)


def rows_of(path: Path, count: int = 20) -> Path:
    rows = [
        {"question": f"question {number}?", "answer": f"answer {number}"} for number in range(1, count + 1)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


async def page_of(pilot: Pilot[None], path: Path, *, checked: bool = True) -> DatasetPage:
    """The page of a file, once its first rows and what is wrong with them are there."""
    app = pilot.app
    assert isinstance(app, FinetuiApp)
    await pilot.pause()
    app.main.post_message(OpenDataset(path))
    await until(pilot, lambda: isinstance(app.screen, DatasetPage))
    page = app.screen
    assert isinstance(page, DatasetPage)
    await until(pilot, lambda: page._checked is not None or not checked)
    await until(pilot, lambda: page._problem or (page._rows is not None and page._rows.complete))
    await until(pilot, lambda: page._model_sought)
    await pilot.pause(0.05)
    return page


async def at(pilot: Pilot[None], words: str) -> None:
    await until(pilot, lambda: words in screen_of(pilot.app))  # type: ignore[arg-type]


async def told(pilot: Pilot[None], words: str) -> None:
    """Wait until the app says this in passing."""
    await until(pilot, lambda: any(words in one.message for one in pilot.app._notifications))

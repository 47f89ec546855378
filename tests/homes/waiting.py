"""Waiting for the app under test: for what it shows, never for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from finetui.tui.app import FinetuiApp
from textual.pilot import Pilot

SECONDS = 20.0
"""A machine that does other things too is slow; a test that passes doesn't wait for it."""


async def until(pilot: Pilot[None], condition: Callable[[], object], seconds: float = SECONDS) -> None:
    """Wait for the app; fails where it never comes to that."""
    async with asyncio.timeout(seconds):
        while not condition():
            await pilot.pause(0.02)


async def ready(pilot: Pilot[None], jobs: int) -> FinetuiApp:
    """The app, once so many jobs are in its list."""
    app = pilot.app
    assert isinstance(app, FinetuiApp)
    await until(pilot, lambda: len(app.main.jobs.list.items) == jobs)
    await pilot.pause()
    return app

"""What the app's tests share: a busy home, the app over a home, and the app in a terminal of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from finetui.engines.settings import Settings
from homes.jobs import busy_home, settings_of
from homes.terminal import START, Terminal


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty home."""
    return settings_of(tmp_path)


@pytest.fixture
def busy(tmp_path: Path) -> Settings:
    """A home with a job in most states, the newest of them running."""
    return busy_home(tmp_path)


@pytest.fixture
def terminals() -> Iterator[Callable[..., Terminal]]:
    """Starts the app in a pseudo terminal; what is left of it is ended with the test."""
    opened: list[Terminal] = []

    def start(settings: Settings, columns: int = 80, rows: int = 24, start: str = START) -> Terminal:
        opened.append(Terminal(settings.home.path, columns, rows, start))
        return opened[-1]

    yield start
    for terminal in opened:
        terminal.end()

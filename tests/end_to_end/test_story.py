"""The whole story by keyboard at 80 by 24, as somebody lives it: all parts real, in a real tmux."""

from __future__ import annotations

import contextlib
import sys
from pathlib import Path

import pytest
from finetui.engines.settings import Settings
from finetui.engines.states import JobState
from finetui.engines.store import Store
from homes.tmux import Tmux, tmux

__all__ = ["tmux"]

pytestmark = pytest.mark.torch

APP = f"{sys.executable} -m finetui.tui.cli"
ROWS = 60


def test_from_the_first_start_to_a_copied_answer(tmux: Tmux, shared: Path) -> None:
    # Given a home that was never used, and word problems in a file
    store = Store(Settings.load().home)
    data = store.home.path.parent / "gsm8k.jsonl"
    rows = (shared / "data" / "gsm8k_train.jsonl").read_text().splitlines()[:ROWS]
    data.write_text("\n".join(rows) + "\n")

    # The first start explains itself and offers the demo
    tmux.open("box", APP)
    tmux.wait_for("box", "demo")
    tmux.press("box", "D")
    tmux.wait_for("box", "●  demo", 60)

    # While it trains a new job is made: a dataset, the model that is filled in, launch. It waits its turn
    tmux.press("box", "n")
    tmux.wait_for("box", "new job")
    tmux.press("box", str(data))
    tmux.wait_for("box", "rows to train on", 60)
    tmux.press("box", "C-s")
    tmux.wait_for("box", "gsm8k", 30)
    tmux.wait_for("box", "queued")

    # The server dies with every terminal; both jobs go on, and the app comes back to where it was
    tmux("kill-server")
    tmux.open("again", APP)
    tmux.wait_for("again", "✓  demo", 180)
    tmux.wait_for("again", "✓  gsm8k", 180)
    assert [job.state.state for job in store.jobs()] == [JobState.succeeded] * 2

    # Compared in the chart, and at work: the tuned model beside its base, on a row that neither has seen
    tmux.press("again", "Space", "j", "3")
    tmux.wait_for("again", "gsm8k")
    tmux.press("again", "1", "p")
    tmux.wait_for("again", "Enter ask", 30)
    tmux.press("again", "C-n")
    tmux.wait_for("again", "expected")
    tmux.press("again", "Enter")
    tmux.wait_for("again", "✓ same", 120)

    # The answer is copied, through the terminal
    tmux.press("again", "C-y")
    tmux.wait_for("again", "opied", 10)
    assert '"guests"' in tmux.copied

    # Esc goes a layer out: a column that still answers is stopped first
    for _ in range(2):
        tmux.press("again", "Escape")
        with contextlib.suppress(AssertionError):
            tmux.wait_for("again", "1 Jobs", 5)
            break
    else:
        pytest.fail(tmux.screen("again"))
    tmux.press("again", "q")

"""A line of 20 kB/s and a job that prints 10,000 lines a second: keys are answered, nothing piles up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from finetui.engines.settings import Settings
from finetui.engines.states import JobState
from homes.jobs import add_job
from homes.terminal import Terminal

LINE_BYTES_A_SECOND = 20_000


@contextmanager
def flood(log: Path, lines_a_second: int) -> Iterator[None]:
    """Grows a log for as long as the block lasts."""
    ended = threading.Event()

    def write() -> None:
        number, step = 0, lines_a_second // 20
        with open(log, "a", encoding="utf-8") as file:
            while not ended.wait(0.05):
                file.writelines(
                    f"update {n}: loss {1 / (n + 1):.6f} and more\n" for n in range(number, number + step)
                )
                file.flush()
                number += step

    thread = threading.Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def test_keys_are_answered_over_a_slow_line_while_a_log_floods(
    settings: Settings, terminals: Callable[..., Terminal]
) -> None:
    job = add_job(settings, "chatty", JobState.running, metrics=50, log="begun\n", step=50, total_steps=100)
    terminal = terminals(settings, 120, 40)
    terminal.wait_for("begun")
    terminal.bytes_a_second = LINE_BYTES_A_SECOND
    with flood(job.paths.log, 10_000):
        terminal.wait_for("update ")
        until = time.monotonic() + 4
        while time.monotonic() < until:
            terminal.read()
        begun = time.monotonic()
        terminal.press("?")
        terminal.wait_for("In this pane")
        seconds = time.monotonic() - begun
    # The dialog itself is some kilobytes; what counts is that no queue of old frames lies before it.
    assert seconds < 3.0, f"the dialog came after {seconds:.1f} s"
    terminal.press("\x1b")
    terminal.wait_for(lambda text: "In this pane" not in text)
    terminal.press("q")
    terminal.wait_for_end()
    assert terminal.code == 0

"""`finetui demo`: a real QLoRA job on the bundled toy model, watched live, then base beside tuned."""

from __future__ import annotations

import contextlib
import dataclasses
import textwrap
import time
from typing import Annotated

from cyclopts import Parameter

from ...engines.demo.job import start_demo
from ...engines.demo.report import DemoReport, report
from ...engines.engine import find_engine
from ...engines.settings import Settings
from ...engines.states import UNFINISHED, JobState
from ...engines.text import one_line
from .jobs import follow_job
from .options import Json
from .output import (
    DONE,
    FAILED,
    alive,
    can_be_drawn_on,
    check_home,
    has_terminal,
    note,
    number,
    print_json,
    say,
    say_beside,
)

ABOUT = (
    "A toy: a model of a million parameters, made for this demonstration on generated text. It knows "
    "how to chat about table bookings in prose. QLoRA (a 4-bit base, trained adapters) now teaches it "
    "to answer with exact JSON. What is real: the training, the losses, the adapter and the answers."
)


def demo(*, headless: Annotated[bool, Parameter(negative="")] = False, json: Json = False) -> int:
    """Train the bundled toy model for real, watch it, and see base beside tuned.

    Example: `finetui demo --headless`

    Args:
        headless: Print lines; don't open the app.
    """
    settings = Settings.load()
    check_home(settings.home.path)
    started = time.monotonic()
    if not json:
        say_beside("", ABOUT)
    job = start_demo(settings)
    engine = find_engine(job.state().engine, settings)
    live = not headless and not json and has_terminal() and can_be_drawn_on()
    if live:
        from ..app import run

        run(settings, until=job.id)
        if job.state().state in UNFINISHED:
            note("when it ends, base and tuned are compared here; ctrl+c leaves at once")
    if json:
        while job.state().state in UNFINISHED:
            engine.sync(job)
            time.sleep(0.3)
    elif job.state().state in UNFINISHED or not live:
        with alive():
            follow_job(job, engine, json=False)
    state = job.state()
    if state.state != JobState.succeeded:
        note(
            f"the demonstration ended as {state.state}: {one_line(state.message or '')} {state.advice or ''}"
        )
        return FAILED
    trained = time.monotonic() - started
    said = [0.0]

    def progress(done: int, total: int) -> None:
        if not json and time.monotonic() - said[0] > 1.5:
            said[0] = time.monotonic()
            note(f"  answering test prompts with base and tuned: {done} of {total}")

    if not json:
        note("  loading the model for the comparison")
    with contextlib.nullcontext() if json else alive():
        result = report(job, engine, progress)
    if json:
        print_json({"id": job.id, "folder": str(job.paths.folder)} | dataclasses.asdict(result))
    else:
        show(result)
        say()
        say(f"trained in {trained:.0f} s, {time.monotonic() - started:.0f} s in all")
        say(f"the adapter: {state.result}")
        say("ask it yourself:")
        say(f'  finetui ask "A table for two on Friday at eight, please. Ada" -m {job.id} -m {job.id}@base')
    return DONE


def show(result: DemoReport) -> None:
    """Base beside tuned, then the numbers."""
    for pair in result.pairs:
        say()
        say(f"▸ {pair.prompt}")
        for label, text in (("base", pair.base), ("tuned", pair.tuned), ("expected", pair.expected)):
            lines = textwrap.wrap(one_line(text), 68) or ["(nothing)"]
            say(f"  {label:<9} {lines[0]}")
            for line in lines[1:]:
                say(f"  {'':<9} {line}")
    say()
    before, after = number(result.eval_loss_before), number(result.eval_loss_after)
    say(f"held-out loss    {before} → {after}")
    for part in result.accuracy:
        say(
            f"exact answers    {part.base}/{part.rows} ({part.base / part.rows:.0%}) → "
            f"{part.tuned}/{part.rows} ({part.tuned / part.rows:.0%})   {part.name}"
        )

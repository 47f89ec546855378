"""Commands on jobs: jobs, show, watch, stop, resume, rm."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import Parameter

from ...engines.engine import Engine, EngineError, find_engine
from ...engines.job import Job, State
from ...engines.records import read_lines
from ...engines.settings import Settings
from ...engines.states import SYMBOLS, UNFINISHED, JobState
from ...engines.store import Store, Summary
from ...engines.text import one_line
from .options import Json
from .output import DONE, FAILED, chosen, note, number, print_json, say, say_beside, size, table

JobRef = Annotated[str, Parameter(help="A job's id, a unique prefix of it, its name, or `last`.")]
NEWEST = 30


def open_job(ref: str) -> tuple[Job, Engine]:
    """A job by its name, brought up to date, and its engine."""
    settings = Settings.load()
    job = Store(settings.home).find(ref)
    engine = find_engine(job.state().engine, settings)
    engine.sync(job)
    return job, engine


def up_to_date(settings: Settings, listed: Callable[[], list[Summary]]) -> list[Summary]:
    """Jobs, after a look at those that should be living; and a scheduler for those that wait.

    Args:
        listed: reads them; called again when something may have changed.
    """
    unfinished = [summary for summary in listed() if summary.state.state in UNFINISHED]
    for summary in unfinished:
        job = Job(settings.home, summary.id)
        # A job of an engine that is no longer installed, or a full disk, hides no other job.
        with contextlib.suppress(EngineError, OSError):
            engine = find_engine(summary.state.engine, settings)
            engine.sync(job)
            if summary.state.state == JobState.queued:
                engine.start(job)
    return listed()


def jobs(*, all: bool = False, json: Json = False) -> int:
    """List the jobs, newest first.

    Example: `finetui jobs --json | jq '.[] | select(.state == "running") | .id'`

    Args:
        all: Every job, not only the newest 30.
    """
    settings = Settings.load()
    store = Store(settings.home)
    # Ten thousand jobs take a second and a half to read where no index is; the page that is shown takes none.
    page = not (all or json or store.is_indexed)
    summaries = up_to_date(settings, (lambda: store.newest(NEWEST)) if page else store.jobs)
    shown = summaries if all or json else summaries[:NEWEST]
    older = len(store.ids()) - len(shown)
    if json:
        print_json([summary.to_json() for summary in shown])
        return DONE
    if not shown:
        say("no jobs yet; `finetui demo` trains a small model in about a minute")
        return DONE
    rows = [("", "id", "state", "done", "loss", "eval", "model")]
    for summary in shown:
        state = summary.state
        word = state.state.value if not state.reason else f"{state.state.value}: {state.reason}"
        model = summary.model if summary.model.count("/") <= 1 else Path(summary.model).name
        symbol = SYMBOLS[state.state]
        rows.append((symbol, summary.id, word, done(state), number(state.loss), evals(state), model))
    table(rows, right=frozenset({3, 4}), spare=(6, 4, 5))
    if older > 0:
        note(f"{older:,} older ones: --all")
    return DONE


def done(state: State) -> str:
    """How far a job is, as its updates, or the share of the phase it is in."""
    if state.step is not None and state.total_steps:
        return f"{100 * state.step / state.total_steps:.0f} %"
    if state.phase and state.done is not None and state.total:
        return f"{state.phase} {100 * state.done / state.total:.0f} %"
    return state.phase or ""


def evals(state: State) -> str:
    """The held-out loss before and now."""
    if state.eval_loss is None or state.first_eval_loss is None:
        return "–"
    return f"{number(state.first_eval_loss, 3)} → {number(state.eval_loss, 3)}"


def show(job: JobRef, *, json: Json = False) -> int:
    """Show one job: what was asked, what was planned and why, where it stands, what happened.

    Example: `finetui show last`
    """
    found, _ = open_job(job)
    summary = Store(found.home).summary(found.id)
    plan, events = found.plan(), found.events()
    if json:
        head = summary.to_json() if summary else {}
        more = {"spec": found.spec(), "plan": plan, "folder": str(found.paths.folder), "events": events}
        print_json(head | more)
        return DONE
    state = found.state()
    say(f"{SYMBOLS[state.state]} {found.id}  {state.state.value}  on {state.host}, attempt {state.attempt}")
    for text in filter(None, (state.message, state.advice and f"→ {state.advice}", state.waiting_for)):
        say(f"  {one_line(text)}")
    say(f"  {found.paths.folder}")
    say()
    facts = [
        ("model", plan["model"]["name"]),
        ("data", f"{plan['data']['train']['rows']:,} rows to train, {valid_rows(plan):,} held out"),
        ("progress", f"step {state.step or 0} of {state.total_steps or '?'}, epoch {number(state.epoch, 3)}"),
        ("loss", f"{number(state.loss)}; held-out {evals(state)}"),
        ("peak memory", size(state.peak_memory_bytes)),
        ("result", state.result or "none yet"),
    ]
    table(facts)
    say()
    values = plan["values"] | resolved(found)
    table([("value", "", "reason"), *((k, chosen(v["value"]), v["reason"]) for k, v in values.items())])
    say()
    for event in events[-20:]:
        moment = time.strftime("%m-%d %H:%M:%S", time.localtime(event["time"]))
        say_beside(f"{moment}  {event['level']:<7}  ", one_line(str(event["message"])))
    return DONE


def resolved(job: Job) -> dict[str, Any]:
    """Values that only the trainer could choose, with its reasons: from its last attempt."""
    attempts = read_lines(job.paths.environment)
    return attempts[-1].get("values", {}) if attempts else {}


def valid_rows(plan: dict[str, Any]) -> int:
    """How many rows are held out."""
    valid = plan["data"].get("valid")
    return valid["rows"] if valid else 0


def watch(job: JobRef, *, json: Json = False) -> int:
    """Follow a job until it ends; ctrl+c leaves, the job goes on.

    Example: `finetui watch last`

    With --json each change is a line.
    """
    found, engine = open_job(job)
    return follow_job(found, engine, json=json)


def follow_job(job: Job, engine: Engine, *, json: bool) -> int:
    """Print what changes in a job until it ends. Returns the exit code that its end means."""
    last: State | None = None
    said_at = 0.0
    while True:
        engine.sync(job)
        state = job.state()
        if state != last:
            # Evaluations and saves come and go; what people wait for is the next state, or the first update.
            moved = (
                last is None or state.state != last.state or (state.phase != last.phase and not state.step)
            )
            if json:
                print_json({"id": job.id} | msgspec.to_builtins(state))
                last = state
            elif moved or time.monotonic() - said_at > 2:
                say(line_of(state))
                said_at = time.monotonic()
                last = state
        if state.state not in UNFINISHED:
            return DONE if state.state == JobState.succeeded else FAILED
        if state.state == JobState.queued:
            engine.start(job)
        time.sleep(0.3)


def line_of(state: State) -> str:
    """A job's state in one line."""
    parts = [f"{SYMBOLS[state.state]} {state.state.value}"]
    if state.phase and state.phase != "training":
        share = f" {100 * state.done / state.total:.0f} %" if state.done is not None and state.total else ""
        parts.append(f"{state.phase}{share}")
    if state.step is not None:
        parts.append(f"step {state.step}/{state.total_steps or '?'}")
    if state.loss is not None:
        parts.append(f"loss {number(state.loss)}")
    if state.eval_loss is not None:
        parts.append(f"held-out {evals(state)}")
    for text in (state.waiting_for and f"waits for {state.waiting_for}", state.message, state.advice):
        if text:
            parts.append(one_line(text))
    return "  ".join(parts)


def stop(job: JobRef, *, now: Annotated[bool, Parameter(negative="")] = False, json: Json = False) -> int:
    """Stop a job: it saves a checkpoint first and can be resumed.

    Example: `finetui stop last`

    Args:
        now: Kill it; what was trained since the last checkpoint is lost.
    """
    found, engine = open_job(job)
    engine.stop(found, now)
    state = wait_for_end(found, engine)
    if json:
        print_json({"id": found.id} | msgspec.to_builtins(state))
    else:
        say(line_of(state))
        if state.state in UNFINISHED:
            note("it ends at its next update; `finetui watch` shows when")
    return DONE


def wait_for_end(job: Job, engine: Engine, seconds: float = 10) -> State:
    """A job's state when it has ended, or after some seconds."""
    deadline = time.monotonic() + seconds
    while (state := job.state()).state in UNFINISHED and time.monotonic() < deadline:
        time.sleep(0.1)
        engine.sync(job)
    return state


def resume(
    job: JobRef, *, follow: Annotated[bool, Parameter(negative="")] = False, json: Json = False
) -> int:
    """Go on with a job that was stopped, interrupted, failed or cancelled, from its last checkpoint.

    Example: `finetui resume last --follow`

    Args:
        follow: Stay and watch it.
    """
    found, engine = open_job(job)
    engine.resume(found)
    if follow:
        return follow_job(found, engine, json=json)
    state = found.state()
    if json:
        print_json({"id": found.id} | msgspec.to_builtins(state))
    else:
        say(line_of(state))
    return DONE


def rm(
    job: JobRef,
    *,
    checkpoints: Annotated[bool, Parameter(negative="")] = False,
    yes: Annotated[bool, Parameter(name=["--yes", "-y"], negative="")] = False,
    json: Json = False,
) -> int:
    """Remove a job with its result, or only its checkpoints.

    Example: `finetui rm last --checkpoints`

    Args:
        checkpoints: Keep the job and its result; it can't be resumed any more.
        yes: Don't ask.
    """
    found, _ = open_job(job)
    what = "the checkpoints of" if checkpoints else "everything of"
    if not yes:
        if json or not sys.stdin.isatty():
            raise EngineError("usage", f"this removes {what} {found.id}", "say --yes")
        if input(f"remove {what} {found.id}? [y/N] ").strip().lower() not in ("y", "yes"):
            note("nothing removed")
            return FAILED
    freed = Store(found.home).remove(found, checkpoints_only=checkpoints)
    if json:
        print_json({"id": found.id, "freed_bytes": freed})
    else:
        say(f"removed; {size(freed)} free again")
    return DONE

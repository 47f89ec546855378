"""How jobs, numbers and times are said in the panes. Plain functions; foreign text leaves them safe."""

from __future__ import annotations

import os
import re

from ...engines.job import State
from ...engines.machine import machine_id
from ...engines.states import ALIVE, JobState
from ...engines.text import one_line
from ..widgets.ticks import number

STYLES: dict[JobState, str] = {
    JobState.queued: "$quiet",
    JobState.starting: "$primary",
    JobState.running: "$success",
    JobState.stopping: "$warning",
    JobState.paused: "$warning",
    JobState.interrupted: "$warning",
    JobState.succeeded: "$success",
    JobState.failed: "$error",
    JobState.cancelled: "$quiet",
}

_FIX = re.compile(r"`finetui check [^`]*--fix OUT`")
_CONVERT = re.compile(r"`finetui convert IN OUT[.a-z]* --to ([a-z{}-]+)[^`]*`")


def progress(state: State) -> str:
    """How far a job is, in at most 11 characters: its phase, or while it trains the share of its updates."""
    if state.state not in ALIVE:
        return str(state.state)
    if state.state != JobState.running:
        return str(state.state)
    if state.phase in (None, "training"):
        share = share_done(state)
        return "running" if share is None else f"{share:.0%}".replace("%", " %")
    return one_line(str(state.phase), 11)


def share_done(state: State) -> float | None:
    """The share of a job's updates that are done, 0 to 1; None where the total is not known yet."""
    if not state.total_steps or state.step is None:
        return None
    return min(max(state.step / state.total_steps, 0.0), 1.0)


def phase_share(state: State) -> float | None:
    """The share of its present phase, 0 to 1, where the phase tells."""
    if not state.total or state.done is None:
        return None
    return min(max(state.done / state.total, 0.0), 1.0)


def losses(state: State) -> str:
    """First and last loss in training, 2.31→1.02; else on held-out rows; else what there is."""
    for first, last in ((state.first_loss, state.loss), (state.first_eval_loss, state.eval_loss)):
        if first is not None and last is not None:
            return brief(last) if first == last else f"{brief(first)}→{brief(last)}"
    return loss(state)


def loss(state: State) -> str:
    """The last training loss."""
    return "" if state.loss is None else brief(state.loss)


def brief(value: float) -> str:
    """A loss in at most 5 characters where it is an everyday one: 2.31, 0.881, 0.022."""
    return f"{value:.3f}" if 0.001 <= abs(value) < 0.1 else number(value)


def where_it_stands(state: State) -> list[str]:
    """What there is to say of a job that has no points yet, a sentence a line."""
    said: list[str] = []
    if state.state == JobState.queued:
        said.append(
            f"Waiting for {one_line(state.waiting_for, 200)}." if state.waiting_for else "Waiting to start."
        )
    elif state.state in ALIVE:
        share = phase_share(state)
        phase = one_line(state.phase, 40) if state.phase else str(state.state)
        said.append(f"{phase.capitalize()}{'' if share is None else f', {share:.0%}'.replace('%', ' %')}.")
    else:
        said.append(f"{str(state.state).capitalize()} without a point.")
    said += [one_line(text, 400) for text in (state.message, state.advice) if text]
    return said


def standing(state: State) -> str:
    """A line on how a job stands, for a border."""
    parts = [str(state.state)]
    if state.step is not None and state.total_steps:
        parts.append(f"{state.step:,} of {state.total_steps:,}")
    elif state.step is not None:
        parts.append(f"update {state.step:,}")
    if state.machine != machine_id():
        parts.append(f"on {one_line(state.host, 30)}")
    if state.attempt > 1:
        parts.append(f"attempt {state.attempt}")
    if state.state == JobState.queued and state.waiting_for:
        parts.append(f"waits for {one_line(state.waiting_for, 60)}")
    elif why := trouble(state):
        parts.append(why)
    return " · ".join(parts)


def trouble(state: State) -> str:
    """Why a job failed or was interrupted, briefly; empty where it wasn't."""
    if state.state not in (JobState.failed, JobState.interrupted):
        return ""
    return one_line(state.reason.replace("_", " ") if state.reason else state.message or "", 60)


def left(seconds: float) -> str:
    """The time that something still takes, coarsely, so that it rarely changes: ~40 s, ~12 min, ~3.5 h."""
    if seconds < 90:
        return f"~{max(round(seconds / 10), 1) * 10} s"
    if seconds < 90 * 60:
        return f"~{seconds / 60:.0f} min"
    return f"~{seconds / 3600:.1f} h" if seconds < 36000 else f"~{seconds / 3600:.0f} h"


def ending(name: str, state: State) -> str:
    """A job's end in a sentence."""
    said = f"{one_line(name, 40)} {state.state}"
    if state.state == JobState.succeeded:
        figures = losses(state)
        return f"{said}: {figures}" if figures else said
    why = trouble(state)
    parts = [f"{said}: {why}" if why else said, one_line(state.advice or "", 200)]
    return ". ".join(part for part in parts if part)


def age(seconds: float) -> str:
    """A time span, coarsely, so that it rarely changes: now, 12 min, 3 h, 5 d."""
    if seconds < 60:
        return "now"
    if seconds < 3600:
        return f"{seconds // 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600:.0f} h"
    return f"{seconds // 86400:.0f} d"


def gibibytes(value: float) -> str:
    """Bytes in GiB without the unit: 0.4, 24.1, 139."""
    amount = value / 2**30
    return f"{amount:.0f}" if amount >= 99.95 else f"{amount:.1f}"


def percent(share: float) -> str:
    return f"{share * 100:.0f} %"


def plural(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"


def short_path(path: str | os.PathLike[str]) -> str:
    """A path with the user's home as `~`; anything else as it is."""
    said, home = os.fspath(path), os.path.expanduser("~").rstrip(os.sep)
    return f"~{said[len(home) :]}" if home and (said == home or said.startswith(home + os.sep)) else said


def by_keys(way: str) -> str:
    """A way out that is a command of a shell, as the keys of a dataset's page go it."""
    return _CONVERT.sub(r"c (to \1)", _FIX.sub("F (a repaired copy)", way))

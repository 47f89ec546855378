"""How jobs, numbers and times are said in the panes. Plain functions; foreign text leaves them safe."""

from __future__ import annotations

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
    """First and last loss on held-out rows, 2.31→1.02; before there are two, what there is."""
    if state.eval_loss is not None and state.first_eval_loss is not None:
        if state.eval_loss == state.first_eval_loss:
            return brief(state.eval_loss)
        return f"{brief(state.first_eval_loss)}→{brief(state.eval_loss)}"
    return ""


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
    elif state.state in (JobState.failed, JobState.interrupted) and (state.reason or state.message):
        words = state.reason.replace("_", " ") if state.reason else state.message
        parts.append(one_line(words or "", 60))
    return " · ".join(parts)


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

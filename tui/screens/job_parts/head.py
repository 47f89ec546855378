"""What stands above all parts: who the job is, how far it is, what stopped it. Foreign text leaves safe."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from textual.content import Content

from ....engines.machine import machine_id
from ....engines.states import ALIVE, ENDED, SYMBOLS, JobState
from ....engines.store import Summary
from ....engines.text import clean, one_line
from ...panes import wording
from ...widgets.bar import bar

if TYPE_CHECKING:
    from ....monitors.extremes import Extremes

BAR_CELLS = 16


def who(job: Summary) -> tuple[Content, list[Content]]:
    """Its state and name, and ever shorter what it trains and where."""
    state = job.state
    style = wording.STYLES[state.state]
    tags = "".join(f"  #{tag}" for tag in job.tags)
    left = Content.assemble(
        (f"{SYMBOLS[state.state]} {state.state}", style),
        "  ",
        (one_line(job.name, 60), "bold"),
        (one_line(tags, 60) and f"  {one_line(tags, 60)}", "$secondary"),
    )
    model, method = one_line(wording.short_path(job.model), 60), one_line(job.method, 20)
    short = one_line(job.model.rstrip("/").rpartition("/")[2], 40)
    place = one_line(state.engine, 20)
    if state.machine != machine_id():
        place += f" on {one_line(state.host, 24)}"
    attempt = f" · attempt {state.attempt}" if state.attempt > 1 else ""
    rights = (
        f"{method} · {model} · {place}{attempt}",
        f"{method} · {short} · {place}{attempt}",
        f"{method} · {short}",
        short,
    )
    return left, [Content.styled(words, "$quiet") for words in rights]


def how_far(
    job: Summary, extremes: Sequence[Extremes], seconds_left: float | None
) -> tuple[Content, list[Content]]:
    """A bar with phase, updates and time left, and ever shorter its pace and memory."""
    state = job.state
    training = state.phase in (None, "training") or state.state in ENDED
    of_job, of_phase = wording.share_done(state), None if training else wording.phase_share(state)
    # The bar is the job's also while it evaluates; before its first update it is that of what goes on.
    share = of_phase if of_job is None else of_job
    words: list[str] = []
    if state.state in ALIVE and state.phase:
        far = "" if of_job is None or of_phase is None else f", {wording.percent(of_phase)}"
        words.append(one_line(state.phase, 20) + far)
    if of_job is None and not training and state.done is not None and state.total:
        words.append(f"{state.done:,.0f} of {state.total:,.0f} {one_line(state.unit or '', 12)}".strip())
    if state.step is not None and state.total_steps:
        words.append(f"{state.step:,} of {state.total_steps:,}")
    elif state.step is not None:
        words.append(f"update {state.step:,}")
    if share is not None:
        words.append(wording.percent(share))
    if state.state in (JobState.running, JobState.starting) and training and seconds_left is not None:
        words.append(f"about {duration(seconds_left)} left")
    elif state.state in ENDED and state.started is not None and state.since > state.started:
        words.append(f"in {duration(state.since - state.started)}")
    if state.state == JobState.queued:
        waits = f"waits for {one_line(state.waiting_for, 200)}" if state.waiting_for else "waits to start"
        words.append(waits)
    losses = wording.losses(state)
    known = {one.name: one for one in extremes}
    rights: list[str] = []
    memory = state.peak_memory_bytes or (
        round(known["memory_bytes"].highest) if "memory_bytes" in known else None
    )
    if memory:
        rights.insert(0, f"peak {wording.gibibytes(memory)} GiB")
    if "tokens_per_second" in known:
        rights.insert(0, f"{known['tokens_per_second'].last:,.0f} tokens/s")
    if losses:
        rights.insert(0, f"loss {losses}")
    gauge = Content("")
    if share is not None:
        gauge = Content.assemble(bar(BAR_CELLS, [(share, "▇", wording.STYLES[state.state])]), " ")
    shorter = [Content.styled(" · ".join(rights[:count]), "$quiet") for count in range(len(rights), 0, -1)]
    return Content.assemble(gauge, " · ".join(words)), shorter


def trouble(job: Summary) -> Content | None:
    """Why it failed or stopped and the way out, in full; None where nothing is to be said."""
    state = job.state
    if not (state.reason or state.message or state.advice):
        return None
    style = {JobState.failed: "$error", JobState.interrupted: "$warning"}.get(state.state, "")
    reason = one_line(state.reason.replace("_", " "), 40) if state.reason else ""
    said = ": ".join(part for part in (reason, clean(state.message or "").strip()) if part)
    parts: list[tuple[str, str]] = []
    if said:
        parts.append((said, style))
    if state.advice:
        parts.append((("\n" if said else "") + f"→ {clean(state.advice).strip()}", ""))
    return Content.assemble(*parts)


def duration(seconds: float) -> str:
    """A time span in two units at most: 42 s, 3 min, 2 h 10 min, 3 d 4 h."""
    if seconds < 60:
        return f"{seconds:.0f} s"
    if seconds < 3600:
        return f"{seconds / 60:.0f} min"
    if seconds < 48 * 3600:
        return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
    return f"{seconds // 86400:.0f} d {seconds % 86400 // 3600:.0f} h"

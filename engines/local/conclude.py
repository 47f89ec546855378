"""The end of an attempt, written once: by the supervisor that saw it, or by whoever finds both gone."""

from __future__ import annotations

from typing import Any

from ..exits import Ending, Verdict, log_tail, verdict
from ..job import HeldJob
from ..states import ALIVE, JobState
from .progress import Progress


def conclude(
    held: HeldJob,
    progress: Progress,
    *,
    returncode: int | None,
    asked: str | None,
    log_start: int = 0,
    out_of_host_memory: bool = False,
    disk_full: bool = False,
) -> Verdict:
    """Move the job to the state that its end means.

    Args:
        progress: of this attempt; read to its end here.
        returncode: the trainer's exit status; None where nobody saw it.
        asked: `stop`, `kill` or None.
        log_start: where this attempt begins in the log, in bytes.
        out_of_host_memory: the kernel's OOM killer struck while it ran.
        disk_full: there was no room for a last word.
    """
    job = held.job
    fields = progress.read()
    tell(held, progress)
    ending = Ending(
        outcome=progress.outcome,
        returncode=returncode,
        asked=asked,
        has_checkpoint=bool(job.checkpoints()),
        log_tail=log_tail(job.paths.log, start=log_start),
        out_of_host_memory=out_of_host_memory,
        disk_full=disk_full,
    )
    result = verdict(ending)
    kept = {
        name: fields[name] for name in ("step", "epoch", "loss", "eval_loss", "total_steps") if name in fields
    }
    kept |= {name: fields[name] for name in ("first_loss", "first_eval_loss", "peak_memory_bytes")}
    held.become(
        result.state,
        message=result.message,
        reason=result.reason,
        advice=result.advice,
        result=str(job.paths.result) if result.state == JobState.succeeded else None,
        supervisor=None,
        trainer=None,
        **kept,
    )
    drop_requests(held)
    return result


def tell(held: HeldJob, progress: Progress) -> None:
    """The trainer's news as events: each once, also where a full disk takes them only later."""
    while progress.news:
        level, kind, message, data = event_of(progress.news[0])
        held.event(kind, message, level=level, data=data)
        del progress.news[0]


def event_of(line: dict[str, Any]) -> tuple[str, str, str, dict[str, Any]]:
    """Level, kind, message and data of the event that a trainer's note or checkpoint becomes."""
    if line["kind"] == "checkpoint":
        data = {name: line.get(name) for name in ("step", "path", "eval_loss")}
        return "info", "checkpoint", f"checkpoint at step {line.get('step')}", data
    level = line.get("level") if line.get("level") in ("info", "warning", "error") else "info"
    return str(level), "note", str(line.get("message", "")), line.get("data") or {}


def asked_by_requests(held: HeldJob) -> str | None:
    """What open requests ask for, the strongest of them: `kill`, `stop` or None."""
    verbs = {request.get("verb") for _, request in held.job.requests()}
    return next((verb for verb in ("kill", "stop") if verb in verbs), None)


def drop_requests(held: HeldJob) -> None:
    """Requests that an end has answered, whatever they asked."""
    for path, _ in held.job.requests():
        path.unlink(missing_ok=True)


def settle(held: HeldJob) -> None:
    """A job whose lock was free although it should live: supervisor and trainer are provably gone."""
    state = held.state()
    if state.state in ALIVE:
        asked = "stop" if state.state == JobState.stopping else None
        progress = Progress(held.job.paths, state)
        # The supervisor has told of what it saw before it died.
        known = []
        for event in reversed(held.job.events()):
            if event["kind"] == "state" and event["data"]["to"] == JobState.starting:
                break
            known.append((event["kind"], event["message"], event["data"]))
        progress.read()
        progress.news = [line for line in progress.news if event_of(line)[1:] not in known]
        conclude(held, progress, returncode=None, asked=asked_by_requests(held) or asked)

"""How an attempt ended: last word, exit status and what was asked become a state with advice."""

from __future__ import annotations

import re
import shutil
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .states import JobState
from .text import one_line


@dataclass(frozen=True)
class Ending:
    """Everything that is known of an end."""

    outcome: dict[str, Any] | None
    """The trainer's own last word (docs/job.md, `outcome`)."""
    returncode: int | None
    """As subprocess gives it; None where nobody saw the end."""
    asked: str | None
    """`stop`, `kill`, or None where nobody asked for an end."""
    has_checkpoint: bool
    log_tail: str = ""
    out_of_host_memory: bool = False
    """The kernel's OOM killer struck while it ran."""
    disk_full: bool = False
    """At its end there was no room for a last word, in the log neither."""


@dataclass(frozen=True)
class Verdict:
    """The state that follows, and what people are told."""

    state: JobState
    message: str | None = None
    reason: str | None = None
    advice: str | None = None


ADVICE = {
    "out_of_memory": "a smaller micro_batch_size or max_length, gradient_checkpointing, or method = qlora",
    "host_memory": "free memory on this machine, or use a smaller dataset or model",
    "disk_full": "free disk space (`finetui rm JOB --checkpoints` helps), then resume",
    "data": "`finetui check` names the rows",
    "killed": "resume it; it goes on from its last checkpoint",
    "model_not_found": "check the model's name, or give a folder",
    "gated_model": "accept the model's licence on its hub page and set HF_TOKEN",
    "missing_package": "`finetui doctor` says what is missing; `finetui setup trainer` installs it",
    "wrong_version": "`finetui setup trainer` makes an environment with tested versions",
    "not_finite": "lower the learning rate, and look at the rows around the last good step",
    "bug": "the end of the log has the details; `finetui logs JOB`",
}
"""A way out for each reason, where the trainer gave none of its own."""

# For ends on which the trainer could not speak: what the last lines of the log tell.
_SIGNS = (
    ("out_of_memory", re.compile(r"CUDA out of memory|OutOfMemoryError|CUBLAS_STATUS_ALLOC_FAILED")),
    ("host_memory", re.compile(r"MemoryError|Cannot allocate memory|bad_alloc")),
    ("disk_full", re.compile(r"No space left on device|Disk quota exceeded|os error 28")),
    (
        "missing_package",
        re.compile(r"ModuleNotFoundError|No module named|can't start the trainer"),
    ),
    ("wrong_version", re.compile(r"ImportError|SyntaxError|undefined symbol|GLIBC|libcud[a-z]+\.so")),
    ("gated_model", re.compile(r"GatedRepoError|gated repo|401 Client Error|403 Client Error")),
    ("model_not_found", re.compile(r"RepositoryNotFoundError|is not a local folder")),
)


def verdict(ending: Ending) -> Verdict:
    """What an end means: the same for the supervisor that saw it and for whoever finds it later."""
    outcome, code, asked = ending.outcome, ending.returncode, ending.asked
    said = (outcome or {}).get("outcome")
    kept = JobState.paused if ending.has_checkpoint else JobState.cancelled
    if said == "succeeded":
        return Verdict(JobState.succeeded)
    if said == "failed" and outcome is not None:
        reason = str(outcome.get("reason") or "bug")
        message = str(outcome.get("message") or "the trainer failed")
        return Verdict(JobState.failed, message, reason, outcome.get("advice") or ADVICE.get(reason))
    if asked == "kill":
        return Verdict(JobState.cancelled, "killed as asked")
    if said == "stopped" or code == -signal.SIGTERM or (code is None and asked == "stop"):
        by = (
            "stopped as asked"
            if asked
            else "stopped by a signal from outside (a shutdown, or somebody's kill)"
        )
        what = "a checkpoint is kept" if ending.has_checkpoint else "nothing was trained yet"
        return Verdict(kept, f"{by}; {what}")
    if code is None:
        what = (
            "resume goes on from the last checkpoint" if ending.has_checkpoint else "resume starts it again"
        )
        message = "supervisor and trainer are gone without a word (power, reboot, or kill -9)"
        return Verdict(JobState.interrupted, message, "killed", what)
    if code == -signal.SIGKILL:
        if ending.out_of_host_memory:
            message = "the kernel killed the trainer: this machine ran out of memory"
            return Verdict(JobState.failed, message, "host_memory", ADVICE["host_memory"])
        return Verdict(
            JobState.failed, "the trainer was killed (SIGKILL) from outside", "killed", ADVICE["killed"]
        )
    if ending.disk_full and code != 0:
        message = "the disk is full: the trainer ended when it could not write any more"
        return Verdict(JobState.failed, message, "disk_full", ADVICE["disk_full"])
    for reason, sign in _SIGNS:
        if found := list(sign.finditer(ending.log_tail)):
            start = ending.log_tail.rfind("\n", 0, found[-1].start()) + 1
            message = one_line(ending.log_tail[start:].split("\n", 1)[0], 200)
            return Verdict(JobState.failed, message, reason, ADVICE[reason])
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else f"signal {-code}"
        return Verdict(JobState.failed, f"the trainer crashed with {name}", "bug", ADVICE["bug"])
    message = f"the trainer ended with status {code} without saying why"
    return Verdict(JobState.failed, message, "bug", ADVICE["bug"])


def oom_kills() -> int:
    """How often the kernel's OOM killer struck since boot (vmstat, Linux ≥ 4.13); 0 where it doesn't tell."""
    try:
        found = re.search(r"^oom_kill (\d+)$", Path("/proc/vmstat").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def disk_is_full(folder: Path) -> bool:
    """Whether a folder's file system has less room than a few lines and a small file need (1 MiB)."""
    try:
        return shutil.disk_usage(folder).free < 1 << 20
    except OSError:
        return False


def log_tail(path: Path, size: int = 16 << 10, start: int = 0) -> str:
    """The last bytes of a log, as text; `start`: where what counts begins, in bytes."""
    try:
        with open(path, "rb") as file:
            file.seek(max(start, file.seek(0, 2) - size))
            return file.read().decode(errors="replace")
    except OSError:
        return ""

"""The trainer's interpreter: which Python runs it, what that has, and how the trainer is started."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .engine import EngineError
from .secret import without_secrets
from .settings import Settings

TRAINER = Path(__file__).resolve().parent / "trainer"
"""The trainer's folder: a program of its own, never imported here."""

RECORDED = (
    "CUDA_VISIBLE_DEVICES",
    "CUDA_DEVICE_ORDER",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HUGGINGFACE_HUB_CACHE",
    "XDG_CACHE_HOME",
    "OMP_NUM_THREADS",
)
"""Variables of the shell that creates a job: the scheduler that starts it may come from another shell."""

HUB_SECRETS = frozenset({"HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH"})


@dataclass(frozen=True)
class Candidate:
    """A Python that could run the trainer."""

    python: str
    origin: str
    """Where it was found, in words."""


def candidates(settings: Settings, asked: str | None = None) -> list[Candidate]:
    """Pythons that could run the trainer, the one to use first.

    Args:
        asked: the job's own choice; then there is no other.
    """
    if asked:
        return [Candidate(_from_anywhere(asked), "the job's local.python")]
    if settings.local.python:
        return [Candidate(_from_anywhere(settings.local.python), f"local.python in {settings.path}")]
    found = []
    own = settings.home.trainer_environment / "bin" / "python"
    if own.exists():
        found.append(Candidate(str(own), "finetui setup trainer"))
    for variable, words in (
        ("VIRTUAL_ENV", "the active environment"),
        ("CONDA_PREFIX", "the active conda environment"),
    ):
        python = Path(os.environ.get(variable, "/nonexistent")) / "bin" / "python"
        if python.exists():
            found.append(Candidate(str(python), words))
    found.append(Candidate(sys.executable, "the app's own Python"))
    if python := shutil.which("python3"):
        found.append(Candidate(python, "python3 on PATH"))
    unique = {}
    for candidate in found:
        # Compared unresolved: a venv's python is a link to its base, which has other packages.
        unique.setdefault(str(Path(candidate.python).absolute()), candidate)
    return list(unique.values())


def _from_anywhere(python: str) -> str:
    """A Python as other folders find it too: a path as an absolute one, a bare name as PATH has it."""
    if os.sep not in python:
        return shutil.which(python) or python
    # Not resolved: a venv's python is a link to its base, which has other packages.
    return str(Path(python).expanduser().absolute())


def versions(python: str, *, imports: bool = False, seconds: float = 60) -> dict[str, Any]:
    """What an interpreter has, as the trainer's `versions` verb says it.

    Args:
        imports: also import the packages and ask for devices (takes seconds).

    Raises:
        EngineError: it doesn't run.
    """
    command = [python, str(TRAINER), "versions", *(["--import"] if imports else [])]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            timeout=seconds,
            env=environment(),
            stdin=subprocess.DEVNULL,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise EngineError(
            "missing_package", f"{python} does not run: {error}", "name another in local.python"
        ) from error
    try:
        report = json.loads(done.stdout.splitlines()[-1])
        if not isinstance(report, dict):
            raise ValueError
        return report
    except (IndexError, ValueError) as error:
        last = done.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no output"]
        message = f"{python} can't run the trainer: {last[0]}"
        raise EngineError("missing_package", message, "it must be Python 3.10 or newer") from error


def choose(settings: Settings, asked: str | None, method: str) -> str:
    """The interpreter for a job: the first that has what its method needs.

    Raises:
        EngineError: none has; each is named with what it lacks.
    """
    lacking = []
    for candidate in candidates(settings, asked):
        try:
            missing = missing_for(versions(candidate.python), method)
        except EngineError as error:
            lacking.append(f"{candidate.python} ({candidate.origin}): {error.message}")
            continue
        if not missing:
            return candidate.python
        lacking.append(f"{candidate.python} ({candidate.origin}) lacks {', '.join(missing)}")
    raise EngineError(
        "missing_package",
        "no Python here can train: " + "; ".join(lacking),
        "`finetui setup trainer` makes an environment for it, or name one in local.python",
    )


def missing_for(report: dict[str, Any], method: str) -> list[str]:
    """Packages that a method needs and an interpreter lacks."""
    return [name for name in report.get("missing", []) if name != "bitsandbytes" or method == "qlora"]


def environment(plan: dict[str, Any] | None = None, *, hub: bool = False) -> dict[str, str]:
    """The environment for a trainer's process: ours without secrets, and what makes it quiet and offline.

    Args:
        plan: of a job, whose creator's shell counts: the scheduler may come from another one.
        hub: for a download: with the hub's token, and online.
    """
    result = without_secrets(os.environ, HUB_SECRETS if hub else frozenset())
    if plan is not None:
        result = {name: value for name, value in result.items() if name not in RECORDED}
        result |= plan.get("environment", {})
    result |= {
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TOKENIZERS_PARALLELISM": "false",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "TRANSFORMERS_VERBOSITY": "error",
        # Fragmentation makes a process 8 to 26 % larger than what it allocates; this takes most of it away.
        "PYTORCH_ALLOC_CONF": "expandable_segments:True",
        # OpenMP's threads spin while they wait for each other. Beside anything else that computes, a
        # training step on a CPU then takes twenty times as long as with threads that sleep.
        "OMP_WAIT_POLICY": "PASSIVE",
    }
    if not hub:
        # The model was fetched before a GPU was leased: a training process asks no network for anything.
        result |= {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    return result

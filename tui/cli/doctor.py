"""`finetui doctor` and `finetui setup`: what this machine has and lacks, and the command that mends it."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from ...engines import interpreter
from ...engines.engine import EngineError, engine_names
from ...engines.gpu import visible_gpus
from ...engines.hardware import Nvml
from ...engines.home import Home
from ...engines.host import HostReader, disk_of
from ...engines.local.processes import logout_kills
from ...engines.local.setup import setup_trainer
from ...engines.models.weights import hub_cache
from ...engines.settings import Settings
from .options import Json
from .output import DONE, FAILED, note, print_json, say, say_beside, size

LOW_DISK_BYTES = 20 << 30


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    state: Literal["ok", "warning", "missing"]
    message: str
    fix: str = ""


SYMBOLS = {"ok": "✓", "warning": "!", "missing": "✗"}


def doctor(
    *, imports: Annotated[bool, Parameter(name="--import", negative="")] = False, json: Json = False
) -> int:
    """Say what this machine has, what is missing, and the command that mends it.

    Example: `finetui doctor --import`

    Args:
        imports: Also import torch and the rest in each interpreter (some seconds).
    """
    settings = Settings.load()
    findings = []
    for finding in examine(settings, imports=imports):
        findings.append(finding)
        if not json:
            say_beside(f"{SYMBOLS[finding.state]} {finding.what:<12} ", finding.message)
            if finding.fix:
                say(f"  {'':<12} → {finding.fix}")
    if json:
        print_json([asdict(finding) for finding in findings])
    return FAILED if any(finding.state == "missing" for finding in findings) else DONE


def examine(settings: Settings, *, imports: bool) -> Iterator[Finding]:
    """Look at everything, the quick things first."""
    home = settings.home.path
    host = HostReader(()).read()
    yield Finding("python", "ok", f"{platform.python_version()}, {platform.system()}, {os.cpu_count()} cores")
    memory = size(host.memory_limit_bytes or host.memory_total_bytes)
    yield Finding("memory", "ok", f"{memory}, {size(host.memory_available_bytes)} available")
    yield from _folder("home", home)
    yield from _folder("hub cache", hub_cache())
    yield _gpus()
    if warning := logout_kills():
        what, _, fix = warning.partition(";")
        yield Finding("logging out", "warning", what, fix.strip())
    else:
        yield Finding("logging out", "ok", "jobs outlive it")
    if (home / "config.toml").exists() or settings.path.exists():
        yield Finding("settings", "ok", str(settings.path))
    yield Finding("engines", "ok", ", ".join(engine_names()))
    yield from _interpreters(settings, imports)


def _folder(what: str, path: Path) -> Iterator[Finding]:
    existing = path
    while not existing.exists():
        existing = existing.parent
    disk = disk_of(existing)
    if not existing.is_dir():
        yield Finding(
            what, "missing", f"{existing} is no folder", "set FINETUI_HOME (or HF_HOME) to a folder of yours"
        )
    elif not os.access(existing, os.W_OK):
        yield Finding(
            what, "missing", f"{path} can't be written", "set FINETUI_HOME (or HF_HOME) to a folder of yours"
        )
    elif disk and disk.free_bytes is not None and disk.free_bytes < LOW_DISK_BYTES:
        fix = "free some space, or set FINETUI_HOME (or HF_HOME) to a larger disk"
        yield Finding(what, "warning", f"{path}, only {size(disk.free_bytes)} free", fix)
    else:
        yield Finding(what, "ok", f"{path}, {size(disk.free_bytes if disk else None)} free")


def _gpus() -> Finding:
    with Nvml() as nvml:
        snapshot = nvml.read()
    if snapshot.problem:
        return Finding("gpu", "warning", snapshot.problem, "without a GPU jobs train on the CPU: toys only")
    gpus = visible_gpus(snapshot, os.environ)
    if not gpus:
        return Finding("gpu", "warning", "CUDA_VISIBLE_DEVICES hides all GPUs", "unset it")
    sick = [gpu for gpu in gpus if gpu.error]
    if sick:
        return Finding("gpu", "warning", "; ".join(f"GPU {gpu.index}: {gpu.error}" for gpu in sick))
    names = ", ".join(f"{gpu.index}: {gpu.name} {size(gpu.memory_total_bytes)}" for gpu in gpus)
    return Finding("gpu", "ok", f"{names}; driver {snapshot.driver}, CUDA up to {snapshot.cuda_driver}")


def _interpreters(settings: Settings, imports: bool) -> Iterator[Finding]:
    """Each interpreter that could train; only when none can is one missing."""
    able = False
    for candidate in interpreter.candidates(settings):
        what = f"{candidate.python} ({candidate.origin})"
        try:
            report = interpreter.versions(candidate.python, imports=imports)
        except EngineError as error:
            yield Finding("trainer", "warning", error.message, error.advice)
            continue
        missing = interpreter.missing_for(report, "qlora")
        if missing:
            yield Finding("trainer", "warning", f"{what} lacks {', '.join(missing)}")
            continue
        able = True
        has = report["versions"]
        found = ", ".join(f"{name} {has[name]}" for name in ("torch", "transformers", "trl"))
        cuda = f"; CUDA {report['cuda']}" if report.get("cuda") else ""
        if report["problems"]:
            yield Finding("trainer", "warning", f"{what}: {found}{cuda}; {'; '.join(report['problems'])}")
        else:
            yield Finding("trainer", "ok", f"{what}: {found}{cuda}")
    if not able:
        yield Finding("trainer", "missing", "no Python here can train", "finetui setup trainer")


def trainer(*, json: Json = False) -> int:
    """Make an environment for the trainer, with tested versions and a torch that the driver takes.

    Example: `finetui setup trainer`

    Nothing else on this machine is touched; an existing torch stays as it is.
    """
    home = Home.default()
    python = setup_trainer(home, (lambda _: None) if json else note)
    report = interpreter.versions(str(python))
    missing = interpreter.missing_for(report, "qlora")
    if json:
        print_json({"python": str(python), "missing": missing, "versions": report["versions"]})
    elif missing:
        note(f"{python} still lacks {', '.join(missing)}")
    else:
        say(f"ready: {python}")
    return FAILED if missing else DONE

"""The result: `result/` of the job, and how it compares with the checkpoints."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from . import checkpoints, versions
from .plan import Plan
from .progress import Progress
from .render import Renderer

if TYPE_CHECKING:
    from .sft import JobTrainer


def last_update(job: Path) -> int | None:
    """The last update of a result that is already there."""
    try:
        return json.loads((job / "result" / "result.json").read_text())["step"]
    except (OSError, ValueError, KeyError):
        return None


def write(job: Path, trainer: JobTrainer, plan: Plan, renderer: Renderer) -> None:
    """The result's folder: written beside its place, brought to the disk, then renamed into it."""
    trainer.run.progress.phase("saving", unit="result")
    partial, result = job / "result.partial", job / "result"
    shutil.rmtree(partial, ignore_errors=True)
    trainer._save(str(partial))
    last = checkpoints.complete(trainer.run.checkpoints)[-1:]
    facts = {
        "format": 1,
        "method": plan.method,
        "kind": "weights" if plan.method == "full" else "adapter",
        "base": {
            "name": plan.model.name,
            "path": plan.model.path and str(plan.model.path),
            "revision": plan.model.revision,
        },
        "step": trainer.step,
        "eval_loss": last[0].eval_loss if last else None,
        "template_sha256": renderer.template_sha256,
        "end_token_ids": sorted(renderer.end_ids),
        "versions": versions.installed(),
    }
    (partial / "result.json").write_text(json.dumps(facts, indent=1))
    checkpoints.sync(partial)
    partial.rename(result)


def compare(folder: Path, progress: Progress) -> None:
    """Say so where an earlier checkpoint is clearly better than the result, which is the last one."""
    found = checkpoints.complete(folder)
    best = checkpoints.clearly_best(found)
    if best is None:
        return
    checkpoints.mark_complete(best, best=True)
    progress.note(
        "info",
        f"Held-out loss was lowest at update {best.step}: {best.eval_loss:.4f}; "
        f"{found[-1].eval_loss:.4f} at the end.",
        step=best.step,
        path=str(best.path),
    )

"""Checkpoints on disk: which ones count, which ones are kept.

A checkpoint is a folder `checkpoint-N`. It counts only with a `complete.json` in it, written after all the
rest has reached the disk; so a kill in the middle of a save costs nothing but that save.
"""

from __future__ import annotations

import json
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .failures import Failure

COMPLETE = "complete.json"
BETTER = 0.99
"""An evaluation counts as better than the last one when its loss is more than 1 % lower."""


@dataclass(frozen=True)
class Checkpoint:
    """A complete checkpoint.

    Attributes:
        step: updates made when it was saved.
        eval_loss: held-out loss at that step, where it was evaluated.
        num_tokens: tokens seen by training up to then.
    """

    path: Path
    step: int
    eval_loss: float | None
    num_tokens: int


def folder_of(checkpoints: Path, step: int) -> Path:
    return checkpoints / f"checkpoint-{step}"


def read(path: Path) -> Checkpoint | None:
    """The checkpoint in that folder, or None where it is not complete."""
    try:
        said = json.loads((path / COMPLETE).read_text())
        return Checkpoint(path, said["step"], said["eval_loss"], said["num_tokens"])
    except (OSError, ValueError, KeyError):
        return None


def complete(checkpoints: Path) -> list[Checkpoint]:
    """All complete checkpoints, the oldest first."""
    found = [read(path) for path in checkpoints.glob("checkpoint-*")]
    return sorted((one for one in found if one is not None), key=lambda one: one.step)


def mark_complete(checkpoint: Checkpoint, **more: Any) -> None:
    """Let all of the folder reach the disk, then say in it that it is complete."""
    sync(checkpoint.path)
    said = {
        "step": checkpoint.step,
        "eval_loss": checkpoint.eval_loss,
        "num_tokens": checkpoint.num_tokens,
        "time": time.time(),
        **more,
    }
    write_synced(checkpoint.path / COMPLETE, said)


def superfluous(found: list[Checkpoint]) -> list[Checkpoint]:
    """Those that are neither the last one nor the one with the lowest held-out loss."""
    if not found:
        return []
    evaluated = [one for one in found if one.eval_loss is not None]
    best = min(evaluated, key=lambda one: (one.eval_loss, -one.step), default=found[-1])
    return [one for one in found if one not in (found[-1], best)]


def clearly_best(found: list[Checkpoint]) -> Checkpoint | None:
    """The checkpoint whose held-out loss is more than 1 % below the last one's, if any."""
    if not found or found[-1].eval_loss is None:
        return None
    best = min((one for one in found if one.eval_loss is not None), key=lambda one: one.eval_loss or 0.0)
    return best if (best.eval_loss or 0.0) < found[-1].eval_loss * BETTER else None


def remove(path: Path) -> None:
    """Delete a checkpoint; it stops counting before its first file goes."""
    (path / COMPLETE).unlink(missing_ok=True)
    shutil.rmtree(path, ignore_errors=True)


def remove_incomplete(checkpoints: Path) -> None:
    """Delete what earlier attempts left half-saved."""
    for path in checkpoints.iterdir():
        if path.is_dir() and read(path) is None:
            shutil.rmtree(path, ignore_errors=True)


def size_bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def sync(folder: Path) -> None:
    """fsync every file of a folder, and the folders themselves."""
    for path in [*folder.rglob("*"), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def write_synced(path: Path, value: dict[str, Any]) -> None:
    """Write a JSON file so that it is there whole, or not at all."""
    partial = path.with_name(path.name + ".partial")
    with partial.open("w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)
    descriptor = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_disk(need_bytes: int, free_bytes: int, where: str) -> None:
    """Fail while nothing is lost yet where the checkpoints and the result would not fit."""
    if need_bytes > free_bytes:
        raise Failure(
            "disk_full",
            f"The checkpoints and the result need {need_bytes / 1e9:.1f} GB at {where}, "
            f"where {free_bytes / 1e9:.1f} GB are free.",
            "Free space there, move FINETUI_HOME to a larger disk, or train a smaller adapter.",
        )

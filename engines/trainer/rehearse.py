"""Before the first update: does the largest thing that will be done fit? Found out in seconds, not in hours.

The longest micro-batch goes forward and backward and through the optimizer, the longest evaluation batch
forward, and a checkpoint onto the disk. Afterwards everything is as it was: the step is made with a
gradient and a learning rate of zero, which allocates what a real one does and moves no weight, and the
optimizer's state is thrown away.
"""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import torch

from . import checkpoints
from .batches import as_columns

if TYPE_CHECKING:
    from .sft import JobTrainer, Run

SECONDS = 120.0
"""After so long no further part is begun."""
TRIAL_SAVE_BYTES = 2**30
"""A larger checkpoint is computed from its tensors' sizes, not written."""
COPIES = 3
"""Checkpoints on disk at once: the last, the best, and the one being written."""


def rehearse(trainer: JobTrainer, run: Run) -> None:
    """Run the rehearsal; the caller keeps the random state.

    Raises:
        Failure: the disk is too small for the checkpoints.
        torch.OutOfMemoryError: as training would.
    """
    began = time.monotonic()
    longest = sorted(trainer.train_rows, key=len, reverse=True)[: run.values.micro_batch_size]
    tokens = len(longest[0])
    _update(trainer, run, longest)
    if trainer.valid_rows and time.monotonic() - began < SECONDS:
        trainer.model.eval()
        trainer.batch_loss(trainer.valid_rows[: run.values.micro_batch_size])
    trainer._metrics["train"].clear()
    trainer._metrics["eval"].clear()
    if trainer.is_world_process_zero():
        _save(trainer, run)
    trainer.accelerator.wait_for_everyone()
    peak_bytes = None
    if trainer.args.device.type == "cuda":
        peak_bytes = torch.cuda.max_memory_allocated(trainer.args.device)
        torch.cuda.reset_peak_memory_stats(trainer.args.device)
    run.progress.note(
        "info",
        f"Rehearsed with the longest rows ({len(longest)} of up to {tokens} tokens).",
        seconds=time.monotonic() - began,
        tokens=tokens,
        peak_memory_bytes=peak_bytes,
    )


def _update(trainer: JobTrainer, run: Run, rows: list) -> None:
    counted = trainer._total_train_tokens
    inputs = trainer.data_collator(as_columns(rows))
    trained = torch.tensor(max(1, sum(row.trained for row in rows)), device=trainer.args.device)
    trainer.current_gradient_accumulation_steps = 1
    trainer.training_step(trainer.model_wrapped, inputs, trained)
    optimizer = trainer.optimizer
    # A resumed run's optimizer already has its state: it is allocated, and must not be touched.
    if not optimizer.state:
        rates = [group["lr"] for group in optimizer.param_groups]
        for group in optimizer.param_groups:
            group["lr"] = torch.zeros_like(group["lr"]) if torch.is_tensor(group["lr"]) else 0.0
        for parameter in trainer.trainable():
            if parameter.grad is not None:
                parameter.grad.zero_()
        # The scheduler counts the optimizer's steps; torch's own class does not.
        inner = getattr(optimizer, "optimizer", optimizer)
        type(inner).step(inner)
        inner.state.clear()
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate
    trainer.model.zero_grad(set_to_none=True)
    trainer._total_train_tokens = counted


def _save(trainer: JobTrainer, run: Run) -> None:
    """Compare the disk with what the checkpoints need: weights, and two fp32 moments a parameter."""
    parameters = sum(parameter.numel() for parameter in trainer.trainable())
    weights_bytes = 4 * parameters
    if weights_bytes < TRIAL_SAVE_BYTES:
        trial = run.checkpoints / "rehearsal.partial"
        try:
            trainer._save(str(trial))
            weights_bytes = checkpoints.size_bytes(trial)
        finally:
            shutil.rmtree(trial, ignore_errors=True)
    checkpoint_bytes = weights_bytes + 8 * parameters
    existing = checkpoints.size_bytes(run.checkpoints)
    checkpoints.check_disk(
        need_bytes=COPIES * checkpoint_bytes + weights_bytes - existing,
        free_bytes=shutil.disk_usage(run.checkpoints).free,
        where=str(run.checkpoints),
    )

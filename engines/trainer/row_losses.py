"""How hard each training row was when the model first saw it: row_losses.jsonl of the job.

In the first epoch the forward pass that trains on a row is also the only look at it before the model learns
from it, so its loss costs nothing and is honest. What is recorded is what the loss was made of: nothing is
computed twice, no random number is drawn, and no tensor of the training is touched.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any

import torch

from .progress import Progress

MOST_ROWS = 200_000
"""Of larger files only the hardest rows of each update are written (and how many rows it had)."""

Recorded = tuple[int, float, int]
"""A row's number among the canonical rows (from 0), its tokens' losses in sum (nats), its trained tokens."""


class RowLosses:
    """Takes the losses of each micro-batch's rows in the first epoch, and writes a line an update.

    Args:
        model: whose forward pass the loss is made of, without what several processes wrap around it.
        rows: how many are trained on.
        batch_size: rows an update.
    """

    def __init__(self, model: torch.nn.Module, rows: int, batch_size: int) -> None:
        self._model = model
        self._rows = rows
        self._updates = math.ceil(rows / batch_size)
        self._taken: list[torch.Tensor] = []
        self._untold = True

    def due(self, step: int) -> bool:
        """Whether the update that follows `step` others is of the first epoch."""
        return step < self._updates

    @contextlib.contextmanager
    def of(self, numbers: torch.Tensor) -> Iterator[None]:
        """Take the losses of the micro-batch with these rows, which goes through the model inside."""

        def take(_module: torch.nn.Module, _inputs: Any, output: Any) -> None:
            with torch.no_grad():
                losses = losses_of(output)
                if losses is not None:
                    self._taken.append(torch.cat([numbers.to(losses)[:, None], losses], dim=1))

        hook = self._model.register_forward_hook(take)
        try:
            yield
        finally:
            hook.remove()

    def write(self, step: int, accelerator: Any, progress: Progress) -> None:
        """Write the line of an update; with several processes, all call it, and the first one writes.

        Args:
            step: updates made so far.
        """
        none = torch.zeros((0, 3), dtype=torch.float64, device=accelerator.device)
        taken = torch.cat(self._taken or [none])
        self._taken = []
        if accelerator.num_processes > 1:
            taken = accelerator.gather(accelerator.pad_across_processes(taken, dim=0, pad_index=-1))
        rows = [(int(number), loss, int(tokens)) for number, loss, tokens in taken.tolist() if number >= 0]
        if rows:
            progress.row_losses(step, **line_of(rows, self._rows))
        elif self._untold:
            self._untold = False
            progress.note("info", "This model gives no losses of single tokens: no row's loss is recorded.")


def losses_of(output: Any) -> torch.Tensor | None:
    """Each row's sum of losses and count of trained tokens, (rows, 2) in float64; None where it has neither.

    TRL (1.15, 1.16) lets the model's head give the log-probabilities of the trained tokens, zero elsewhere,
    and makes the loss of them: there are no logits, and no need of them.
    """
    log_probs, trained = getattr(output, "log_probs", None), getattr(output, "label_mask", None)
    if log_probs is None or trained is None:
        return None
    return torch.stack([-log_probs.double().sum(1), trained.double().sum(1)], dim=1)


def line_of(rows: Sequence[Recorded], of: int) -> dict[str, Any]:
    """What an update's line says: `of` so many rows of the epoch it `seen` these, whose loss was `mean`.

    `mean` is the mean over its rows of a row's loss a token. Where the epoch has more than 200,000 rows, only
    the hardest are in `rows`: so many of an update that 200,000 are kept in all, and at least one.
    """
    losses = [loss / max(tokens, 1) for _, loss, tokens in rows]
    finite = [loss for loss in losses if math.isfinite(loss)]
    kept: Sequence[Recorded] = rows
    if of > MOST_ROWS:
        # One that is not finite is known to be so only where it is written.
        hardness = [loss if math.isfinite(loss) else math.inf for loss in losses]
        hardest = sorted(zip(hardness, rows, strict=True), key=lambda pair: -pair[0])
        kept = [row for _, row in hardest[: max(1, len(rows) * MOST_ROWS // of)]]
    return {
        "of": of,
        "seen": len(rows),
        "mean": round(sum(finite) / len(finite), 4) if finite else None,
        "rows": [
            [number, round(loss, 3) if math.isfinite(loss) else None, tokens] for number, loss, tokens in kept
        ],
    }

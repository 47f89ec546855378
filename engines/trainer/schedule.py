"""When things happen: updates, learning rate, evaluations, micro-batches. Plain arithmetic, no torch."""

from __future__ import annotations

import math


def total_updates(rows: int, batch_size: int, epochs: float, max_steps: int | None) -> int:
    """Updates of the whole job; an epoch's last update may have fewer rows than the others."""
    if max_steps is not None:
        return max_steps
    return max(1, math.ceil(epochs * math.ceil(rows / batch_size)))


def micro_batch(batch_size: int, wanted: int, ranks: int) -> int:
    """Rows a forward pass: the largest size up to `wanted` that divides the update evenly over `ranks`."""
    if batch_size % ranks:
        raise ValueError(f"batch_size {batch_size} cannot be divided over {ranks} processes")
    share = batch_size // ranks
    return max(size for size in range(1, min(wanted, share) + 1) if share % size == 0)


def is_due(step: int, every: int, total: int) -> bool:
    """Whether something that happens every so many updates, and at the end, happens after this one."""
    return step % every == 0 or step == total


def warmup_updates(total: int, share: float, at_most: int | None) -> int:
    """Updates that climb to the peak: a share of all, at most so many where there is a cap."""
    updates = math.ceil(share * total)
    return updates if at_most is None else min(updates, at_most)


def learning_rate_share(done: int, *, total: int, warmup: int, schedule: str, final_share: float) -> float:
    """The part of the peak learning rate that the next update uses.

    The first update already moves (a warm-up that begins at 0 wastes it), the update that ends the warm-up
    has the full rate, and the last one has `final_share` of it.

    Args:
        done: updates made so far.
        total: updates of the whole job.
        warmup: updates that climb to the peak.
        schedule: cosine, linear or constant.
        final_share: what the last update uses, as a share of the peak.
    """
    if done < warmup:
        return (done + 1) / warmup
    if schedule == "constant":
        return 1.0
    progress = min(1.0, (done + 1 - warmup) / max(1, total - warmup))
    falling = 0.5 * (1 + math.cos(math.pi * progress)) if schedule == "cosine" else 1 - progress
    return final_share + (1 - final_share) * falling


def row_length(longest_tokens: int, context_tokens: int | None) -> int:
    """max_length when nobody chose one: the longest row rounded up to 64, at most the model's context."""
    rounded = math.ceil(longest_tokens / 64) * 64
    return rounded if context_tokens is None else min(rounded, context_tokens)

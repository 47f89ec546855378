"""The values that only the trainer can know: they hang on the device, the tokens and the number of rows."""

from __future__ import annotations

from . import data, schedule
from .failures import Failure
from .plan import Plan


def device_values(plan: Plan, dtype: str, dtype_reason: str, ranks: int) -> None:
    """Precision and micro-batch, as far as the plan leaves them open."""
    if plan.asked("dtype") is None:
        plan.decide("dtype", dtype, dtype_reason)
    batch_size, wanted = plan.asked("batch_size"), plan.asked("micro_batch_size")
    reason = f"as planned, so that {batch_size} rows an update divide evenly"
    if wanted is None:
        wanted = 1 if plan.device == "cuda" else batch_size
        reason = "the safest on a GPU" if plan.device == "cuda" else "a CPU computes the update at once"
    try:
        size = schedule.micro_batch(batch_size, wanted, ranks)
    except ValueError as error:
        raise Failure("unsupported", str(error), f"Take a batch_size that {ranks} divides.") from error
    if size != plan.asked("micro_batch_size"):
        plan.decide("micro_batch_size", size, reason)


def length(plan: Plan, train: data.Rows, valid: data.Rows, context_tokens: int | None) -> None:
    """max_length: what was asked, but never more than the model knows."""
    longest = max(len(row) for row in [*train.rows, *valid.rows])
    asked = plan.asked("max_length")
    if asked is None:
        length = schedule.row_length(longest, context_tokens)
        plan.decide(
            "max_length",
            length,
            f"the longest row has {longest} tokens; the model's context is {context_tokens}",
        )
    elif context_tokens is not None and asked > context_tokens:
        plan.decide("max_length", context_tokens, f"the model's context; {asked} was asked for")


def intervals(plan: Plan, total: int) -> None:
    """How often to evaluate and to save."""
    if plan.asked("eval_every") is None:
        plan.decide("eval_every", max(1, -(-total // 10)), f"about ten times in {total} updates")
    if plan.asked("save_every") is None:
        plan.decide("save_every", plan.asked("eval_every"), "with each evaluation")

"""Defaults: one table, each value with its reason. No library's default is inherited unseen.

Sources: QLoRA (arXiv 2305.14314: learning rates per size); "LoRA Without Regret" (Thinking Machines Lab,
2025: every linear layer, rates ten times those of full fine-tuning, a fixed alpha); OpenAI's fine-tuning
cookbook (epochs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .engine import Value
from .spec import JobSpec

BILLION = 1_000_000_000
SEED = 42


@dataclass(frozen=True)
class Facts:
    """What defaults depend on."""

    rows: int
    """Training rows, after the split."""
    parameters: int | None
    """Of the model; None where the weights are not here yet."""
    device: str
    """`cuda` or `cpu`."""


def resolve(spec: JobSpec, facts: Facts) -> dict[str, Value]:
    """Every value of a job, asked for or chosen.

    Args:
        spec: what was asked; its None values are chosen here.

    Returns:
        Name to value and reason, in the order in which the form shows them. A value that only the trainer
        can know (it depends on token counts) is None, and the reason says how it will be chosen.
    """
    method = spec.method or "qlora"
    train, lora = spec.train, spec.lora
    values: dict[str, Value] = {}

    def put(name: str, asked: Any, chosen: Any, reason: str) -> None:
        values[name] = Value(chosen, reason) if asked is None else Value(asked, "asked for")

    put("epochs", train.epochs, *_epochs(facts.rows))
    put("max_steps", train.max_steps, None, "by epochs")
    put("batch_size", train.batch_size, *_batch_size(facts.rows))
    micro = (None, "chosen by the trainer; changes speed and memory, not the result")
    put("micro_batch_size", train.micro_batch_size, *micro)
    longest = (None, "the longest row rounded up to 64, at most the model's context: nothing is cut unseen")
    put("max_length", train.max_length, *longest)
    if train.overlong == "drop":
        values["overlong"] = Value(
            "drop", "a row over max_length is left out and counted: a cut answer never stops"
        )
    else:
        values["overlong"] = Value("cut", "asked for")
    put("learning_rate", train.learning_rate, *_learning_rate(method, facts.parameters))
    put("schedule", train.schedule, "cosine", "common practice; falls to a tenth of the peak")
    values["final_learning_rate_share"] = Value(0.1, "the last updates still learn")
    put("warmup_share", train.warmup, 0.05, "the first updates of a fresh adapter are the roughest")
    # A share that was asked for is kept; the cap is for the default.
    values["warmup_max"] = Value(None if train.warmup is not None else 100, "longer warm-ups gain nothing")
    if method == "full":
        put("weight_decay", train.weight_decay, 0.01, "common for full fine-tuning")
    else:
        put("weight_decay", train.weight_decay, 0.0, "an adapter is small; decay pulls it to the base")
    put("max_grad_norm", train.max_grad_norm, 1.0, "common practice")
    put("seed", train.seed, SEED, "fixed, so that a job can be repeated")
    put("eval_every", train.eval_every, None, "before the first update, then about ten times")
    put("save_every", train.save_every, None, "with each evaluation; the last and the best are kept")
    checkpointing = (False, "costs about a fifth of the speed; turn it on where memory is short")
    put("gradient_checkpointing", train.gradient_checkpointing, *checkpointing)
    put("dtype", train.dtype, *_dtype(method))
    if method != "full":
        many = facts.rows > 50_000
        put(
            "rank", lora.rank, 64 if many else 16, "above 50,000 rows" if many else "enough up to 50,000 rows"
        )
        put("alpha", lora.alpha, 32, "the same for every rank, so the best learning rate hardly moves")
        put("dropout", lora.dropout, 0.0, "fused kernels want none, and short jobs don't need it")
        put("target_modules", lora.target_modules, "all-linear", "every linear layer of the language model")
    rehearse = "the longest rows, an evaluation and a save are tried before step 1"
    values["rehearse"] = Value(train.rehearse, rehearse if train.rehearse else "asked for")
    put("sample_tokens", train.sample_tokens, 64, "one answer to a held-out row at each evaluation")
    return values


def method_of(spec: JobSpec) -> Value:
    """The method, with its reason."""
    if spec.method:
        return Value(spec.method, "asked for")
    return Value("qlora", "needs the least memory; choose lora where the bf16 weights fit")


def _epochs(rows: int) -> tuple[float, str]:
    if rows < 34:
        return min(25, 100 // max(1, rows)), f"only {rows} rows: about a hundred in all"
    if rows > 8_333:
        return max(1, 25_000 // rows), f"{rows:,} rows: about 25,000 in all are enough"
    return 3, "common practice for some hundred to thousand rows"


def _batch_size(rows: int) -> tuple[int, str]:
    if rows < 500:
        return 8, "few rows: more updates"
    if rows > 20_000:
        return 32, "many rows: steadier updates"
    return 16, "LoRA suffers from large batches"


def _learning_rate(method: str, parameters: int | None) -> tuple[float, str]:
    size = (
        "size not known yet: taken as 4 to 14B"
        if parameters is None
        else f"{parameters / BILLION:.3g}B parameters"
        if parameters >= BILLION
        else f"{parameters / 1e6:.3g}M parameters"
    )
    billions = 8.0 if parameters is None else parameters / BILLION
    if method == "full":
        rate = 2e-5 if billions <= 3.5 else 1e-5 if billions <= 14.9 else 5e-6
        return rate, f"{size}; about a tenth of LoRA's best rate"
    rate = 3e-4 if billions <= 3.5 else 2e-4 if billions <= 14.9 else 1.5e-4 if billions <= 34.9 else 1e-4
    return rate, f"{size}; the QLoRA paper's rates, on the careful side"


def _dtype(method: str) -> tuple[str | None, str]:
    if method == "full":
        return "float32", "AdamW on bf16 weights loses most updates to rounding"
    return None, "bfloat16 where the device has it, else float32"

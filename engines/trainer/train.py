"""`train`: a job from its plan to its result.

The whole story is in `run`; torch and what stands on it are imported only once a stop would be heard.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import traceback
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from . import checkpoints, data, decisions, result, schedule, versions
from .environment import describe_attempt
from .failures import Failure, classify
from .folder import check_folder
from .plan import Plan, read_plan
from .progress import Progress, say
from .render import Renderer
from .stopping import Stop, Stopped

if TYPE_CHECKING:
    from .sft import HeldOut


def main(asked: argparse.Namespace) -> int:
    """Train the job; the exit status: 0 after succeeded or stopped, 1 after failed."""
    job: Path = asked.job.resolve()
    progress = Progress(job, asked.attempt, writes=os.environ.get("RANK", "0") == "0")
    resumed = checkpoints.read(asked.resume.resolve()) if asked.resume else None
    progress.step = resumed.step if resumed else 0

    def leave() -> None:
        progress.outcome("stopped")
        os._exit(0)

    stop = Stop(leave)
    stop.listen(asked.life)
    try:
        done = result.last_update(job)
        if done is not None:
            progress.step = done
            progress.outcome("succeeded")
            return 0
        if asked.resume and resumed is None:
            raise Failure(
                "unsupported",
                f"{asked.resume} is not a complete checkpoint: it has no complete.json",
                "Resume from another checkpoint, or start again.",
            )
        finished = run(job, progress, stop, resumed)
        progress.outcome("succeeded" if finished else "stopped")
        return 0
    except Stopped:
        progress.outcome("stopped")
        return 0
    except BaseException as error:  # noqa: BLE001 - whatever it is, the job's owner must be told
        failure = classify(error, progress.doing)
        if failure is not error:
            traceback.print_exc()
        say(f"{failure.reason}: {failure.message}")
        # On a full disk even this line does not fit; the log has it.
        with contextlib.suppress(OSError):
            progress.outcome("failed", **failure.as_json())
        return 1


def run(job: Path, progress: Progress, stop: Stop, resumed: checkpoints.Checkpoint | None) -> bool:
    """Train, and write the result; whether the job is finished, and not stopped before its end."""
    plan = read_plan(job / "plan.json")
    folder = checkpoint_folder(job)
    base = model_folder(plan, progress)
    check_folder(base)

    progress.phase("loading")
    if "WORLD_SIZE" not in os.environ:
        use_one_gpu()
    import torch
    from transformers import set_seed
    from transformers.utils.logging import disable_progress_bar

    disable_progress_bar()
    # The names that transformers 5.23 calls old are the only ones that 5.20 knows.
    warnings.filterwarnings("ignore", category=FutureWarning)

    from . import model as loading
    from .sft import AlreadyTrained, JobTrainer, Run

    for problem in versions.problems(plan.method):
        progress.note("warning", problem)
    device = loading.device_for(plan.device)
    config = loading.load_config(base, plan.model.remote_code)
    tokenizer = loading.load_tokenizer(base, plan.model.remote_code)
    renderer = Renderer(tokenizer, plan.template.text)

    progress.phase("tokenising")
    train = rows_of(plan.train, renderer, progress)
    valid = rows_of(plan.valid, renderer, progress) if plan.valid else data.Rows([], 0, 0, 0)
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    decisions.device_values(plan, *loading.dtype_for(plan.method, device), ranks)
    decisions.length(plan, train, valid, loading.context_tokens(config))
    train = data.fit(train, plan.asked("max_length"), plan.asked("overlong"), renderer)
    valid = data.fit(valid, plan.asked("max_length"), plan.asked("overlong"), renderer)
    held_out = sample_row(plan.valid, valid, renderer)
    say_what_was_left_out(train, valid, plan, progress)
    total = schedule.total_updates(
        len(train.rows), plan.asked("batch_size"), plan.asked("epochs"), plan.asked("max_steps")
    )
    decisions.intervals(plan, total)
    values = plan.settled()
    describe_attempt(progress, plan, values, renderer, device, train, valid)
    progress.total(total)

    progress.phase("loading")
    set_seed(values.seed)
    model = loading.load_base(base, plan.method, values.dtype, device, plan.model.remote_code)
    if plan.method != "full":
        from peft import get_peft_model

        model = get_peft_model(
            model,
            loading.adapter_config(
                model,
                rank=values.rank,
                alpha=values.alpha,
                dropout=values.dropout,
                target_modules=values.target_modules,
            ),
        )
        if plan.model.path is None:
            # Others who load the adapter find the base by its name, not by this machine's cache.
            model.peft_config["default"].base_model_name_or_path = plan.model.name
    unlearned = sorted(loading.untrained_tokens(model, renderer.end_ids)) if plan.method != "full" else []
    if unlearned:
        progress.note(
            "warning",
            f"The base model never learned {renderer.decode(unlearned)}, which ends answers here, and its "
            "embedding stays as it is: the tuned model may never stop. Take the instruct version, or a "
            "template whose end token the base knows.",
            token_ids=unlearned,
        )
    if renderer.template is not None:
        tokenizer.chat_template = renderer.template
    trainer = JobTrainer(
        Run(plan.method, values, total, ranks, folder, progress, stop, renderer, held_out, resumed),
        model,
        tokenizer,
        train.rows,
        valid.rows,
    )
    with contextlib.suppress(AlreadyTrained):
        trainer.train(resume_from_checkpoint=str(resumed.path) if resumed else None)
    if trainer.left_early:
        return False
    if device.type == "cuda":
        torch.cuda.synchronize()
    if trainer.is_world_process_zero():
        result.write(job, trainer, plan, renderer)
        result.compare(folder, progress)
    return True


def use_one_gpu() -> None:
    """One process, one GPU: where torch sees more, the Trainer would take them all. Before torch's import."""
    first, comma, _ = os.environ.get("CUDA_VISIBLE_DEVICES", "0,").partition(",")
    if comma:
        os.environ["CUDA_VISIBLE_DEVICES"] = first


def checkpoint_folder(job: Path) -> Path:
    """The job's folder for checkpoints, without what a killed attempt left half-saved."""
    folder = job / "checkpoints"
    folder.mkdir(exist_ok=True)
    if os.environ.get("RANK", "0") == "0":
        checkpoints.remove_incomplete(folder)
    return folder


def model_folder(plan: Plan, progress: Progress) -> Path:
    """The base model's folder on this machine, downloaded where it is not there yet."""
    if plan.model.path is not None:
        return plan.model.path
    from .fetch import fetch

    progress.phase("downloading")
    return fetch(
        plan.model.name,
        plan.model.revision,
        remote_code=plan.model.remote_code,
        on_bytes=lambda done, total: progress.phase("downloading", done, total, "bytes"),
    )


def rows_of(path: Path, renderer: Renderer, progress: Progress) -> data.Rows:
    return data.render_file(path, renderer, lambda done: progress.phase("tokenising", done, unit="rows"))


def sample_row(path: Path | None, valid: data.Rows, renderer: Renderer) -> HeldOut | None:
    """The first row that is evaluated, as the prompt of the samples: up to its last assistant message."""
    from .sft import HeldOut

    if path is None or not valid.rows:
        return None
    for number, row in data.read_rows(path):
        if number != valid.rows[0].number:
            continue
        if "completion" in row:
            return HeldOut(row["prompt"], row["completion"], renderer.raw_prompt(row["prompt"]))
        if "messages" in row:
            messages = row["messages"]
            last = max(number for number, message in enumerate(messages) if message["role"] == "assistant")
            shown = messages[:last]
            expected = messages[last].get("content") or json.dumps(messages[last].get("tool_calls"))
            return HeldOut(shown, expected, renderer.prompt(shown, row.get("tools")))
        return None
    return None


def say_what_was_left_out(train: data.Rows, valid: data.Rows, plan: Plan, progress: Progress) -> None:
    """A note for everything that the user's rows did not survive unchanged."""
    length = plan.asked("max_length")
    for name, rows in (("training", train), ("validation", valid)):
        if rows.dropped:
            progress.note(
                "warning",
                f"{rows.dropped} {name} rows are longer than {length} tokens: left out.",
                rows=rows.dropped,
            )
        if rows.cut:
            progress.note("warning", f"{rows.cut} {name} rows were cut to {length} tokens.", rows=rows.cut)
        if rows.endless - rows.cut > 0:
            progress.note(
                "warning", f"{rows.endless} {name} rows do not end with an end token.", rows=rows.endless
            )
    if not train.rows:
        raise Failure(
            "data",
            f"All {train.dropped} training rows are longer than max_length, {length} tokens.",
            "Raise max_length, or split the rows.",
        )

"""TRL's SFTTrainer, with our own order of rows, evaluation, learning rate, checkpoints and end.

What is kept from TRL and transformers: the loop, accumulation, the loss over the trained tokens of the
whole update, the optimizer, mixed precision, several processes. Nothing else of theirs is inherited
unseen: `arguments` states every setting that bears on the result.
"""

from __future__ import annotations

import functools
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer
from transformers.trainer_callback import PrinterCallback
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from . import checkpoints, schedule
from .batches import Shuffled, as_columns, as_dataset, collate
from .data import Row
from .flow import Flow
from .plan import Method, Values
from .progress import Progress
from .rehearse import rehearse
from .render import Renderer
from .row_losses import RowLosses
from .sampling import generate, random_state_kept
from .stopping import Stop, Stopped


class AlreadyTrained(Exception):
    """The checkpoint that was resumed from is the last one: only what comes after training is left."""


@dataclass(frozen=True)
class HeldOut:
    """The row whose answer is generated at each evaluation.

    Attributes:
        prompt: what is shown: messages, or a text.
        expected: what the data says.
        ids: the prompt's tokens.
    """

    prompt: Any
    expected: str
    ids: list[int]


@dataclass(frozen=True)
class Run:
    """What a run needs beside the model and the rows."""

    method: Method
    values: Values
    total: int
    """Updates of the whole job."""
    ranks: int
    checkpoints: Path
    progress: Progress
    stop: Stop
    renderer: Renderer
    held_out: HeldOut | None
    resumed: checkpoints.Checkpoint | None


def arguments(run: Run, on_cpu: bool) -> SFTConfig:
    """All of TRL's and transformers' settings that bear on the result."""
    values = run.values
    return SFTConfig(
        output_dir=str(run.checkpoints),
        max_steps=run.total,
        per_device_train_batch_size=values.micro_batch_size,
        per_device_eval_batch_size=values.micro_batch_size,
        gradient_accumulation_steps=values.batch_size // (values.micro_batch_size * run.ranks),
        average_tokens_across_devices=True,
        learning_rate=values.learning_rate,
        optim="adamw_torch_fused",
        adam_beta1=0.9,
        adam_beta2=0.999,
        adam_epsilon=1e-8,
        weight_decay=values.weight_decay,
        max_grad_norm=values.max_grad_norm,
        label_smoothing_factor=0.0,
        loss_type="nll",
        # Rows come rendered, with labels: TRL neither tokenises, nor cuts, nor packs.
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        packing=False,
        padding_free=False,
        remove_unused_columns=False,
        dataloader_num_workers=0,
        dataloader_drop_last=False,
        bf16=values.dtype == "bfloat16",
        fp16=False,
        use_cpu=on_cpu,
        seed=values.seed,
        data_seed=values.seed,
        gradient_checkpointing=values.gradient_checkpointing,
        gradient_checkpointing_kwargs={"use_reentrant": False} if values.gradient_checkpointing else None,
        use_cache=False,
        # When to log, evaluate and save is decided in `Flow`.
        logging_strategy="no",
        eval_strategy="no",
        save_strategy="no",
        # By default transformers hides a loss that is not finite behind an average of older ones.
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        ddp_find_unused_parameters=False,
    )


class JobTrainer(SFTTrainer):
    """Trains one job.

    Args:
        model: base model, with its adapter unless all of it is trained.
        tokenizer: saved with every checkpoint.
        train, valid: rendered rows; valid may be empty, and then nothing is evaluated.
    """

    # Of many types in transformers; one process and one model are meant here.
    model: Any
    optimizer: Any
    accelerator: Any
    processing_class: Any

    def __init__(self, run: Run, model: Any, tokenizer: Any, train: list[Row], valid: list[Row]) -> None:
        on_gpu = next(model.parameters()).is_cuda
        self.run = run
        self.train_rows = train
        # The longest first: padding is least in batches of like length, and a lack of memory shows at once.
        self.valid_rows = sorted(valid, key=len, reverse=True)
        self.last_eval_loss: float | None = None
        self.saved_step: int | None = None
        self.left_early = False
        super().__init__(
            model=model,
            args=arguments(run, on_cpu=not on_gpu),
            # Tensor cores want multiples of 8; what is padded is masked, so the result does not change.
            data_collator=functools.partial(collate, pad_to=8 if on_gpu else 1),
            train_dataset=as_dataset(train),
            processing_class=tokenizer,
            callbacks=[],
        )
        self.remove_callback(PrinterCallback)
        self.add_callback(Flow(self))
        # TRL's loss divides by the trained tokens of the update whatever the model's forward accepts;
        # transformers counts them only where this is set (some architectures' forward hides it).
        self.model_accepts_loss_kwargs = True
        # TRL casts adapters under 4 bits to bf16, and a resume loads them as fp32: with fp32 from the
        # start, a resumed run's losses equal an unbroken one's to the last bit (TRL 1.16).
        for parameter in self.trainable():
            parameter.data = parameter.data.float()
        self._row_losses = RowLosses(self.model, len(train), run.values.batch_size)

    def trainable(self) -> list[torch.nn.Parameter]:
        return [parameter for parameter in self.model.parameters() if parameter.requires_grad]

    @property
    def step(self) -> int:
        """Updates made so far."""
        return self.state.global_step

    def stop_agreed(self) -> bool:
        """Whether to stop now; with several processes, all give the same answer."""
        if self.run.ranks == 1:
            return self.run.stop.requested
        wish = torch.tensor(float(self.run.stop.requested), device=self.args.device)
        return bool(self.accelerator.reduce(wish, reduction="sum").item() > 0)

    def compute_loss(self, model: Any, inputs: dict[str, Any], *arguments: Any, **more: Any) -> Any:
        """TRL's, whose rows' losses are taken on the way."""
        numbers = inputs.pop("number", None)
        if numbers is None or not self._row_losses.due(self.step):
            return super().compute_loss(model, inputs, *arguments, **more)
        with self._row_losses.of(numbers):
            return super().compute_loss(model, inputs, *arguments, **more)

    def write_row_losses(self) -> None:
        """After an update of the first epoch: its rows' losses."""
        if self._row_losses.due(self.step - 1):
            self._row_losses.write(self.step, self.accelerator, self.run.progress)

    def begin(self) -> None:
        """Before the first update: rehearse, and take the "before" of every "2.31 → 1.04"."""
        run, resumed = self.run, self.run.resumed
        if resumed is not None:
            self._total_train_tokens = resumed.num_tokens
        if run.values.rehearse and not (resumed and resumed.step >= run.total):
            run.progress.phase("rehearsing")
            with random_state_kept():
                rehearse(self, run)
        run.stop.wait_for_boundary()
        if resumed is None:
            self.evaluate()
        elif resumed.eval_loss is None and schedule.is_due(resumed.step, run.values.eval_every, run.total):
            # It was stopped in its evaluation, or just before.
            self.evaluate()
            if self.last_eval_loss is not None:
                checkpoints.mark_complete(
                    checkpoints.Checkpoint(
                        resumed.path, resumed.step, self.last_eval_loss, resumed.num_tokens
                    )
                )
        if self.left_early or self.stop_agreed():
            raise Stopped
        if resumed is not None and resumed.step >= run.total:
            raise AlreadyTrained
        run.progress.phase("training", self.step, run.total, "updates")

    def evaluate(self, *_: Any, **__: Any) -> dict[str, float]:
        """Held-out loss, per trained token and so independent of the batches; and one sample.

        A stop ends it early, without a result. The random state stays as it was.
        """
        self.control.should_evaluate = False
        self.last_eval_loss = None
        if not self.valid_rows:
            return {}
        self.model.eval()
        with random_state_kept():
            loss = self._held_out_loss()
            if loss is None:
                self.leave_early()
                return {}
            self.last_eval_loss = loss if math.isfinite(loss) else None
            self.log({"eval_loss": loss})
            if (
                self.run.held_out is not None
                and self.run.values.sample_tokens
                and self.is_world_process_zero()
            ):
                self._sample(self.run.held_out)
        self.run.progress.phase("training", self.step, self.run.total, "updates")
        return {"eval_loss": loss}

    def leave_early(self) -> None:
        """Save, and make no further update."""
        self.left_early = True
        self.control.should_evaluate = False
        self.control.should_save = self.control.should_training_stop = True

    def _held_out_loss(self) -> float | None:
        size = self.args.per_device_eval_batch_size
        batches = [self.valid_rows[at : at + size] for at in range(0, len(self.valid_rows), size)]
        losses = torch.zeros(2, dtype=torch.float64, device=self.args.device)
        for turn in range(math.ceil(len(batches) / self.run.ranks)):
            if self.stop_agreed():
                return None
            self.run.progress.phase("evaluating", turn * self.run.ranks * size, len(self.valid_rows), "rows")
            number = turn * self.run.ranks + self.args.process_index
            # Every process makes as many passes as the others; what is left over counts for nothing.
            rows = batches[min(number, len(batches) - 1)]
            loss = self.batch_loss(rows)
            trained = sum(row.trained for row in rows) if number < len(batches) else 0
            losses += torch.tensor([loss * trained if trained else 0.0, trained]).to(losses)
        total = self.accelerator.reduce(losses, reduction="sum")
        return (total[0] / total[1]).item()

    def batch_loss(self, rows: list[Row]) -> float:
        """Mean loss over the trained tokens of some rows, without gradients."""
        inputs = self._prepare_inputs(self.data_collator(as_columns(rows)))
        with torch.no_grad(), self.compute_loss_context_manager():
            return float(self.compute_loss(self.model, inputs).item())

    def _sample(self, held_out: HeldOut) -> None:
        ids = generate(
            self.model,
            held_out.ids,
            end_ids=self.run.renderer.end_ids,
            max_tokens=self.run.values.sample_tokens,
            stop=lambda: self.run.stop.requested,
        )
        if ids and ids[-1] in self.run.renderer.end_ids:
            ids = ids[:-1]
        answer = self.run.renderer.decode(ids)
        self.run.progress.sample(self.step, held_out.prompt, held_out.expected, answer)

    def create_scheduler(self, num_training_steps: int, optimizer: Any = None) -> Any:
        """The learning rate over the job."""
        values, total = self.run.values, self.run.total
        share = functools.partial(
            schedule.learning_rate_share,
            total=total,
            warmup=schedule.warmup_updates(total, values.warmup_share, values.warmup_max),
            schedule=values.schedule,
            final_share=values.final_learning_rate_share,
        )
        self.lr_scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer or self.optimizer, share)
        self._created_lr_scheduler = True
        return self.lr_scheduler

    def _get_train_sampler(self, train_dataset: Any = None) -> torch.utils.data.Sampler[int]:
        return Shuffled(len(self.train_rows), self.run.values.seed)

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        """Save here and now; afterwards only the last and the best checkpoint are left."""
        run = self.run
        if self.saved_step == self.step:
            return
        run.progress.phase("saving", unit="checkpoint")
        folder = checkpoints.folder_of(run.checkpoints, self.step)
        if self.is_world_process_zero():
            checkpoints.remove(folder)
        self.accelerator.wait_for_everyone()
        # Past TRL, which writes a model card each time.
        Trainer._save_checkpoint(self, model, trial)
        self.accelerator.wait_for_everyone()
        self.saved_step = self.step
        if not self.is_world_process_zero():
            return
        saved = checkpoints.Checkpoint(folder, self.step, self.last_eval_loss, self._total_train_tokens)
        checkpoints.mark_complete(saved)
        run.progress.checkpoint(saved.step, folder, saved.eval_loss)
        for old in checkpoints.superfluous(checkpoints.complete(run.checkpoints)):
            checkpoints.remove(old.path)

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        """Weights or adapter, and the tokenizer: transformers would add its arguments, as a pickle."""
        folder = output_dir or str(self.args.output_dir)
        # `save_embedding_layers="auto"` would ask the hub about the base model.
        adapter: dict[str, Any] = (
            {"save_embedding_layers": False} if hasattr(self.model, "peft_config") else {}
        )
        self.model.save_pretrained(folder, state_dict=state_dict, **adapter)
        self.processing_class.save_pretrained(folder)

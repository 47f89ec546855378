"""What happens after which update, and what is reported of it."""

from __future__ import annotations

import math
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from transformers import TrainerCallback

from . import schedule
from .failures import Failure
from .progress import say

if TYPE_CHECKING:
    from .sft import JobTrainer

NOT_FINITE_UPDATES = 5
"""So many updates in a row without a finite loss, and the job is beyond hope."""
NOT_METRICS = ("train_", "total_flos", "step")


class Flow(TrainerCallback):
    """Decides after each update what is due, and writes down what was measured."""

    def __init__(self, trainer: JobTrainer) -> None:
        self._trainer = trainer
        self._run = trainer.run
        self._began = 0.0
        self._tokens_before = 0
        self._not_finite = 0

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._trainer.begin()

    def on_step_begin(self, *_: Any, **__: Any) -> None:
        self._began = time.monotonic()
        self._tokens_before = self._trainer._total_train_tokens

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> Any:
        step, values, total = state.global_step, self._run.values, self._run.total
        self._trainer.last_eval_loss = None
        self._trainer.write_row_losses()
        control.should_log = True
        control.should_evaluate = schedule.is_due(step, values.eval_every, total)
        control.should_save = schedule.is_due(step, values.save_every, total)
        if self._trainer.stop_agreed():
            self._trainer.leave_early()
        self._run.progress.phase("training", step, total, "updates")
        return control

    def on_log(
        self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any
    ) -> None:
        logs = {name: value for name, value in (logs or {}).items() if not name.startswith(NOT_METRICS)}
        place = f"update {state.global_step}/{self._run.total}"
        if "loss" in logs:
            tokens = self._trainer._total_train_tokens - self._tokens_before
            # The loss was read from the GPU just now, so everything that was queued there is done.
            logs["tokens_per_second"] = tokens / max(time.monotonic() - self._began, 1e-9)
            logs["memory_bytes"] = self._memory_bytes()
            self._say(f"{place}: loss {logs['loss']:.4f}")
        elif "eval_loss" in logs:
            self._say(f"{place}: held-out loss {logs['eval_loss']:.4f}")
        if logs.keys() - {"epoch"}:
            self._run.progress.metrics(state.global_step, **logs)
        if "loss" in logs:
            healthy = math.isfinite(logs["loss"]) and math.isfinite(logs.get("grad_norm", 0.0))
            self._watch_over(state.global_step, healthy, control)

    def _say(self, text: str) -> None:
        if self._trainer.is_world_process_zero():
            say(text)

    def _watch_over(self, step: int, healthy: bool, control: Any) -> None:
        if healthy:
            self._not_finite = 0
            return
        # The weights are not finite from here on: the last checkpoint must stay the one before.
        control.should_save = False
        self._not_finite += 1
        if self._not_finite == 1:
            self._run.progress.note(
                "warning", f"The loss or its gradient is not finite at update {step}.", step=step
            )
        if self._not_finite >= NOT_FINITE_UPDATES or step >= self._run.total:
            raise Failure(
                "not_finite",
                f"The loss or its gradient was not finite for {self._not_finite} updates, up to {step}.",
                "Lower the learning rate (by 3 to 10 times) and start again; resuming continues from the "
                "last checkpoint with the same rate.",
            )

    def _memory_bytes(self) -> int:
        """Peak of the GPU since the last line, the largest over all processes; on a CPU the resident set."""
        device = self._trainer.args.device
        if device.type != "cuda":
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            return pages * os.sysconf("SC_PAGE_SIZE")
        peak = torch.tensor(float(torch.cuda.max_memory_allocated(device)), device=device)
        torch.cuda.reset_peak_memory_stats(device)
        if self._run.ranks > 1:
            peak = self._trainer.accelerator.gather(peak.reshape(1)).max()
        return int(peak.item())

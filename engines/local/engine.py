"""The local engine: jobs on this machine's GPU or CPU, in processes that no terminal owns."""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from .. import interpreter
from ..datasets.problem import Problem
from ..datasets.training.prepare import DataError, Prepared
from ..datasets.training.prepared import prepare_once
from ..defaults import SEED, Facts, method_of, resolve
from ..engine import EngineError, ModelRef, Plan, Value
from ..exits import ADVICE
from ..gpu import Gpu, Snapshot, visible_gpus
from ..hardware import Nvml
from ..job import HeldJob, Job, JobBusy
from ..models import weights
from ..models.templates import chosen, template_problems
from ..models.weights import ModelNotFound, Weights
from ..planning.memory import at_least_bytes
from ..records import replace_bytes
from ..settings import Settings
from ..spec import JobSpec, build, setting
from ..states import ALIVE, ENDED, RESUMABLE, JobState
from . import scheduling
from .conclude import drop_requests, settle
from .lease import CPU
from .processes import kill_group, logout_kills, terminate

PATIENCE_SECONDS = 1.0
"""How long a command waits for whoever holds a job for a moment."""


@dataclass(frozen=True)
class LocalOptions:
    """[local] of a spec."""

    python: str | None = setting("interpreter that runs the trainer")
    device: Literal["auto", "cuda", "cpu"] = setting("where it trains", default="auto")
    gpu: str | None = setting("index or UUID of the GPU; else the first that is free")


class LocalEngine:
    """Implements `Engine` on this machine."""

    name = "local"
    options = LocalOptions

    def __init__(self, settings: Settings) -> None:
        self.settings, self.home = settings, settings.home

    def check(self, spec: JobSpec) -> list[Problem]:
        """What is wrong with a spec here; an empty list means that `plan` will answer."""
        try:
            return list(self.plan(spec).problems)
        except DataError as error:
            return list(error.problems)
        except EngineError as error:
            return [Problem(error.reason.replace("_", "-"), "error", error.message, error.advice)]

    def plan(self, spec: JobSpec) -> Plan:
        """Every value with its reason; writes the canonical rows (named by their hash) and nothing else.

        Raises:
            EngineError: model, interpreter or device is missing.
            DataError: the rows have errors.
            SpecError: [local] holds what can't be used.
        """
        options: LocalOptions = build(LocalOptions, spec.options, "local.")
        with Nvml() as nvml:
            snapshot = nvml.read()
        device = self._device(options, snapshot)
        method = method_of(spec)
        model = self._model(spec)
        python = interpreter.choose(self.settings, options.python, method.value)
        data = self._data(spec)
        facts = Facts(data.train.rows, model.parameters if model else None, device.value)
        problems = list(data.problems)
        if warning := logout_kills():
            problems.append(Problem("logout-kills", "warning", warning, ""))
        template = chosen(spec.train.template, model)
        problems += template_problems(
            model,
            template,
            method.value,
            conversations=_are_conversations(data.train.path),
            remote_code=spec.remote_code,
        )
        document: dict[str, Any] = {
            "format": 1,
            "method": method.value,
            "objective": "sft",
            "model": {
                "name": spec.model,
                "path": str(model.path) if model else None,
                "revision": (model.revision if model else None) or spec.revision,
                "remote_code": spec.remote_code,
                "parameters": facts.parameters,
            },
            "data": data.to_plan(),
            "template": {
                "text": template,
                "sha256": hashlib.sha256(template.encode()).hexdigest() if template else None,
            },
            "values": {"method": method} | resolve(spec, facts) | {"device": device},
            "device": device.value,
            "gpu": options.gpu,
            "python": python,
            "environment": {name: os.environ[name] for name in interpreter.RECORDED if name in os.environ},
            "estimate": {
                "memory_bytes": None,
                "at_least_bytes": at_least_bytes(model, method.value, device.value),
            },
        }
        return Plan(document, tuple(problems))

    def start(self, job: Job) -> None:
        """See to it that a scheduler lives: it finds the job by its state."""
        scheduling.ensure(self.home)

    def sync(self, job: Job) -> None:
        """Judge a job whose supervisor and trainer are gone; leave every other as it is."""
        try:
            state = job.state()
            if state.state not in ALIVE or job.foreign(state):
                return
            with job.hold() as held:
                settle(held)
        except (JobBusy, OSError):
            return  # it lives, it was removed, or a full disk takes no verdict now: the next sync will do

    def stop(self, job: Job, now: bool) -> None:
        """Ask the supervisor; a job that waits is cancelled here, and one whose supervisor died is ended.

        Raises:
            EngineError: it belongs to another machine, or has ended.
        """
        self._must_be_ours(job)
        verb = "kill" if now else "stop"
        try:
            with _hold(job, unless=ALIVE) as held:
                state = held.state().state
                if state == JobState.queued:
                    kept = bool(job.checkpoints())
                    held.become(
                        JobState.paused if kept else JobState.cancelled,
                        message="taken from the queue" + ("; its checkpoint is kept" if kept else ""),
                    )
                elif state in ENDED:
                    raise EngineError("state", f"job {job.id} is {state}", "there is nothing to stop")
                settle(held)
        except JobBusy:
            state = job.state()
            try:
                job.request(verb, f"pid {os.getpid()}")
            except OSError as error:
                # A full disk takes no request, but a process takes a signal.
                if not (kill_group(state.trainer) if now else terminate(state.supervisor)):
                    message = f"job {job.id} can't be asked to stop: {error}"
                    raise EngineError("disk_full", message, ADVICE["disk_full"]) from error
                return
            # Its supervisor died and its trainer hangs: nobody reads requests. Only a process that is
            # provably the trainer is touched, and only when it is to end at once.
            if now and state.supervisor and state.supervisor.alive() is False:
                kill_group(state.trainer)

    def resume(self, job: Job) -> None:
        """Queue it again as the next attempt.

        Raises:
            EngineError: it runs, succeeded, or belongs to another machine.
        """
        self._must_be_ours(job)
        try:
            with _hold(job) as held:
                settle(held)
                state = held.state()
                if state.state not in RESUMABLE:
                    way = (
                        "it has its result"
                        if state.state == JobState.succeeded
                        else "there is nothing to resume"
                    )
                    raise EngineError("state", f"job {job.id} is {state.state}", way)
                # A stop that came as the last attempt ended was not meant for the next one.
                drop_requests(held)
                newest = job.checkpoints()[-1:]
                message = f"from step {newest[0].step}" if newest else "from the start: it has no checkpoint"
                # The loss of steps that will be trained again is not where the job stands.
                held.become(
                    JobState.queued,
                    message=message,
                    attempt=state.attempt + 1,
                    step=newest[0].step if newest else 0,
                    gpus=(),
                )
        except JobBusy as error:
            raise EngineError("state", f"job {job.id} is still running", "stop it first") from error
        scheduling.ensure(self.home)

    def models(self, job: Job) -> list[ModelRef]:
        """Result first, then checkpoints from the newest, then the base."""
        plan = job.plan()
        name = job.spec()["name"]
        method = plan["method"]
        path = plan["model"]["path"]
        model = weights.find(plan["model"]["name"], plan["model"]["revision"]) if path is None else None
        base = ModelRef(
            label=f"{name}@base",
            base=path or (str(model.path) if model else plan["model"]["name"]),
            revision=plan["model"]["revision"],
            load=method,
            template=self._template(job, plan),
            system=plan["data"].get("system"),
            python=plan["python"],
            device=plan["device"],
            remote_code=plan["model"]["remote_code"],
            environment=tuple(sorted(plan.get("environment", {}).items())),
        )
        tuned = [(name, job.paths.result)] if job.paths.result.is_dir() else []
        tuned += [(f"{name}@{point.step}", point.path) for point in reversed(job.checkpoints())]
        refs = []
        for label, folder in tuned:
            if method == "full":
                refs.append(replace(base, label=label, base=str(folder)))
            else:
                refs.append(replace(base, label=label, adapter=folder))
        return [*refs, base]

    def _template(self, job: Job, plan: dict[str, Any]) -> Path | None:
        """The result's own chat template; before there is a result the plan's, in a file of the cache."""
        saved = job.paths.result / "chat_template.jinja"
        if saved.exists():
            return saved
        text = plan.get("template", {}).get("text")
        if not text:
            return None
        content = text.encode()
        kept = self.home.cache / "templates" / f"{hashlib.sha256(content).hexdigest()}.jinja"
        try:
            if not kept.exists() or kept.read_bytes() != content:
                kept.parent.mkdir(parents=True, exist_ok=True)
                replace_bytes(kept, content)
        except OSError as error:
            message = f"the chat template of job {job.id} can't be written: {error}"
            raise EngineError("disk_full", message, ADVICE["disk_full"]) from error
        return kept

    def _must_be_ours(self, job: Job) -> None:
        state = job.state()
        if job.foreign(state):
            raise EngineError(
                "state",
                f"job {job.id} belongs to {state.host}",
                "run this there; if this is that machine under another name (a container made anew), "
                f"set FINETUI_MACHINE_ID={state.machine} for all of finetui here",
            )

    def _device(self, options: LocalOptions, snapshot: Snapshot) -> Value:
        gpus = visible_gpus(snapshot, os.environ)
        if options.device == CPU:
            if options.gpu is not None:
                message = "local.gpu is given, but local.device is cpu"
                raise EngineError("unsupported", message, "leave one of the two out")
            return Value(CPU, "asked for")
        if gpus:
            self._gpu(options, gpus)
            here = f"{len(gpus)} GPU here: {gpus[0].name}" if len(gpus) == 1 else f"{len(gpus)} GPUs here"
            return Value("cuda", "asked for" if options.device == "cuda" else here)
        if options.device == "cuda" or options.gpu is not None:
            asked = "local.device is cuda" if options.device == "cuda" else f"local.gpu is {options.gpu}"
            why = snapshot.problem or "CUDA_VISIBLE_DEVICES leaves none"
            raise EngineError("unsupported", f"{asked}, but there is no GPU: {why}", "use device = cpu")
        if snapshot.gpus:
            message = "there are GPUs, but CUDA_VISIBLE_DEVICES hides them all"
            raise EngineError("unsupported", message, "unset it, or say device = cpu in [local]")
        return Value(CPU, snapshot.problem or "no GPU here")

    def _gpu(self, options: LocalOptions, gpus: tuple[Gpu, ...]) -> None:
        if options.gpu is None or any(options.gpu in (gpu.uuid, str(gpu.index)) for gpu in gpus):
            return
        here = ", ".join(f"{gpu.index} ({gpu.uuid})" for gpu in gpus)
        raise EngineError("unsupported", f"local.gpu: there is no GPU {options.gpu!r}", f"GPUs here: {here}")

    def _model(self, spec: JobSpec) -> Weights | None:
        try:
            model = weights.find(spec.model, spec.revision)
        except ModelNotFound as error:
            advice = "give a folder with config.json and safetensors, or a hub id such as organisation/name"
            raise EngineError("model_not_found", str(error), advice) from error
        if model is not None and model.parameters is None:
            raise EngineError(
                "unsupported",
                f"{model.path} has no readable safetensors files",
                "weights in pickle files (.bin, .pth) are not loaded: convert them to safetensors",
            )
        return model

    def _data(self, spec: JobSpec) -> Prepared:
        data = spec.data
        return prepare_once(
            self.home.cache,
            Path(data.train),
            self.home.data,
            seed=SEED if spec.train.seed is None else spec.train.seed,
            valid_path=Path(data.valid) if data.valid else None,
            valid_rows=data.valid_rows,
            valid_share=data.valid_share,
            format=data.format,
            columns=data.columns,
            drop_bad_rows=data.drop_bad_rows,
        )


def _are_conversations(rows: Path) -> bool:
    """By the first of the canonical rows: all of a file are of one kind."""
    with rows.open("rb") as file:
        return "messages" in msgspec.json.decode(file.readline())


@contextlib.contextmanager
def _hold(job: Job, *, unless: frozenset[JobState] = frozenset()) -> Iterator[HeldJob]:
    """Hold a job, with patience: a sync or the queue holds it for a moment, a supervisor as long as it lives.

    Args:
        unless: states in which somebody may hold it for long: then there is no waiting.

    Raises:
        JobBusy: somebody goes on holding it.
        EngineError: what was to be changed can't be written.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    with contextlib.ExitStack() as stack:
        while True:
            try:
                held = stack.enter_context(job.hold())
                break
            except JobBusy:
                if job.state().state in unless or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        try:
            yield held
        except OSError as error:
            raise EngineError(
                "disk_full", f"job {job.id} can't be changed: {error}", ADVICE["disk_full"]
            ) from error

"""`finetui plan`: what a job on a model would be, before there is one."""

from __future__ import annotations

import os
from typing import Annotated

import msgspec

from ...engines.defaults import Facts, resolve
from ...engines.engine import EngineError
from ...engines.gpu import visible_gpus
from ...engines.hardware import Nvml
from ...engines.local.lease import CPU
from ...engines.models import weights
from ...engines.planning.memory import at_least_bytes
from ...engines.spec import JobSpec, LoraSpec, TrainSpec
from .options import AT_LEAST_ONE, NOT_NEGATIVE, Json
from .output import DONE, chosen, print_json, say, say_beside, size, table


def plan(
    model: str,
    *,
    method: str = "qlora",
    gpu: Annotated[float | None, NOT_NEGATIVE] = None,
    rows: Annotated[int, AT_LEAST_ONE] = 1000,
    max_length: Annotated[int | None, AT_LEAST_ONE] = None,
    batch_size: Annotated[int | None, AT_LEAST_ONE] = None,
    rank: Annotated[int | None, AT_LEAST_ONE] = None,
    json: Json = False,
) -> int:
    """Say what a job on a model would need and which values it would get.

    Example: `finetui plan Qwen/Qwen2.5-7B-Instruct --method lora --gpu 24`

    Args:
        model: A folder or a hub id that lies in the cache.
        method: qlora, lora or full.
        gpu: Memory of the GPU in GiB; else the first GPU here.
        rows: How many rows the data has; some defaults depend on it.
        max_length: Longest row in tokens.
        batch_size: Rows an update.
        rank: The adapter's rank.
    """
    if method not in ("qlora", "lora", "full"):
        raise EngineError("unsupported", f"--method: expected qlora, lora or full, got {method!r}")
    try:
        found = weights.find(model)
    except weights.ModelNotFound as error:
        raise EngineError("model_not_found", str(error), "give a folder, or a hub id") from error
    train = TrainSpec(max_length=max_length, batch_size=batch_size)
    lora = LoraSpec() if method == "full" else LoraSpec(rank=rank)
    spec = JobSpec(model=model, method=method, train=train, lora=lora)  # pyright: ignore[reportArgumentType]
    gpu_bytes, where = (int(gpu * 2**30), "given") if gpu else _first_gpu()
    values = resolve(spec, Facts(rows, found.parameters if found else None, "cuda" if gpu_bytes else CPU))
    least = at_least_bytes(found, method, "cuda" if gpu_bytes else CPU)
    # The floor alone can say no; that it fits takes an estimate of what the rows need.
    verdict = "no" if least and gpu_bytes and least > gpu_bytes else None
    if json:
        memory = {
            "expected_bytes": None,
            "low_bytes": least,
            "high_bytes": None,
            "parts": {},
            "evidence": None,
        }
        document = {
            "model": model,
            "method": method,
            "verdict": verdict,
            "gpu_bytes": gpu_bytes,
            "memory": memory,
        }
        document |= {"largest": None, "alternatives": [], "time_seconds": None, "cost": None}
        print_json(document | {"values": msgspec.to_builtins(values)})
        return DONE
    parameters = (
        f"{found.parameters:,} parameters"
        if found and found.parameters
        else "not on this machine yet, and not looked for elsewhere"
    )
    say(f"{model}: {parameters}")
    floor = f"; the weights alone take {size(least)}" if least else ""
    say(f"memory: not estimated yet{floor}")
    say_beside("GPU: ", f"{size(gpu_bytes)} ({where})" if gpu_bytes else f"none ({where})")
    if verdict:
        say("verdict: no, the weights alone don't fit")
    say()
    table([("value", "", "reason"), *((name, chosen(v.value), v.reason) for name, v in values.items())])
    return DONE


def _first_gpu() -> tuple[int | None, str]:
    with Nvml() as nvml:
        snapshot = nvml.read()
    gpus = visible_gpus(snapshot, os.environ)
    if not gpus:
        return None, snapshot.problem or "CUDA_VISIBLE_DEVICES hides all"
    return gpus[0].memory_total_bytes, gpus[0].name

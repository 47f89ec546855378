"""hardware.jsonl: every five seconds what the job's GPUs do, written beside a running trainer."""

from __future__ import annotations

import contextlib
import time

import psutil

from ..gpu import computing, memory_of
from ..hardware import Nvml
from ..job import JobPaths
from ..records import append_line
from .lease import CPU

SAMPLE_SECONDS = 5.0


def sample_for_ever(paths: JobPaths, devices: dict[str, int], pid: int) -> None:
    """Write samples until this process ends; meant for a daemon thread, for a broken driver may block a call.

    Args:
        devices: the job's leases; their UUIDs choose the GPUs.
        pid: the trainer's; its children count as the job.
    """
    if set(devices) == {CPU}:
        return
    with Nvml() as nvml:
        while True:
            snapshot = nvml.read()
            for gpu in computing(snapshot.gpus):
                if gpu.uuid in devices:
                    ours, others, free = memory_of(gpu, family(pid))
                    sample = {
                        "time": snapshot.time,
                        "gpu": gpu.uuid,
                        "memory_bytes": ours,
                        "others_bytes": others,
                        "free_bytes": free,
                        "utilisation": gpu.utilisation,
                        "power_watts": gpu.power_watts,
                        "temperature_celsius": gpu.temperature_celsius,
                        "throttled": gpu.throttled,
                    }
                    with contextlib.suppress(OSError):
                        append_line(paths.hardware, sample)
            time.sleep(SAMPLE_SECONDS)


def family(pid: int) -> list[int]:
    """A process and all its children."""
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.Error:
        return [pid]

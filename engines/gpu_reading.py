"""Measures one GPU: what NVML is asked for each, in which order, and what an answer means.

The half of `hardware` that knows single values; what is found out is a `Gpu`. A call that this driver lacks
is answered by the older one of the same sense; what a GPU doesn't have is None.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pynvml

from .gpu import Gpu, GpuProcess, throttle_words
from .host import ProcessNames

ERRORS = {
    pynvml.NVML_ERROR_GPU_IS_LOST: "lost: it has fallen off the bus, and what ran on it is gone: reboot "
    "(dmesg says why; power, heat or a loose card are usual)",
    pynvml.NVML_ERROR_RESET_REQUIRED: "needs a reset: end what uses it, then sudo nvidia-smi -r, or reboot",
}
GONE = {pynvml.NVML_ERROR_UNINITIALIZED, pynvml.NVML_ERROR_DRIVER_NOT_LOADED}
# What a GPU, a driver or a container simply doesn't have: an absent value, not a fault.
ABSENT = {
    pynvml.NVML_ERROR_NOT_SUPPORTED,
    pynvml.NVML_ERROR_NO_PERMISSION,
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND,
    pynvml.NVML_ERROR_ARGUMENT_VERSION_MISMATCH,
    pynvml.NVML_ERROR_DEPRECATED,
    pynvml.NVML_ERROR_NO_DATA,
    pynvml.NVML_ERROR_NOT_FOUND,
}


class DriverGone(Exception):
    """The driver itself no longer answers; carries NVML's words."""


class GpuUnusable(Exception):
    """One GPU no longer answers; carries the words for `Gpu.error`."""


def code_of(error: pynvml.NVMLError) -> int:
    """NVML's number of an error (nvmlReturn_t)."""
    return getattr(error, "value", pynvml.NVML_ERROR_UNKNOWN)


class Questions:
    """Asks for values one by one; remembers which the driver failed to give, and why."""

    def __init__(self) -> None:
        self.unread: list[str] = []

    def ask(self, what: str, *calls: Callable[[], Any]) -> Any:
        """The first of `calls` (newest first) that this driver knows; None when there is no value."""
        for call in calls:
            try:
                return call()
            except pynvml.NVMLError as error:
                code = code_of(error)
                if code in GONE:
                    raise DriverGone(str(error)) from error
                if code in ERRORS:
                    raise GpuUnusable(ERRORS[code]) from error
                if code not in ABSENT:
                    self.unread.append(f"{what}: {error}")
                    return None
        return None


@dataclass(frozen=True)
class Device:
    """What is asked once: a handle and what never changes about it."""

    handle: Any
    known: Gpu


def open_device(index: int) -> Device:
    """The GPU at NVML's `index`; without a handle, and with `known.error`, where it cannot be opened."""
    questions = Questions()
    nameless = Gpu(index, f"GPU-unknown-{index}", "NVIDIA GPU")
    try:
        handle = questions.ask("handle", lambda: pynvml.nvmlDeviceGetHandleByIndex(index))
        if handle is None:
            why = questions.unread[0] if questions.unread else "this user may not use it"
            return Device(None, replace(nameless, processes=None, error=f"cannot be opened: {why}"))
        ask = questions.ask
        known = Gpu(
            index,
            ask("uuid", lambda: pynvml.nvmlDeviceGetUUID(handle)) or nameless.uuid,
            ask("name", lambda: pynvml.nvmlDeviceGetName(handle)) or nameless.name,
            max_clock_mhz=ask(
                "clock", lambda: pynvml.nvmlDeviceGetMaxClockInfo(handle, pynvml.NVML_CLOCK_SM)
            ),
            compute_capability=ask(
                "compute capability", lambda: pynvml.nvmlDeviceGetCudaComputeCapability(handle)
            ),
        )
    except GpuUnusable as error:
        return Device(None, replace(nameless, processes=None, error=str(error)))
    return Device(handle, known)


def measure(device: Device, names: ProcessNames) -> Gpu:
    """All values of a GPU as they are now; `names` tells whose its processes are. Raises DriverGone only."""
    if device.handle is None:
        return device.known
    try:
        return _measure(device.handle, device.known, names)
    except GpuUnusable as error:
        return replace(device.known, processes=None, error=str(error))


def _measure(handle: Any, known: Gpu, names: ProcessNames) -> Gpu:
    questions = Questions()
    ask = questions.ask
    gpu = _memory(handle, known, questions, names)
    milliwatts = ask("power", lambda: pynvml.nvmlDeviceGetPowerUsage(handle))
    limit = ask(
        "power limit",
        lambda: pynvml.nvmlDeviceGetEnforcedPowerLimit(handle),
        lambda: pynvml.nvmlDeviceGetPowerManagementLimit(handle),
    )
    reasons = ask(
        "throttling",
        lambda: pynvml.nvmlDeviceGetCurrentClocksEventReasons(handle),
        lambda: pynvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle),
    )
    modes = ask("MIG", lambda: pynvml.nvmlDeviceGetMigMode(handle))
    mig = modes is not None and modes[0] == pynvml.NVML_DEVICE_MIG_ENABLE
    sensor = pynvml.NVML_TEMPERATURE_GPU
    return replace(
        gpu,
        temperature_celsius=ask(
            "temperature",
            lambda: pynvml.nvmlDeviceGetTemperatureV(handle, sensor),
            lambda: pynvml.nvmlDeviceGetTemperature(handle, sensor),
        ),
        power_watts=None if milliwatts is None else milliwatts / 1000,
        power_limit_watts=None if limit is None else limit / 1000,
        clock_mhz=ask("clock", lambda: pynvml.nvmlDeviceGetClockInfo(handle, pynvml.NVML_CLOCK_SM)),
        throttled=throttle_words(reasons or 0),
        ecc_uncorrected=ask(
            "memory errors",
            lambda: pynvml.nvmlDeviceGetTotalEccErrors(
                handle, pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC
            ),
        ),
        mig=mig,
        slices=_slices(handle, gpu, questions, names) if mig else (),
        unread=tuple(questions.unread),
    )


def _memory(handle: Any, known: Gpu, questions: Questions, names: ProcessNames) -> Gpu:
    """What a GPU and a slice both have: memory, processes, utilisation."""
    memory = questions.ask(
        "memory",
        lambda: pynvml.nvmlDeviceGetMemoryInfo(handle, version=pynvml.nvmlMemory_v2),
        lambda: pynvml.nvmlDeviceGetMemoryInfo(handle),
    )
    rates = questions.ask("utilisation", lambda: pynvml.nvmlDeviceGetUtilizationRates(handle))
    return replace(
        known,
        memory_total_bytes=getattr(memory, "total", None),
        memory_used_bytes=getattr(memory, "used", None),
        memory_free_bytes=getattr(memory, "free", None),
        memory_reserved_bytes=getattr(memory, "reserved", None),
        utilisation=None if rates is None else rates.gpu / 100,
        processes=_processes(handle, questions, names),
    )


def _processes(handle: Any, questions: Questions, names: ProcessNames) -> tuple[GpuProcess, ...] | None:
    # The unversioned calls raise an exception of another family on old drivers (nvidia-ml-py 13.615).
    computing = questions.ask(
        "processes",
        lambda: pynvml.nvmlDeviceGetComputeRunningProcesses_v3(handle),
        lambda: pynvml.nvmlDeviceGetComputeRunningProcesses_v2(handle),
    )
    drawing = questions.ask(
        "drawing processes",
        lambda: pynvml.nvmlDeviceGetGraphicsRunningProcesses_v3(handle),
        lambda: pynvml.nvmlDeviceGetGraphicsRunningProcesses_v2(handle),
    )
    if computing is None:
        return None
    # A program that computes and draws is in both lists, each time with all its memory.
    held: dict[int, int | None] = {}
    for process in [*computing, *(drawing or ())]:
        held[process.pid] = process.usedGpuMemory
    return tuple(
        GpuProcess(pid, *names.of(pid), memory_bytes=memory_bytes)
        for pid, memory_bytes in sorted(held.items())
    )


def _slices(handle: Any, gpu: Gpu, questions: Questions, names: ProcessNames) -> tuple[Gpu, ...]:
    count = questions.ask("MIG slices", lambda: pynvml.nvmlDeviceGetMaxMigDeviceCount(handle)) or 0
    slices = []
    for place in range(count):
        cut = questions.ask(
            "MIG slice", lambda place=place: pynvml.nvmlDeviceGetMigDeviceHandleByIndex(handle, place)
        )
        if cut is None:
            continue  # places are numbered with gaps
        uuid = questions.ask("MIG uuid", lambda cut=cut: pynvml.nvmlDeviceGetUUID(cut))
        name = questions.ask("MIG name", lambda cut=cut: pynvml.nvmlDeviceGetName(cut))
        if uuid is not None:
            known = Gpu(
                gpu.index,
                uuid,
                name or f"{gpu.name} MIG",
                compute_capability=gpu.compute_capability,
                parent=gpu.uuid,
            )
            slices.append(_memory(cut, known, questions, names))
    return tuple(slices)

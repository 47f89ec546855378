"""Reads the GPUs through NVIDIA's management library (NVML). With `gpu_reading` the only user of `pynvml`.

Nothing that a machine does (no driver, a driver that goes away, a GPU that falls off the bus) is an
exception here: it is a `Snapshot` that says what happened and what helps.

The calls and their units are those of NVIDIA's NVML API Reference Guide; the wrapper is nvidia-ml-py, which
loads `libnvidia-ml.so.1` when it is first asked, not when it is imported.
"""

import contextlib
import ctypes
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any

import pynvml

from .gpu import (
    XID_WORDS,
    Gpu,
    GpuProcess,
    MemorySplit,
    Snapshot,
    Xid,
    computing,
    memory_of,
    visible_gpus,
)
from .gpu_reading import GONE, Device, DriverGone, GpuUnusable, Questions, code_of, measure, open_device
from .host import ProcessNames

__all__ = [
    "Gpu",
    "GpuProcess",
    "MemorySplit",
    "Nvml",
    "Snapshot",
    "Xid",
    "computing",
    "memory_of",
    "visible_gpus",
]

# After a failed try the driver is asked again this much later: soon at first (it may be loading),
# then rarely, because opening it can take seconds.
RETRY_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0)

# A faulty GPU may report the same event in a stream: one reading takes no more than this many of them.
EVENTS_A_READING = 64

PROBLEMS = {
    pynvml.NVML_ERROR_LIBRARY_NOT_FOUND: "no NVIDIA driver found: install one, or give this container the "
    "GPUs (docker run --gpus all, with utility in NVIDIA_DRIVER_CAPABILITIES)",
    pynvml.NVML_ERROR_DRIVER_NOT_LOADED: "the NVIDIA driver is installed but not loaded: "
    "sudo modprobe nvidia, or reboot (dmesg says why it did not load)",
    pynvml.NVML_ERROR_LIB_RM_VERSION_MISMATCH: "version mismatch: the NVIDIA driver was updated while the "
    "older one is still loaded: reboot",
    pynvml.NVML_ERROR_FUNCTION_NOT_FOUND: "the NVIDIA driver is too old: update it to 450 or later",
    pynvml.NVML_ERROR_NO_PERMISSION: "this user may not use the GPUs: ask for access to /dev/nvidia*",
    pynvml.NVML_ERROR_GPU_IS_LOST: "a GPU has fallen off the bus and the driver does not open: reboot",
}
NO_GPU = "the NVIDIA driver sees no GPU: nvidia-smi and dmesg tell more"
UNLISTED_XID = "see NVIDIA's list of Xid errors"


class Nvml:
    """The GPUs of this machine, read as often as you like; opened once, at the first reading.

    Opening can take seconds, a reading some milliseconds, and a sick GPU longer: call it from a worker. It
    may be called from several threads. After the driver has gone away it is opened again by itself, less and
    less often (RETRY_SECONDS).
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._names = ProcessNames()
        self._devices: list[Device] = []
        self._events: Any = None
        self._xids: dict[str, Xid] = {}
        self._versions: tuple[str | None, str | None] = (None, None)
        self._open = False
        self._problem: str | None = None
        self._failures = 0
        self._next_try = 0.0

    def __enter__(self) -> "Nvml":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def read(self) -> Snapshot:
        """All GPUs as they are now; never raises for what the machine does."""
        with self._lock:
            now = time.time()
            if not self._open and not self._try_to_open():
                return Snapshot(now, problem=self._problem)
            try:
                return self._read(now)
            except DriverGone as gone:
                self._shut()
                self._fail(f"the NVIDIA driver went away ({gone}): dmesg says why; it is looked for again")
            return Snapshot(now, problem=self._problem)

    def close(self) -> None:
        """Let go of the driver. A later `read` opens it again."""
        with self._lock:
            self._shut()
            self._failures, self._next_try = 0, 0.0

    def _try_to_open(self) -> bool:
        if self._monotonic() < self._next_try:
            return False
        try:
            pynvml.nvmlInit()
        except pynvml.NVMLError as error:
            self._fail(PROBLEMS.get(code_of(error), f"the NVIDIA driver does not open: {error}"))
            return False
        self._open = True
        questions = Questions()
        try:
            driver = questions.ask("driver", pynvml.nvmlSystemGetDriverVersion)
            cuda = questions.ask("CUDA", pynvml.nvmlSystemGetCudaDriverVersion_v2)
        except (DriverGone, GpuUnusable) as error:
            self._shut()
            self._fail(f"the NVIDIA driver does not open: {error}")
            return False
        # CUDA's version comes as 1000 * major + 10 * minor.
        self._versions = (driver, f"{cuda // 1000}.{cuda % 1000 // 10}" if cuda else None)
        self._problem, self._failures = None, 0
        return True

    def _fail(self, problem: str) -> None:
        self._problem = problem
        wait = RETRY_SECONDS[min(self._failures, len(RETRY_SECONDS) - 1)]
        self._failures += 1
        self._next_try = self._monotonic() + wait

    def _shut(self) -> None:
        if self._open:
            with contextlib.suppress(pynvml.NVMLError):
                if self._events is not None:
                    pynvml.nvmlEventSetFree(self._events)
            with contextlib.suppress(pynvml.NVMLError):
                pynvml.nvmlShutdown()
        self._open, self._events, self._devices = False, None, []

    def _read(self, now: float) -> Snapshot:
        try:
            count = pynvml.nvmlDeviceGetCount()
        except pynvml.NVMLError as error:
            raise DriverGone(str(error)) from error
        if count != len(self._devices):
            self._devices = [open_device(index) for index in range(count)]
            self._listen()
        for index, device in enumerate(self._devices):
            if device.handle is None:
                self._devices[index] = open_device(index)
                if self._devices[index].handle is not None:
                    self._listen()
        self._take_events(now)
        gpus = tuple(
            replace(measure(device, self._names), xid=self._xids.get(device.known.uuid))
            for device in self._devices
        )
        self._names.forget_all_but({process.pid for gpu in gpus for process in gpu.processes or ()})
        driver, cuda = self._versions
        return Snapshot(now, gpus, driver, cuda, None if gpus else NO_GPU)

    def _listen(self) -> None:
        """Ask to be told of Xid faults. Not every driver (WSL, vGPU) tells them: then there are none."""
        with contextlib.suppress(pynvml.NVMLError):
            if self._events is not None:
                pynvml.nvmlEventSetFree(self._events)
        self._events = None
        with contextlib.suppress(pynvml.NVMLError):
            self._events = pynvml.nvmlEventSetCreate()
        if self._events is None:
            return
        for device in self._devices:
            with contextlib.suppress(pynvml.NVMLError):
                if device.handle is not None:
                    pynvml.nvmlDeviceRegisterEvents(
                        device.handle, pynvml.nvmlEventTypeXidCriticalError, self._events
                    )

    def _take_events(self, now: float) -> None:
        if self._events is None:
            return
        by_address = {_address(device.handle): device.known.uuid for device in self._devices}
        for _ in range(EVENTS_A_READING):
            try:
                event = pynvml.nvmlEventSetWait_v2(self._events, 0)
            except pynvml.NVMLError as error:
                code = code_of(error)
                if code in GONE:
                    raise DriverGone(str(error)) from error
                if code != pynvml.NVML_ERROR_TIMEOUT:
                    self._listen()  # one lost GPU spoils the set for all: listen to the others anew
                return
            uuid = by_address.get(_address(event.device))
            if uuid is not None:
                number = int(event.eventData)
                self._xids[uuid] = Xid(number, XID_WORDS.get(number, UNLISTED_XID), now)


def _address(handle: Any) -> int | None:
    """Where a device handle points, which is its identity: ctypes makes a new object at each return."""
    return None if handle is None else ctypes.cast(handle, ctypes.c_void_p).value

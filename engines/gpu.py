"""What a GPU says of itself, as data, and what follows from it without asking the driver again.

Read by `hardware.Nvml`; everything here is plain values, so that a test or a picture can make its own.
A value that was not measured is None, never zero.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

# More than this in use while not one process is seen means that processes are hidden (a container, WSL),
# not that the GPU is idle: an idle GPU without a display holds some megabytes beside what is reserved.
HIDDEN_BYTES = 256 * 1024**2
# Drivers before 510 count the reserved memory as used: half a gigabyte and more on the large ones.
HIDDEN_WITH_RESERVED_BYTES = 1024**3


# Bits of nvmlClocksEventReasons. Idle (0x1) is left out: nothing is held down there.
THROTTLE_WORDS = {
    0x002: "clocks set by hand",
    0x004: "power cap",
    0x008: "hardware slowdown",
    0x010: "in step with a slower GPU",
    0x020: "too hot",
    0x040: "too hot (hardware brake)",
    0x080: "power supply brake",
    0x100: "display clocks",
    0x200: "board limit",
    0x400: "reliability limit",
}

# NVIDIA's "XID Errors" (docs.nvidia.com/deploy/xid-errors): those that a training run meets.
XID_WORDS = {
    13: "the program did something illegal on the GPU",
    31: "the program touched memory that is not its own",
    43: "the program's kernels hung and were stopped",
    45: "the program's work was thrown away after an earlier fault",
    48: "a memory error that could not be corrected",
    61: "the GPU's microcontroller halted",
    62: "the GPU's microcontroller halted",
    63: "a memory row was replaced (takes effect after a reset)",
    64: "a memory row could not be replaced",
    74: "an NVLink failed",
    79: "the GPU has fallen off the bus",
    92: "many corrected memory errors",
    94: "a memory error that hit one program only",
    95: "a memory error that may have hit every program",
    119: "the GPU's system processor does not answer",
    120: "the GPU's system processor failed",
    140: "a memory error that could not be recovered",
}


def throttle_words(reasons: int) -> tuple[str, ...]:
    """What holds a GPU's clocks down, in words, from the bits of `nvmlDeviceGetCurrentClocksEventReasons`."""
    return tuple(words for bit, words in THROTTLE_WORDS.items() if reasons & bit)


@dataclass(frozen=True)
class GpuProcess:
    """A process that holds memory of a GPU.

    `user`, `name` and `command` are None for a process that cannot be seen from here (another pid
    namespace, ended meanwhile). A command line may hold a secret: show it, never write it anywhere.
    `memory_bytes` is None where the driver doesn't tell.
    """

    pid: int
    user: str | None = None
    name: str | None = None
    command: str | None = None
    memory_bytes: int | None = None


@dataclass(frozen=True)
class Xid:
    """A fault that the driver reported for a GPU: NVIDIA's number, what it means, when it was seen (unix)."""

    code: int
    meaning: str
    time: float


@dataclass(frozen=True)
class Gpu:
    """One GPU, or one MIG slice of a GPU, at one moment.

    `index` is NVML's: the order of PCI bus ids. A slice has its GPU's index, its own `uuid` ("MIG-…"),
    the GPU's uuid as `parent`, and neither temperature nor power, which belong to the whole.
    `memory_used_bytes` does not count `memory_reserved_bytes` (the driver's own) unless that is None: then
    the driver is too old to tell them apart. `processes` is None where they could not be listed.
    `throttled` says in words what holds the clocks down. `ecc_uncorrected` counts since the last boot.
    `error` is set when the GPU cannot be used (lost, in need of a reset); the identity is then the last
    known and all measured values are None. `unread` names the values that the driver failed to give, with
    the reason; what a GPU merely doesn't support is None without a word.
    """

    index: int
    uuid: str
    name: str
    memory_total_bytes: int | None = None
    memory_used_bytes: int | None = None
    memory_free_bytes: int | None = None
    memory_reserved_bytes: int | None = None
    utilisation: float | None = None  # 0 to 1: share of the last moments with a kernel running
    temperature_celsius: int | None = None
    power_watts: float | None = None
    power_limit_watts: float | None = None
    clock_mhz: int | None = None  # of the streaming multiprocessors
    max_clock_mhz: int | None = None
    throttled: tuple[str, ...] = ()
    processes: tuple[GpuProcess, ...] | None = ()
    ecc_uncorrected: int | None = None
    xid: Xid | None = None  # the last one since the reader was opened
    compute_capability: tuple[int, int] | None = None
    mig: bool = False  # cut into slices: only these can compute
    slices: tuple["Gpu", ...] = ()
    parent: str | None = None
    error: str | None = None
    unread: tuple[str, ...] = ()


@dataclass(frozen=True)
class Snapshot:
    """All GPUs of this machine at one moment, or the `problem`, in plain words with its way out.

    `driver` as in "580.95.05", `cuda_driver` the newest CUDA that the driver serves, as in "13.0".
    """

    time: float  # unix seconds
    gpus: tuple[Gpu, ...] = ()
    driver: str | None = None
    cuda_driver: str | None = None
    problem: str | None = None


class MemorySplit(NamedTuple):
    """Who holds a GPU's memory; None where that cannot be known."""

    ours_bytes: int | None
    others_bytes: int | None
    free_bytes: int | None


def memory_of(gpu: Gpu, pids: Iterable[int]) -> MemorySplit:
    """Split a GPU's memory into that of the processes `pids`, of everything else, and free.

    What the driver holds for itself outside of processes counts as others'. In a container processes may be
    hidden, and then whose memory it is stays unknown (None) rather than guessed.
    """
    used, free = gpu.memory_used_bytes, gpu.memory_free_bytes
    idle_bytes = HIDDEN_WITH_RESERVED_BYTES if gpu.memory_reserved_bytes is None else HIDDEN_BYTES
    if used is None or gpu.processes is None or (not gpu.processes and used > idle_bytes):
        return MemorySplit(None, None, free)
    mine = set(pids)
    held = [process.memory_bytes for process in gpu.processes if process.pid in mine]
    known = [bytes_ for bytes_ in held if bytes_ is not None]
    if len(known) < len(held):
        return MemorySplit(None, None, free)
    # The processes' sum can pass what is in use for a moment: the two are asked one after the other.
    ours = min(sum(known), used)
    return MemorySplit(ours, used - ours, free)


def computing(gpus: Iterable[Gpu]) -> tuple[Gpu, ...]:
    """What a program can compute on: each GPU, or where it is cut by MIG each of its slices."""
    return tuple(device for gpu in gpus for device in (gpu.slices if gpu.mig else (gpu,)))


def visible_gpus(snapshot: Snapshot, environment: Mapping[str, str]) -> tuple[Gpu, ...]:
    """The GPUs and slices that CUDA_VISIBLE_DEVICES leaves to us, in its order; all where it is not set.

    As CUDA reads it (CUDA C++ Programming Guide, "CUDA Environment Variables") and as PyTorch does
    (`torch.cuda._parse_visible_devices`): numbers, or uuids that may be cut short as long as they stay
    unique ("GPU-8932f9", "MIG-…"); the list ends at the first entry that is not there, and one named twice
    leaves nothing. Empty, "-1" and "NoDevFiles" mean none. A number of a GPU with MIG is its first slice.

    Numbers are taken as NVML's, which are CUDA's under CUDA_DEVICE_ORDER=PCI_BUS_ID. CUDA's own default,
    fastest first, gives another order where a machine has different GPUs: name them by uuid when you start
    something on one of these.
    """
    value = environment.get("CUDA_VISIBLE_DEVICES")
    devices = computing(snapshot.gpus)
    if value is None:
        return devices
    entries = [entry.strip() for entry in value.split(",")]
    by_uuid = next((kind for kind in ("GPU-", "MIG-") if entries[0].startswith(kind)), None)
    chosen: list[Gpu] = []
    for entry in entries:
        gpu = _by_uuid(devices, entry, by_uuid) if by_uuid else _by_number(snapshot.gpus, entry)
        if gpu is None:
            break
        if any(gpu.uuid == other.uuid for other in chosen):
            return ()
        chosen.append(gpu)
    return tuple(chosen)


def _by_uuid(devices: tuple[Gpu, ...], entry: str, kind: str) -> Gpu | None:
    if not entry.startswith(kind):
        return None
    matches = [device for device in devices if device.uuid.startswith(entry)]
    return matches[0] if len(matches) == 1 else None


def _by_number(gpus: tuple[Gpu, ...], entry: str) -> Gpu | None:
    # CUDA reads a number by strtoul: "1gpu" is 1, and what starts with no digit is nothing.
    digits = re.match(r"\+?([0-9]+)", entry)
    if digits is None:
        return None
    gpu = next((gpu for gpu in gpus if gpu.index == int(digits[1])), None)
    if gpu is None or not gpu.mig:
        return gpu
    return gpu.slices[0] if gpu.slices else None

"""Leases: one flock a GPU (or MIG slice), or one for the CPU, so that two jobs never share by accident."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

CPU = "cpu"


class Lease:
    """A device that is ours as long as any process holds this descriptor.

    It is inherited: scheduler → supervisor → trainer. `kill -9` of the supervisor therefore frees nothing
    while the trainer still lives on the GPU.
    """

    def __init__(self, device: str, descriptor: int) -> None:
        self.device, self.descriptor = device, descriptor

    def close(self) -> None:
        """Give up this process's share of it."""
        os.close(self.descriptor)


def take(folder: Path, device: str, holder: str) -> Lease | None:
    """Take the lease of a device, without waiting.

    Args:
        folder: the machine's folder of leases.
        device: a GPU's UUID, a MIG slice's, or `cpu`.
        holder: written into the file, for people and `waiting_for`.

    Returns:
        None where another job has it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder / f"{device}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, holder.encode(), 0)
    return Lease(device, descriptor)


def holder(folder: Path, device: str) -> str | None:
    """Who took a lease last; None where nobody has it now."""
    try:
        descriptor = os.open(folder / f"{device}.lock", os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        # A shared lock asks without taking: two who ask at once don't see each other as holders.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return None
    except BlockingIOError:
        return os.pread(descriptor, 256, 0).decode(errors="replace") or "another job"
    finally:
        os.close(descriptor)

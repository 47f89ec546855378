"""A machine with NVIDIA GPUs, as far as `pynvml` can tell: the C library built, and steered while it is used.

    machine = StandIn(folder)
    machine.set_gpu(0, memory_used_bytes=2 * GIB, utilisation=0.9)
    machine.add_process(0, pid=child.pid, memory_bytes=20 * GIB)
    subprocess.run(command, env=machine.environment())

What is set holds at the next call of whoever looks, in this process (`here`) or another (`environment`).
"""

import ctypes
import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pynvml

if TYPE_CHECKING:  # the stand-in serves pictures too, where there is no pytest
    import pytest

GIB = 1024**3
SOURCE = Path(__file__).with_name("nvml_stand_in.c")
NAME = "libnvidia-ml.so.1"  # as pynvml asks for it


class NoCompiler(Exception):
    """There is no C compiler here, so no stand-in."""


def build(folder: Path) -> Path:
    """Compile the library into `folder`; raises NoCompiler. A library that is there already is kept."""
    library = folder / NAME
    if library.exists():
        return library
    compiler = shutil.which(os.environ.get("CC", "cc"))
    if compiler is None:
        raise NoCompiler("no C compiler (cc) to build the stand-in for NVIDIA's driver with")
    folder.mkdir(parents=True, exist_ok=True)
    unfinished = library.with_suffix(f".{os.getpid()}")
    flags = ["-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-O1", "-shared", "-fPIC"]
    subprocess.run(
        [compiler, *flags, f"-Wl,-soname,{NAME}", "-o", str(unfinished), str(SOURCE)],
        check=True,
        capture_output=True,
        text=True,
    )
    unfinished.rename(library)
    return library


class StandIn:
    """A machine whose GPUs say what they are told to; it starts with none."""

    def __init__(self, folder: Path, library: Path | None = None) -> None:
        """`folder`: where its state lies; `library`: built before by `build`, else built here."""
        folder.mkdir(parents=True, exist_ok=True)
        self.library = library or build(folder / "library")
        self._file = folder / "nvml.txt"
        self._machine: dict[str, object] = {"driver": "580.95.05", "cuda": 13000}
        self._gpus: dict[int, dict[str, object]] = {}
        self._processes: list[tuple[int, int, int | None, int | None]] = []
        self._write()

    # -- what the machine has

    def set_gpu(self, index: int, **values: object) -> None:
        """Add GPU `index` (an idle H100 with 80 GiB) or change some of its values; None: not supported.

        `name`, `uuid`, `memory_total_bytes`, `memory_used_bytes` (beside what processes hold: it looks like
        memory of a process that cannot be seen), `memory_reserved_bytes`, `utilisation` (0 to 1),
        `temperature_celsius`, `power_watts`, `power_limit_watts`, `clock_mhz`, `max_clock_mhz`,
        `throttle_reasons` (bits), `ecc_uncorrected`, `compute_capability` (major, minor), `mig` (bool).
        """
        gpu = self._gpus.setdefault(
            index,
            {
                "name": "NVIDIA H100 80GB HBM3",
                "uuid": f"GPU-{index:08d}-aaaa-bbbb-cccc-{index:012d}",
                "total": 80 * GIB,
                "used": 0,
                "reserved": GIB // 2,
                "utilisation": 0,
                "temperature": 34,
                "milliwatts": 70_000,
                "milliwatts_limit": 700_000,
                "clock": 345,
                "max_clock": 1980,
                "reasons": 1,
                "ecc": 0,
                "capability": 90,
                "mig": 0,
            },
        )
        for name, value in values.items():
            key, factor = _KEYS[name]
            if value is None:
                gpu.pop(key, None)
            elif isinstance(value, tuple):
                gpu[key] = 10 * value[0] + value[1]
            elif isinstance(value, str):
                gpu[key] = value
            elif isinstance(value, int | float):
                gpu[key] = round(value * factor)
            else:
                raise TypeError(f"{name}={value!r}")
        self._write()

    def add_slice(self, gpu: int, place: int, *, memory_total_bytes: int = 10 * GIB) -> str:
        """Cut a slice from a GPU (its MIG mode is switched on); its uuid."""
        self.set_gpu(gpu, mig=True, utilisation=None)
        uuid = f"MIG-{gpu:08d}-dddd-eeee-ffff-{place:012d}"
        name = f"{self._gpus[gpu]['name']} MIG 1g.{memory_total_bytes // GIB}gb"
        cut = {"uuid": uuid, "name": name, "total": memory_total_bytes, "used": 0}
        self._gpus[gpu].update({f"slice.{place}.{key}": value for key, value in cut.items()})
        self._write()
        return uuid

    def add_process(self, gpu: int, pid: int, memory_bytes: int | None, place: int | None = None) -> None:
        """A process holds memory of a GPU (or of the slice at `place`) for as long as it lives."""
        self._processes.append((gpu, pid, memory_bytes, place))
        self._write()

    def remove_process(self, gpu: int, pid: int) -> None:
        """A process lets go of a GPU while it goes on living."""
        self._processes = [held for held in self._processes if held[:2] != (gpu, pid)]
        self._write()

    # -- what happens to it

    def fail(self, function: str, code: int, gpu: int | None = None) -> None:
        """One of NVML's functions (its C name) answers with an error, for one GPU or all; 0 mends it."""
        values = self._machine if gpu is None else self._gpus[gpu]
        values[f"fail.{function}"] = code
        self._write()

    def lose_gpu(self, gpu: int, code: int = pynvml.NVML_ERROR_GPU_IS_LOST) -> None:
        """A GPU falls off the bus; with code 0 it is back."""
        self._gpus[gpu]["lost"] = code
        self._write()

    def driver_goes(self, code: int = pynvml.NVML_ERROR_UNINITIALIZED) -> None:
        """The driver goes away under whoever uses it."""
        self._machine["gone"] = code
        self._write()

    def driver_comes_back(self) -> None:
        """Opened anew, the driver works again."""
        self._machine["gone"] = self._machine["init"] = 0
        self._write()

    def refuse_to_open(self, code: int) -> None:
        """Opening the driver fails."""
        self._machine["init"] = code
        self._write()

    def report_xid(self, gpu: int, code: int) -> None:
        """The driver reports a fault to everybody who listens."""
        count = int(str(self._gpus[gpu].get("xid", "0:0")).split(":")[0])
        self._gpus[gpu]["xid"] = f"{count + 1}:{code}"
        self._write()

    # -- who sees it

    def environment(self, base: Mapping[str, str] | None = None) -> dict[str, str]:
        """`base` (this process's environment) with what makes a program see this machine."""
        base = os.environ if base is None else base
        path = os.pathsep.join(filter(None, [str(self.library.parent), base.get("LD_LIBRARY_PATH", "")]))
        return {**base, "LD_LIBRARY_PATH": path, "NVML_STAND_IN": str(self._file)}

    def here(self, monkeypatch: "pytest.MonkeyPatch") -> None:
        """Let `pynvml` in this process see this machine until the test ends."""
        # pynvml 13.615 keeps the library, and each function that it once found there, in these two.
        monkeypatch.setattr(pynvml, "nvmlLib", ctypes.CDLL(str(self.library)))
        monkeypatch.setattr(pynvml, "_nvmlGetFunctionPointer_cache", {})
        monkeypatch.setenv("NVML_STAND_IN", str(self._file))

    def _write(self) -> None:
        values = {**self._machine, "gpus": len(self._gpus)}
        for index, gpu in self._gpus.items():
            values.update({f"gpu.{index}.{key}": value for key, value in gpu.items()})
        lines = [f"{key}={value}" for key, value in values.items()]
        for gpu, pid, memory_bytes, place in self._processes:
            held = -1 if memory_bytes is None else memory_bytes
            lines.append(f"gpu.{gpu}.process={pid}:{held}" + (f":{place}" if place is not None else ""))
        unfinished = self._file.with_suffix(".new")
        unfinished.write_text("\n".join(lines) + "\n")
        unfinished.rename(self._file)


_KEYS: dict[str, tuple[str, float]] = {
    "name": ("name", 1),
    "uuid": ("uuid", 1),
    "memory_total_bytes": ("total", 1),
    "memory_used_bytes": ("used", 1),
    "memory_reserved_bytes": ("reserved", 1),
    "utilisation": ("utilisation", 100),
    "temperature_celsius": ("temperature", 1),
    "power_watts": ("milliwatts", 1000),
    "power_limit_watts": ("milliwatts_limit", 1000),
    "clock_mhz": ("clock", 1),
    "max_clock_mhz": ("max_clock", 1),
    "throttle_reasons": ("reasons", 1),
    "ecc_uncorrected": ("ecc", 1),
    "compute_capability": ("capability", 1),
    "mig": ("mig", 1),
}

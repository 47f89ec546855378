"""What the machine beside its GPUs has: processors, memory, disks, and whose a process is.

Memory is what this process may use: where a cgroup (a container, a Slurm job) allows less than the machine
has, the limit counts. psutil is imported where something is read: who only shows readings starts sooner.
"""

import contextlib
import os
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
COMMAND_CHARACTERS = 200


@dataclass(frozen=True)
class Disk:
    """The file system under `path`; bytes are None where it could not be asked."""

    path: Path
    free_bytes: int | None
    total_bytes: int | None


@dataclass(frozen=True)
class Host:
    """The machine at one moment.

    `cpu_share` is the share of all processors in use since the last reading, 0 to 1; None at the first.
    `cpus` is how many of them this process may use, `load` how many processes wanted to run over the last
    minute. `memory_limit_bytes` is set where a cgroup allows less than the machine's memory;
    `memory_total_bytes` and `memory_available_bytes` are within it.
    """

    time: float  # unix seconds
    cpu_share: float | None
    cpus: int
    load: float | None
    memory_total_bytes: int
    memory_available_bytes: int
    memory_limit_bytes: int | None
    disks: tuple[Disk, ...]


class HostReader:
    """Reads the machine; keeps what is needed to tell how busy it was since the last reading."""

    def __init__(self, paths: Iterable[Path] = (), cgroups: Path = CGROUPS) -> None:
        """`paths`: whose disks to look at (they need not exist yet); `cgroups`: where those are mounted."""
        self._paths = tuple(paths)
        self._cgroups = cgroups
        self._busy_and_all: tuple[float, float] | None = None

    def read(self) -> Host:
        """The machine as it is now; takes about a millisecond."""
        import psutil

        memory = psutil.virtual_memory()
        total, available = memory.total, memory.available
        limit = _cgroup_memory(self._cgroups, _own_cgroup())
        limit_bytes = None
        if limit is not None and limit[0] < total:
            limit_bytes, used_bytes = limit
            total = limit_bytes
            available = min(available, max(limit_bytes - used_bytes, 0))
        load = None
        with contextlib.suppress(OSError):
            load = os.getloadavg()[0]
        return Host(
            time.time(),
            self._cpu_share(),
            _usable_cpus(),
            load,
            total,
            available,
            limit_bytes,
            tuple(disk_of(path) for path in self._paths),
        )

    def _cpu_share(self) -> float | None:
        import psutil

        # Not psutil.cpu_percent: that has one memory for the whole process, which two readers would share.
        times = psutil.cpu_times()
        # Guests' time is in user's already (Linux, proc(5)).
        everything = sum(times) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
        busy = everything - times.idle - getattr(times, "iowait", 0.0)
        before, self._busy_and_all = self._busy_and_all, (busy, everything)
        if before is None or everything <= before[1]:
            return None
        return min(max((busy - before[0]) / (everything - before[1]), 0.0), 1.0)


def watched_paths(environment: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Whose disks matter: the app's `home`, and the Hugging Face cache ($HF_HOME or ~/.cache/huggingface)."""
    cache = Path(environment.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "huggingface"
    return home, Path(environment.get("HF_HOME") or cache).expanduser()


def disk_of(path: Path) -> Disk:
    """The file system that `path` is on, or will be: a folder not there yet is on its nearest parent's."""
    import psutil

    for folder in (path, *path.absolute().parents):
        try:
            usage = psutil.disk_usage(str(folder))
        except FileNotFoundError:
            continue
        except OSError:
            break
        return Disk(path, usage.free, usage.total)
    return Disk(path, None, None)


class ProcessNames:
    """Whose a process is and what it runs: asked once a process, not at each reading.

    A pid that was given to a new process (its start time differs) is asked again.
    """

    def __init__(self) -> None:
        self._known: dict[int, tuple[float, tuple[str | None, str | None, str | None]]] = {}

    def of(self, pid: int) -> tuple[str | None, str | None, str | None]:
        """User, name and command line (cut at COMMAND_CHARACTERS); None for what cannot be seen from here."""
        import psutil

        try:
            process = psutil.Process(pid)
            started = process.create_time()
        except (psutil.Error, ValueError, OverflowError):
            self._known.pop(pid, None)
            return None, None, None
        known = self._known.get(pid)
        if known is not None and known[0] == started:
            return known[1]
        user = name = command = None
        with contextlib.suppress(psutil.Error, KeyError):
            user = process.username()
        with contextlib.suppress(psutil.Error):
            name = process.name()
        with contextlib.suppress(psutil.Error):
            command = " ".join(process.cmdline())[:COMMAND_CHARACTERS] or None
        self._known[pid] = started, (user, name, command)
        return user, name, command

    def forget_all_but(self, pids: set[int]) -> None:
        """Drop those that have ended."""
        self._known = {pid: known for pid, known in self._known.items() if pid in pids}


def _usable_cpus() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _own_cgroup() -> dict[str, str]:
    """Controller → path in its hierarchy, from /proc/self/cgroup (cgroups(7)); "" is version 2's."""
    paths: dict[str, str] = {}
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return paths
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        for controller in controllers.split(","):
            paths[controller] = path
    return paths


def _cgroup_memory(mount: Path, paths: Mapping[str, str]) -> tuple[int, int] | None:
    """The tightest memory limit over this process and what is used under it, in bytes; None without one.

    Version 2: memory.max and memory.current; version 1: memory/memory.limit_in_bytes and usage_in_bytes
    (kernel documentation, admin-guide/cgroup-v2 and cgroup-v1/memory). File cache that can be dropped at
    once does not count as used.
    """
    if (mount / "memory").is_dir():
        root, path = mount / "memory", paths.get("memory", "/")
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
    else:
        root, path = mount, paths.get("", "/")
        names = ("memory.max", "memory.current", "inactive_file")
    tightest: tuple[int, int] | None = None
    folder = root / path.lstrip("/")
    # In a container the path is the host's and does not exist here: the mount itself is then ours.
    for group in (folder, *folder.parents) if folder.is_dir() else (root,):
        limit, used = _number(group / names[0]), _number(group / names[1])
        if limit is not None and used is not None and (tightest is None or limit < tightest[0]):
            tightest = limit, max(used - _statistic(group / "memory.stat", names[2]), 0)
        if group == root:
            break
    return tightest


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text())
    except (OSError, ValueError):  # not there, or "max"
        return None


def _statistic(path: Path, name: str) -> int:
    with contextlib.suppress(OSError, ValueError):
        for line in path.read_text().splitlines():
            key, _, value = line.partition(" ")
            if key == name:
                return int(value)
    return 0

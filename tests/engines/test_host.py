"""The machine beside its GPUs, read for real; cgroups from folders that look like the kernel's."""

import os
from pathlib import Path

import psutil
import pytest
from finetui.engines import host
from finetui.engines.host import HostReader, ProcessNames, disk_of, watched_paths

MIB = 1024**2


def test_the_machine_is_read(tmp_path: Path) -> None:
    reader = HostReader([tmp_path / "not" / "there" / "yet"], cgroups=tmp_path)
    first = reader.read()
    while (second := reader.read()).cpu_share is None:  # the kernel counts in hundredths of a second
        pass
    assert first.cpu_share is None
    assert 0 <= second.cpu_share <= 1
    assert 1 <= second.cpus <= (os.cpu_count() or 1)
    assert second.memory_total_bytes == psutil.virtual_memory().total
    assert 0 < second.memory_available_bytes <= second.memory_total_bytes
    assert second.memory_limit_bytes is None
    (disk,) = second.disks
    assert (disk.path, disk.total_bytes) == (
        tmp_path / "not" / "there" / "yet",
        psutil.disk_usage(str(tmp_path)).total,
    )


@pytest.mark.parametrize("hierarchy", ["version 2", "version 1"])
def test_the_tightest_memory_limit_of_the_cgroups_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hierarchy: str
) -> None:
    controller, limit, used, cache = {
        "version 2": ("", "memory.max", "memory.current", "inactive_file"),
        "version 1": ("memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
    }[hierarchy]
    monkeypatch.setattr(host, "_own_cgroup", lambda: {controller: "/user.slice/job"})
    group = tmp_path / controller / "user.slice" / "job"
    group.mkdir(parents=True)
    (group / limit).write_text("max\n")
    (group.parent / limit).write_text(f"{512 * MIB}\n")
    (group.parent / used).write_text(f"{300 * MIB}\n")
    (group.parent / "memory.stat").write_text(f"anon 1\n{cache} {100 * MIB}\n")

    seen = HostReader(cgroups=tmp_path).read()

    assert (seen.memory_limit_bytes, seen.memory_total_bytes) == (512 * MIB, 512 * MIB)
    assert seen.memory_available_bytes == 312 * MIB  # file cache can be dropped


def test_a_limit_above_the_machine_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host, "_own_cgroup", lambda: {"": "/not/seen/from/this/container"})
    (tmp_path / "memory.max").write_text(f"{2**62}\n")
    (tmp_path / "memory.current").write_text("1\n")
    assert HostReader(cgroups=tmp_path).read().memory_limit_bytes is None


def test_the_disks_that_matter(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert watched_paths({"HF_HOME": "/models"}, home) == (home, Path("/models"))
    assert watched_paths({}, home)[1] == Path.home() / ".cache" / "huggingface"
    assert watched_paths({"XDG_CACHE_HOME": "/c"}, home)[1] == Path("/c/huggingface")


def test_a_disk_that_cannot_be_asked_is_unknown() -> None:
    assert disk_of(Path("/dev/null/no/folder")).free_bytes is None


def test_a_process_has_a_user_a_name_and_a_command_unless_it_cannot_be_seen() -> None:
    names = ProcessNames()
    user, name, command = names.of(os.getpid())
    assert user == psutil.Process().username()
    assert name == psutil.Process().name()
    assert command is not None
    assert command.startswith(" ".join(psutil.Process().cmdline())[:100])
    assert names.of(os.getpid()) == (user, name, command)
    assert names.of(2**31 - 1) == (None, None, None)
    assert names.of(2**40) == (None, None, None)

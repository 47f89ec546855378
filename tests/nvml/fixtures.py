"""The stand-in for NVIDIA's driver as pytest fixtures: `nvml` for programs, `nvml_here` for this process."""

from pathlib import Path

import pytest

from .stand_in import NoCompiler, StandIn, build


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The C library, built once a session."""
    try:
        return build(tmp_path_factory.mktemp("nvml"))
    except NoCompiler as reason:
        pytest.skip(str(reason))


@pytest.fixture
def nvml(tmp_path: Path, nvml_library: Path) -> StandIn:
    """A machine without GPUs yet: give it some, and start programs with its `environment()`."""
    return StandIn(tmp_path / "nvml", nvml_library)


@pytest.fixture
def nvml_here(nvml: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """The same machine, seen by `pynvml` in this process too."""
    nvml.here(monkeypatch)
    return nvml

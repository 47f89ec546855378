"""A fresh workbench a test, and the proof after each that nothing of it lives on."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from local.workbench import Workbench


@pytest.fixture
def bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workbench]:
    """A home with the stand-in trainer. A test must have ended what it started, by itself."""
    folder = tmp_path / "bench"
    folder.mkdir()
    monkeypatch.setenv("FINETUI_HOME", str(folder / "home"))
    (folder / "config.toml").touch()
    monkeypatch.setenv("FINETUI_CONFIG", str(folder / "config.toml"))
    monkeypatch.setenv("STAND_IN_TRAINER", str(folder / "steering.json"))
    monkeypatch.setenv("HF_HOME", str(folder / "hub"))
    for name in ("HF_HUB_CACHE", "CUDA_VISIBLE_DEVICES", "FINETUI_MACHINE_ID", "VIRTUAL_ENV", "CONDA_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    workbench = Workbench(folder)
    try:
        yield workbench
        # The last supervisor and the scheduler end a moment after the job.
        workbench.wait_until(lambda: not workbench.processes(), 10, "for the last processes to end")
    finally:
        left = workbench.clear()
    assert not left, f"still alive after the test: {left}"
    workbench.check_never_doubled()

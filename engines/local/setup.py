"""`finetui setup trainer`: an environment of the trainer's own, with tested versions and a fitting torch."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from ..engine import EngineError
from ..hardware import Nvml
from ..home import Home

PYPI_CUDA = (13, 0)
"""The CUDA that the default index's torch is built for; an older driver silently sees no GPU with it."""


def requirements() -> list[str]:
    """The extra `local` of this package: what the trainer was tested with."""
    marked = metadata.requires("finetui") or []
    return [line.partition(";")[0].strip() for line in marked if 'extra == "local"' in line.replace("'", '"')]


def setup_trainer(home: Home, say: Callable[[str], None]) -> Path:
    """Make or mend `envs/trainer`.

    Args:
        say: gets each line of what happens.

    Returns:
        Its interpreter.

    Raises:
        EngineError: a step failed; its last words are in the message.
    """
    folder = home.trainer_environment
    python = folder / "bin" / "python"
    with Nvml() as nvml:
        snapshot = nvml.read()
    if not python.exists():
        say(f"making {folder}")
        venv.create(folder, with_pip=True, symlinks=True, clear=folder.exists())
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check"]
    driver = tuple(int(part) for part in (snapshot.cuda_driver or "").split(".") if part.isdigit())
    if snapshot.gpus and driver and driver < PYPI_CUDA:
        # uv knows which of PyTorch's own indexes fits a driver; pip doesn't.
        say(f"the driver takes CUDA up to {snapshot.cuda_driver}: the torch for it is chosen by uv")
        _run([*pip, "uv"], say)
        tool = [str(python), "-m", "uv", "pip", "install", "--python", str(python), "--torch-backend=auto"]
        _run([*tool, *requirements()], say)
    else:
        _run([*pip, *requirements()], say)
    return python


def _run(command: list[str], say: Callable[[str], None]) -> None:
    say(f"$ {' '.join(command[:5])} …" if len(command) > 8 else f"$ {' '.join(command)}")
    last = ""
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
    ) as process:
        assert process.stdout is not None
        for raw in process.stdout:
            last = raw.decode(errors="replace").strip() or last
            say(last)
    if process.returncode != 0:
        message = f"{command[2] if command[0] != sys.executable else command[0]} failed: {last}"
        raise EngineError(
            "missing_package", message, "mend what it says and run this again; it goes on where it was"
        )

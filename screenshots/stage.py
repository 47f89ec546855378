"""Where pictures are taken: a folder that stands for a user's home, and a machine named gpu-box-3.

The app that runs there is a copy of this tree in `lib`, under an interpreter in `venv`, so that no path of
the machine that draws the pictures is in them.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
HOST = "gpu-box-3"
NEW_HOST_NAMES = 0x04000000  # CLONE_NEWUTS of unshare(2)


@dataclass(frozen=True)
class Stage:
    """The home of somebody who uses finetui."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "venv" / "bin" / "python"

    @property
    def package(self) -> Path:
        """The app as it is installed there."""
        return self.folder / "lib" / "finetui"

    def environment(self, home: str = "finetui") -> dict[str, str]:
        """For programs on the stage: `home` is the folder of jobs, below the user's."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH") if name in os.environ}
        return kept | {
            "HOME": str(self.folder),
            "FINETUI_HOME": str(self.folder / home),
            "HF_HOME": str(self.folder / "huggingface"),
            # The tree that is installed for development comes after these.
            "PYTHONPATH": os.pathsep.join(
                filter(None, [str(self.folder / "lib"), os.environ.get("PYTHONPATH")])
            ),
            "OMP_NUM_THREADS": "1",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
            "TZ": "UTC",
        }


@contextlib.contextmanager
def stage() -> Iterator[Stage]:
    """A home with the app in it, for as long as the block runs."""
    # Its path is in the pictures: short where nobody else has it.
    folder = Path(tempfile.gettempdir(), "ada")
    try:
        folder.mkdir()
    except FileExistsError:
        folder = Path(tempfile.mkdtemp(prefix="ada-"))
    try:
        take_name()
        yield _laid_out(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _laid_out(folder: Path) -> Stage:
    stage = Stage(folder)
    (folder / "venv").symlink_to(sys.prefix)
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("tui", "monitors", "engines"):
        shutil.copytree(ROOT / name, stage.package / name, ignore=ignored)
    return stage


def take_name() -> None:
    """Give this process and its children a host name of their own; without the right to, the name stays."""
    with contextlib.suppress(OSError, AttributeError):
        if ctypes.CDLL(None, use_errno=True).unshare(NEW_HOST_NAMES) == 0:
            socket.sethostname(HOST)

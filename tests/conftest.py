"""What holds for every test: nothing of the user's home is seen, and no module is loaded twice."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# The fixtures of the stand-in for NVIDIA's driver: a plugin, so that its asserts are explained too.
pytest_plugins = ["nvml.fixtures"]

ROOT = Path(__file__).resolve().parent.parent
OUTSIDE = tuple(f"{ROOT / name}{os.sep}" for name in ("tests", "engines/trainer", ".venv"))
"""Below the root and not part of `finetui`: tests, the trainer's own program, installed packages."""

# Whoever starts the tests in the background (nohup, `&`) leaves these ignored, and children inherit that:
# what is sent to an app under test would then do nothing.
signal.signal(signal.SIGHUP, signal.SIG_DFL)
signal.signal(signal.SIGINT, signal.default_int_handler)

# The autouse fixture below is set up once for all examples of a property, which is what is wanted.
settings.register_profile(
    "fast",
    deadline=None,
    database=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
settings.load_profile("fast")


def second_copies() -> list[str]:
    """Modules of this tree that were loaded under another name than `finetui.…`.

    A test that imports relatively, or a folder put on sys.path, loads one: then a class is two classes,
    and `except JobBusy` catches the wrong one.
    """
    found = []
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        # torch.ops and its like have relative names that are no files.
        if not isinstance(file, str) or not os.path.isabs(file) or name.partition(".")[0] == "finetui":
            continue
        path = os.path.abspath(file)
        if path.startswith(f"{ROOT}{os.sep}") and not path.startswith(OUTSIDE):
            found.append(f"{name} ({file})")
    return found


_seen_modules = 0


@pytest.fixture(autouse=True)
def one_copy_of_each_module() -> Iterator[None]:
    """Fails the test after which a second copy of a module is loaded."""
    global _seen_modules
    yield
    if len(sys.modules) != _seen_modules:
        _seen_modules = len(sys.modules)
        if copies := second_copies():
            pytest.fail(f"loaded under a second name: {', '.join(copies)}; import it as finetui.…")


@pytest.fixture(autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test has a home of its own; what it starts has one thread and no way to the network.

    Returns:
        The folder that stands for the user's home; the test's `tmp_path` stays empty.
    """
    base = tmp_path_factory.mktemp("user")
    for name, folder in (
        ("FINETUI_HOME", "finetui"),
        ("FINETUI_CONFIG", "config/config.toml"),
        ("HF_HOME", "huggingface"),
        ("XDG_CACHE_HOME", "cache"),
        ("XDG_CONFIG_HOME", "config"),
        ("XDG_DATA_HOME", "data"),
        ("XDG_STATE_HOME", "state"),
        ("XDG_RUNTIME_DIR", "run"),
    ):
        monkeypatch.setenv(name, str(base / folder))
    (base / "config").mkdir()
    (base / "config" / "config.toml").touch()
    # The app's colours follow the terminal.
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLORTERM", "truecolor")
    for name in ("NO_COLOR", "COLORFGBG"):
        monkeypatch.delenv(name, raising=False)
    # Threads of several torch processes on few cores spin against each other: ten times slower.
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    for name in ("HF_HUB_CACHE", "HUGGINGFACE_HUB_CACHE", "HF_TOKEN", "FINETUI_MACHINE_ID"):
        monkeypatch.delenv(name, raising=False)
    return base


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder `shared` beside the checkout, with real data sets."""
    folder = ROOT.parent / "shared"
    if not folder.is_dir():
        pytest.skip(f"no folder {folder.name} beside the checkout")
    return folder

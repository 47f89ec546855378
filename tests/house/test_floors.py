"""An import never goes up, and no program loads what it does not need."""

from __future__ import annotations

import pkgutil
import shutil
import subprocess
import sys
from pathlib import Path

import finetui.engines
import finetui.monitors
import pytest

ROOT = Path(__file__).resolve().parent.parent.parent

TORCH = {"torch", "transformers", "peft", "trl", "bitsandbytes", "datasets", "accelerate"}
SCREEN = {"textual", "rich"}
PROVIDERS = {"openai", "anthropic"}

LOADED = """
import importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
print("\\n".join(sorted({name.partition(".")[0] for name in sys.modules})))
"""


def loaded_by(*modules: str) -> set[str]:
    """Top-level packages in a fresh process that imported these modules."""
    command = [sys.executable, "-c", LOADED, *modules]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def modules_of(package: str) -> list[str]:
    """All modules below a package, without the trainer: it is a program of its own."""
    folder = ROOT / package.removeprefix("finetui.")
    found = (module.name for module in pkgutil.walk_packages([str(folder)], f"{package}."))
    return [
        name for name in found if not name.startswith("finetui.engines.trainer") and "__main__" not in name
    ]


def test_the_contracts_between_the_floors_hold() -> None:
    program = shutil.which("lint-imports", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.skip("import-linter is not installed")
    done = subprocess.run(
        [program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]


@pytest.mark.parametrize("package", [finetui.engines.__name__, finetui.monitors.__name__])
def test_engines_and_monitors_load_no_screen_no_torch_and_no_provider(package: str) -> None:
    modules = modules_of(package)
    assert modules
    assert not loaded_by(*modules) & (SCREEN | TORCH | PROVIDERS)


def test_the_command_line_starts_without_what_only_some_commands_need() -> None:
    assert not loaded_by("finetui.tui.cli.commands") & (TORCH | PROVIDERS | {"textual", "numpy"})


def test_the_trainer_is_a_program_that_needs_nothing_of_ours() -> None:
    """Other interpreters run it, without finetui: none of its files may import from outside its folder."""
    above = [
        f"{path.name}: {line.strip()}"
        for path in (ROOT / "engines" / "trainer").rglob("*.py")
        for line in path.read_text("utf-8").splitlines()
        if line.strip().startswith(("from ..", "import finetui", "from finetui"))
    ]
    assert above == []

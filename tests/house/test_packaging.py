"""What is installed is all that was written, and says nothing of the machine that it was written on."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
SHIPPED = ("tui", "monitors", "engines")


def tracked() -> list[Path]:
    """Files of the tree that git knows or would take; a source archive without git has no such list."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout
    paths = {ROOT / os.fsdecode(name) for name in listed.split(b"\0") if name}
    return sorted(path for path in paths if path.is_file())


def shipped(path: Path) -> bool:
    return path.relative_to(ROOT).parts[0] in SHIPPED


def test_every_package_is_listed() -> None:
    listed = set(tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"])
    here = {
        ".".join(("finetui", *path.parent.relative_to(ROOT).parts))
        for path in tracked()
        if path.name == "__init__.py" and shipped(path)
    }
    assert here - listed == set(), "packages that pyproject.toml doesn't list"
    without = {name for name in listed if not ROOT.joinpath(*name.split(".")[1:]).is_dir()}
    assert without == set(), "packages that pyproject.toml lists and that are not there"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the tree: setuptools leaves a build folder where it builds."""
    pytest.importorskip("setuptools")
    source, target = tmp_path_factory.mktemp("source"), tmp_path_factory.mktemp("wheel")
    for path in tracked():
        copy = source / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-q"]
    done = subprocess.run(
        [*command, "-w", str(target), str(source)], capture_output=True, text=True, timeout=240, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (built,) = target.glob("finetui-*.whl")
    return built


def test_the_wheel_holds_every_file_of_the_packages_and_no_other(wheel: Path) -> None:
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    wanted = {f"finetui/{path.relative_to(ROOT).as_posix()}" for path in tracked() if shipped(path)}
    assert wanted - inside == set(), "files that the wheel lacks: see package-data in pyproject.toml"
    assert inside - wanted == set(), "files that nobody meant to ship"


def test_what_is_installed_runs_away_from_the_checkout(wheel: Path, tmp_path: Path) -> None:
    site = tmp_path / "site"
    command = [sys.executable, "-m", "pip", "install", "--no-deps", "--no-index", "-q", "--target", str(site)]
    subprocess.run([*command, str(wheel)], capture_output=True, timeout=240, check=True)
    code = (
        "import finetui.engines.store as store, finetui.engines.local.engine, finetui.monitors.hardware\n"
        "from finetui.engines.engine import engine_names\n"
        "from finetui.engines.interpreter import TRAINER\n"
        "print(store.__file__, TRAINER, (TRAINER / '__main__.py').exists(), 'local' in engine_names())"
    )
    # -P: the current folder is not on the path; PYTHONPATH goes before an editable installation.
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    store, trainer, found, local = done.stdout.split()
    assert store.startswith(str(site)) and trainer.startswith(str(site))
    assert (found, local) == ("True", "True")


# Put together here, so that this file doesn't hold what it looks for.
FOREIGN = re.compile(rf"(?<![\w.\-~])/({'wo' + 'rk'}|{'ro' + 'ot'}|{'tm' + 'p/w'}|home/(?!you\b|user\b)\w+)/")
REGISTRIES = re.compile("|".join(["extra-" + "index-url", "--index" + "-url https?://", "/opt/" + "pypi"]))


def test_no_file_knows_the_machine_that_it_was_written_on() -> None:
    found = []
    for path in tracked():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if FOREIGN.search(line) or REGISTRIES.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}")
    assert found == []

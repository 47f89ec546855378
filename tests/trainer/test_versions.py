"""What the trainer says of its interpreter, quickly."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from finetui.engines.trainer import versions
from trainer.workshop import TRAINER, Workshop

PYPROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def test_versions_reports_what_is_installed_without_importing_torch(workshop: Workshop) -> None:
    checked = (
        "import runpy, sys\n"
        f"sys.argv = [{str(TRAINER)!r}, 'versions']\n"
        "try:\n"
        f"    runpy.run_path({str(TRAINER)!r}, run_name='__main__')\n"
        "finally:\n"
        "    print(sorted({'torch', 'transformers', 'finetui'} & sys.modules.keys()), file=sys.stderr)\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", checked],
        env=workshop.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    report = json.loads(ended.stdout)
    assert ended.returncode == 0
    assert ended.stderr.strip() == "[]"
    assert report["versions"]["torch"]
    assert report["missing"] == []
    assert report["problems"] == []
    assert report["executable"] == sys.executable


@pytest.mark.torch
def test_versions_import_reports_what_torch_sees(workshop: Workshop) -> None:
    status, output = workshop.run("versions", "--import", without="datasets")
    report = json.loads(output)
    assert status == 0
    assert report["failed"].keys() >= {"datasets"}, "what cannot be imported is said"
    assert report["cuda_available"] is False or report["devices"]


def test_a_version_is_compared_by_numbers_not_by_letters() -> None:
    assert versions.within("2.13.0+cpu", ("2.6", "2.14"))
    assert not versions.within("2.5.1", ("2.6", "2.14"))
    assert not versions.within("2.14.0", ("2.6", "2.14"))
    assert versions.within("1.16.0rc1", ("1.15", "1.17"))


def test_the_bounds_are_those_of_the_package() -> None:
    import tomllib

    local = tomllib.loads(PYPROJECT.read_text())["project"]["optional-dependencies"]["local"]
    assert sorted(local) == sorted(f"{name}>={low},<{high}" for name, (low, high) in versions.BOUNDS.items())

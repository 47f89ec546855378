"""The pages that are written from tables say what the tables say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("name", ["keys", "datasets"])
def test_a_page_is_current(name: str, tmp_path: Path) -> None:
    program = tmp_path / f"{name}.py"
    program.write_text((ROOT / "docs" / f"{name}.py").read_text("utf-8"), "utf-8")
    subprocess.run([sys.executable, str(program)], check=True)
    written = (tmp_path / f"{name}.md").read_text("utf-8")
    assert written == (ROOT / "docs" / f"{name}.md").read_text("utf-8"), f"run: python docs/{name}.py"

"""docs/keys.md says what the table of keys says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_of_keys_is_current(tmp_path: Path) -> None:
    program = tmp_path / "keys.py"
    program.write_text((ROOT / "docs" / "keys.py").read_text("utf-8"), "utf-8")
    subprocess.run([sys.executable, str(program)], check=True)
    written = (tmp_path / "keys.md").read_text("utf-8")
    assert written == (ROOT / "docs" / "keys.md").read_text("utf-8"), "run: python docs/keys.py"

"""The program that draws the README's pictures draws the app as it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from homes.jobs import busy_home

DRAW = Path(__file__).resolve().parents[2] / "screenshots" / "draw.py"


def test_a_picture_of_the_main_screen_shows_the_jobs_of_a_home(tmp_path: Path) -> None:
    settings = busy_home(tmp_path)
    out = tmp_path / "pictures"
    out.mkdir()

    done = subprocess.run(
        [sys.executable, str(DRAW), "--here", "main-80x24", "--out", str(out)],
        env=os.environ | {"FINETUI_HOME": str(settings.home.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    drawn = (out / "main-80x24.svg").read_text("utf-8")
    words = re.sub(r"<[^>]*>", "", drawn).replace("&#160;", " ")
    assert "support-bot" in words
    assert "leave" in words
    # And where Pillow is installed, the PNG of it
    if "no PNG" not in done.stdout:
        assert (out / "main-80x24.png").read_bytes().startswith(b"\x89PNG")

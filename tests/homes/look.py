"""Run the app over a home: `python -m homes.look FOLDER`. A folder that has none gets a busy one."""

from __future__ import annotations

import sys
from pathlib import Path

from finetui.tui.app import run

from .jobs import busy_home, settings_of

if __name__ == "__main__":
    folder = Path(sys.argv[1])
    raise SystemExit(run(settings_of(folder) if (folder / "home").exists() else busy_home(folder)))

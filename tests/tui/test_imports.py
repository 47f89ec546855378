"""What the app loads before its first frame: measured in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = (
    "torch", "transformers", "peft", "trl", "datasets", "bitsandbytes", "numpy", "openai", "anthropic",
    "httpx", "pynvml", "boto3",
)  # fmt: skip


def test_nothing_heavy_is_loaded_before_the_first_frame() -> None:
    program = "import finetui.tui.app, json, sys; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(json.loads(result.stdout))
    assert not loaded.intersection(HEAVY)

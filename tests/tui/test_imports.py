"""What the app loads before its first frame: measured in a fresh process."""

from __future__ import annotations

import json
import subprocess
import sys

HEAVY = (
    "torch", "transformers", "peft", "trl", "datasets", "bitsandbytes", "numpy", "openai", "anthropic",
    "httpx", "pynvml", "boto3", "finetui.engines.datasets.formats.registry",
)  # fmt: skip


def test_nothing_heavy_is_loaded_before_the_first_frame() -> None:
    program = "import finetui.tui.app, json, sys; print(json.dumps(sorted(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(json.loads(result.stdout))
    assert not loaded.intersection(HEAVY)


def test_a_command_loads_what_it_needs_and_not_the_others() -> None:
    program = (
        "import json, sys; from finetui.tui.cli.commands import run_command; "
        "run_command(['jobs', '--json']); print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(json.loads(result.stderr))
    assert "finetui.tui.cli.jobs" in loaded
    assert not loaded & {"finetui.tui.cli.check", "finetui.tui.cli.ask", "finetui.engines.datasets.read"}


def test_help_says_what_each_command_does() -> None:
    for arguments, least in ([], 18), (["setup"], 1):
        command = [sys.executable, "-m", "finetui.tui.cli", *arguments, "--help"]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        listed = said.partition("Commands")[2].splitlines()
        lines = [line.strip("│ ") for line in listed if line[:1] == "│" and line[2] != " "]
        assert len(lines) >= least
        assert all(" " in line for line in lines), said

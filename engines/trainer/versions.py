"""Which packages the trainer stands on, and between which versions it was tested."""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import platform
import re
import sys
from typing import Any

from .progress import say

BOUNDS: dict[str, tuple[str, str]] = {
    "torch": ("2.6", "2.14"),
    "transformers": ("5.20", "5.24"),
    "peft": ("0.21", "0.22"),
    "trl": ("1.16", "1.17"),
    "bitsandbytes": ("0.50", "0.51"),
    "accelerate": ("1.13", "2"),
    "datasets": ("4.4", "6"),
}
"""From the first version, up to but not including the second."""
QLORA_ONLY = {"bitsandbytes"}
OLDEST_PYTHON = (3, 10)


def installed() -> dict[str, str | None]:
    """Version of each package, None where it is missing; without importing any."""
    found: dict[str, str | None] = {}
    for name in BOUNDS:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return found


def within(version: str, bounds: tuple[str, str]) -> bool:
    return _numbers(bounds[0]) <= _numbers(version) < _numbers(bounds[1])


def problems(method: str | None = None) -> list[str]:
    """What is missing or outside the tested versions, a sentence each; for all methods, or for one."""
    found = []
    for name, version in installed().items():
        if name in QLORA_ONLY and method not in (None, "qlora"):
            continue
        low, high = BOUNDS[name]
        if version is None:
            found.append(f"{name} is missing (tested: {low} up to {high})")
        elif not within(version, BOUNDS[name]):
            found.append(f"{name} {version} is outside what was tested: {low} up to {high}")
    return found


def main(asked: argparse.Namespace) -> int:
    """Print one JSON object; the exit status is 0 whatever it says."""
    report: dict[str, Any] = {
        "python": platform.python_version(),
        "executable": sys.executable,
        "versions": installed(),
        "bounds": BOUNDS,
        "missing": [name for name, version in installed().items() if version is None],
        "problems": problems(),
    }
    if sys.version_info < OLDEST_PYTHON:
        report["problems"].append(f"Python {platform.python_version()} is older than 3.10")
    if asked.imports:
        report |= _imported()
    say(json.dumps(report))
    return 0


def _imported() -> dict[str, Any]:
    """Import everything once; what fails, and what torch sees of the machine."""
    failed = {}
    for name in BOUNDS:
        try:
            importlib.import_module(name)
        except Exception as error:  # noqa: BLE001 - a broken installation can raise anything
            failed[name] = f"{type(error).__name__}: {error}"
    facts: dict[str, Any] = {"failed": failed}
    if "torch" not in failed:
        import torch

        facts["cuda"] = torch.version.cuda
        facts["cuda_available"] = torch.cuda.is_available()
        facts["devices"] = [
            {
                "name": torch.cuda.get_device_name(number),
                "uuid": str(torch.cuda.get_device_properties(number).uuid),
                "memory_bytes": torch.cuda.get_device_properties(number).total_memory,
            }
            for number in range(torch.cuda.device_count())
        ]
    return facts


def _numbers(version: str) -> tuple[int, ...]:
    """2.13.0+cpu → (2, 13, 0); enough to compare releases."""
    return tuple(int(part) for part in re.findall(r"\d+", version.split("+")[0])[:3])

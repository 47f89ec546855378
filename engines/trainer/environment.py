"""What an attempt ran on, and with which values: its line in environment.jsonl."""

from __future__ import annotations

import platform
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import data, versions
from .plan import Plan, Values
from .progress import Progress
from .render import Renderer


def describe_attempt(
    progress: Progress,
    plan: Plan,
    values: Values,
    renderer: Renderer,
    device: Any,
    train: data.Rows,
    valid: data.Rows,
) -> None:
    """This attempt's line in environment.jsonl, and a warning where the template is not the planned one."""
    sha256 = renderer.template_sha256
    if plan.template.sha256 and sha256 and plan.template.sha256 != sha256:
        progress.note(
            "warning", "The chat template differs from the one that was planned with.", sha256=sha256
        )
    progress.environment(
        start=progress.step,
        argv=sys.argv,
        python=platform.python_version(),
        executable=sys.executable,
        platform=platform.platform(),
        versions=versions.installed(),
        device=describe_device(device),
        values=plan.decided_here,
        settled=asdict(values),
        template_sha256=sha256,
        train=train.counts(),
        valid=valid.counts(),
    )


def describe_device(device: Any) -> dict[str, Any]:
    import torch

    if device.type == "cpu":
        return {
            "type": "cpu",
            "name": platform.processor() or platform.machine(),
            "threads": torch.get_num_threads(),
        }
    properties = torch.cuda.get_device_properties(device)
    driver = Path("/proc/driver/nvidia/version")
    return {
        "type": "cuda",
        "name": properties.name,
        "uuid": str(properties.uuid),
        "memory_bytes": properties.total_memory,
        "cuda": torch.version.cuda,
        "driver": driver.read_text().splitlines()[0] if driver.is_file() else None,
    }

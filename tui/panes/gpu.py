"""The machine: every GPU's memory and who holds it, work, heat and power; without a GPU the host."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget

from ...engines.gpu import Gpu, MemorySplit, Snapshot, computing
from ...engines.host import Disk, Host
from ...engines.text import one_line
from ..widgets.bar import bar
from .pane import Pane, PaneCanvas
from .wording import gibibytes, percent

MUTED = "$quiet"
JOB, OTHERS, USED = ("█", "$success"), ("▒", "$warning"), ("▓", "$primary")
SLACK = {"share": 0.04, "temperature": 1.5, "power": 0.04, "memory": 0.004}
"""What moves less than this is shown as before: an idle machine's noise draws nothing. Shares of the whole;
temperature in degrees, power as a share of its limit."""


@dataclass(frozen=True)
class Hardware:
    """What the pane shows: a reading, and by GPU whose memory is whose and which jobs run there."""

    snapshot: Snapshot
    host: Host
    memory: Mapping[str, MemorySplit] = field(default_factory=dict)
    jobs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class Steady:
    """Keeps a value as it was shown until it has moved far enough."""

    def __init__(self) -> None:
        self._shown: dict[tuple[str, str], float] = {}

    def of(self, key: str, kind: str, value: float, slack: float) -> float:
        """The value to show, for one thing (`key`) and one of its values (`kind`)."""
        before = self._shown.get((key, kind))
        # To and from nothing is always worth a change.
        if before is None or abs(value - before) > slack or (value == 0) != (before == 0):
            self._shown[key, kind] = before = value
        return before


class HardwareLines(PaneCanvas):
    """Draws a `Hardware`; scrolls where there are more GPUs than lines."""

    def __init__(self) -> None:
        super().__init__(id="gpu-lines")
        self._hardware: Hardware | None = None
        self._lines: list[Content] = []
        self._steady = Steady()

    def show(self, hardware: Hardware) -> None:
        self._hardware = hardware
        self.repaint()

    def lay_out(self, width: int, height: int) -> int:
        if self._hardware is None:
            self._lines = [Content.styled("Looking at the hardware …", MUTED)]
            return 1
        hardware = self._hardware
        gpus = computing(hardware.snapshot.gpus)
        lines: list[Content] = []
        for gpu in gpus:
            lines += self._gpu(gpu, hardware, width)
        if gpus and len(lines) + 1 < height:
            lines.append(_legend(any(hardware.memory.get(gpu.uuid) is not None for gpu in gpus)))
        if lines and len(lines) + 3 < height:
            lines.append(Content(""))
        lines += self._host(hardware.host, width)
        if not gpus:
            lines += [Content(""), *_wrapped(hardware.snapshot.problem or "no GPU", width)]
        self._lines = lines
        return len(lines)

    def line(self, index: int, width: int) -> Content:
        return self._lines[index]

    def _gpu(self, gpu: Gpu, hardware: Hardware, width: int) -> list[Content]:
        steady = self._steady
        measured: list[str] = []
        if gpu.utilisation is not None:
            measured.append(percent(steady.of(gpu.uuid, "work", gpu.utilisation, SLACK["share"])).rjust(5))
        if gpu.temperature_celsius is not None:
            shown = steady.of(gpu.uuid, "heat", gpu.temperature_celsius, SLACK["temperature"])
            measured.append(f"{shown:.0f} °C")
        if gpu.power_watts is not None:
            slack = SLACK["power"] * (gpu.power_limit_watts or 300)
            measured.append(f"{steady.of(gpu.uuid, 'power', gpu.power_watts, slack):.0f} W".rjust(5))
        jobs = ", ".join(one_line(name, 30) for name in hardware.jobs.get(gpu.uuid, ()))
        # MIG slices share their GPU's index; their own name tells them apart.
        right = Content("  ".join(measured))
        name = gpu_name(gpu)
        if len(name) + len(jobs) + 5 > width - right.cell_length:
            name = short_gpu_name(gpu)
        head = Content.assemble((f"{gpu.index} ", "bold"), name, (f"  {jobs}" if jobs else "", "$success"))
        lines = [_sides(head, right, width)]
        if gpu.error is not None:
            return [*lines, *_wrapped(gpu.error, width, "$error")]
        lines.append(self._memory(gpu, hardware.memory.get(gpu.uuid), width))
        worries = [f"slowed down: {words}" for words in gpu.throttled]
        if gpu.xid is not None:
            worries.append(f"fault {gpu.xid.code}: {gpu.xid.meaning}")
        if gpu.ecc_uncorrected:
            worries.append(f"{gpu.ecc_uncorrected} memory errors that could not be corrected")
        for worry in worries:
            lines += _wrapped(f"! {worry}", width, "$warning")
        return lines

    def _memory(self, gpu: Gpu, split: MemorySplit | None, width: int) -> Content:
        total, used = gpu.memory_total_bytes, gpu.memory_used_bytes
        if not total or used is None:
            return Content.styled("memory not readable", MUTED)
        used = self._steady.of(gpu.uuid, "memory", used, SLACK["memory"] * total)
        text = f" {gibibytes(used)}/{gibibytes(total)} GiB"
        if split is None or split.ours_bytes is None or split.others_bytes is None:
            parts = [(used / total, *USED)]
        else:
            ours = self._steady.of(gpu.uuid, "ours", split.ours_bytes, SLACK["memory"] * total)
            parts = [(ours / total, *JOB), (max(used - ours, 0) / total, *OTHERS)]
        return bar(max(width - len(text), 4), parts) + Content.styled(text.rjust(0), MUTED)

    def _host(self, host: Host, width: int) -> list[Content]:
        share = 0.0 if host.cpu_share is None else host.cpu_share
        share = self._steady.of("host", "cpu", share, SLACK["share"])
        total = max(host.memory_total_bytes, 1)
        used = self._steady.of(
            "host", "memory", total - host.memory_available_bytes, SLACK["memory"] * 2 * total
        )
        rows = [
            ("CPU", share, f"{percent(share)} of {host.cpus}"),
            ("RAM", used / total, f"{gibibytes(used)}/{gibibytes(total)} GiB"),
        ]
        seen: list[tuple[int, int]] = []
        for disk in host.disks:
            free, size = disk.free_bytes, disk.total_bytes
            # The same file system under two paths, asked a moment apart.
            if free is None or not size or any(size == s and abs(free - f) < size / 100 for f, s in seen):
                continue
            seen.append((free, size))
            rows.append(self._disk(disk, free, size))
        aside = max(len(text) for _, _, text in rows)
        return [
            Content.assemble(
                (f"{name:<5}", MUTED),
                bar(max(width - aside - 6, 4), [(part, *USED)]),
                (f" {text:<{aside}}", MUTED),
            )
            for name, part, text in rows
        ]

    def _disk(self, disk: Disk, free: int, total: int) -> tuple[str, float, str]:
        shown = self._steady.of(str(disk.path), "free", free, 0.005 * total)
        return "disk", 1 - shown / total, f"{gibibytes(shown)} GiB free"


def gpu_name(gpu: Gpu) -> str:
    """As NVIDIA calls it, without NVIDIA."""
    return one_line(gpu.name, 40).removeprefix("NVIDIA ")


def short_gpu_name(gpu: Gpu) -> str:
    """Up to the first word with a number: H100, GeForce RTX 4090."""
    name = gpu_name(gpu)
    found = re.match(r"\D*\d\w*", name)
    return found[0] if found else name


def _legend(split: bool) -> Content:
    parts = [JOB, "finetui", OTHERS, "others"] if split else [USED, "used"]
    texts: list[tuple[str, str]] = []
    for part in [*parts, ("░", "$bar-rest"), "free"]:
        texts.append((f"{part}  ", MUTED) if isinstance(part, str) else (f"{part[0]} ", part[1]))
    return Content.assemble(*texts)


def _sides(left: Content, right: Content, width: int) -> Content:
    """Two texts at the two ends of a line; the left one gives way."""
    left = left.truncate(max(width - right.cell_length - 1, 0), ellipsis=True)
    return left + Content(" " * max(width - left.cell_length - right.cell_length, 0)) + right


def _wrapped(text: str, width: int, style: str = MUTED) -> list[Content]:
    return Content.styled(one_line(text, 400), style).wrap(max(width, 8))


class GpuPane(Pane):
    NUMBER, TITLE = 4, "GPU"

    def __init__(self) -> None:
        super().__init__(id="gpu")
        self.lines = HardwareLines()

    @property
    def main(self) -> Widget:
        return self.lines

    def compose(self) -> ComposeResult:
        yield self.lines

    def show(self, hardware: Hardware) -> None:
        self.lines.show(hardware)
        driver = hardware.snapshot.driver
        self.say("" if hardware.snapshot.gpus else "none here", f"driver {driver}" if driver else "")

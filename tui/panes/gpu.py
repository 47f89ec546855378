"""The machine: every GPU's memory and who holds it, work, heat and power; without a GPU the host."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget

from ...engines.gpu import Gpu, MemorySplit, Snapshot, computing
from ...engines.host import Host
from ...engines.text import one_line
from ..widgets.bar import MARK, bar
from ..widgets.sparkline import sparkline
from ..widgets.steady import Steady
from .machine import USED, history_line, machine_lines, why_none, wrapped
from .pane import Pane, PaneCanvas
from .processes import process_lines
from .wording import gibibytes, percent

MUTED = "$quiet"
JOB, OTHERS = ("▇", "$success"), ("▅", "$warning")
MARKED = "bold $foreground"
SLACK = {"share": 0.04, "temperature": 1.5, "power": 0.04, "memory": 0.004}
"""What moves less than this is shown as before. Shares of the whole; temperature in degrees, power as a share
of its limit."""
HISTORY_CELLS = 10
"""Of a history in a line that has all of a GPU."""

Shares = tuple[float | None, ...]


@dataclass(frozen=True)
class Hardware:
    """What the pane shows: a reading, and by GPU whose memory is whose and which jobs run there."""

    snapshot: Snapshot
    host: Host
    memory: Mapping[str, MemorySplit] = field(default_factory=dict)
    jobs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    planned: Mapping[str, tuple[int, bool]] = field(default_factory=dict)
    """By GPU: bytes that the plans of its jobs ask for, and whether that is only what they need at least."""
    owners: Mapping[int, str] = field(default_factory=dict)
    """The job's name by the pid of each of finetui's processes on a GPU."""
    work: Mapping[str, Shares] = field(default_factory=dict)
    """History of utilisation by GPU, and of the processors as "host": machine.SPAN_SECONDS each, to now."""
    held: Mapping[str, Shares] = field(default_factory=dict)
    """The same of memory in use, as shares of all of it."""


class HardwareLines(PaneCanvas):
    """Draws a `Hardware`, as densely as it must; what does not fit is reached by scrolling."""

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
        host = machine_lines(hardware.host, self._steady, width)
        lines = self._gpus(hardware, gpus, width, height - len(host), height) if gpus else []
        if lines and len(lines) + len(host) < height:
            lines.append(Content(""))
        lines += host
        past = history_line(
            [("CPU", hardware.work.get("host", ())), ("RAM", hardware.held.get("host", ()))], width
        )
        if gpus:
            more = process_lines(hardware, gpus, self._steady, width, JOB, OTHERS[1])
        else:
            more = why_none(hardware.snapshot.problem or "no GPU", width, height - len(lines))
        # A history is what gives way to the words why there is no GPU; processes are scrolled to anyway.
        if past is not None and len(lines) + (0 if gpus else len(more)) < height:
            lines.append(past)
        if more and len(lines) + len(more) < height:
            lines.append(Content(""))
        lines += more
        self._lines = lines
        return len(lines)

    def line(self, index: int, width: int) -> Content:
        return self._lines[index]

    def _gpus(
        self, hardware: Hardware, gpus: Sequence[Gpu], width: int, room: int, height: int
    ) -> list[Content]:
        """Each GPU on some lines where all fit so, else on one; `room`: lines beside those of the host,
        before which histories give way."""
        full = [self._full(gpu, hardware, width) for gpu in gpus]
        lines = [line for part in full for line in part]
        if len(gpus) > 2 and len(lines) > room:
            lines = [self._dense(gpu, hardware, width) for gpu in gpus]
            for gpu in gpus:
                lines += [
                    line
                    for words in _worries(gpu)
                    for line in wrapped(f"{gpu.index} ! {words}", width, "$warning")
                ]
            return lines
        pasts = [
            history_line(
                [("work", hardware.work.get(gpu.uuid, ())), ("memory", hardware.held.get(gpu.uuid, ()))],
                width,
            )
            for gpu in gpus
        ]
        if len(lines) + sum(past is not None for past in pasts) < room:
            lines = [
                line
                for part, past in zip(full, pasts, strict=True)
                for line in [*part, *([past] if past else [])]
            ]
        if len(lines) < height:
            lines.append(_legend(hardware, gpus, width))
        return lines

    def _measured(self, gpu: Gpu) -> tuple[str, str, str]:
        """Utilisation, temperature and power as they are shown; empty where they can't be read."""
        steady = self._steady
        work = heat = power = ""
        if gpu.utilisation is not None:
            work = percent(steady.of(gpu.uuid, "work", gpu.utilisation, SLACK["share"])).rjust(5)
        if gpu.temperature_celsius is not None:
            shown = steady.of(gpu.uuid, "heat", gpu.temperature_celsius, SLACK["temperature"])
            heat = f"{shown:.0f} °C"
        if gpu.power_watts is not None:
            slack = SLACK["power"] * (gpu.power_limit_watts or 300)
            power = f"{steady.of(gpu.uuid, 'power', gpu.power_watts, slack):.0f} W".rjust(5)
        return work, heat, power

    def _full(self, gpu: Gpu, hardware: Hardware, width: int) -> list[Content]:
        jobs = ", ".join(one_line(name, 30) for name in hardware.jobs.get(gpu.uuid, ()))
        # MIG slices share their GPU's index; their own name tells them apart.
        measured = [text for text in self._measured(gpu) if text]
        right = Content("  ".join(measured))
        name = gpu_name(gpu)
        if len(name) + len(jobs) + 5 > width - right.cell_length:
            name = short_gpu_name(gpu)
        if jobs and len(name) + len(jobs) + 5 > width - right.cell_length and len(measured) == 3:
            right = Content("  ".join(measured[:2]))  # whose it is matters more than the power
        head = Content.assemble((f"{gpu.index} ", "bold"), name, (f"  {jobs}" if jobs else "", "$success"))
        lines = [_sides(head, right, width)]
        if gpu.error is not None:
            return [*lines, *wrapped(gpu.error, width, "$error")]
        total, used = gpu.memory_total_bytes, gpu.memory_used_bytes
        if not total or used is None:
            lines.append(Content.styled("memory not readable", MUTED))
        else:
            used = self._used(gpu, used, total)
            text = f" {gibibytes(used)}/{gibibytes(total)} GiB"
            gauge = self._gauge(gpu, hardware, used, total, max(width - len(text), 4))
            lines.append(gauge + Content.styled(text, MUTED))
        return lines + [line for words in _worries(gpu) for line in wrapped(f"! {words}", width, "$warning")]

    def _dense(self, gpu: Gpu, hardware: Hardware, width: int) -> Content:
        """All of a GPU on one line: index, bar, memory, and of what is measured what there is room for."""
        head = Content.styled(f"{gpu.index:>2} ", "bold")
        if gpu.error is not None:
            words = Content.styled(one_line(gpu.error, 200), "$error")
            return head + words.truncate(max(width - head.cell_length, 0), ellipsis=True)
        work, heat, power = self._measured(gpu)
        total, used = gpu.memory_total_bytes, gpu.memory_used_bytes
        if not total or used is None:
            return _sides(
                head + Content.styled("memory not readable", MUTED), Content(f"{work} {heat}"), width
            )
        used = self._used(gpu, used, total)
        sign = "!" if _worries(gpu) else " "
        right = Content.assemble(
            (f" {used / 2**30:>3.0f}/{total / 2**30:.0f}", MUTED),
            work.rjust(6),
            f" {heat.replace(' °C', '°'):>4}",
            (sign, "bold $warning"),
        )
        room = width - head.cell_length - right.cell_length
        if room >= 20:
            right += Content(f" {power:>5}")
            room -= 6
        if room >= 32:
            past = sparkline(hardware.work.get(gpu.uuid, ()), HISTORY_CELLS)
            right += Content.styled(f" {past}", "$primary")
            room -= HISTORY_CELLS + 1
        if room >= 32:
            jobs = one_line(", ".join(hardware.jobs.get(gpu.uuid, ())), 15)
            right += Content.styled(f" {jobs:<15}", "$success")
            room -= 16
        return head + self._gauge(gpu, hardware, used, total, max(room, 3)) + right

    def _used(self, gpu: Gpu, used: float, total: int) -> float:
        return self._steady.of(gpu.uuid, "memory", used, SLACK["memory"] * total)

    def _gauge(self, gpu: Gpu, hardware: Hardware, used: float, total: int, cells: int) -> Content:
        """The memory: ours, others', free, and a mark at what was planned."""
        split = hardware.memory.get(gpu.uuid)
        if split is None or split.ours_bytes is None or split.others_bytes is None:
            parts = [(used / total, *USED)]
        else:
            ours = self._steady.of(gpu.uuid, "ours", split.ours_bytes, SLACK["memory"] * total)
            parts = [(ours / total, *JOB), (max(used - ours, 0) / total, *OTHERS)]
        planned = hardware.planned.get(gpu.uuid)
        mark = None
        if planned is not None:
            mark = (planned[0] / total, "bold $error" if planned[0] > total else MARKED)
        return bar(cells, parts, mark=mark)


def gpu_name(gpu: Gpu) -> str:
    """As NVIDIA calls it, without NVIDIA."""
    return one_line(gpu.name, 40).removeprefix("NVIDIA ")


def short_gpu_name(gpu: Gpu) -> str:
    """Up to the first word with a number: H100, GeForce RTX 4090."""
    name = gpu_name(gpu)
    found = re.match(r"\D*\d\w*", name)
    return found[0] if found else name


def _worries(gpu: Gpu) -> list[str]:
    """What is wrong with a GPU that works, in words."""
    worries = [f"slowed down: {words}" for words in gpu.throttled]
    if gpu.xid is not None:
        worries.append(f"fault {gpu.xid.code}: {gpu.xid.meaning}")
    if gpu.ecc_uncorrected:
        worries.append(f"{gpu.ecc_uncorrected} memory errors that could not be corrected")
    return worries


def _legend(hardware: Hardware, gpus: Sequence[Gpu], width: int) -> Content:
    """What the bars' characters mean; the last ones go where there is no room."""
    splits = [hardware.memory.get(gpu.uuid) for gpu in gpus if gpu.memory_used_bytes]
    known = [
        one is not None and one.ours_bytes is not None and one.others_bytes is not None for one in splits
    ]
    names = {name for gpu in gpus for name in hardware.jobs.get(gpu.uuid, ())}
    narrow = width < 44
    # The head names the job already: where it is narrow the mark matters more.
    job = one_line(next(iter(names)), 20) if len(names) == 1 and not narrow else "finetui"
    entries: list[tuple[str, str, str]] = [(*JOB, job), (*OTHERS, "others")] if any(known) else []
    if not all(known) or not known:
        entries.append((*USED, "used"))
    plans = [hardware.planned[gpu.uuid] for gpu in gpus if gpu.uuid in hardware.planned]
    if plans:
        least = any(at_least for _, at_least in plans)
        amount = gibibytes(plans[0][0]) if len(plans) == 1 else ""
        words = ("at least", "at least") if least else ("planned", "plan")
        entries.append((MARK, MARKED, f"{words[narrow]} {amount}".rstrip()))
    entries.append(("░", "$bar-rest", "free"))
    line, gap = Content(""), Content(" " if narrow else "  ")
    for character, style, word in entries:
        entry = Content.assemble((character, style), (f" {word}", MUTED))
        if line.cell_length + entry.cell_length + gap.cell_length > width:
            break
        line += entry if not line.cell_length else gap + entry
    return line


def _sides(left: Content, right: Content, width: int) -> Content:
    """Two texts at the two ends of a line; the left one gives way."""
    left = left.truncate(max(width - right.cell_length - 1, 0), ellipsis=True)
    return left + Content(" " * max(width - left.cell_length - right.cell_length, 0)) + right


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

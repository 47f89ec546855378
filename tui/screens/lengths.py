"""How long a dataset's rows are, in tokens: a histogram, and what follows for training and its price."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from ...engines.datasets.tokens.report import TokenReport
from ...engines.text import one_line
from ..keys import bindings
from ..panes.pane import PaneCanvas
from ..panes.wording import percent, plural
from ..widgets.keyline import KeyLine


class LengthLines(PaneCanvas):
    """The figures in words, and below them the histogram as wide as there is room."""

    def __init__(self, report: TokenReport) -> None:
        super().__init__(id="lengths")
        self._report = report
        self._lines: list[Content] = []
        self._width = -1

    def lay_out(self, width: int, height: int) -> int:
        if width != self._width:
            self._width = width
            self._lines = [
                *(part for line in words_of(self._report) for part in line.wrap(max(width - 2, 20))),
                Content(""),
                *bars_of(self._report, max(width - 2, 30)),
            ]
        return len(self._lines)

    def line(self, index: int, width: int) -> Content:
        return Content.assemble(" ", self._lines[index])


class Lengths(ModalScreen[None]):
    """Shows a report."""

    CSS_PATH = "lengths.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in bindings("rows") if isinstance(binding, Binding) and binding.id == "rows.back"
    ]

    def __init__(self, name: str, report: TokenReport) -> None:
        """`name`: the file's; foreign text."""
        super().__init__()
        self._name, self._report = name, report

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield LengthLines(self._report)
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        box = self.query_one("#box")
        box.border_title = Content(f"Tokens of {one_line(self._name, 50)}")
        box.styles.height = len(self._report.histogram.bins) + 14
        self.set_focus(self.query_one(LengthLines))

    def action_back(self) -> None:
        self.dismiss()


def words_of(report: TokenReport) -> list[Content]:
    """The figures, most asked first."""
    spread = report.histogram
    trained = percent(report.trained_tokens / report.tokens) if report.tokens else "none"
    sign = "" if report.exact else "about "
    lines = [
        Content.assemble(
            (f"{sign}{plural(report.tokens, 'token')}", "bold"),
            f" in {plural(spread.rows, 'row')} · {trained} trained",
        ),
        Content.assemble(
            ("longest ", "$quiet"), (f"{spread.longest:,}", "bold"),
            ("   p99 ", "$quiet"), f"{spread.p99:,}",
            ("   p90 ", "$quiet"), f"{spread.p90:,}",
            ("   median ", "$quiet"), f"{spread.median:,}",
            ("   shortest ", "$quiet"), f"{spread.shortest:,}",
        ),
    ]  # fmt: skip
    if report.max_tokens is not None:
        lines.append(_of_limit(report, report.max_tokens))
    if report.updates is not None:
        lines.append(Content.assemble(("updates ", "$quiet"), f"{report.updates:,}"))
    if report.cost is not None:
        lines.append(Content.assemble(("cost ", "$quiet"), one_line(report.cost.words)))
    counted = f"counted as {one_line(report.tokenizer, 60)}{'' if report.exact else ', an estimate'}"
    lines.append(Content.styled(f"{counted}: {one_line(report.basis)}", "$quiet"))
    return lines


def _of_limit(report: TokenReport, limit: int) -> Content:
    if not report.rows_over:
        return Content.styled(
            f"✓ no row is longer than {limit:,} tokens, the most that is trained", "$success"
        )
    lost = percent(report.lost_share) if report.lost_share >= 0.005 else f"{report.lost_tokens:,} tokens"
    over = f"{plural(report.rows_over, 'row')} longer than {limit:,} tokens"
    return Content.styled(f"! {over}: {lost} of what is trained is lost", "$warning")


def bars_of(report: TokenReport, width: int) -> list[Content]:
    """The histogram; bins beyond the greatest length are marked."""
    spread, limit = report.histogram, report.max_tokens
    lines = [Content.styled("tokens of a row, and how many rows have so many", "$quiet")]
    for one, line in zip(spread.bins, spread.lines(width - 2), strict=True):
        over = limit is not None and one.low > limit
        figures = len(line.rstrip("█▉▊▋▌▍▎▏"))
        style = "$warning" if over else "$primary"
        lines.append(
            Content.assemble(("! " if over else "  ", style), line[:figures], (line[figures:], style))
        )
    return lines

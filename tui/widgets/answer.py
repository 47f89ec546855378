"""One model's answer on the screen: whose it is, how it stands, and the text as it comes."""

from __future__ import annotations

import time

from textual.app import ComposeResult
from textual.containers import Vertical
from textual.content import Content

from ...engines.models.talk import Base, Reply
from ...engines.text import clean, one_line
from ..panes.pane import PaneCanvas
from .sides import Sides


class AnswerText(PaneCanvas):
    """Wrapped text that scrolls, and follows its end while one is there."""

    ALLOW_SELECT = True

    def __init__(self) -> None:
        super().__init__(classes="answer-text")
        self._shown: list[Content] = []
        self._lines: list[Content] = []
        self._laid_out: tuple[int, list[Content]] = (-1, [])

    def show(self, lines: list[Content], *, follow: bool) -> None:
        """Show these; `follow`: stay at the end where one was there, else begin at the first."""
        at_end = self.top >= self.last_top
        self._shown = lines
        if not follow:
            self.top = 0
        elif at_end:
            self.top = 1 << 30
        self.repaint()

    def lay_out(self, width: int, height: int) -> int:
        if self._laid_out != (width, self._shown):
            room = max(width - 1, 4)
            self._lines = [
                part
                for line in self._shown
                for part in (line.wrap(room) if line.cell_length > room else [line])
            ]
            self._laid_out = (width, self._shown)
        return len(self._lines)

    def line(self, index: int, width: int) -> Content:
        return Content.assemble(" ", self._lines[index])


class Answer(Vertical):
    """A frame with a model's name, a line on how its answer stands, and the answer."""

    def __init__(self, title: str) -> None:
        """`title`: the model's name; foreign text."""
        super().__init__(classes="answer")
        self.border_title = Content(one_line(title, 60))
        self._head, self.text = Sides(), AnswerText()

    def compose(self) -> ComposeResult:
        yield self._head
        yield self.text

    def show(self, reply: Reply | None, base: Base | None, expected: str | None) -> None:
        """
        Args:
            reply: its answer; None before it was asked.
            base: the process that answers; None where it isn't started.
            expected: the answer that the data has, where it has one.
        """
        self._head.show(*_head(reply, base, expected))
        self.text.show(_text(reply), follow=reply is not None and reply.running)


def _head(reply: Reply | None, base: Base | None, expected: str | None) -> tuple[Content, list[Content]]:
    def quiet(words: str) -> tuple[Content, list[Content]]:
        return Content.styled(words, "$quiet"), []

    loading = f"loads, {time.monotonic() - base.since:.0f} s" if base is not None and base.loading else ""
    if reply is None:
        if base is not None and base.error is not None:
            return Content.styled("✗ not loaded", "$error"), []
        return quiet(loading)
    if reply.state == "failed":
        return Content.styled("✗ failed", "$error"), []
    if reply.running:
        if reply.stopping:
            return quiet("stopping …")
        words = {"waiting": "waits for its turn", "loading": loading, "reading": "reads …"}
        if reply.state in words:
            return quiet(words[reply.state])
        return Content.styled("writes …", "$primary"), []
    if reply.stop_reason == "cancelled":
        left = Content.styled("stopped", "$warning")
    elif reply.stop_reason == "length":
        left = Content.styled(f"cut at {reply.tokens:,} tokens", "$warning")
    elif expected is None:
        left = Content.styled(_count(reply), "$quiet")
    elif reply.text == expected:
        left = Content.styled("✓ same", "$success")
    else:
        left = Content.styled("≠ differs", "$warning")
    return left, _figures(reply, counted=left.plain == _count(reply) or reply.stop_reason == "length")


def _figures(reply: Reply, *, counted: bool) -> list[Content]:
    """Tokens, seconds to the first and tokens a second, said ever shorter."""
    if not reply.tokens:
        return []
    parts = [] if counted else [_count(reply)]
    first, speed = reply.first_token_seconds, reply.tokens / reply.seconds if reply.seconds else 0.0
    long = [*parts, *([f"first {first:.2f} s"] if first is not None else []), f"{speed:.0f} tokens/s"]
    short = [*parts, *([f"{first:.2f} s"] if first is not None else []), f"{speed:.0f}/s"]
    said = [long, short, [*parts, f"{speed:.0f}/s"], parts]
    return [Content.styled(" · ".join(words), "$quiet") for words in said if words]


def _count(reply: Reply) -> str:
    return "1 token" if reply.tokens == 1 else f"{reply.tokens:,} tokens"


def _text(reply: Reply | None) -> list[Content]:
    if reply is None:
        return []
    lines = [Content(line.expandtabs(4)) for line in clean(reply.text).split("\n")] if reply.text else []
    if reply.state == "done" and not reply.text and reply.stop_reason != "cancelled":
        lines = [Content.styled("(an empty answer)", "$quiet")]
    if reply.error is not None:
        lines.append(Content.styled(f"✗ {one_line(reply.error)}", "$error"))
        if reply.advice:
            lines.append(Content(f"→ {one_line(reply.advice)}"))
        lines.append(Content.styled("↑ and Enter ask again.", "$quiet"))
    return lines

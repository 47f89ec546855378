"""A job's log in full height: searched, followed, and with the way to its errors."""

from __future__ import annotations

import re
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from ....engines.text import one_line
from ....monitors.log import Line
from ...keys import bindings
from ...panes.log import LogLines, wrapped_rows

KEPT_LINES = 20_000
ERRORS = re.compile(
    r"Traceback \(most recent call last\)|\b\w*(?:Error|Exception)\b|\b(?:ERROR|FATAL|CRITICAL)\b"
    r"|^\s*(?:fatal|error)\b|out of memory|Segmentation fault|Killed"
)
MATCH, HERE = "bold underline $background on $warning", "$list-cursor-style"


class PageLog(LogLines):
    """Lines that are searched. A line counts once, however often it has the words."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("log")

    class Searched(Message):
        """Other lines match, or another is shown."""

    class Missed(Message):
        """A key found nothing; `why` says so."""

        def __init__(self, why: str) -> None:
            super().__init__()
            self.why = why

    def __init__(self) -> None:
        super().__init__()
        self._pattern: re.Pattern[str] | None = None
        self._matches: list[int] = []
        self._origin = 0
        """The first line in view when the search began: each further letter is looked for from there."""
        self._here: int | None = None
        """The line that was gone to."""
        self._here_rows = (0, 0, 0)
        """The width for which it was laid out, its first row, and the row behind its last."""

    @property
    def searched(self) -> bool:
        return self._pattern is not None

    @property
    def found(self) -> tuple[int, int]:
        """Which of the matching lines is shown, from 1 (0: none), and how many there are."""
        place = self._matches.index(self._here) + 1 if self._here in self._matches else 0
        return place, len(self._matches)

    @property
    def follows(self) -> bool:
        """New lines come into view."""
        return self._follows

    def clear(self) -> None:
        self._matches, self._here, self._origin = [], None, 0
        super().clear()

    def add(self, lines: list[Line]) -> None:
        first = len(self._lines)
        self._lines += lines
        self._wrapped += wrapped_rows(lines, self._wrapped_width)
        if (pattern := self._pattern) is not None:
            self._matches += [first + at for at, line in enumerate(lines) if pattern.search(line.text)]
        if (over := len(self._lines) - KEPT_LINES) > 0:
            rows = len(wrapped_rows(self._lines[:over], self._wrapped_width))
            del self._lines[:over], self._wrapped[:rows]
            self.top -= rows  # what is being read stays where it is
            self._origin = max(self._origin - over, 0)
            self._matches = [line - over for line in self._matches if line >= over]
            if self._here is not None:
                self._here = self._here - over if self._here >= over else None
                self._here_rows = (0, 0, 0)
        self.repaint()
        if self._pattern is not None and lines:
            self.post_message(self.Searched())

    def search(self, words: str) -> None:
        """Mark these words, whatever their case, and go to the nearest; none: search no more."""
        self._pattern = re.compile(re.escape(words), re.IGNORECASE) if words else None
        pattern = self._pattern
        self._matches = (
            [at for at, line in enumerate(self._lines) if pattern.search(line.text)] if pattern else []
        )
        self._here = None
        if self._matches:
            self._go(next((line for line in self._matches if line >= self._origin), self._matches[-1]))
        else:
            self.repaint()
        self.post_message(self.Searched())

    def lay_out(self, width: int, height: int) -> int:
        count = super().lay_out(width, height)
        if self._here is not None and self._here_rows[0] != width:
            first = self._first_row(self._here)
            self._here_rows = (width, first, first + len(wrapped_rows([self._lines[self._here]], width)))
        return count

    def line(self, index: int, width: int) -> Content:
        content = super().line(index, width)
        if self._here is not None and self._here_rows[1] <= index < self._here_rows[2]:
            content = content.pad_right(max(width - content.cell_length, 0)).stylize(HERE)
        if self._pattern is not None:
            for match in self._pattern.finditer(content.plain):
                content = content.stylize(MATCH, *match.span())
        return content

    def _first_row(self, line: int) -> int:
        return len(wrapped_rows(self._lines[:line], self._wrapped_width))

    def _line_at(self, row: int) -> int:
        """The line that begins at a row or behind it."""
        rows = 0
        for at, line in enumerate(self._lines):
            if rows >= row:
                return at
            rows += len(wrapped_rows([line], self._wrapped_width))
        return len(self._lines)

    def _go(self, line: int) -> None:
        self._here, self._here_rows = line, (0, 0, 0)
        self.move_view(self._first_row(line) - self.size.height // 3)
        self.post_message(self.Searched())

    def action_search(self) -> None:
        self._origin = self._line_at(self.top)
        # At once and not by a message: the next key is a letter of the words.
        self.query_ancestor(LogPart).ask()

    def action_match(self, by: int) -> None:
        if not self._matches:
            why = "No line has these words." if self.searched else "Search first, with /."
            self.post_message(self.Missed(why))
            return
        here = self._here if self._here is not None else self._line_at(self.top)
        later = [line for line in self._matches if line > here]
        earlier = [line for line in self._matches if line < here]
        if by > 0:
            self._go(later[0] if later else self._matches[0])
        else:
            self._go(earlier[-1] if earlier else self._matches[-1])

    def action_error(self) -> None:
        """The first error; from an error the next one."""
        errors = [at for at, line in enumerate(self._lines) if _is_error(line)]
        if not errors:
            self.post_message(self.Missed("There is no error in this log."))
            return
        here = self._here if self._here in errors else None
        self._go(next((line for line in errors if here is not None and line > here), errors[0]))

    def action_follow(self) -> None:
        self._here = None
        self.action_last()
        self.post_message(self.Searched())

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "match":
            return bool(self._matches) or None
        return True


def _is_error(line: Line) -> bool:
    return line.level == "error" if line.event else ERRORS.search(line.text) is not None


class LogPart(Vertical):
    """The log, and a line to search it."""

    def __init__(self) -> None:
        super().__init__(id="part-2", classes="part")
        self.log_lines = PageLog()
        self._input = Input(id="words", compact=True, select_on_focus=True, placeholder="search")
        self._input.cursor_blink = False

    def compose(self) -> ComposeResult:
        yield self.log_lines
        with Horizontal(id="find"):
            yield Static(Content.styled(" / ", "bold $key"), id="slash")
            yield self._input
            yield Static(id="found")

    def show(self, lines: list[Line], *, anew: bool) -> None:
        """More lines; `anew`: they are the first."""
        if anew:
            self.log_lines.clear()
        self.log_lines.add(lines)

    def back(self) -> bool:
        """One layer out; False where one is out already."""
        if self._input.has_focus or self.log_lines.searched:
            self._input.value = ""
            self.log_lines.search("")
            self.query_one("#find").display = False
            self.screen.set_focus(self.log_lines)
            return True
        return False

    def ask(self) -> None:
        """Ask for the words."""
        self.query_one("#find").display = True
        self.screen.set_focus(self._input)

    def on_page_log_searched(self) -> None:
        self._say()
        self.screen.refresh_bindings()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if (safe := one_line(event.value)) != event.value.strip():
            self._input.value = safe
            return
        self.log_lines.search(event.value)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if not event.value:
            self.back()
            return
        self.screen.set_focus(self.log_lines)

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        if event.widget is self._input and not self.log_lines.searched:
            self.query_one("#find").display = False

    def _say(self) -> None:
        place, count = self.log_lines.found
        if not self.log_lines.searched:
            words = ""
        elif not count:
            words = "no line "
        elif place:
            words = f"{place:,} of {count:,} lines "
        else:
            words = f"{count:,} lines "
        self.query_one("#found", Static).update(Content.styled(words, "$quiet"))

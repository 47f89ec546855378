"""Going through some of a dataset's rows: those with words that are searched, those with one problem."""

from __future__ import annotations

from pathlib import Path

from textual.content import Content

from ...engines.datasets.problem import Problem
from ...engines.datasets.viewing.search import SMALL_BYTES, pattern_of
from ...engines.settings import Settings
from ...engines.text import one_line
from ..looks.search import LinesFound
from ..messages import Form
from ..panes import row as view
from ..panes import row_words as words
from ..panes.places import Places
from ..widgets.sides import Sides
from .choose import Choose, Offer
from .dataset_search import SearchLine
from .dataset_view import DatasetView

ALL = ""


class DatasetFind(DatasetView):
    """Search and filter of the page."""

    _words = ""
    """What is searched; empty: nothing."""
    _share: float | None = None
    """Of the file that was searched; None: nothing is being searched."""
    _origin = 0
    """The line at which one was when the search began."""
    _arrived = True
    """Whether one has gone to the first row with the words."""
    _filter = ""
    """The check that the rows failed which are gone through; empty: all rows are."""

    def __init__(
        self, settings: Settings, path: Path, line: int | None = None, form: Form | None = None
    ) -> None:
        super().__init__(settings, path, line, form)
        self._found = Places()
        """Rows with the words."""
        self._narrowed = Places()
        """Rows with the problem."""

    @property
    def _line(self) -> int:
        """The line at which the shown row starts; 0 where that is not known."""
        rows = self._rows
        return rows.line_of(self._number) if rows is not None and self._number < len(rows) else 0

    # Search.

    def on_search_line_typed(self, message: SearchLine.Typed) -> None:
        small = self._rows is not None and self._rows.stamp[0] <= SMALL_BYTES
        if message.final and not message.words:
            self.leave_search()
            return
        if message.words != self._words and (small or message.final):
            self._search(message.words)
        if message.final:
            self.set_focus(self.query_one(view.RowText))

    def _search(self, wanted: str) -> None:
        self._words, self._found = wanted, Places()
        self._pattern = pattern_of(wanted) if wanted else None
        self._share, self._arrived = (0.0 if wanted else None), not wanted
        self._search_look.want(wanted)
        self._watchers["search"].wake()
        self._say_search()
        self._draw()
        self.refresh_bindings()

    def on_lines_found(self, message: LinesFound) -> None:
        if message.words != self._words or not self.is_attached:
            return
        none_before = not len(self._found)
        self._found.extend(message.lines)
        self._share = None if message.complete else message.share
        if not self._arrived:
            target = self._found.step(self._origin - 1, 1)
            if target is None and message.complete and len(self._found):
                target = self._found.lines[0]
            if target is not None:
                self._arrived = True
                self._jump(("line", target))
        self._say_search()
        if none_before or message.complete:
            self.refresh_bindings()

    def leave_search(self) -> bool:
        """Search no more; whether something was searched or asked."""
        line = self.query_one(SearchLine)
        there = bool(line.display)
        line.clear()
        if self._words:
            self._search("")
        if there:
            self.set_focus(self.query_one(view.RowText))
        return there

    def action_search(self) -> None:
        self._origin = self._line
        self.query_one(SearchLine).ask()

    def action_match(self, by: int) -> None:
        target = self._found.step(self._line, by)
        if target is not None:
            self._arrived = True
            self._jump(("line", target))
        elif by > 0 and self._share is not None:
            self._origin, self._arrived = self._line + 1, False  # goes there when it is found
        elif len(self._found):
            self._jump(("line", self._found.lines[0 if by > 0 else -1]))
            self.app.tell("From the start again." if by > 0 else "From the end again.")

    def _say_search(self) -> None:
        rank = self._found.rank(self._line)
        said = words.step(rank, len(self._found), share=self._share) if self._words else ""
        self.query_one(SearchLine).say(said)

    # Filter.

    @property
    def _kinds(self) -> list[Problem]:
        """The first of each kind of problem whose rows can be gone through, the worst kinds first."""
        checked = self._checked
        if checked is None:
            return []
        kinds: dict[str, Problem] = {}
        for problem in checked.problems:
            # Of notes only the first is kept: there is nothing to go through.
            if problem.id in checked.places and problem.severity != "note":
                kinds.setdefault(problem.id, problem)
        return list(kinds.values())

    def action_filter(self) -> None:
        checked = self._checked
        if checked is None:
            return
        offers = [Offer(ALL, Content("all rows"), Content(f"{checked.rows:,} rows"))] if self._filter else []
        for problem in self._kinds:
            sign, style = view.MARKS[problem.severity]
            count = checked.counts.get(problem.id, 1)
            shown = Content.assemble(
                (sign, style), (f"{count:>8,}  ", ""), (f"{words.kind(problem.id):<24} ", "bold"),
                (one_line(problem.message, 300), "$quiet"),
            )  # fmt: skip
            about = Content.assemble(
                one_line(problem.message, 300), "\n", (f"→ {one_line(problem.fix, 300)}", "$quiet")
            )
            offers.append(Offer(problem.id, shown, about))
        self.app.push_screen(Choose("Only rows with …", offers, self._filter), self._narrow)

    def _narrow(self, check: str | None) -> None:
        if check is None:
            return
        self._filter = check
        self._narrowed = Places(self._checked.places.get(check, ()) if self._checked is not None else ())
        if check and not self._narrowed.rank(self._line):
            first = self._narrowed.step(self._line, 1) or self._narrowed.step(self._line, -1)
            if first is not None:
                self._jump(("line", first))
        self._draw()
        self.refresh_bindings()

    def action_row(self, by: int) -> None:
        if self._filter:
            self._goal = None
            if (target := self._narrowed.step(self._line, by)) is not None:
                self._jump(("line", target))
            else:
                self.app.tell(f"It is the {'last' if by > 0 else 'first'} one; Esc shows all rows.")
            return
        last = len(self._rows) - 1 if self._rows is not None else 0
        self._goal = None
        if 0 <= self._number + by <= last:
            self._go(self._number + by)

    def action_row_first(self) -> None:
        self._goal = None
        if self._filter and len(self._narrowed):
            self._jump(("line", self._narrowed.lines[0]))
        else:
            self._go(0)

    def action_row_last(self) -> None:
        if self._filter and len(self._narrowed):
            self._jump(("line", self._narrowed.lines[-1]))
        elif (rows := self._rows) is not None:
            self._jump(("row", len(rows) - 1 if rows.complete else 10**12))

    # News.

    def learned(self) -> None:
        if not self._filter or self._checked is None:
            return
        self._narrowed = Places(self._checked.places.get(self._filter, ()))
        if not len(self._narrowed):
            self.app.tell(f"No row has this problem any more: {words.kind(self._filter)}.")
            self._filter = ""

    def changed(self) -> None:
        self.app.tell(f"{one_line(self._path.name, 40)} has changed: it is read and checked again.")
        if self._words:
            self._origin = self._line
            self._search(self._words)
            self._arrived = True  # one stays where one is

    def _draw(self) -> None:
        super()._draw()
        if not self.is_attached or not self.query("#narrowed"):
            return
        self._say_search()
        bar = self.query_one("#narrowed", Sides)
        bar.display = bool(self._filter)
        if self._filter:
            rank, count = self._narrowed.rank(self._line), len(self._narrowed)
            whole = self._checked.counts.get(self._filter, count) if self._checked is not None else count
            more = f", the first of {whole:,}" if whole > count else ""
            said = words.step(rank, count, what=f" with: {words.kind(self._filter)}{more}")
            bar.show(Content.styled(said, "$warning"), [Content.styled("Esc shows all rows", "$quiet")])

"""What a dataset's page shows: a row as a model will see it; and news of the file, its rows and tokens."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.content import Content

from ...engines.datasets.kept.checked import Checked, Reached, Rules
from ...engines.datasets.kept.known import Known, absolute, remembered
from ...engines.datasets.tokens.preview import PreviewModel
from ...engines.datasets.viewing.rows import NumberedRow, Rows
from ...engines.settings import Settings
from ...engines.text import one_line
from ..looks.about import AboutLook, CheckReached, FileChecked, ModelSuggested
from ..looks.preview import PreviewLook, RowRendered
from ..looks.rows import RowsFound, RowsLook, RowsRead
from ..looks.search import SearchLook
from ..looks.tokens import TokensCounted, TokensLook
from ..messages import Form
from ..panes import row as view
from ..panes import row_lines
from ..panes import row_words as words
from ..panes.wording import short_path
from ..watchers import Watcher
from ..widgets.keyline import KeyLine
from ..widgets.sides import Sides
from ..widgets.topline import TopLine
from .dataset_search import SearchLine
from .view import View

if TYPE_CHECKING:
    from ..app import FinetuiApp

MOST_KEPT = 300
"""Rows that are kept to be shown again at once."""


class DatasetView(View[None]):
    """Shows one row at a time; the text scrolls."""

    if TYPE_CHECKING:
        app: FinetuiApp  # type: ignore[assignment]

    def __init__(
        self, settings: Settings, path: Path, line: int | None = None, form: Form | None = None
    ) -> None:
        """
        Args:
            line: where to begin, counted from 1.
            form: how the rows are read; None: as it was said the last time, or as they look.
        """
        super().__init__()
        self._settings, self._path = settings, Path(absolute(path))
        self._rows: Rows | None = None
        self._problem = ""
        self._listed = False
        """Whether it can be taken off the list; known where there is a problem."""
        self._number = 0
        self._goal: tuple[str, int] | None = None if line is None else ("line", line)
        """Where to go once so many rows are found: ("row", number from 0) or ("line", line)."""
        self._read: dict[int, NumberedRow] = {}
        self._model: PreviewModel | None = None
        self._model_sought = False
        target, _, paid = self.app.remembered.target.partition(" ")
        format, columns = form or (None, self.app.remembered.columns.get(str(self._path)))
        self._rules = Rules(target or None, paid or None, format, dict(columns) if columns else None)
        """By which the file is checked."""
        self._checked: Checked | None = None
        self._reached: Reached | None = None
        """How far its check is."""
        self._pattern: re.Pattern[str] | None = None
        """What is marked in the rows."""
        self._content: tuple[int, int] | None = None
        """What tells the file's content from another one; None before it was read."""
        self._stamp: tuple[int | None, ...] = ()
        self._drawn: tuple[object, ...] = ()
        self._tokens = ""
        """How many the whole file has, in words; empty while nobody counted."""
        self._counted: int | None = None
        """Rows whose tokens are counted; None while nobody counts."""

    def compose(self) -> ComposeResult:
        yield TopLine(id="top")
        yield Sides(id="place")
        yield Sides(id="learned")
        yield Sides(id="narrowed")
        yield view.RowText(id="text")
        yield SearchLine()
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self._rows_look = RowsLook(self, self._path)
        self._rows_look.read_as(self._rules.format, self._rules.columns)
        self._preview_look = PreviewLook(self, self._settings)
        self._tokens_look = TokensLook(self, self._settings)
        models = list(self.app.remembered.recent_models)
        self._search_look = SearchLook(self, self._path)
        self._about_look = AboutLook(self, self._settings, self._path, models, self._rules)
        looks = {
            "search": self._search_look,
            "rows": self._rows_look,
            "preview": self._preview_look,
            "tokens": self._tokens_look,
            "about": self._about_look,
        }
        self._watchers = {name: Watcher(self.app, f"dataset-{name}", look) for name, look in looks.items()}
        for watcher in self._watchers.values():
            watcher.start()
        self._draw()

    def on_unmount(self) -> None:
        for watcher in self._watchers.values():
            watcher.stop()
        self._preview_look.close()
        self._tokens_look.close()
        self._search_look.close()
        self._about_look.close()
        self._rows_look.close()

    # What the watchers see.

    def show_datasets(self, datasets: tuple[Known, ...]) -> None:
        known = next((one for one in datasets if one.path == str(self._path)), None)
        stamp = (known.rows, known.errors, known.warnings) if known is not None else ()
        if known is not None and known.tokens is not None:
            self._tokens = words.tokens(known.tokens, known.trained_tokens or 0)
        if stamp != self._stamp and self.is_attached:
            self._stamp = stamp
            self._watchers["about"].wake()

    def on_file_checked(self, message: FileChecked) -> None:
        if message.rules != self._rules or not self.is_attached:
            return
        self._checked, self._reached = message.checked, None
        if message.checked is not None and message.checked.trouble:
            self.app.tell(message.checked.trouble, "error")
        self.learned()
        self._draw()
        self.refresh_bindings()

    def on_check_reached(self, message: CheckReached) -> None:
        self._reached = message.reached
        self._draw()

    def check_again(self, rules: Rules) -> None:
        """Check the file by these rules; what was found by others is no longer shown."""
        self._rules, self._checked, self._reached = rules, None, None
        self._about_look.want(rules)
        self._watchers["about"].wake()
        self._draw()
        self.refresh_bindings()

    def learned(self) -> None:
        """A check found other things than before."""

    def changed(self) -> None:
        """The file has another content."""

    def on_model_suggested(self, message: ModelSuggested) -> None:
        self._model_sought = True
        if self._model is None:
            self._model = message.model
        self._go(self._number)

    def on_rows_found(self, message: RowsFound) -> None:
        if not self.is_attached:
            return
        if message.anew or message.rows is None:
            self._read = {}
        self._rows, self._problem = message.rows, message.problem
        if message.rows is not None:
            before, self._content = self._content, message.rows.stamp
            if before not in (None, self._content):
                self.check_again(self._rules)
                self.changed()
        if message.problem:
            self._listed = str(self._path) in remembered(self._settings.home)
        if self._rows is not None:
            if message.anew:
                self._goal = self._goal or ("row", self._number)  # where one was, in the file as it is now
            self._seek(self._rows)
        self._draw()
        self.refresh_bindings()

    def on_rows_read(self, message: RowsRead) -> None:
        if len(self._read) > MOST_KEPT:
            self._read = {}
        self._read.update((row.number, row) for row in message.rows)
        self._draw()
        self.refresh_bindings()

    def on_row_rendered(self, message: RowRendered) -> None:
        if message.number == self._number and message.model == self._model:
            self._draw()

    def on_tokens_counted(self, message: TokensCounted) -> None:
        if not self.is_attached:
            return
        self._counted = message.done
        if message.problem or message.result is not None:
            self._counted = None
            self.refresh_bindings()
        if message.problem:
            self.app.tell(message.problem, "error")
        elif (result := message.result) is not None:
            self._tokens = words.tokens(result.tokens, result.trained_tokens)
            self.app.tell(words.counted(result))
        self._draw()

    # Moving.

    def _seek(self, rows: Rows) -> None:
        """Go where one wanted to, as far as the rows are found."""
        if self._goal is None:
            return
        kind, place = self._goal
        if kind == "row" and (place < len(rows) or rows.complete):
            self._goal = None
            self._go(min(place, len(rows) - 1))
        elif kind == "line" and (rows.complete or rows.passed(place)):
            self._goal = None
            self._go(rows.at_line(place))

    def _go(self, number: int) -> None:
        number = max(number, 0)
        moved, self._number = number != self._number, number
        rows = self._rows
        if rows is not None:
            near = (number, number + 5, number - 3) if moved else (number,)
            if any(one not in self._read for one in near if 0 <= one < len(rows)):
                self._rows_look.want(number)
                self._watchers["rows"].wake()
            if self._model is not None:
                self._preview_look.want(self._model, rows, number)
                self._watchers["preview"].wake()
        self._draw()
        self.refresh_bindings()

    def _jump(self, goal: tuple[str, int]) -> None:
        self._goal = goal
        if self._rows is not None:
            self._seek(self._rows)
        self._draw()

    # What is seen.

    def _draw(self) -> None:
        if not self.is_attached or not self.query("#text"):
            return
        self._draw_top()
        rows = self._rows
        row = self._read.get(self._number)
        place, learned = self.query_one("#place", Sides), self.query_one("#learned", Sides)
        text = self.query_one(view.RowText)
        if rows is None or (not len(rows) and rows.complete):
            place.show(
                Content.styled("no rows" if rows is not None or self._problem else "opening …", "$quiet")
            )
            learned.show(Content(""))
            text.show(self._without_rows(), anew=True)
            return
        rendered = None
        if self._model is not None:
            rendered = self._preview_look.rendered(self._model, rows, self._number)
        place.show(
            words.place(self._number, rows, row, rendered, self._goal, self._counted),
            words.as_model(self._model),
        )
        learned.show(*words.learned(row, rendered, self._model, sought=self._model_sought))
        drawn = (self._number, row, self._pattern, rendered, self._checked)
        if row is not None and drawn != self._drawn:
            lines, pattern = row_lines.of(row, rendered, rows, self._checked), self._pattern
            if pattern is not None:
                lines = row_lines.with_places(view.marked(lines, pattern), row, pattern)
            seek = pattern is not None and drawn[:3] != self._drawn[:3]
            text.show(lines, anew=drawn[:2] != self._drawn[:2], seek=seek)
            self._drawn = drawn

    def _draw_top(self) -> None:
        name = one_line(self._path.name, 60)
        left = Content.assemble(("finetui", "bold $primary"), (f" · {name}", ""))
        folder = one_line(short_path(self._path.parent), 200)
        kind = self._rows.format if self._rows is not None else None
        parts = [part for part in (kind, self._tokens, folder) if part]
        middles = [Content.styled(" · ".join(parts[:many]), "$quiet") for many in range(len(parts), 0, -1)]
        self.query_one(TopLine).show(
            left,
            middles,
            Content("")
            if self._problem
            else words.standing(self._checked, self._reached, self._rules.target),
        )

    def _without_rows(self) -> list[view.Line]:
        if self._problem:
            return row_lines.unreadable(self._path, self._problem, listed=self._listed)
        problems = self._rows.problems if self._rows is not None else ()
        if not problems and self._checked is not None:
            problems = self._checked.problems
        return view.of_problems(problems)

"""What a dataset's page shows: a row as a model will see it; and news of the file, its rows and tokens."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from textual.app import ComposeResult
from textual.content import Content

from ...engines.datasets.checked import Checked
from ...engines.datasets.known import Known, absolute, remembered
from ...engines.datasets.preview import PreviewModel, Rendered
from ...engines.datasets.rows import NumberedRow, Rows
from ...engines.settings import Settings
from ...engines.text import clean, one_line
from ..looks.about import AboutLook, FileChecked, ModelSuggested
from ..looks.preview import PreviewLook, RowRendered
from ..looks.rows import RowsFound, RowsLook, RowsRead
from ..looks.tokens import TokensCounted, TokensLook
from ..panes import row as view
from ..panes import row_words as words
from ..panes.wording import short_path
from ..watchers import Watcher
from ..widgets.keyline import KeyLine
from ..widgets.sides import Sides
from ..widgets.topline import TopLine
from .view import View

if TYPE_CHECKING:
    from ..app import FinetuiApp

MOST_KEPT = 300
"""Rows that are kept to be shown again at once."""


class DatasetView(View[None]):
    """Shows one row at a time; the text scrolls."""

    if TYPE_CHECKING:
        app: FinetuiApp  # type: ignore[assignment]

    def __init__(self, settings: Settings, path: Path) -> None:
        super().__init__()
        self._settings, self._path = settings, Path(absolute(path))
        self._rows: Rows | None = None
        self._problem = ""
        self._listed = False
        """Whether it can be taken off the list; known where there is a problem."""
        self._number = 0
        self._goal: tuple[str, int] | None = None
        """Where to go once so many rows are found: ("row", number from 0) or ("line", line)."""
        self._read: dict[int, NumberedRow] = {}
        self._model: PreviewModel | None = None
        self._model_sought = False
        self._checked: Checked | None = None
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
        yield view.RowText(id="text")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self._rows_look = RowsLook(self, self._path)
        self._preview_look = PreviewLook(self, self._settings)
        self._tokens_look = TokensLook(self, self._settings)
        models = list(self.app.remembered.recent_models)
        looks = {
            "rows": self._rows_look,
            "preview": self._preview_look,
            "tokens": self._tokens_look,
            "about": AboutLook(self, self._settings, self._path, models),
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
        self._checked = message.checked
        self._draw()
        self.refresh_bindings()

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
            if self._rows is not None:
                self._watchers["about"].wake()
        self._rows, self._problem = message.rows, message.problem
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
            text.show(self._no_rows(), anew=True)
            return
        rendered = None
        if self._model is not None:
            rendered = self._preview_look.rendered(self._model, rows, self._number)
        place.show(
            words.place(self._number, rows, row, rendered, self._goal, self._counted),
            words.as_model(self._model),
        )
        learned.show(*words.learned(row, rendered, self._model, sought=self._model_sought))
        drawn = (self._number, row, rendered, self._checked)
        if row is not None and drawn != self._drawn:
            text.show(self._lines(row, rendered), anew=drawn[:2] != self._drawn[:2])
            self._drawn = drawn

    def _draw_top(self) -> None:
        name = one_line(self._path.name, 60)
        left = Content.assemble(("finetui", "bold $primary"), (f" · {name}", ""))
        folder = one_line(short_path(self._path.parent), 200)
        kind = self._rows.format if self._rows is not None else None
        parts = [part for part in (kind, self._tokens, folder) if part]
        middles = [Content.styled(" · ".join(parts[:many]), "$quiet") for many in range(len(parts), 0, -1)]
        self.query_one(TopLine).show(
            left, middles, words.standing(self._checked) if not self._problem else Content("")
        )

    def _lines(self, row: NumberedRow, rendered: Rendered | None) -> list[view.Line]:
        problems = list(row.problems)
        if self._checked is not None:
            # Those that only a look at the whole file shows: a duplicate, a row of another form.
            said = {problem.id for problem in problems}
            problems += [one for one in self._checked.problems if one.line == row.line and one.id not in said]
        if self._rows is not None and row.number == len(self._rows) - 1:
            problems += self._rows.problems  # after which nothing could be read
        lines = view.of_problems(dict.fromkeys(problems), row.line)
        if rendered is not None and rendered.error:
            lines.append(view.Line(Content.styled(f"✗ {clean(rendered.error)}", "$error")))
        if lines:
            lines.append(view.Line(Content("")))
        if row.row is None:
            return lines + view.of_raw(row)
        if rendered is not None and rendered.tokens:
            return lines + view.of_tokens(rendered.tokens)
        return lines + view.of_row(row.row)

    def _no_rows(self) -> list[view.Line]:
        if self._problem:
            lines = [
                view.Line(Content.styled(f"✗ {clean(str(self._path))}", "$error")),
                view.Line(Content.styled(f"  {clean(self._problem)}", "")),
            ]
            way = [view.Line(Content("→ X takes it off the list."))] if self._listed else []
            return lines + way
        problems = self._rows.problems if self._rows is not None else ()
        if not problems and self._checked is not None:
            problems = self._checked.problems
        return view.of_problems(problems)

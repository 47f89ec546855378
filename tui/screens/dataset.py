"""A dataset's page: its rows as a model will see them, one after the other, and what is wrong with them."""

from __future__ import annotations

import contextlib
from typing import ClassVar

from textual.binding import BindingType

from ...engines.datasets.kept.known import forget, remembered
from ...engines.datasets.tokens.preview import PreviewModel
from ..keys import bindings
from ..messages import CopyText, OpenNewJob
from .dataset_search import SearchLine
from .dataset_tools import DatasetTools
from .preview_model import ChoosePreviewModel
from .problems import Problems
from .row_number import RowNumber


class DatasetPage(DatasetTools):
    """What the keys do with the row that is shown, and with the file."""

    CSS_PATH = "dataset.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("rows")
    AUTO_FOCUS = "#text"

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        rows = len(self._rows) if self._rows is not None else 0
        if action in ("row", "row_first", "row_last", "goto"):
            return rows > 1
        if action == "count":
            whole = self._rows is not None and self._rows.complete
            return rows > 0 and whole and self._model is not None and self._counted is None
        if action == "search":
            return rows > 0 and not self.query_one(SearchLine).is_typed_in
        if action in ("copy", "model", "columns", "convert", "split"):
            return rows > 0
        if action == "match":
            return bool(self._words) and (bool(len(self._found)) or self._share is not None)
        if action == "filter":
            return bool(self._kinds)
        if action == "problems":
            return self._checked is not None and bool(self._checked.problems)
        if action in ("fix", "lengths", "target"):
            return not self._problem
        if action == "new_job":
            return rows > 0 and not self._words
        return True

    def action_goto(self) -> None:
        def answered(goal: tuple[str, int] | None) -> None:
            if goal is not None:
                kind, place = goal
                self._jump((kind, place - 1 if kind == "row" else place))

        if self._rows is not None:
            self.app.push_screen(RowNumber(len(self._rows), self._rows.complete), answered)

    def action_model(self) -> None:
        def answered(model: PreviewModel | None) -> None:
            if model is not None:
                self._model = model
                self.app.remembered.chose(model=model.name)
                self._go(self._number)
                self.count_as(model)

        jobs = self.app.jobs.summaries if self.app.jobs is not None else ()
        names = [*self.app.remembered.recent_models, *(job.model for job in jobs)]
        if self._model is not None:
            names.insert(0, self._model.name)
        self.app.push_screen(ChoosePreviewModel(names), answered)

    def action_count(self) -> None:
        if self._model is not None and self._rows is not None:
            self._counted = 0
            self._tokens_look.want(self._model, self._rows)
            self._watchers["tokens"].wake()
            self._draw()
            self.refresh_bindings()

    def action_problems(self) -> None:
        def answered(chosen: int | str | None) -> None:
            if isinstance(chosen, str):
                self._narrow(chosen)
            elif chosen is not None:
                self._jump(("line", chosen))

        if self._checked is not None:
            self.app.push_screen(Problems(self._checked), answered)

    def action_new_job(self) -> None:
        data: dict[str, object] = {"train": str(self._path)}
        if self._rules.columns:
            data["columns"] = dict(self._rules.columns)
        self.post_message(OpenNewJob({"data": data}))

    def action_copy(self) -> None:
        if (row := self._read.get(self._number)) is not None:
            text = row.raw.decode("utf-8", "replace")
            self.post_message(CopyText(text, f"row {self._number + 1:,}"))

    def action_forget(self) -> None:
        listed = str(self._path) in remembered(self._settings.home)
        with contextlib.suppress(OSError):
            forget(self._settings.home, self._path)
        self.app.tell("Off the list; the file stays." if listed else "It is listed because a job used it.")
        if listed:
            self.dismiss()

    def action_back(self) -> None:
        if self.leave_search():
            return
        if self._filter:
            self._narrow("")
        else:
            self.dismiss()

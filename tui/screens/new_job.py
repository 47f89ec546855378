"""The page for a new job: dataset and model, and below them, folded, all else with defaults and reasons."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from textual.binding import BindingType

from ...engines.datasets.formats.columns import ColumnsError, parse_columns
from ...engines.spec import SpecError
from ..draft import DROP, MODEL, REVISION, TRAIN
from ..editor import EditorFailed, edit_text
from ..keys import bindings
from ..prospect_words import first_of
from ..widgets.field import SettingField
from ..widgets.group import SettingGroup
from .job_form import JobForm

CHOSEN = (TRAIN, MODEL, "data.valid")
"""Settings for which there is a list to choose from."""


class NewJob(JobForm):
    """What the keys do in the form, and the launch."""

    CSS_PATH = "new_job.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("form")

    def on_setting_field_entered(self, message: SettingField.Entered) -> None:
        if message.key in CHOSEN:
            self.action_choose()
        else:
            self.focus_next()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self.planner.prospect.problems) if action == "faults" else True

    def action_step(self, by: int) -> None:
        self.focus_next() if by > 0 else self.focus_previous()

    def action_unfold(self) -> None:
        groups = list(self.query(SettingGroup))
        folded = any(group.unfolded for group in groups)
        for group in groups:
            group.fold(folded)
        field = self._focused_field
        if folded and field is not None and field.entry.group:
            self._focus(TRAIN)  # the one that had the focus is folded away

    def action_choose(self) -> None:
        from .pick_file import PickFile
        from .pick_model import PickModel

        field = self._focused_field
        if field is None or field.entry.key not in CHOSEN:
            field = self.query(SettingField).first()  # the dataset's
        key = field.entry.key
        # What can't be used is what the search begins with; else all is shown.
        begun = field.text if key in self.planner.wrong else ""

        def take_model(chosen: tuple[str, str] | None) -> None:
            if chosen is not None:
                self._set({MODEL: chosen[0], REVISION: chosen[1]})

        def take_file(path: Path | None) -> None:
            if path is not None:
                self._set({key: str(path)})
                if key == TRAIN:
                    self._focus(MODEL)

        if key == MODEL:
            self.app.push_screen(PickModel(begun, self.remembered.recent_models), take_model)
        else:
            known = [known.path for known in self.finetui.main.datasets.list.items]
            recent = list(dict.fromkeys([*self.remembered.recent_files, *known]))
            self.app.push_screen(PickFile(begun, recent), take_file)

    def action_faults(self) -> None:
        from .faults import Faults

        prospect, data = self.planner.prospect, self.planner.checked.values.get("data", {})
        droppable = prospect.obstacle is not None and prospect.obstacle.droppable
        files = [Path(data[key]).expanduser() for key in ("train", "valid") if data.get(key)]

        def answered(drop: bool | None) -> None:
            if drop:
                self._set({DROP: "true"})

        columns = data.get("columns")
        try:
            if isinstance(columns, str):  # as it stands in its field
                columns = parse_columns(columns)
        except ColumnsError as error:
            self.finetui.tell(str(error), "error")
            return
        faults = Faults(prospect.problems, files, data.get("format"), columns, droppable=droppable)
        self.app.push_screen(faults, answered)

    def action_reset(self) -> None:
        self._set({}, anew=True)
        self._focus(TRAIN)

    def action_editor(self) -> None:
        self._edit(self.planner.settables.to_toml(self.planner.texts))

    def _edit(self, text: str) -> None:
        from .question import Question

        try:
            changed = edit_text(self.app, text, ".toml")
        except EditorFailed as error:
            self.finetui.tell(str(error), "error")
            return
        if changed is None:
            return
        try:
            self._set(self.planner.settables.of_toml(changed), anew=True)
        except SpecError as error:

            def answered(again: bool | None) -> None:
                if again:
                    self._edit(changed)

            question = Question("This spec can't be used.", str(error), "edit it again", "drop the change")
            self.app.push_screen(question, answered)

    def action_back(self) -> None:
        if not self.planner.starting:
            self.dismiss()

    def action_launch(self) -> None:
        self.planner.launch()
        checked = self.planner.checked
        if wrong := first_of([*checked.errors, *checked.missing], self._entries):
            self._focus(wrong)
        self._show()

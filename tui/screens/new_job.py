"""The form for a new job: dataset and model, and below them, folded, all else with defaults and reasons.

What is typed is checked at once; a moment after the last key the engine's real plan is made in a thread, and
the bottom says in one line what will happen. Nothing that is typed is lost: what is left here is there again.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Static

from ...engines.engine import EngineError
from ...engines.models.weights import listing
from ...engines.settings import Settings
from ...engines.spec import SpecError
from ...engines.text import one_line
from ..draft import DROP, MODEL, NAME, REVISION, TRAIN, Entry, Settables, engine_of, next_name
from ..editor import EditorFailed, edit_text
from ..keys import bindings
from ..messages import JobStarted
from ..prospect import Obstacle, Prospect, foresee, launch, obstacle_of, resolved, said
from ..prospect_words import about, brief, data_line, first_of, model_line, outcome
from ..remembered import Remembered
from ..suggestions import Completion, of_data, of_folder
from ..widgets.field import SettingField
from ..widgets.group import FoldLine, SettingGroup
from ..widgets.keyline import KeyLine
from ..widgets.topline import TopLine
from .view import View

if TYPE_CHECKING:
    from ..app import FinetuiApp

CALM_SECONDS = 0.4
"""How long nothing is typed before the plan is made."""

CHOSEN = (TRAIN, MODEL, "data.valid")
"""Settings for which there is a list to choose from."""

LABELS = {TRAIN: "Dataset", MODEL: "Model"}
PLACEHOLDERS = {
    TRAIN: "a file of rows: JSON or JSON lines; Enter shows what is known",
    MODEL: "organisation/name on the hub, or a folder; Enter shows what is here",
}


class NewJob(View[None]):
    """A draft, what would come of it, and the launch."""

    CSS_PATH = "new_job.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("form")

    class Foreseen(Message):
        """What would come of the draft as it was at `version`."""

        def __init__(self, version: int, prospect: Prospect) -> None:
            super().__init__()
            self.version, self.prospect = version, prospect

    class Refused(Message):
        """The job could not be created or started."""

        def __init__(self, obstacle: Obstacle) -> None:
            super().__init__()
            self.obstacle = obstacle

    class Launched(Message):
        """The job is on its way."""

    class ModelFound(Message):
        """The only model on this machine."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, settings: Settings, remembered: Remembered, values: Mapping[str, Any]) -> None:
        """
        Args:
            values: what is filled in, nested as in job.toml; empty: the draft that was left, if any.
        """
        super().__init__()
        self.settings, self.remembered = settings, remembered
        self._settables = Settables(settings)
        self._given = values
        self._texts: dict[str, str] = {}
        self._checked = self._settables.check({})
        self._entries: list[Entry] = []
        self._prospect = Prospect()
        self._version = self._foreseen_version = 0
        self._planning = self._wanted = self._starting = False
        self._timer: Timer | None = None

    @property
    def finetui(self) -> FinetuiApp:
        return self.app  # type: ignore[return-value]

    def compose(self) -> ComposeResult:
        self._fill_first()
        self._entries = self._settables.entries(engine_of(self._texts))
        yield TopLine(id="top")
        with VerticalScroll(id="form", can_focus=False):
            for entry in self._entries:
                if not entry.group:
                    yield self._field(entry)
                    yield Static(id=f"below-{entry.label}", classes="below")
            yield from self._groups()
        yield Static(id="about")
        yield Static(id="outcome")
        yield KeyLine(id="keys")

    def _fill_first(self) -> None:
        if self._given:
            self._texts = self._settables.texts(self._given)
            if NAME in self._texts:
                jobs = self.finetui.jobs
                taken = {job.name for job in jobs.summaries} if jobs else set[str]()
                self._texts[NAME] = next_name(self._texts[NAME], taken)
        else:
            self._texts = dict(self.remembered.draft)
        self._fill_model()

    def _fill_model(self) -> None:
        """The model that was used last, where none is given; the only one that lies here is looked for."""
        if self._texts.get(MODEL):
            return
        jobs = self.finetui.jobs
        used = [*self.remembered.recent_models, *(job.model for job in (jobs.summaries if jobs else ())[:1])]
        if used:
            self._texts[MODEL] = used[0]
            return

        def look() -> None:
            names = {one.name for one in listing() if one.complete}
            if len(names) == 1:
                self.post_message(self.ModelFound(names.pop()))

        self.run_worker(look, thread=True, group="models")

    def _groups(self) -> list[SettingGroup]:
        titles = dict.fromkeys(entry.group for entry in self._entries if entry.group)
        return [
            SettingGroup(title, [entry for entry in self._entries if entry.group == title], self._field)
            for title in titles
        ]

    def _field(self, entry: Entry) -> SettingField:
        complete = of_folder if entry.key == MODEL else of_data if entry.kind == "file" else None
        suggester = Completion(complete) if complete else None
        field = SettingField(entry, self._texts.get(entry.key, ""), LABELS.get(entry.key, ""), suggester)
        self._explain(field)
        return field

    def on_mount(self) -> None:
        empty = [key for key in (TRAIN, MODEL) if not self._texts.get(key)]
        self._focus((empty or [TRAIN])[0])
        self._changed(at_once=True)

    # -- what is typed

    def on_setting_field_changed(self, message: SettingField.Changed) -> None:
        if message.text:
            self._texts[message.key] = message.text
        else:
            self._texts.pop(message.key, None)
        self._changed()
        self._keep()

    def on_setting_field_entered(self, message: SettingField.Entered) -> None:
        if message.key in (TRAIN, MODEL):
            self.action_choose()
        else:
            self.focus_next()

    def _keep(self) -> None:
        self.remembered.draft = dict(self._texts)

    def _set(self, changes: Mapping[str, str]) -> None:
        """Fill fields in as if they were typed."""
        for key, text in changes.items():
            self._texts[key] = text
        self._texts = {key: text for key, text in self._texts.items() if text}
        for field in self.query(SettingField):
            field.fill(self._texts.get(field.entry.key, ""))
        self._changed(at_once=True)
        self._keep()

    def _changed(self, *, at_once: bool = False) -> None:
        self._version += 1
        self._wanted = False
        self._checked = self._settables.check(self._texts)
        self._show_settings_of_engine()
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if self._ready:
            if at_once:
                self._plan()
            else:
                self._timer = self.set_timer(CALM_SECONDS, self._plan)
        # The values of the last plan stay in view while its draft is changed; what stood in its way does not.
        if self._checked.missing or self._prospect.obstacle is not None:
            self._prospect = Prospect()
        self._show()

    def _show_settings_of_engine(self) -> None:
        entries = self._settables.entries(engine_of(self._texts))
        if [entry.key for entry in entries] == [entry.key for entry in self._entries]:
            return
        self._entries = entries
        groups = {group.title: group for group in self.query(SettingGroup)}
        wanted = self._groups()
        titles = {group.title for group in wanted}
        for title, group in groups.items():
            if title not in titles:
                group.remove()
        self.query_one("#form").mount_all([group for group in wanted if group.title not in groups])

    @property
    def _ready(self) -> bool:
        """Whether a plan can be made of what is there."""
        return not self._checked.errors and not self._checked.missing

    @property
    def _fresh(self) -> bool:
        return self._foreseen_version == self._version

    # -- what would come of it

    def _plan(self) -> None:
        self._timer = None
        if self._planning or not self._ready or self._starting:
            return  # a plan that is being made is followed by one of the newest draft
        self._planning = True
        version, values, folder = self._version, self._checked.values, Path.cwd()

        def work() -> None:
            prospect = foresee(values, folder, self.settings)
            self.post_message(self.Foreseen(version, prospect))

        self.run_worker(work, thread=True, group="plan")
        self._show()

    def on_new_job_foreseen(self, message: Foreseen) -> None:
        self._planning = False
        if message.version != self._version:
            if self._timer is None:
                self._plan()
            return
        self._prospect, self._foreseen_version = message.prospect, message.version
        wanted, self._wanted = self._wanted, False
        if wanted and self._prospect.plan is not None:
            self._start()
        else:
            self._show()

    def on_new_job_model_found(self, message: ModelFound) -> None:
        if not self._texts.get(MODEL):
            field = self._field_of(MODEL)
            self._texts[MODEL] = message.name
            if field is not None:
                field.fill(message.name)
            self._changed(at_once=True)

    # -- how it is shown

    def _show(self) -> None:
        if not self.children:
            return
        prospect, errors = self._prospect, self._checked.errors
        planning = self._ready and not self._fresh
        state = "starting" if self._starting else ""
        if not state and planning:
            state = "launching" if self._wanted else "planning"
        for field in self.query(SettingField):
            self._explain(field)
        wrong = self._wrong
        for group in self.query(SettingGroup):
            keys = [entry.key for entry in group.entries]
            changed = sum(bool(self._texts.get(key, "").strip()) for key in keys)
            words = brief(group.title, group.entries, self._texts, prospect)
            group.line.say(changed, sum(key in wrong for key in keys), words)
        below = {TRAIN: data_line(prospect, planning), MODEL: model_line(prospect)}
        for key, line in below.items():
            if key in errors:
                line = Content.styled(f"✗ {one_line(errors[key], 200)}", "$error")
            self._say(f"#below-{key.rpartition('.')[2]}", line)
        self._say("#outcome", outcome(self._checked, prospect, state))
        self._show_about()
        title = Content.assemble(("finetui", "bold $primary"), (" · new job", "$quiet"))
        words = {"starting": "starting …", "planning": "planning …", "launching": "planning …", "": ""}[state]
        self.query_one(TopLine).show(title, [], Content.styled(words, "$quiet"))
        self.refresh_bindings()

    def _say(self, place: str, words: Content) -> None:
        line = self.query_one(place, Static)
        if line.content != words:
            line.update(words)

    @property
    def _wrong(self) -> dict[str, str]:
        """What is wrong, by setting: as it is typed, and what the plan met."""
        obstacle = self._prospect.obstacle
        found = {obstacle.key: obstacle.message} if obstacle is not None and obstacle.key else {}
        return found | self._checked.errors

    def _explain(self, field: SettingField) -> None:
        key = field.entry.key
        value = resolved(self._prospect, key)
        default = said(value) or PLACEHOLDERS.get(key, field.entry.default)
        reason = value.reason if value is not None and value.reason != "asked for" else ""
        field.explain(
            default, reason or ("" if value is not None else field.entry.about), self._wrong.get(key, "")
        )

    def _show_about(self) -> None:
        field = self._focused_field
        words = Content("") if field is None else about(field.entry, self._prospect, field.error)
        self._say("#about", words)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        self._show_about()
        self.refresh_bindings()

    @property
    def _focused_field(self) -> SettingField | None:
        focused = self.focused
        return focused.parent if focused is not None and isinstance(focused.parent, SettingField) else None

    def _field_of(self, key: str) -> SettingField | None:
        return next((field for field in self.query(SettingField) if field.entry.key == key), None)

    def _focus(self, key: str) -> None:
        field = self._field_of(key)
        if field is not None and field.display:
            self.set_focus(field.control)
            return
        group = next(
            (one for one in self.query(SettingGroup) if any(e.key == key for e in one.entries)), None
        )
        if group is not None:
            group.fold(False)
            self.call_after_refresh(self._focus_unfolded, key)

    def _focus_unfolded(self, key: str) -> None:
        if field := self._field_of(key):
            self.set_focus(field.control)

    # -- what the keys do

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "faults":
            return bool(self._prospect.problems)
        return True

    def action_step(self, by: int) -> None:
        self.focus_next() if by > 0 else self.focus_previous()

    def action_unfold(self) -> None:
        groups = list(self.query(SettingGroup))
        folded = any(group.unfolded for group in groups)
        for group in groups:
            group.fold(folded)
        if folded and isinstance(self.focused, FoldLine) is False and self._focused_field is not None:
            self._focus(TRAIN)

    def action_choose(self) -> None:
        from .pick_file import PickFile
        from .pick_model import PickModel

        field = self._focused_field
        if field is None or field.entry.key not in CHOSEN:
            field = self.query(SettingField).first()  # the dataset's
        key = field.entry.key
        # What can't be used is what the search begins with; else all is shown.
        begun = field.text if key in self._wrong else ""
        if key == MODEL:

            def take_model(chosen: tuple[str, str] | None) -> None:
                if chosen is not None:
                    self._set({MODEL: chosen[0], REVISION: chosen[1]})

            self.app.push_screen(PickModel(begun, self.remembered.recent_models), take_model)
        else:

            def take_file(path: Path | None) -> None:
                if path is not None:
                    self._set({key: str(path)})
                    if key == TRAIN:
                        self._focus(MODEL)

            self.app.push_screen(PickFile(begun, self._known_files()), take_file)

    def _known_files(self) -> list[str]:
        known = [known.path for known in self.finetui.main.datasets.list.items]
        return list(dict.fromkeys([*self.remembered.recent_files, *known]))

    def action_faults(self) -> None:
        from .faults import Faults

        obstacle = self._prospect.obstacle
        droppable = obstacle is not None and obstacle.droppable
        title = "Rows with faults" if droppable else "What was found in the data"

        def answered(drop: bool | None) -> None:
            if drop:
                self._set({DROP: "true"})

        self.app.push_screen(Faults(title, self._prospect.problems, droppable=droppable), answered)

    def action_reset(self) -> None:
        self._texts = {}
        self._set({})
        self._focus(TRAIN)

    def action_editor(self) -> None:
        self._edit(self._settables.to_toml(self._texts))

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
            texts = self._settables.of_toml(changed)
        except SpecError as error:

            def answered(again: bool | None) -> None:
                if again:
                    self._edit(changed)

            question = Question("This spec can't be used.", str(error), "edit it again", "drop the change")
            self.app.push_screen(question, answered)
            return
        self._texts = {}
        self._set(texts)

    def action_back(self) -> None:
        if not self._starting:
            self.dismiss()

    # -- the launch

    def action_launch(self) -> None:
        if self._starting or self._wanted:
            return
        wrong = first_of([*self._checked.errors, *self._checked.missing], self._entries)
        if not self._ready:
            if wrong is not None:
                self._focus(wrong)
            self._show()
        elif self._fresh and self._prospect.plan is not None:
            self._start()
        else:
            if self._fresh:  # what stood in the way may be mended by now
                self._version += 1
            self._wanted = True
            if self._timer is not None:
                self._timer.stop()
            self._plan()
            self._show()

    def _start(self) -> None:
        self._starting = True
        prospect, app = self._prospect, self.finetui

        def work() -> None:
            try:
                job = launch(prospect, self.settings)
            except (EngineError, SpecError, OSError) as error:
                self.post_message(self.Refused(obstacle_of(error)))
                return
            app.post_message(JobStarted(job.id))
            self.post_message(self.Launched())

        # The app's worker: leaving waits for it, so that a job is not left half made.
        app.run_worker(work, thread=True, group="launch", exit_on_error=False)
        self._show()

    def on_new_job_refused(self, message: Refused) -> None:
        self._starting = False
        self._prospect = Prospect(self._prospect.spec, obstacle=message.obstacle)
        self._show()

    def on_new_job_launched(self, message: Launched) -> None:
        spec = self._prospect.spec
        if spec is not None:
            self.remembered.chose(spec.data.train, spec.model)
        self.remembered.draft = {}
        self.dismiss()

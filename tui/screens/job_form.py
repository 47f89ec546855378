"""The form of a new job: its fields, and what would come of what is in them.

What is typed is checked at once; a moment after the last key the engine's real plan is made in a thread, and
the bottom says in one line what will happen. Nothing that is typed is lost: what is left here is there again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import msgspec
from textual.app import App, ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.events import DescendantFocus
from textual.message import Message
from textual.timer import Timer
from textual.widgets import Input, Static

from ...engines.models.weights import listing
from ...engines.settings import Settings
from ...engines.text import one_line
from ..draft import MODEL, NAME, TRAIN, Entry, next_name
from ..planner import Foreseen, Launched, Planner, Refused
from ..prospect import resolved, said
from ..prospect_words import about, brief, data_line, model_line, outcome
from ..remembered import Remembered
from ..suggestions import Completion, of_data, of_folder
from ..widgets.field import SettingField
from ..widgets.group import SettingGroup
from ..widgets.keyline import KeyLine
from ..widgets.topline import TopLine
from .view import View

if TYPE_CHECKING:
    from ..app import FinetuiApp

CALM_SECONDS = 0.4
"""How long nothing is typed before the plan is made."""

LABELS = {TRAIN: "Dataset", MODEL: "Model"}
PLACEHOLDERS = {
    TRAIN: "a file of rows: JSON or JSON lines; Enter shows what is known",
    MODEL: "organisation/name on the hub, or a folder; Enter shows what is here",
}

_changed: WeakKeyDictionary[App[Any], dict[bytes, dict[str, str]]] = WeakKeyDictionary()
"""What was left in forms that began filled in, by what they began with. It lasts as long as its app."""


class Fields(VerticalScroll, can_focus=False, inherit_bindings=False):
    """Scrolls with the focus and the wheel: the arrows go from field to field."""

    def on_resize(self) -> None:
        focused = self.screen.focused
        if focused is not None and self in focused.ancestors:  # what is said of it may have become longer
            self.call_after_refresh(focused.scroll_visible, animate=False)


class JobForm(View[None]):
    """A draft, and what would come of it."""

    class ModelFound(Message):
        """The only model on this machine."""

        def __init__(self, name: str) -> None:
            super().__init__()
            self.name = name

    def __init__(self, settings: Settings, remembered: Remembered, values: Mapping[str, Any]) -> None:
        """
        Args:
            values: what is filled in, nested as in job.toml; empty: the draft that was left, if any. What
                is changed in a form that begins filled in is kept by itself, beside that draft.
        """
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]
        self.settings, self.remembered = settings, remembered
        self.planner = Planner(self.finetui, self)
        self._began_with = msgspec.json.encode(values, order="deterministic") if values else b""
        self._timer: Timer | None = None
        self._entries: list[Entry] = []
        """Of the engine whose settings are shown."""
        self._begin(values)

    @property
    def finetui(self) -> FinetuiApp:
        return self.app  # type: ignore[return-value]

    def _begin(self, values: Mapping[str, Any]) -> None:
        left = self._left
        texts = dict(left) if left or not values else self.planner.settables.texts(values)
        jobs = self.finetui.jobs.summaries if self.finetui.jobs is not None else ()
        if values and not left and NAME in texts:
            texts[NAME] = next_name(texts[NAME], {job.name for job in jobs})
        used = [*self.remembered.recent_models, *(job.model for job in jobs[:1])]
        if not texts.get(MODEL) and used:
            texts[MODEL] = used[0]
        self.planner.change(texts)

    def compose(self) -> ComposeResult:
        self._entries = self.planner.entries
        yield TopLine(id="top")
        with Fields(id="form"):
            for entry in self._entries:
                if not entry.group:
                    yield self._field(entry)
                    yield Static(id=f"below-{entry.label}", classes="below")
            yield from self._groups()
        yield Static(id="about")
        yield Static(id="outcome")
        yield KeyLine(id="keys")

    def _groups(self) -> list[SettingGroup]:
        titles = dict.fromkeys(entry.group for entry in self._entries if entry.group)
        return [
            SettingGroup(title, [entry for entry in self._entries if entry.group == title], self._field)
            for title in titles
        ]

    def _field(self, entry: Entry) -> SettingField:
        complete = of_folder if entry.key == MODEL else of_data if entry.kind == "file" else None
        suggester = Completion(complete) if complete else None
        text = self.planner.texts.get(entry.key, "")
        field = SettingField(entry, text, LABELS.get(entry.key, ""), suggester)
        self._explain(field)
        return field

    def on_mount(self) -> None:
        self.planner.start()
        empty = [key for key in (TRAIN, MODEL) if key not in self.planner.texts]
        self._focus((empty or [TRAIN])[0])
        if isinstance(self.focused, Input):
            self.focused.select_all()  # what is typed at once is meant instead of what was left
        if MODEL in empty:
            self.run_worker(self._find_model, thread=True, group="models")
        self.planner.plan()
        self._show()

    def on_unmount(self) -> None:
        self.planner.stop()

    def _find_model(self) -> None:
        names = {one.name for one in listing() if one.complete}
        if len(names) == 1:
            self.post_message(self.ModelFound(names.pop()))

    def on_job_form_model_found(self, message: ModelFound) -> None:
        if MODEL not in self.planner.texts:
            self._set({MODEL: message.name}, keep=False)

    # -- what is typed

    def on_setting_field_changed(self, message: SettingField.Changed) -> None:
        if message.text == self.planner.texts.get(message.key, ""):
            return  # a field that was just mounted says what stands in it
        self.planner.change(self.planner.texts | {message.key: message.text})
        self._plan_after(CALM_SECONDS)
        self._keep()

    @property
    def _left(self) -> dict[str, str]:
        """The draft that was left in such a form."""
        if not self._began_with:
            return self.remembered.draft
        return _changed.get(self.finetui, {}).get(self._began_with, {})

    def _keep(self, texts: Mapping[str, str] | None = None) -> None:
        texts = dict(self.planner.texts if texts is None else texts)
        if self._began_with:
            _changed.setdefault(self.finetui, {})[self._began_with] = texts
        else:
            self.remembered.draft = texts

    def _set(self, changes: Mapping[str, str], *, anew: bool = False, keep: bool = True) -> None:
        """Fill fields in as if they were typed; `anew`: all others are emptied."""
        self.planner.change(changes if anew else {**self.planner.texts, **changes})
        for field in self.query(SettingField):
            field.fill(self.planner.texts.get(field.entry.key, ""))
        self._plan_after(0)
        if keep:
            self._keep()

    def _plan_after(self, seconds: float) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(seconds, self.planner.plan) if seconds else None
        if not seconds:
            self.planner.plan()
        self._show_settings_of_engine()
        self._show()

    def _show_settings_of_engine(self) -> None:
        entries = self.planner.entries
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

    # -- what comes of it

    def on_foreseen(self, message: Foreseen) -> None:
        if not self.planner.take(message):
            return
        wanted, self.planner.wanted = self.planner.wanted, False
        obstacle = self.planner.prospect.obstacle
        if wanted and obstacle is None:
            self.planner.create()
        self._show()
        if wanted and obstacle is not None and obstacle.key:
            self._focus(obstacle.key)

    def on_refused(self, message: Refused) -> None:
        self.planner.refuse(message.obstacle)
        self._show()

    def on_launched(self, message: Launched) -> None:
        spec = self.planner.prospect.spec
        if spec is not None:
            self.remembered.chose(spec.data.train, spec.model)
        self._keep({})
        self.dismiss()

    # -- how it is shown

    def _show(self) -> None:
        planner, prospect = self.planner, self.planner.prospect
        for field in self.query(SettingField):
            self._explain(field)
        wrong = planner.wrong
        for group in self.query(SettingGroup):
            keys = [entry.key for entry in group.entries]
            words = brief(group.title, group.entries, planner.texts, prospect)
            changed, faults = (sum(key in found for key in keys) for found in (planner.texts, wrong))
            group.line.say(changed, faults, words)
        doing = planner.doing
        below = {TRAIN: data_line(prospect, bool(doing)), MODEL: model_line(prospect)}
        for key, line in below.items():
            if error := planner.checked.errors.get(key):
                line = Content.styled(f"✗ {one_line(error, 200)}", "$error")
            self._say(f"#below-{key.rpartition('.')[2]}", line)
        self._say("#outcome", outcome(planner.checked, prospect, doing))
        self._show_about()
        title = Content.assemble(("finetui", "bold $primary"), (" · new job", "$quiet"))
        words = {"": "", "starting": "starting …"}.get(doing, "planning …")
        self.query_one(TopLine).show(title, [], Content.styled(words, "$quiet"))
        self.refresh_bindings()

    def _say(self, place: str, words: Content) -> None:
        line = self.query_one(place, Static)
        if line.content != words:
            line.update(words)

    def _explain(self, field: SettingField) -> None:
        key = field.entry.key
        value = resolved(self.planner.prospect, key)
        default = said(value) or PLACEHOLDERS.get(key, field.entry.default)
        # What is asked for needs no reason; then the line says what the setting is for.
        reason = field.entry.about if value is None or value.reason == "asked for" else value.reason
        field.explain(default, reason, self.planner.wrong.get(key, ""))

    def _show_about(self) -> None:
        field = self._focused_field
        words = Content("") if field is None else about(field.entry, self.planner.prospect, field.error)
        self._say("#about", words)

    def on_descendant_focus(self, event: DescendantFocus) -> None:
        self._show_about()
        self.refresh_bindings()

    @property
    def _focused_field(self) -> SettingField | None:
        focused = self.focused
        return focused.parent if focused is not None and isinstance(focused.parent, SettingField) else None

    def _focus(self, key: str) -> None:
        """To a setting's field; its group is unfolded."""
        for group in self.query(SettingGroup):
            if any(entry.key == key for entry in group.entries) and not group.unfolded:
                group.fold(False)
                self.call_after_refresh(self._focus, key)
                return
        for field in self.query(SettingField):
            if field.entry.key == key:
                self.set_focus(field.control)

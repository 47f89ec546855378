"""A dialog with one field and what fits what is typed: a file, a model, a number. A wrong entry says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from ...engines.text import clean, one_line
from ..keys import bindings
from ..widgets.keyline import KeyLine

Result = TypeVar("Result")

MOST_SUGGESTIONS = 200


class Refused(Exception):
    """What was typed can't be taken; the message says why, and the way out."""


@dataclass(frozen=True)
class Suggestion:
    """What could be taken.

    Args:
        value: what then stands in the field.
        shown: how it stands in the list; foreign text.
        about: a few words more.
        whole: whether it can be taken; else it is a step towards something (a folder).
    """

    value: str
    shown: str
    about: str = ""
    whole: bool = True


class Field(Input, inherit_bindings=False):
    """An input that leaves Enter to its dialog, so that the table of keys has it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        binding for binding in Input.BINDINGS if not (isinstance(binding, Binding) and binding.key == "enter")
    ]


class Pick(ModalScreen[Result]):
    """Asks for one thing. Subclasses say what fits (`find`) and what is taken (`accept`)."""

    CSS_PATH = "pick.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("pick")
    ASKS: ClassVar[str]
    """What is asked for, in the frame."""

    def __init__(self, value: str = "", placeholder: str = "", about: str = "") -> None:
        """
        Args:
            value: what stands in the field at first.
            placeholder: what is shown while it is empty.
            about: a line below the field, for as long as nothing is wrong.
        """
        super().__init__()
        self._first, self._placeholder, self._about = value, placeholder, about
        self._found: Sequence[Suggestion] = ()
        self._moved = False

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self._found) if action in ("complete", "move") else True

    def find(self, text: str) -> Sequence[Suggestion]:
        """What fits a text. Called in a thread."""
        return ()

    def accept(self, text: str) -> Result:
        """What a text stands for. Called in a thread.

        Raises:
            Refused: it can't be taken.
        """
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Field(self._first, self._placeholder, select_on_focus=False, compact=True, id="field")
            yield Static(Content.styled(self._about, "$quiet"), id="word")
            suggestions = OptionList(id="suggestions", markup=False, compact=True)
            suggestions.can_focus = False
            yield suggestions
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self.query_one("#box").border_title = Content(self.ASKS)
        self.field.cursor_blink = False
        self.field.cursor_position = len(self.field.value)
        self.set_focus(self.field)
        self._look(self.field.value)

    @property
    def field(self) -> Field:
        return self.query_one(Field)

    @property
    def _list(self) -> OptionList:
        return self.query_one(OptionList)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        # Stays as it is where a paste brought a line break or worse: what is taken is what is seen.
        if (safe := one_line(event.value)) != event.value.strip():
            self.field.value = safe
            return
        self._say("")
        self._look(event.value)

    def _look(self, text: str) -> None:
        def work() -> None:
            found = self.find(text)[:MOST_SUGGESTIONS]
            self.app.call_from_thread(self._show, text, found)

        self.run_worker(work, group="find", thread=True, exclusive=True)

    def _show(self, text: str, found: Sequence[Suggestion]) -> None:
        if not self.is_mounted or text != self.field.value:
            return
        self._found, self._moved = found, False
        self._list.set_options(
            Option(
                Content.assemble(one_line(one.shown, 200), (f"  {one.about}" if one.about else "", "$quiet"))
            )
            for one in found
        )
        self._list.display = bool(found)
        self.refresh_bindings()

    def _say(self, fault: str) -> None:
        word = self.query_one("#word", Static)
        word.update(
            Content.styled(f"✗ {clean(fault)}" if fault else self._about, "$error" if fault else "$quiet")
        )

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        self._use(self._found[event.option_index], take=True)

    def action_move(self, by: int) -> None:
        place = self._list.highlighted
        self._list.highlighted = (0 if by > 0 else -1) if place is None else (place + by)
        self._list.highlighted = (self._list.highlighted or 0) % len(self._found)
        self._moved = True

    def action_complete(self) -> None:
        """To what all suggestions begin with; then to the selected one, or the only one."""
        if self._moved and self._list.highlighted is not None:
            self._use(self._found[self._list.highlighted], take=False)
            return
        common = _common([one.value for one in self._found])
        if len(common) > len(self.field.value):
            self._fill(common)
        elif len(self._found) == 1:
            self._use(self._found[0], take=False)
        else:
            self.action_move(1)

    def action_take(self) -> None:
        if self._moved and self._list.highlighted is not None:
            self._use(self._found[self._list.highlighted], take=True)
        else:
            self._accept(self.field.value)

    def _use(self, one: Suggestion, take: bool) -> None:
        if take and one.whole:
            self._accept(one.value)
        else:
            self._fill(one.value)

    def _fill(self, value: str) -> None:
        self.field.value = value
        self.field.cursor_position = len(value)

    def _accept(self, text: str) -> None:
        def work() -> None:
            try:
                result = self.accept(text.strip())
            except Refused as refused:
                self.app.call_from_thread(self._refuse, text, str(refused))
            else:
                self.app.call_from_thread(self._take, result)

        self.run_worker(work, group="accept", thread=True, exclusive=True)

    def _refuse(self, text: str, words: str) -> None:
        if self.is_mounted:
            if self.field.value != text:
                self._fill(text)
            self.call_after_refresh(self._say, words)

    def _take(self, result: Result) -> None:
        if self.is_current:
            self.dismiss(result)

    def on_click(self, event: events.Click) -> None:
        if event.widget is self:  # beside the box
            self.dismiss()

    def action_back(self) -> None:
        self.dismiss()


def _common(values: Sequence[str]) -> str:
    """What all begin with."""
    low, high = min(values), max(values)
    same = next((place for place, (a, b) in enumerate(zip(low, high, strict=False)) if a != b), None)
    return low if same is None else low[:same]

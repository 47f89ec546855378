"""The playground's dialogs: who answers, the system prompt, and what was asked before."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from ...engines.datasets.viewing.question import Question
from ...engines.models.history import Asked
from ...engines.text import one_line
from ..keys import bindings
from ..looks.models import Answerer
from ..panes.list import ListCanvas
from ..panes.wording import age
from ..widgets.keyline import KeyLine
from ..widgets.prompt import Prompt

Result = TypeVar("Result")


def _of_playground(*ids: str) -> list[BindingType]:
    return [one for one in bindings("playground") if isinstance(one, Binding) and one.id in ids]


class Dialog(ModalScreen[Result]):
    """A box with a title and the line of keys."""

    CSS_PATH = "playground_choices.tcss"
    BINDINGS: ClassVar[list[BindingType]] = _of_playground("talk.back")

    def framed(self, title: str) -> None:
        self.query_one("#box").border_title = Content(title)


class AnswererList(ListCanvas[Answerer]):
    """Those that can answer, marked where they do."""

    FILTERS, MARKS = False, True

    def __init__(self, chosen: Sequence[str], most: int) -> None:
        super().__init__(id="list")
        self.chosen, self._most = set(chosen), most

    def key(self, item: Answerer) -> str:
        return item.label

    def row(self, item: Answerer, width: int) -> Content:
        sign = ("● ", "$primary") if item.label in self.chosen else ("○ ", "$quiet")
        return Content.assemble(
            " ", sign, one_line(item.title, 60), (f"  {one_line(item.about, 60)}", "$quiet")
        ).truncate(width, ellipsis=True)

    def action_mark(self) -> None:
        item = self.selected
        if item is None:
            return
        if item.label in self.chosen:
            if len(self.chosen) > 1:
                self.chosen.discard(item.label)
        elif len(self.chosen) < self._most:
            self.chosen.add(item.label)
        else:
            self.app.notify(f"At most {self._most} answer at once.", markup=False)
        self.repaint()


class WhoAnswers(Dialog[tuple[str, ...]]):
    """Its result: the labels of those that answer, in the list's order."""

    def __init__(self, answerers: Sequence[Answerer], chosen: Sequence[str], most: int) -> None:
        super().__init__()
        self._answerers = answerers
        self._list = AnswererList(chosen, most)

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield self._list
        yield KeyLine(hints={"list.open": "done", "list.mark": "choose"}, id="keys")

    def on_mount(self) -> None:
        self.framed("Who answers · Space chooses · Enter done")
        self._list.styles.height = min(len(self._answerers), 16)
        self._list.show(self._answerers)
        self.set_focus(self._list)

    def on_list_canvas_opened(self, message: ListCanvas.Opened) -> None:
        message.stop()
        self.action_back()

    def action_back(self) -> None:
        self.dismiss(tuple(one.label for one in self._answerers if one.label in self._list.chosen))


class SystemPrompt(Dialog[str]):
    """Its result: the system prompt; Esc keeps what was typed too."""

    BINDINGS: ClassVar[list[BindingType]] = _of_playground("talk.back", "talk.newline")

    def __init__(self, text: str) -> None:
        super().__init__()
        self._text = text

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Prompt(self._text, "empty: no system prompt", id="text")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self.framed("System prompt · Enter takes it · empty for none")
        prompt = self.query_one(Prompt)
        prompt.move_cursor(prompt.document.end)
        self.set_focus(prompt)

    def key_enter(self) -> None:
        self.action_back()

    def action_newline(self) -> None:
        self.query_one(Prompt).insert("\n")

    def action_back(self) -> None:
        self.dismiss(self.query_one(Prompt).text)


class AskedList(ListCanvas[Asked]):
    """What was asked, a line each."""

    FILTERS = False

    def key(self, item: Asked) -> str:
        return str(item.time)

    def row(self, item: Asked, width: int) -> Content:
        text = Question(item.messages).text
        ago = age(max(time.time() - item.time, 0))
        same = any(one.text == item.expected for one in item.answers) if item.expected is not None else False
        sign = "✗ " if any(one.error for one in item.answers) else "✓ " if same else "  "
        return Content.assemble(
            (f" {ago:>7}  ", "$quiet"), (sign, "$error" if sign == "✗ " else "$success"), one_line(text, 300)
        ).truncate(width, ellipsis=True)


class Earlier(Dialog[Asked]):
    """Its result: what was chosen; None where it was left."""

    def __init__(self, asked: Sequence[Asked]) -> None:
        """`asked`: oldest first."""
        super().__init__()
        self._asked = list(reversed(asked))
        self._list = AskedList(id="list")

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield self._list
        yield KeyLine(hints={"list.open": "take"}, id="keys")

    def on_mount(self) -> None:
        self.framed("Asked before · Enter brings it back")
        self._list.styles.height = min(len(self._asked), 16)
        self._list.show(self._asked)
        self.set_focus(self._list)

    def on_list_canvas_opened(self, message: ListCanvas.Opened) -> None:
        message.stop()
        self.dismiss(message.item)

    def action_back(self) -> None:
        self.dismiss()

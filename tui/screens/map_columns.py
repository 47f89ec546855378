"""A dialog in which one says what each key of a file's rows is: the question, the answer, a text …"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

import msgspec
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from ...engines.datasets.viewing.rows import NumberedRow
from ...engines.records import UNREADABLE
from ...engines.text import one_line
from ..keys import bindings
from ..widgets.choice import Choice
from ..widgets.keyline import KeyLine

UNUSED = "—"
OF_TEXTS = (UNUSED, "system", "question", "answer", "text")
OF_LISTS = (UNUSED, "messages")
MOST_KEYS = 40


class MapColumns(ModalScreen[dict[str, str]]):
    """Its result: a known form's keys under the file's names, empty for none; None where it was left."""

    CSS_PATH = "map_columns.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("map")

    def __init__(self, examples: Mapping[str, Any], columns: Mapping[str, str]) -> None:
        """
        Args:
            examples: the file's keys, each with a value that it has.
            columns: how they are mapped now.
        """
        super().__init__()
        self._examples = dict(list(examples.items())[:MOST_KEYS])
        self._columns = columns
        self._choices: dict[str, Choice] = {}

    def compose(self) -> ComposeResult:
        said = {own: known for known, own in self._columns.items()}
        with Vertical(id="box"):
            yield Static(
                Content.styled(
                    "→ ← choose what a key is: question and answer, or text, or messages.", "$quiet"
                )
            )
            with VerticalScroll(id="columns", can_focus=False):
                for key, value in self._examples.items():
                    values = OF_LISTS if isinstance(value, list) else OF_TEXTS
                    value_now = said.get(key, UNUSED)
                    choice = Choice(values, value_now if value_now in values else UNUSED)
                    self._choices[key] = choice
                    with Horizontal(classes="column"):
                        yield Static(Content(one_line(key, 17)), classes="label")
                        yield choice
                        yield Static(Content.styled(one_line(_said(value), 200), "$quiet"), classes="note")
            yield Static(id="fault")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self.query_one("#box").border_title = Content("Which key is what")
        self.query_one("#fault").display = False
        if self._choices:
            self.set_focus(next(iter(self._choices.values())))

    def action_step(self, by: int) -> None:
        choices = list(self._choices.values())
        place = next((place for place, one in enumerate(choices) if one.has_focus), 0)
        if choices:
            self.set_focus(choices[(place + by) % len(choices)])

    def action_take(self) -> None:
        chosen = [(choice.value, key) for key, choice in self._choices.items() if choice.value != UNUSED]
        if fault := fault_of([known for known, _ in chosen]):
            words = self.query_one("#fault", Static)
            words.display = True
            words.update(Content.styled(f"✗ {fault}", "$error"))
        else:
            self.dismiss(dict(chosen))

    def action_back(self) -> None:
        self.dismiss()


def fault_of(known: list[str]) -> str:
    """Why keys make no row, in words; empty where they do, and where there are none."""
    twice = next((key for key in known if known.count(key) > 1), None)
    if twice is not None:
        return f"{twice} is chosen twice."
    there = set(known)
    if not there or there in ({"text"}, {"messages"}) or there - {"system"} == {"question", "answer"}:
        return ""
    if there & {"text", "messages"}:
        return "A row is a text, or messages, or a question with its answer."
    missing = "answer" if "question" in there else "question"
    return f"The {missing} is missing."


def examples_of(rows: Iterable[NumberedRow]) -> dict[str, Any]:
    """The keys that rows have, each with the first value that says something."""
    examples: dict[str, Any] = {}
    for row in rows:
        try:
            value = msgspec.json.decode(row.raw)
        except UNREADABLE:
            continue
        if isinstance(value, dict):
            for key, found in value.items():
                if examples.get(key) in (None, "", [], {}):
                    examples[key] = found
    return examples


def _said(value: Any) -> str:
    return (
        value[:400] if isinstance(value, str) else msgspec.json.encode(value)[:400].decode("utf-8", "replace")
    )

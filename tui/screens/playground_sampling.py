"""The playground's dialog on how answers are drawn: temperature, top-p, longest answer, seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.widgets import Input, Static

from ...engines.models.chat import Sampling
from ..widgets.keyline import KeyLine
from .playground_choices import Dialog

FIELDS: Mapping[str, tuple[str, str]] = {
    "temperature": ("temperature", "0 (greedy: always the likeliest token) to 2"),
    "top_p": ("top-p", "above 0, to 1 (of all tokens)"),
    "max_tokens": ("max tokens", "the longest answer: 1 to 1,000,000"),
    "seed": ("seed", "of the draws: 0 or more"),
}
"""What they are called, and what may be there."""


class NotInRange(ValueError):
    """A field has something that can't be taken; `key`: which."""

    def __init__(self, key: str) -> None:
        name, about = FIELDS[key]
        super().__init__(f"{name}: {about}")
        self.key = key


def read_sampling(texts: Mapping[str, str]) -> Sampling:
    """What was typed, as a sampling.

    Args:
        texts: a text for each of FIELDS.

    Raises:
        NotInRange: one of them is no number, or out of its range.
    """
    numbers: dict[str, float] = {}
    for key in ("temperature", "top_p"):
        try:
            numbers[key] = float(texts[key].strip().replace(",", "."))
        except ValueError as error:
            raise NotInRange(key) from error
    whole: dict[str, int] = {}
    for key in ("max_tokens", "seed"):
        try:
            whole[key] = int(texts[key].strip().replace(",", ""))
        except ValueError as error:
            raise NotInRange(key) from error
    allowed = {
        "temperature": 0 <= numbers["temperature"] <= 2,
        "top_p": 0 < numbers["top_p"] <= 1,
        "max_tokens": 1 <= whole["max_tokens"] <= 1_000_000,
        "seed": 0 <= whole["seed"] < 1 << 63,
    }
    for key, fits in allowed.items():
        if not fits:
            raise NotInRange(key)
    return Sampling(whole["max_tokens"], numbers["temperature"], numbers["top_p"], whole["seed"])


class HowDrawn(Dialog[Sampling]):
    """Its result: the sampling; Esc takes what was typed too, or nothing where that can't be taken."""

    KEYS: ClassVar[tuple[str, ...]] = tuple(FIELDS)

    def __init__(self, sampling: Sampling) -> None:
        super().__init__()
        self._before = sampling

    def compose(self) -> ComposeResult:
        values = asdict(self._before)
        with Vertical(id="box"):
            for key in self.KEYS:
                name, about = FIELDS[key]
                with Horizontal(classes="number"):
                    yield Static(Content(name), classes="name")
                    value = values[key]
                    shown = f"{value:g}" if isinstance(value, float) else str(value)
                    yield Input(shown, id=key, compact=True)
                    yield Static(Content.styled(about, "$quiet"), classes="about")
            yield Static("", id="problem", markup=False)
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self.framed("How answers are drawn · ↑ ↓ another number · Enter takes them")
        for field in self.query(Input):
            field.cursor_blink = False
        self.set_focus(self.query_one("#temperature", Input))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        try:
            self.dismiss(self._read())
        except NotInRange as error:
            self.query_one("#problem", Static).update(Content.styled(f"✗ {error}", "$error"))
            self.set_focus(self.query_one(f"#{error.key}", Input))

    def on_input_changed(self) -> None:
        self.query_one("#problem", Static).update("")

    def key_down(self) -> None:
        self.focus_next(Input)

    def key_up(self) -> None:
        self.focus_previous(Input)

    def action_back(self) -> None:
        try:
            self.dismiss(self._read())
        except NotInRange:
            self.dismiss(None)

    def _read(self) -> Sampling:
        return read_sampling({key: self.query_one(f"#{key}", Input).value for key in self.KEYS})

"""A dialog that makes a new file from a dataset: asks for its name and more, works, and says what it did.

The work is a process of its own; Esc stops it, and nothing half written is left.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from ...engines.datasets.kept.known import remember
from ...engines.datasets.making.process import Asked, Made, Making, Reached, Refusal
from ...engines.settings import Settings
from ...engines.text import clean, one_line
from ..keys import bindings
from ..messages import OpenDataset, OpenNewJob
from ..panes.row import MARKS
from ..panes.wording import percent, plural, short_path
from ..widgets.choice import Choice
from ..widgets.keyline import KeyLine
from .pick import Field, Refused

MOST_SAID = 12
"""Changes and losses that are named one by one."""


@dataclass(frozen=True)
class Blank:
    """What is asked for.

    Args:
        key: its name in the answers.
        value: what stands there at first.
        choices: its values where there are few.
        note: a few words beside it.
    """

    key: str
    label: str
    value: str = ""
    choices: tuple[str, ...] = ()
    note: str = ""
    placeholder: str = ""


class Make(ModalScreen[None]):
    """Subclasses say what is asked (`blanks`), and what that asks of the process (`asked`)."""

    CSS_PATH = "make.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("make")

    class Went(Message):
        """How far the work is, or how it ended; None: it was stopped."""

        def __init__(self, word: Reached | Made | Refusal | None) -> None:
            super().__init__()
            self.word = word

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, Make.Went) and isinstance(self.word, Reached)

    def __init__(self, settings: Settings, path: Path, title: str, about: str) -> None:
        """
        Args:
            path: the source.
            title: in the frame.
            about: what the dialog does, in a sentence.
        """
        super().__init__()
        self._settings, self._path = settings, path
        self._title, self._about = title, about
        self._making: Making | None = None
        self._made: Made | None = None

    def blanks(self) -> tuple[Blank, ...]:
        """What is asked for."""
        raise NotImplementedError

    def asked(self, answers: dict[str, str]) -> Asked:
        """What the process is to do.

        Raises:
            Refused: an answer can't be used.
        """
        raise NotImplementedError

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(Content.styled(clean(self._about), "$quiet"), id="about")
            with Vertical(id="blanks"):
                for blank in self.blanks():
                    with Horizontal(classes="blank"):
                        yield Static(Content(blank.label), classes="label")
                        yield self._control(blank)
                        if blank.note:
                            yield Static(Content.styled(blank.note, "$quiet"), classes="note")
            with VerticalScroll(id="said"):
                yield Static(id="words")
        yield KeyLine(id="keys")

    def _control(self, blank: Blank) -> Field | Choice:
        if blank.choices:
            choice = Choice(blank.choices, blank.value)
            choice.id = f"blank-{blank.key}"
            return choice
        field = Field(
            blank.value, blank.placeholder, select_on_focus=False, compact=True, id=f"blank-{blank.key}"
        )
        field.cursor_blink = False
        return field

    def on_mount(self) -> None:
        self.query_one("#box").border_title = Content(self._title)
        self.query_one("#said").display = False
        first = self._controls[0]
        if isinstance(first, Field):
            first.cursor_position = len(first.value)
        self.set_focus(first)

    def on_unmount(self) -> None:
        if self._making is not None:
            self._making.stop()

    @property
    def _controls(self) -> list[Field | Choice]:
        return [one for one in self.query("#blanks .blank > *") if isinstance(one, (Field, Choice))]

    @property
    def _answers(self) -> dict[str, str]:
        return {str(one.id).removeprefix("blank-"): one.value.strip() for one in self._controls}

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "make":
            return self._making is None and self._made is None
        if action == "step":
            return self._made is None
        if action == "open":
            return self._made is not None
        if action == "new_job":
            return self._made is not None and len(self._made.files) > 1
        return True

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if (safe := one_line(event.value)) != event.value.strip():
            event.input.value = safe  # what a paste brought along

    def action_step(self, by: int) -> None:
        controls = self._controls
        place = next((place for place, one in enumerate(controls) if one.has_focus), 0)
        self.set_focus(controls[(place + by) % len(controls)])

    def action_make(self) -> None:
        try:
            asked = self.asked(self._answers)
        except Refused as refused:
            self._say(Content.styled(f"✗ {refused}", "$error"))
            return
        self._making = making = Making(asked)
        for control in self._controls:
            control.disabled = True
        self._say(Content.styled("beginning …", "$quiet"))
        self.set_focus(self.query_one("#said"))

        def work() -> None:
            result = making.run(lambda reached: self._tell(self.Went(reached)))
            if isinstance(result, Made):
                for path in reversed(result.files):
                    with contextlib.suppress(OSError):  # a full disk: it is not known the next time
                        remember(self._settings.home, Path(path))
            self._tell(self.Went(result))

        self.run_worker(work, thread=True, group="make")

    def _tell(self, message: Message) -> None:
        self.post_message(message)

    def on_make_went(self, message: Went) -> None:
        if not self.is_mounted:
            return
        word = message.word
        if isinstance(word, Reached):
            if self._making is not None:
                done = f"{percent(word.share)}, {plural(word.rows, 'row')}; Esc stops"
                self._say(Content.styled(done, "$quiet"))
            return
        self._making = None
        if isinstance(word, Made):
            self._made = word
            self.query_one("#about").display = self.query_one("#blanks").display = False
            self._say(of_made(word, self._path))
            self.set_focus(self.query_one("#said"))
        else:
            for control in self._controls:
                control.disabled = False
            self.set_focus(self._controls[0])
            stopped = Content.styled("Stopped; nothing was written.", "$warning")
            self._say(stopped if word is None else of_refusal(word))
        self.refresh_bindings()

    def _say(self, words: Content) -> None:
        self.query_one("#said").display = True
        self.query_one("#words", Static).update(words)
        self.refresh_bindings()

    def action_open(self) -> None:
        if self._made is not None:
            path = Path(self._made.files[0])
            self.dismiss()
            self.app.post_message(OpenDataset(path))

    def action_new_job(self) -> None:
        if self._made is not None:
            train, valid = self._made.files
            self.dismiss()
            self.app.post_message(OpenNewJob({"data": {"train": train, "valid": valid}}))

    def action_back(self) -> None:
        if self._making is None:
            self.dismiss()
            return
        self._making.stop()
        self._say(Content.styled("stopping …", "$quiet"))


def of_made(made: Made, source: Path) -> Content:
    """What was written, changed, lost and left out."""
    parts: list[tuple[str, str]] = []
    for path, rows in zip(made.files, made.rows, strict=True):
        parts.append((f"✓ {one_line(Path(path).name, 200)}: {plural(rows, 'row')}\n", "$success"))
    for title, counts, style in (("Changed", made.changes, ""), ("Lost", made.losses, "$warning")):
        if not counts:
            continue
        parts.append((f"{title}:\n", f"bold {style}".strip()))
        parts += [(f"{line}\n", style) for line in _counted(counts)]
    if made.left_out:
        parts.append((f"Left out: {plural(made.left_out, 'row')}\n", "bold $warning"))
        for problem in made.examples:
            sign, style = MARKS[problem.severity]
            place = f"line {problem.line:,}: " if problem.line is not None else ""
            parts.append((f"  {sign}{place}{one_line(problem.message, 300)}\n", style))
    if not made.changes and not made.losses and not made.left_out:
        parts.append(("Nothing was lost or left out.\n", "$quiet"))
    folder = one_line(short_path(Path(made.files[0]).parent), 200)
    parts.append((f"{one_line(source.name, 60)} is as it was. The new one lies in {folder}.", "$quiet"))
    return Content.assemble(*parts)


def of_refusal(refusal: Refusal) -> Content:
    """Why nothing was written, and the way out."""
    parts = [(f"✗ {clean(refusal.message)}\n", "$error")]
    parts += [(f"{line}\n", "") for line in _counted(refusal.losses)]
    advice = "Choose “yes” at “accept losses” to write it all the same." if refusal.losses else refusal.advice
    return Content.assemble(*parts, (f"→ {clean(advice)}" if advice else "", "")).rstrip("\n")


def _counted(counts: dict[str, int]) -> Iterator[str]:
    often = sorted(counts.items(), key=lambda item: -item[1])
    for words, count in often[:MOST_SAID]:
        yield f"  {count:>8,}  {one_line(words, 200)}"
    if (more := len(often) - MOST_SAID) > 0:
        yield f"  … and {more:,} more kinds"

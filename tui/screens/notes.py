"""Tags and a note of a job, to be written."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Input, Static, TextArea

from ...engines.job import Job
from ...engines.notes import Notes as Said
from ...engines.notes import read_notes, tags_of, write_notes
from ...engines.settings import Settings
from ...engines.store import Summary
from ...engines.text import clean, one_line
from ..keys import bindings
from ..widgets.keyline import KeyLine
from .question import Question

if TYPE_CHECKING:
    from ..app import FinetuiApp


class Notes(ModalScreen[bool]):
    """Asks for tags and note. Its result: whether they were changed."""

    CSS_PATH = "notes.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("notes")

    if TYPE_CHECKING:
        app: FinetuiApp  # type: ignore[assignment]

    def __init__(self, settings: Settings, summary: Summary) -> None:
        super().__init__()
        self._job = Job(settings.home, summary.id)
        self._job_name = summary.name
        # A small file, read before there is anything to draw: what is typed is never overwritten by it.
        self._before = read_notes(self._job)

    def compose(self) -> ComposeResult:
        with Vertical(id="box"):
            yield Static(Content.styled("Tags, with commas between them", "$quiet"))
            tags = Input(", ".join(self._before.tags), id="tags", compact=True, select_on_focus=False)
            tags.cursor_blink = False
            yield tags
            yield Static(Content.styled("Note", "$quiet"))
            note = TextArea(self._before.note, id="note", compact=True, tab_behavior="focus", soft_wrap=True)
            note.cursor_blink = False
            yield note
            yield Static(id="word")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self.query_one("#box").border_title = Content(f"Tags and note · {one_line(self._job_name, 50)}")
        self.query_one("#tags", Input).cursor_position = len(self.query_one("#tags", Input).value)
        self.set_focus(self.query_one("#tags"))

    @property
    def _now(self) -> Said:
        tags = tags_of(self.query_one("#tags", Input).value)
        return Said(tags, clean(self.query_one("#note", TextArea).text).rstrip(), self._before.archived)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.set_focus(self.query_one("#note"))

    def action_save(self) -> None:
        now = self._now
        if now == self._before:
            self.dismiss(False)
            return
        # In a worker: the lock may be held, and a home may lie on a slow disk.
        self.run_worker(lambda: self._write(now), thread=True, exclusive=True)

    def _write(self, notes: Said) -> None:
        problem = ""
        try:
            write_notes(self._job, notes)
        except FileNotFoundError:
            problem = "This job is no longer there."
        except OSError as error:
            problem = f"{error.filename or 'user.toml'}: {error.strerror or error}"
        self.app.call_from_thread(self._written, problem)

    def _written(self, problem: str) -> None:
        if not self.is_mounted:
            return
        if problem:
            self.query_one("#word", Static).update(Content.styled(f"✗ {clean(problem)}", "$error"))
        else:
            self.dismiss(True)

    def action_back(self) -> None:
        if self._now == self._before:
            self.dismiss(False)
            return

        def answered(yes: bool | None) -> None:
            if yes:
                self.dismiss(False)

        question = Question(
            "Leave without saving?",
            "What was changed would be lost. Ctrl+S saves it.",
            "leave",
            "go on writing",
        )
        self.app.push_screen(question, answered)

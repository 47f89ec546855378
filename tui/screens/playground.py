"""The playground: one prompt to a job's models side by side, on one copy of their base."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.content import Content
from textual.message import Message
from textual.widgets import Static, TextArea

from ...engines.datasets.question import Question
from ...engines.engine import EngineError
from ...engines.job import Job
from ...engines.machine import machine_id
from ...engines.models.chat import Sampling
from ...engines.models.history import Asked, Said, keep, kept
from ...engines.models.talk import Reply, Talk
from ...engines.settings import Settings
from ...engines.states import ALIVE
from ...engines.text import clean, one_line
from ...monitors.jobs import Jobs
from ..keys import bindings
from ..looks.models import Answerer, Models, find_models
from ..messages import CopyText
from ..panes.wording import gibibytes, plural
from ..widgets.answer import Answer
from ..widgets.expected import Expected
from ..widgets.keyline import KeyLine
from ..widgets.prompt import Prompt
from ..widgets.sides import Sides
from ..widgets.topline import TopLine
from .playground_choices import Earlier, SystemPrompt, WhoAnswers
from .view import View

if TYPE_CHECKING:
    from ..app import FinetuiApp

MOST_ANSWERS = 4
FRAME_SECONDS = 0.1
"""Between looks at answers that are being written."""
COMFORTABLE, NARROWEST = 40, 28
"""Cells of a column from which on all stand beside each other, and two at least."""


class TalkChanged(Message):
    """A base is loaded or has failed, or an answer has ended."""


class Playground(View[None]):
    """Asks; the answers stand in columns."""

    CSS_PATH = "playground.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("playground")
    AUTO_FOCUS = "#prompt"

    if TYPE_CHECKING:
        app: FinetuiApp  # type: ignore[assignment]

    def __init__(self, settings: Settings, job_id: str, with_jobs: tuple[str, ...] = ()) -> None:
        """
        Args:
            job_id: whose models answer.
            with_jobs: ids of jobs that answer beside it where they have the same base.
        """
        super().__init__()
        self._settings, self._job, self._with_jobs = settings, Job(settings.home, job_id), with_jobs
        self._name = job_id
        self._models: Models | None = None
        self._problem: EngineError | None = None
        self._talk = Talk(self._hear)
        self._sampling = Sampling()
        self._system = ""
        self._chosen: tuple[Answerer, ...] = ()
        self._columns: list[Answer] = []
        self._replies: list[Reply] = []
        self._asked: Question | None = None
        self._asked_at = 0.0
        self._basis: Question | None = None
        """What the prompt was filled from: its earlier turns are sent too."""
        self._basis_text = ""
        self._row: int | None = None
        self._unkept = False
        self._busy_with = ""

    def compose(self) -> ComposeResult:
        yield TopLine(id="top")
        yield Sides(id="system")
        yield Expected(id="expected")
        yield Container(id="answers")
        yield Prompt(
            placeholder="A prompt; Enter asks all of them. Ctrl+N takes a row of the data", id="prompt"
        )
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self._frames = self.set_interval(FRAME_SECONDS, self._draw_answers, pause=True)
        self._seconds = self.set_interval(1.0, self._draw)
        if (jobs := self.app.jobs) is not None:
            self.show_jobs(jobs, None)
        self._find()
        self._draw()

    def on_unmount(self) -> None:
        self._talk.close()

    def on_resize(self) -> None:
        self._arrange()

    def _hear(self) -> None:
        self.post_message(TalkChanged())

    # Who answers.

    @work(thread=True, exit_on_error=True)
    def _find(self) -> None:
        jobs = self.app.jobs.summaries if self.app.jobs is not None else ()
        try:
            found = find_models(self._settings, self._job.id, self._with_jobs, jobs, MOST_ANSWERS)
        except EngineError as error:
            self.app.call_from_thread(self._not_found, error)
            return
        self.app.call_from_thread(self._found, found)

    def _not_found(self, error: EngineError) -> None:
        if not self.is_mounted:
            return
        self._problem = error
        words = (f"✗ {clean(error.message)}", "$error"), f"\n→ {clean(error.advice)}" if error.advice else ""
        self.query_one("#answers").mount(Static(Content.assemble(*words), id="problem"))
        self._draw()

    def _found(self, models: Models) -> None:
        if not self.is_mounted:
            return
        self._models, self._system = models, models.system
        self._choose(models.chosen)
        if len(models.answerers) == 1:
            self.app.tell("There is no result and no checkpoint yet: only the base answers.", "warning")
        for sentence in models.refused:
            self.app.tell(sentence, "warning")

    def _choose(self, chosen: tuple[Answerer, ...], replies: list[Reply] | None = None) -> None:
        """These answer now; answers of others go."""
        changed, self._chosen = chosen != self._chosen, chosen
        before = {reply.ref.label: reply for reply in self._replies}
        kept_replies = [before[one.label] for one in chosen if one.label in before]
        self._replies = replies if replies is not None else kept_replies
        if changed:
            grid = self.query_one("#answers")
            grid.remove_children()
            self._columns = [Answer(one.title) for one in chosen]
            grid.mount_all(self._columns)
            self._arrange()
        for one in chosen:
            self._talk.load(one.ref)
        self.call_after_refresh(self._draw)

    def _arrange(self) -> None:
        if self.is_mounted and self._chosen:
            count = len(self._chosen)
            width = self.app.size.width
            beside = count if width >= count * COMFORTABLE else min(count, max(width // NARROWEST, 1), 2)
            self.query_one("#answers").styles.grid_size_columns = beside
            for column in self._columns:
                column.styles.column_span = 1
            if beside == 2 and count == 3:
                self._columns[-1].styles.column_span = 2

    # What is seen.

    def show_jobs(self, jobs: Jobs, problem: str | None) -> None:
        own = self.summary_of(jobs, self._job.id)
        if own is not None:
            self._name = own.name
        running = [one for one in jobs.summaries if one.state.state in ALIVE]
        here = [one.name for one in running if one.state.machine == machine_id()]
        self._busy_with = here[0] if here else ""
        self._draw()

    def on_talk_changed(self, message: TalkChanged) -> None:
        self._draw()

    @property
    def running(self) -> bool:
        return any(reply.running for reply in self._replies)

    def _draw(self) -> None:
        if not self.is_mounted or not self.query("#answers"):
            return
        left = Content.assemble(("finetui", "bold $primary"), f" · {one_line(self._name, 40)}")
        greedy = f"greedy · at most {self._sampling.max_tokens} tokens"
        middles: list[tuple[str, str]] = [(greedy, "$quiet"), ("greedy", "$quiet")]
        if warning := self._shared():
            middles = [(warning, "$warning"), ("! memory shared with a job", "$warning")]
        self.query_one(TopLine).show(left, [Content.styled(*one) for one in middles], self._standing())
        self._draw_system()
        self._draw_expected()
        self._draw_answers()
        loading = [base for one in self._chosen if (base := self._talk.base(one.ref)) and base.loading]
        if loading or (self._models is None and self._problem is None):
            self._seconds.resume()
        else:
            self._seconds.pause()
        self.refresh_bindings()

    def _shared(self) -> str:
        refs = [one.ref for one in self._chosen]
        if self._busy_with and any(ref.device == "cuda" for ref in refs):
            return f"! shares the GPU's memory with {one_line(self._busy_with, 24)}"
        return ""

    def _standing(self) -> Content:
        if self._problem is not None:
            return Content.styled("✗ nobody can answer", "$error")
        if self._models is None:
            return Content.styled("looking who can answer …", "$quiet")
        base = self._talk.base((self._chosen or self._models.answerers)[0].ref)
        name = one_line(self._models.base_name, 24)
        if base is None or base.loading:
            waited = "" if base is None else f", {time.monotonic() - base.since:.0f} s"
            return Content.styled(f"loading {name}{waited}", "$primary")
        if base.error is not None or base.chat is None or not base.chat.alive:
            return Content.styled(f"✗ {name} is not loaded", "$error")
        ready = base.ready or {}
        memory = ready.get("memory_bytes")
        parts = [name, str(ready.get("device", "")), str(ready.get("dtype", ""))]
        if isinstance(memory, int):
            parts.append(f"{gibibytes(memory)} GiB")
        return Content.styled(one_line(" · ".join(part for part in parts if part), 60), "$quiet")

    def _draw_system(self) -> None:
        models = self._models
        if models is not None and models.raw:
            words = Content.styled("raw text: no chat template, no system prompt", "$quiet")
        else:
            said = Content(one_line(self._system, 400)) if self._system else Content.styled("none", "$quiet")
            words = Content.assemble(("system    ", "$quiet"), said)
        self.query_one("#system", Sides).show(words)

    def _draw_expected(self) -> None:
        question = self._question()
        self.query_one(Expected).show(question.expected if question is not None else None)
        title = "Ask"
        if self._row is not None and self._models is not None:
            place = f"{self._row + 1:,} of {len(self._models.rows):,}"
            title = f"{self._models.rows_are} row {place}"
            if self._models.rows_are == "trained-on":
                title += " (no rows are held out)"
        if question is not None and not isinstance(question.messages, str):
            turns = [turn for turn in question.messages if turn["role"] != "system"]
            if len(turns) > 1:
                title += f" · after {plural(len(turns) - 1, 'earlier turn')}"
        prompt = self.query_one(Prompt)
        if prompt.border_title != f" {title} ":
            prompt.border_title = Content(f" {title} ")

    def _draw_answers(self) -> None:
        replies = {reply.ref.label: reply for reply in self._replies}
        expected = self._asked.expected if self._asked is not None else None
        for one, column in zip(self._chosen, self._columns, strict=True):
            column.show(replies.get(one.label), self._talk.base(one.ref), expected)
        if self.running:
            self._frames.resume()
            return
        self._frames.pause()
        if self._unkept:
            self._unkept = False
            self._keep()

    # Asking.

    def _question(self) -> Question | None:
        """What Enter would ask; None where there is nothing."""
        text = self.query_one(Prompt).text
        if not text.strip():
            return None
        if self._basis is not None:
            return self._basis if text == self._basis_text else self._basis.with_text(text)
        raw = self._models is not None and self._models.raw
        return Question(text) if raw else Question([{"role": "user", "content": text}])

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        if not event.text_area.text:
            self._basis = self._row = None
        self._draw_expected()
        self.refresh_bindings()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted:
            return True
        if action == "stop":
            return self.running
        if action == "send":
            return bool(self._chosen) and not self.running
        if action == "row":
            return self._models is not None and bool(self._models.rows) and not self.running
        if action in ("models", "history"):
            return self._models is not None and not self.running
        if action == "system":
            return self._models is not None and not self._models.raw and not self.running
        if action == "copy":
            return any(reply.text for reply in self._replies)
        return True

    def action_send(self) -> None:
        question = self._question()
        if question is None:
            self.app.tell("There is nothing to ask yet: type a prompt, or Ctrl+N takes a row.")
            return
        self._asked, self._asked_at = question.with_system(self._system), time.time()
        refs = [one.ref for one in self._chosen]
        self._replies = self._talk.ask(refs, self._asked, self._sampling)
        self._unkept = True
        prompt = self.query_one(Prompt)
        prompt.select_all()  # the next prompt replaces it; Enter asks it again
        self._draw()

    def action_newline(self) -> None:
        self.query_one(Prompt).insert("\n")

    def action_stop(self) -> None:
        self._talk.stop(self._replies)
        self._draw_answers()

    def action_back(self) -> None:
        if any(reply.running and not reply.stopping for reply in self._replies):
            self.action_stop()
        else:
            self.dismiss()

    def action_row(self, by: int) -> None:
        assert self._models is not None
        rows = self._models.rows
        row = (0 if by > 0 else len(rows) - 1) if self._row is None else self._row + by
        if not 0 <= row < len(rows):
            return
        question = rows[row]
        if not isinstance(question.messages, str):
            self._system = question.system or ""
        self._fill(question)
        self._row = row
        self._replies, self._asked = [], None
        self._draw()

    def _fill(self, question: Question) -> None:
        prompt = self.query_one(Prompt)
        prompt.fill(question.text)
        # What is sent is the row itself, also where the screen can't show all of it.
        self._basis, self._basis_text = question, prompt.text
        self.set_focus(prompt)

    def action_copy(self) -> None:
        titles = {one.label: one.title for one in self._chosen}
        answers = [(titles.get(r.ref.label, r.ref.label), r.text) for r in self._replies if r.text]
        if len(answers) == 1:
            self.post_message(CopyText(answers[0][1], "the answer"))
        elif answers:
            text = "\n\n".join(f"{title}: {text}" for title, text in answers)
            self.post_message(CopyText(text, f"{len(answers)} answers"))

    def action_system(self) -> None:
        def taken(text: str | None) -> None:
            if text is not None:
                self._system = text.strip()
                self._draw()

        self.app.push_screen(SystemPrompt(self._system), taken)

    def action_models(self) -> None:
        def taken(labels: tuple[str, ...] | None) -> None:
            if labels and self._models is not None and labels != tuple(one.label for one in self._chosen):
                self._choose(tuple(one for one in self._models.answerers if one.label in labels))

        assert self._models is not None
        labels = tuple(one.label for one in self._chosen)
        self.app.push_screen(WhoAnswers(self._models.answerers, labels, MOST_ANSWERS), taken)

    # What was asked before.

    def _keep(self) -> None:
        assert self._asked is not None
        said = tuple(
            Said(
                reply.ref.label,
                reply.text,
                reply.tokens,
                reply.seconds,
                reply.first_token_seconds,
                reply.stop_reason,
                f"{reply.error}. {reply.advice}".strip(". ") if reply.error is not None else None,
            )
            for reply in self._replies
        )
        bare = self._asked.with_system(None)
        asked = Asked(
            self._asked_at,
            bare.messages,
            said,
            self._asked.system,
            bare.expected,
            bare.tools,
            self._sampling,
        )
        self._write(asked)

    @work(thread=True, exit_on_error=True, group="history")
    def _write(self, asked: Asked) -> None:
        try:
            keep(self._job.paths.folder, asked)
        except OSError as error:
            words = f"This is not kept: {error.strerror or error}"
            self.app.call_from_thread(self.app.tell, words, "warning")

    def action_history(self) -> None:
        try:
            asked = kept(self._job.paths.folder)
        except OSError as error:
            self.app.tell(f"What was asked before can't be read: {error.strerror or error}", "error")
            return
        if not asked:
            self.app.tell("Nothing was asked here before.")
            return
        self.app.push_screen(Earlier(asked), self._recall)

    def _recall(self, asked: Asked | None) -> None:
        if asked is None or self._models is None:
            return
        question = Question(asked.messages, asked.expected, asked.tools)
        self._system, self._row = asked.system or "", None
        known = {one.label: one for one in self._models.answerers}
        said = [one for one in asked.answers if one.label in known][:MOST_ANSWERS]
        gone = [one.label for one in asked.answers if one.label not in known]
        replies = [
            Reply(
                known[one.label].ref,
                "failed" if one.error is not None else "done",
                one.text,
                one.tokens,
                one.seconds,
                one.first_token_seconds,
                one.stop_reason,
                one.error,
            )
            for one in said
        ]
        self._asked = question.with_system(asked.system)
        if said:
            self._choose(tuple(known[one.label] for one in said), replies)
        self._fill(question)
        if gone:
            self.app.tell(f"No longer here: {clean(', '.join(gone))}", "warning")
        self._draw()

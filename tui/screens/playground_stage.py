"""The stage of the playground: who answers, what is seen of it, and that answers are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual import work
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widgets import Static

from ...engines.datasets.viewing.question import Question
from ...engines.engine import EngineError
from ...engines.job import Job
from ...engines.machine import machine_id
from ...engines.models.history import Asked, keep
from ...engines.models.talk import Reply, Talk
from ...engines.settings import Settings
from ...engines.states import ALIVE
from ...engines.text import clean, one_line
from ...monitors.jobs import Jobs
from ..looks.models import Answerer, Models, find_models
from ..widgets.expected import Expected
from ..widgets.keyline import KeyLine
from ..widgets.prompt import Prompt
from ..widgets.sides import Sides
from ..widgets.topline import TopLine
from .playground_columns import Columns
from .playground_draft import Left, left_by_job, place_of
from .playground_kept import to_keep
from .playground_words import how_drawn, standing, system_line
from .view import View

if TYPE_CHECKING:
    from ..app import FinetuiApp

MOST_ANSWERS = 4
FIRST_PROMPT = "A prompt; Enter asks all of them. Ctrl+N takes a row of the data"
FRAME_SECONDS = 0.1
"""Between looks at answers that are being written."""


class TalkChanged(Message):
    """A base is loaded or has failed, or an answer has ended."""


class PlaygroundStage(View[None]):
    """A line each for what was asked and expected, answers in columns, a prompt."""

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
        self._left = left_by_job.get(self.app, {}).get(job_id, Left())
        self._sampling = self._asked_sampling = self._left.sampling
        self._system = ""
        self._columns = Columns(id="answers")
        self._replies: list[Reply] = []
        self._asked: Question | None = None
        """What the answers are to, with its system prompt."""
        self._asked_at = 0.0
        self._asked_row: int | None = None
        self._draft = self._left.draft
        self._unkept = False
        self._busy_with = ""

    def compose(self) -> ComposeResult:
        yield TopLine(id="top")
        yield Sides(id="system")
        yield Sides(id="asked")
        yield Expected(id="expected")
        yield self._columns
        yield Prompt(placeholder=FIRST_PROMPT, id="prompt")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self._frames = self.set_interval(FRAME_SECONDS, self._draw_answers, pause=True)
        self._seconds = self.set_interval(1.0, self._draw)
        if (jobs := self.app.jobs) is not None:
            self.show_jobs(jobs, None)
        self.query_one(Prompt).fill(self._left.prompt)
        self._find()
        self._draw()

    def _leave(self) -> None:
        """Close; what is half typed and was chosen is there again the next time."""
        models, prompt = self._models, self.query_one(Prompt).text
        system, labels = self._left.system, self._left.labels
        if models is not None:
            system = self._system if self._system != models.system else None
            changed = self._chosen != models.chosen
            labels = tuple(one.label for one in self._chosen) if changed else ()
        left = Left(prompt, self._draft, self._sampling, system, self._with_jobs, labels)
        left_by_job.setdefault(self.app, {})[self._job.id] = left
        self.dismiss()

    def on_unmount(self) -> None:
        self._talk.close()

    def on_resize(self) -> None:
        if self.is_mounted:
            self._columns.fit()

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
        self._columns.mount(Static(Content.assemble(*words), id="problem"))
        self._draw()

    def _found(self, models: Models) -> None:
        if not self.is_mounted:
            return
        self._models, left = models, self._left
        self._system = models.system if left.system is None else left.system
        labels = left.labels if left.with_jobs == self._with_jobs else ()
        self._choose(tuple(one for one in models.answerers if one.label in labels) or models.chosen)
        if len(models.answerers) == 1:
            self.app.tell("There is no result and no checkpoint yet: only the base answers.", "warning")
        for sentence in models.refused:
            self.app.tell(sentence, "warning")

    def _choose(self, chosen: tuple[Answerer, ...], replies: list[Reply] | None = None) -> None:
        """These answer now; answers of others go."""
        before = {reply.ref.label: reply for reply in self._replies}
        kept_replies = [before[one.label] for one in chosen if one.label in before]
        self._replies = replies if replies is not None else kept_replies
        self._columns.choose(chosen)
        for one in chosen:
            self._talk.load(one.ref)
        self.call_after_refresh(self._draw)

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
    def _chosen(self) -> tuple[Answerer, ...]:
        return self._columns.chosen

    @property
    def running(self) -> bool:
        return any(reply.running for reply in self._replies)

    def _draw(self) -> None:
        if not self.is_mounted or not self.query("#answers"):
            return
        left = Content.assemble(("finetui", "bold $primary"), f" · {one_line(self._name, 40)}")
        middles = [(words, "$quiet") for words in how_drawn(self._sampling)]
        if warning := self._shared():
            middles = [(warning, "$warning"), ("! memory shared with a job", "$warning")]
        self.query_one(TopLine).show(left, [Content.styled(*one) for one in middles], self._standing())
        self.query_one("#system", Sides).show(system_line(self._models, self._system))
        self._draw_question()
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
        return standing(base, self._models.base_name)

    def _draw_question(self) -> None:
        """What was asked, what is expected, and over the prompt what is in it."""
        question, asked = self._question(), self._asked
        line = self.query_one("#asked", Sides)
        line.display = asked is not None
        if asked is not None:
            place = place_of(self._models, self._asked_row, asked)
            words = Content.assemble(("asked     ", "$quiet"), one_line(asked.text, 400))
            line.show(words, [Content.styled(part, "$quiet") for part in (" · ".join(place), *place[:1])])
        expected = question.expected if question is not None else None
        if expected is None and asked is not None:
            expected = asked.expected
        self.query_one(Expected).show(expected)
        row = self._draft.row
        place = place_of(self._models, row, question)
        title = " · ".join(place if row is not None else ["Ask", *place])
        prompt = self.query_one(Prompt)
        if prompt.border_title != f" {title} ":
            prompt.border_title = Content(f" {title} ")

    def _draw_answers(self) -> None:
        expected = self._asked.expected if self._asked is not None else None
        self._columns.show(self._replies, self._talk, expected)
        if self.running:
            self._frames.resume()
            return
        self._frames.pause()
        self._keep()

    def _question(self) -> Question | None:
        """What Enter would ask; None where there is nothing."""
        raw = self._models is not None and self._models.raw
        return self._draft.question(self.query_one(Prompt).text, raw=raw)

    def _keep(self) -> None:
        """Keep the answers with the job, where they have ended and that isn't done yet."""
        if self._unkept and self._asked is not None and not self.running:
            self._unkept = False
            self._write(to_keep(self._asked, self._asked_at, self._replies, self._asked_sampling))

    @work(thread=True, exit_on_error=True, group="history")
    def _write(self, asked: Asked) -> None:
        try:
            keep(self._job.paths.folder, asked)
        except OSError as error:
            words = f"This is not kept: {error.strerror or error}"
            self.app.call_from_thread(self.app.tell, words, "warning")

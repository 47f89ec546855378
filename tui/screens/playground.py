"""The playground: one prompt to a job's models side by side, on one copy of their base."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.binding import BindingType
from textual.widgets import TextArea

from ...engines.datasets.viewing.question import Question
from ...engines.models.chat import Sampling
from ...engines.models.history import Asked, kept
from ...engines.text import clean
from ..keys import bindings
from ..messages import CopyText
from ..widgets.prompt import Prompt
from .playground_choices import Earlier, SystemPrompt, WhoAnswers
from .playground_kept import bring_back
from .playground_sampling import HowDrawn
from .playground_stage import MOST_ANSWERS, PlaygroundStage

NEXT_PROMPT = "The next prompt; ↑ brings the last one back, Ctrl+N takes a row of the data"


class Playground(PlaygroundStage):
    """Asks; the answers stand in columns."""

    CSS_PATH = "playground.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("playground")
    AUTO_FOCUS = "#prompt"

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        if not event.text_area.text:
            self._draft.empty()
        self._draw_question()
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
        if action == "again":
            return self._asked is not None
        if action == "sampling":
            return not self.running
        if action in ("models", "history"):
            return self._models is not None and not self.running
        if action == "system":
            return self._models is not None and not self._models.raw and not self.running
        if action == "copy":
            return True if any(reply.text for reply in self._replies) else None
        return True

    def why_not(self, action: str) -> str:
        return "There is no answer yet." if action == "copy" else ""

    def action_send(self) -> None:
        question = self._question()
        if question is None:
            self.app.tell("There is nothing to ask yet: type a prompt, or Ctrl+N takes a row.")
            return
        self._keep()
        self._asked, self._asked_at = question.with_system(self._system), time.time()
        self._asked_row, self._asked_sampling = self._draft.row, self._sampling
        refs = [one.ref for one in self._chosen]
        self._replies = self._talk.ask(refs, self._asked, self._sampling)
        self._unkept = True
        prompt = self.query_one(Prompt)
        prompt.fill("")
        prompt.placeholder = NEXT_PROMPT
        self._draft.empty()
        self._draw()

    def action_again(self) -> None:
        if self._asked is not None:
            self._fill(self._asked.with_system(None), self._asked_row)
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
            self._leave()

    def action_row(self, by: int) -> None:
        assert self._models is not None
        rows = self._models.rows
        row = self._draft.step(by, len(rows))
        if row is None:
            return
        self._keep()
        question = rows[row]
        if not isinstance(question.messages, str):
            self._system = question.system or ""
        self._fill(question, row)
        self._replies, self._asked = [], None
        self._draw()

    def _fill(self, question: Question, row: int | None = None) -> None:
        prompt = self.query_one(Prompt)
        prompt.fill(question.text)
        self._draft.fill(question, prompt.text, row)
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

    def action_sampling(self) -> None:
        def taken(sampling: Sampling | None) -> None:
            if sampling is not None:
                self._sampling = sampling
                self._draw()

        self.app.push_screen(HowDrawn(self._sampling), taken)

    def action_models(self) -> None:
        def taken(labels: tuple[str, ...] | None) -> None:
            if labels and self._models is not None and labels != tuple(one.label for one in self._chosen):
                self._choose(tuple(one for one in self._models.answerers if one.label in labels))

        assert self._models is not None
        labels = tuple(one.label for one in self._chosen)
        self.app.push_screen(WhoAnswers(self._models.answerers, labels, MOST_ANSWERS), taken)

    # What was asked before.

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
        self._keep()
        back = bring_back(asked, self._models.answerers, MOST_ANSWERS)
        self._system, self._asked_row = asked.system or "", None
        self._sampling = asked.sampling or self._sampling
        self._asked = back.question.with_system(asked.system)
        if back.chosen:
            self._choose(back.chosen, back.replies)
        self._fill(back.question)
        if back.gone:
            self.app.tell(f"No longer here: {clean(', '.join(back.gone))}", "warning")
        self._draw()

"""What is known of one dataset file: which model comes first to mind, and what a check finds."""

from __future__ import annotations

import contextlib
from pathlib import Path

from textual.message import Message
from textual.message_pump import MessagePump

from ...engines.datasets.kept.checked import Checked, Reached, Reading, Rules
from ...engines.datasets.kept.known import KnownDatasets, remember
from ...engines.datasets.tokens.preview import PreviewModel, model_named, model_of_job
from ...engines.job import Job
from ...engines.models import weights
from ...engines.settings import Settings
from ...engines.store import Store

IDLE_SECONDS = 3600.0
"""It is woken when the file has changed, or other rules are wanted."""


class ModelSuggested(Message):
    """Whose tokenizer and template to take; None where no model is on this machine."""

    def __init__(self, model: PreviewModel | None) -> None:
        super().__init__()
        self.model = model


class FileChecked(Message):
    """What a check by these rules found; None where there is no file."""

    def __init__(self, rules: Rules, checked: Checked | None) -> None:
        super().__init__()
        self.rules, self.checked = rules, checked


class CheckReached(Message):
    """How far the check of a large file is."""

    def __init__(self, reached: Reached) -> None:
        super().__init__()
        self.reached = reached

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, CheckReached)


class AboutLook:
    """Looks once for a model, and at the whole file whenever it is woken."""

    def __init__(
        self, target: MessagePump, settings: Settings, path: Path, models: list[str], rules: Rules
    ) -> None:
        """
        Args:
            models: those that were used last, newest first.
            rules: by which the file is checked, until others are wanted.
        """
        self._target, self._settings, self._path, self._models = target, settings, path, models
        self._rules = rules
        self._begun = False
        self._reading: Reading | None = None

    def want(self, rules: Rules) -> None:
        """Check by these rules; wake the watcher then."""
        self._rules = rules
        self.close()

    def close(self) -> None:
        """Nobody waits for what is being read."""
        if (reading := self._reading) is not None:
            reading.stop()

    def __call__(self) -> float:
        if not self._begun:
            self._begun = True
            if self._path.is_file():
                with contextlib.suppress(OSError):  # a full disk: it is not known the next time
                    remember(self._settings.home, self._path)
            self._target.post_message(ModelSuggested(self._suggested()))
        rules = self._rules
        self._reading = Reading(self._settings.home, self._path, rules)
        checked = self._reading.run(self._tell)
        if rules != self._rules:
            return 0.0
        self._target.post_message(FileChecked(rules, checked))
        return IDLE_SECONDS

    def _tell(self, reached: Reached) -> None:
        self._target.post_message(CheckReached(reached))

    def _suggested(self) -> PreviewModel | None:
        home = self._settings.home
        use = KnownDatasets(home).use_of(self._path, Store(home).jobs())
        if use is not None and (model := model_of_job(Job(home, use.job))):
            return model
        for name in self._models:
            with contextlib.suppress(weights.ModelNotFound):
                if (model := model_named(name)) is not None:
                    return model
        here = {found.name: found for found in weights.cached()}
        if len(here) == 1:
            [only] = here.values()
            return PreviewModel(only.name, only.path)
        return None

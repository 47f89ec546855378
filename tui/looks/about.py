"""What is known of one dataset file: which model comes first to mind, and what a check finds."""

from __future__ import annotations

import contextlib
from pathlib import Path

from textual.message import Message
from textual.message_pump import MessagePump

from ...engines.datasets import checked
from ...engines.datasets.checked import Checked
from ...engines.datasets.known import KnownDatasets, remember
from ...engines.datasets.preview import PreviewModel, model_named, model_of_job
from ...engines.job import Job
from ...engines.models import weights
from ...engines.settings import Settings
from ...engines.store import Store

IDLE_SECONDS = 3600.0
"""It is woken when the file has changed."""


class ModelSuggested(Message):
    """Whose tokenizer and template to take; None where no model is on this machine."""

    def __init__(self, model: PreviewModel | None) -> None:
        super().__init__()
        self.model = model


class FileChecked(Message):
    """What a check found; None where there is no file."""

    def __init__(self, checked: Checked | None) -> None:
        super().__init__()
        self.checked = checked


class AboutLook:
    """Looks once for a model, and at the whole file whenever it is woken."""

    def __init__(self, target: MessagePump, settings: Settings, path: Path, models: list[str]) -> None:
        """`models`: those that were used last, newest first."""
        self._target, self._settings, self._path, self._models = target, settings, path, models
        self._begun = False

    def __call__(self) -> float:
        if not self._begun:
            self._begun = True
            if self._path.is_file():
                with contextlib.suppress(OSError):  # a full disk: it is not known the next time
                    remember(self._settings.home, self._path)
            self._target.post_message(ModelSuggested(self._suggested()))
        self._target.post_message(FileChecked(checked.read(self._settings.home, self._path)))
        return IDLE_SECONDS

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

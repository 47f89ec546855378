"""The tokens of a whole file, counted when somebody asks for it."""

from __future__ import annotations

import time

from textual.message import Message
from textual.message_pump import MessagePump

from ...engines.datasets.kept.counts import Counted, Counting
from ...engines.datasets.tokens.preview import PreviewModel
from ...engines.datasets.tokens.verb import trainer_python
from ...engines.datasets.viewing.rows import Rows
from ...engines.engine import EngineError
from ...engines.settings import Settings

IDLE_SECONDS = 3600.0
"""It is woken when a count is wanted."""
TELL_SECONDS = 0.5


class TokensCounted(Message):
    """So many rows are counted; at the end the result, or why there is none."""

    def __init__(self, done: int, result: Counted | None = None, problem: str = "") -> None:
        super().__init__()
        self.done, self.result, self.problem = done, result, problem


class TokensLook:
    """Counts; what is wanted is said from the screen's thread."""

    def __init__(self, target: MessagePump, settings: Settings) -> None:
        self._target, self._settings = target, settings
        self._wanted: tuple[PreviewModel, Rows] | None = None
        self._counting: Counting | None = None
        self._told_at = 0.0

    def want(self, model: PreviewModel, rows: Rows) -> None:
        """Count these; wake the watcher then."""
        self._wanted = (model, rows)

    def close(self) -> None:
        """The page is left: what runs ends."""
        self._wanted = None
        if self._counting is not None:
            self._counting.stop()

    def __call__(self) -> float:
        wanted, self._wanted = self._wanted, None
        if wanted is None:
            return IDLE_SECONDS
        model, rows = wanted
        try:
            self._counting = Counting(model, trainer_python(self._settings))
            result = self._counting.run(self._settings.home, rows, self._tell)
        except EngineError as error:
            self._target.post_message(TokensCounted(0, problem=f"{error.message}. {error.advice}".strip()))
        except (OSError, ValueError) as error:  # ValueError: the file was closed, for it changed
            self._target.post_message(TokensCounted(0, problem=f"The file can't be read any more: {error}"))
        else:
            if result is not None:
                self._target.post_message(TokensCounted(result.rows, result))
        return 0.0

    def _tell(self, done: int) -> None:
        if time.monotonic() - self._told_at > TELL_SECONDS:
            self._told_at = time.monotonic()
            self._target.post_message(TokensCounted(done))

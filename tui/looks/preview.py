"""Rows as a model will see them: those around the one that is shown, rendered by one process that is kept."""

from __future__ import annotations

import time

from textual.message import Message
from textual.message_pump import MessagePump

from ...engines.datasets.tokens.preview import Preview, PreviewModel, Rendered
from ...engines.datasets.tokens.verb import trainer_python
from ...engines.datasets.viewing.rows import Rows
from ...engines.engine import EngineError
from ...engines.settings import Settings

IDLE_SECONDS = 300.0
"""It is woken when something is wanted; a process that was idle so long is ended, for it takes memory."""
BEFORE, AFTER = 8, 42
"""Rows around the wanted one that are rendered ahead."""
AT_ONCE = 4
"""Rows that are asked for together: what is wanted next need not wait for more."""
MOST_KEPT = 600


class RowRendered(Message):
    """One more row is rendered."""

    def __init__(self, model: PreviewModel, number: int) -> None:
        super().__init__()
        self.model, self.number = model, number


class PreviewLook:
    """Renders; what is wanted is said from the screen's thread."""

    def __init__(self, target: MessagePump, settings: Settings) -> None:
        self._target, self._settings = target, settings
        self._wanted: tuple[PreviewModel, Rows, int] | None = None
        self._rendered: dict[int, Rendered] = {}
        self._of: tuple[PreviewModel, Rows] | None = None
        self._python = trainer_python(settings)
        self._preview: tuple[PreviewModel, Preview] | None = None
        self._used_at = 0.0

    def want(self, model: PreviewModel, rows: Rows, number: int) -> None:
        """Render this one; wake the watcher then."""
        self._wanted = (model, rows, number)
        preview = self._preview
        if preview is not None and preview[0] != model:
            preview[1].close()

    def rendered(self, model: PreviewModel, rows: Rows, number: int) -> Rendered | None:
        """What is known of a row by now."""
        return self._rendered.get(number) if self._of == (model, rows) else None

    def close(self) -> None:
        """The page is left: what runs ends."""
        self._wanted = None
        if (preview := self._preview) is not None:
            preview[1].close()

    def __call__(self) -> float:
        if self._wanted is None:
            return IDLE_SECONDS
        model, rows, number = self._wanted
        if self._of != (model, rows):
            self._rendered = {}
            self._of = (model, rows)
        todo = self._todo(rows, number)
        if todo:
            self._render(model, rows, todo)
            self._used_at = time.monotonic()
            return 0.0
        if self._preview is not None and time.monotonic() - self._used_at >= IDLE_SECONDS:
            self._preview[1].rest()
        return IDLE_SECONDS

    def _todo(self, rows: Rows, number: int) -> list[int]:
        """The numbers to render now, the wanted one first."""
        order = [*range(number, number + AFTER), *range(number - 1, number - BEFORE - 1, -1)]
        return [one for one in order if 0 <= one < len(rows) and one not in self._rendered]

    def _render(self, model: PreviewModel, rows: Rows, todo: list[int]) -> None:
        lines: list[bytes] = []
        numbers: list[int] = []
        for number in todo[:AT_ONCE]:
            try:
                [row] = rows.read(number, number + 1)
            except (OSError, ValueError):
                self._wanted = None  # the file changed or the page is left
                return
            if row.row is None:
                self._tell(model, number, Rendered())
                continue
            lines.append(row.row.canonical_line)
            numbers.append(number)
        preview = self._preview_of(model)
        if not lines or preview is None:
            return
        done = 0

        def on_row(place: int, rendered: Rendered) -> None:
            nonlocal done
            done += 1
            self._tell(model, numbers[place], rendered)

        try:
            if not preview.render(lines, on_row):
                self._preview = None  # closed: another model is wanted, or the page is left
        except (EngineError, OSError) as error:
            words = (
                f"{error.message}. {error.advice}".strip() if isinstance(error, EngineError) else str(error)
            )
            # The one on which it stopped; where that is the first, it is not the row's fault alone.
            for number in numbers[done : done + 1] if done else todo:
                self._tell(model, number, Rendered(error=words))

    def _preview_of(self, model: PreviewModel) -> Preview | None:
        """The one that is kept for a model; None where another is wanted by now."""
        if self._preview is None or self._preview[0] != model:
            if self._preview is not None:
                self._preview[1].close()
            self._preview = (model, Preview(model, self._python))
        wanted = self._wanted
        if wanted is None or wanted[0] != model:
            self._preview[1].close()
            self._preview = None
            return None
        return self._preview[1]

    def _tell(self, model: PreviewModel, number: int, rendered: Rendered) -> None:
        if len(self._rendered) > MOST_KEPT:
            for far in sorted(self._rendered, key=lambda one: abs(one - number))[MOST_KEPT // 2 :]:
                del self._rendered[far]
        self._rendered[number] = rendered
        self._target.post_message(RowRendered(model, number))

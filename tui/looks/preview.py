"""Rows as a model will see them: those around the one that is shown, rendered by the trainer's process."""

from __future__ import annotations

from textual.message import Message
from textual.message_pump import MessagePump

from ...engines.datasets.preview import Preview, PreviewModel, Rendered
from ...engines.datasets.rows import Rows
from ...engines.engine import EngineError
from ...engines.interpreter import choose
from ...engines.settings import Settings

IDLE_SECONDS = 3600.0
"""It is woken when something is wanted."""
BEFORE, AFTER = 8, 42
"""Rows that one process renders: it takes seconds to start, and then some milliseconds a row."""
AHEAD = 12
"""The next process is started when so few rendered rows are left."""
MOST_BYTES = 2 << 20
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
        self._python: str | None = None
        self._run: tuple[Preview, frozenset[int]] | None = None

    def want(self, model: PreviewModel, rows: Rows, number: int) -> None:
        """Render this one; wake the watcher then. What is being rendered elsewhere ends."""
        self._wanted = (model, rows, number)
        run = self._run
        if run is not None and (
            self._of != (model, rows) or (number not in run[1] and number not in self._rendered)
        ):
            run[0].stop()

    def rendered(self, model: PreviewModel, rows: Rows, number: int) -> Rendered | None:
        """What is known of a row by now."""
        return self._rendered.get(number) if self._of == (model, rows) else None

    def close(self) -> None:
        """The page is left: what runs ends."""
        self._wanted = None
        if (run := self._run) is not None:
            run[0].stop()

    def __call__(self) -> float:
        if self._wanted is None:
            return IDLE_SECONDS
        model, rows, number = self._wanted
        if self._of != (model, rows):
            self._rendered = {}
            self._of = (model, rows)
        todo = self._todo(rows, number)
        if not todo:
            return IDLE_SECONDS
        self._render(model, rows, todo)
        return 0.0

    def _todo(self, rows: Rows, number: int) -> list[int]:
        """The numbers to render now, the wanted one first; none where enough are there."""
        near = range(max(number - AHEAD // 3, 0), min(number + AHEAD, len(rows)))
        if all(one in self._rendered for one in near):
            return []
        order = [*range(number, number + AFTER), *range(number - 1, number - BEFORE - 1, -1)]
        return [one for one in order if 0 <= one < len(rows) and one not in self._rendered]

    def _render(self, model: PreviewModel, rows: Rows, todo: list[int]) -> None:
        lines: list[bytes] = []
        numbers: list[int] = []
        size = 0
        for number in todo:
            try:
                [row] = rows.read(number, number + 1)
            except (OSError, ValueError):
                return  # the file changed or the page is left
            if row.row is None:
                self._tell(model, number, Rendered())
                continue
            size += len(row.raw)
            if lines and size > MOST_BYTES:
                break
            lines.append(row.row.canonical_line)
            numbers.append(number)
        if not lines:
            return
        done = 0

        def on_row(place: int, rendered: Rendered) -> None:
            nonlocal done
            done += 1
            self._tell(model, numbers[place], rendered)

        try:
            if self._python is None:
                self._python = choose(self._settings, None, "full")
            preview = Preview(self._python, model)
            self._run = (preview, frozenset(numbers))
            if self._wanted is None or self._wanted[:2] != (model, rows):
                return
            preview.run(lines, on_row)
        except (EngineError, OSError) as error:
            words = (
                f"{error.message}. {error.advice}".strip() if isinstance(error, EngineError) else str(error)
            )
            # The one on which it stopped; where that is the first, it is not the row's fault alone.
            for number in numbers[done : done + 1] if done else numbers:
                self._tell(model, number, Rendered(error=words))
        finally:
            self._run = None

    def _tell(self, model: PreviewModel, number: int, rendered: Rendered) -> None:
        if len(self._rendered) > MOST_KEPT:
            for far in sorted(self._rendered, key=lambda one: abs(one - number))[MOST_KEPT // 2 :]:
                del self._rendered[far]
        self._rendered[number] = rendered
        self._target.post_message(RowRendered(model, number))

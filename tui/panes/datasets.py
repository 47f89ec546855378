"""The datasets that are known: rows, tokens where they were counted, and what is wrong with them."""

from __future__ import annotations

import contextlib
import os
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import msgspec
from rich.cells import cell_len
from textual.app import ComposeResult
from textual.content import Content
from textual.message import Message
from textual.widget import Widget

from ...engines.datasets.kept.known import Known
from ...engines.text import one_line
from ..messages import OpenDataset
from ..widgets import ticks
from .list import ListCanvas
from .pane import Pane
from .wording import percent, short_path

FULL_NAMES, FORMATS, FOLDERS = 56, 72, 104
"""Cells from which on a line has room for file endings, formats and trained shares, folders."""

SAY_LITTLE = frozenset({"train", "training", "valid", "validation", "test", "eval", "data", "dataset"})
"""Names of files that many folders have: the folder says more."""

WELCOME = (
    "No dataset is known yet.",
    "a adds a file: it is checked at once, and its rows",
    "can be seen as a model will see them. Files of jobs",
    "come here by themselves.",
)


class DatasetsList(ListCanvas[Known]):
    ADDS = True

    class Added(Message):
        """Files were chosen to be known."""

        def __init__(self, paths: tuple[Path, ...]) -> None:
            super().__init__()
            self.paths = paths

    def __init__(self) -> None:
        super().__init__(id="datasets-list")
        self._names: dict[str, str] = {}
        self._count_width = self._tokens_width = self._words_width = 0
        self._format_width = self._name_width = 0
        self.empty = False
        """Whether there is nothing at all to show, filtered or not."""

    def learn(self, datasets: Sequence[Known]) -> None:
        """All that there are: names that say little or stand for several files get their folder."""
        same = Counter(Path(known.path).name for known in datasets)
        little = {name for name in same if same[name] > 1 or name.partition(".")[0].casefold() in SAY_LITTLE}
        self._names = {
            known.path: one_line(
                os.path.join(path.parent.name, path.name) if path.name in little else path.name, 200
            )
            for known in datasets
            for path in (Path(known.path),)
        }
        self._count_width = max((len(_rows(known)) for known in datasets), default=0)
        self._tokens_width = max((len(_tokens(known)) for known in datasets), default=0)
        self._format_width = max((len(one_line(known.format or "", 17)) for known in datasets), default=0)
        self._name_width = max((cell_len(name) for name in self._names.values()), default=0)
        self._words_width = max((len(standing(known)[1]) for known in datasets), default=0)
        self.empty = not datasets

    def key(self, item: Known) -> str:
        return item.path

    def row(self, item: Known, width: int) -> Content:
        name = self._names.get(item.path) or one_line(Path(item.path).name, 200)
        if width < FULL_NAMES:
            name = name.removesuffix(".gz").rpartition(".")[0] or name
        narrow = width < FULL_NAMES
        gap = " " if narrow else "  "
        columns = [(_rows(item), "", self._count_width)]
        if self._tokens_width:
            tokens, size = _tokens(item), self._tokens_width
            columns.append(
                (tokens.replace(" ", "", 1), "$quiet", size - 1) if narrow else (tokens, "$quiet", size)
            )
        if width >= FORMATS:
            columns.append((_trained(item), "$quiet", self._tokens_width and 13))
            columns.append((one_line(item.format or "", 17), "$quiet", self._format_width))
        sign, words, style = standing(item)
        # The words alone say it where there is little room.
        said = f"{words:<{self._words_width}}" if narrow else f"{sign} {words:<{self._words_width}}"
        right = Content("").join(
            Content.assemble(gap, (f"{text:>{size}}", style)) for text, style, size in columns if size
        )
        right = Content.assemble(right, gap, Content.styled(said, style))
        room = max(width - 1 - right.cell_length, 8)
        first = Content(name)
        if width >= FOLDERS:
            folder = one_line(short_path(os.path.dirname(item.path)), 200)
            gap = " " * (2 + max(self._name_width - first.cell_length, 0))
            first = Content.assemble(name, gap, (folder, "$quiet"))
        first = first.truncate(room, ellipsis=True)
        return Content.assemble(" ", first, " " * (room - first.cell_length), right)

    def lay_out(self, width: int, height: int) -> int:
        return len(WELCOME) if self.empty else super().lay_out(width, height)

    def line(self, index: int, width: int) -> Content:
        if self.empty:
            return Content.styled(f" {WELCOME[index]}", "$quiet" if index else "")
        return super().line(index, width)

    def action_add(self) -> None:
        from ..screens.add_file import AddFile

        self.app.push_screen(AddFile(), self._chosen)

    def _chosen(self, paths: tuple[Path, ...] | None) -> None:
        if paths:
            self.post_message(self.Added(paths))


class DatasetsPane(Pane):
    NUMBER, TITLE = 2, "Datasets"

    def __init__(self) -> None:
        super().__init__(id="datasets")
        self.list = DatasetsList()
        self._datasets: tuple[Known, ...] = ()

    @property
    def main(self) -> Widget:
        return self.list

    def compose(self) -> ComposeResult:
        yield self.list

    def show(self, datasets: tuple[Known, ...]) -> None:
        """Show these, newest first."""
        self._datasets = datasets
        self.list.learn(datasets)
        self.list.show(datasets)

    def on_list_canvas_opened(self, message: ListCanvas.Opened) -> None:
        message.stop()
        self.post_message(OpenDataset(Path(message.item.path)))

    def on_datasets_list_added(self, message: DatasetsList.Added) -> None:
        message.stop()
        from ...engines.datasets.kept.known import remember

        # Shown at once; the watcher reads them and says what they are.
        now = time.time()
        added = {str(path): Known(str(path), used=now, reading=True) for path in message.paths}
        before = {known.path: known for known in self._datasets}
        new = [
            msgspec.structs.replace(before[path], used=now) if path in before else known
            for path, known in added.items()
        ]
        self.show((*new, *(known for known in self._datasets if known.path not in added)))
        self.list.choose(new[0].path)
        home = self.app.settings.home  # type: ignore[attr-defined]

        def work() -> None:
            for path in reversed(message.paths):
                with contextlib.suppress(OSError):  # a full disk: it is not known the next time
                    remember(home, path)

        self.run_worker(work, thread=True, group="remember")


def standing(known: Known) -> tuple[str, str, str]:
    """How a dataset stands: a sign, words in at most 11 characters, a style."""
    if known.missing:
        return "?", "missing", "$warning"
    if known.reading:
        return "…", "reading …", "$quiet"
    if known.errors is None or known.rows is None:
        return " ", "", "$quiet"
    if known.errors:
        word = "error" if known.errors == 1 else "errors"
        return (
            "✗",
            f"{ticks.count(known.errors) if known.errors > 99 else known.errors} {word}"[:11],
            "$error",
        )
    if known.warnings:
        word = "warning" if known.warnings == 1 else "warnings"
        count = str(known.warnings) if known.warnings < 100 else ">99"
        return "!", f"{count} {word}", "$warning"
    return "✓", "ok", "$success"


def _rows(known: Known) -> str:
    return "" if known.rows is None else f"{known.rows:,}"


def _tokens(known: Known) -> str:
    if known.tokens is None:
        return ""
    for unit, size in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if known.tokens >= size * 0.9995:
            return f"{known.tokens / size:.3g} {unit} tok"
    return f"{known.tokens} tok"


def _trained(known: Known) -> str:
    if not known.tokens or known.trained_tokens is None:
        return ""
    return f"{percent(known.trained_tokens / known.tokens)} trained"

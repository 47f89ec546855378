"""The datasets that are known: rows, tokens where they were counted, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path

from textual.app import ComposeResult
from textual.content import Content
from textual.widget import Widget

from ...engines.datasets.known import Known
from ...engines.text import one_line
from ..messages import OpenDataset
from .list import ListCanvas
from .pane import Pane


class DatasetsList(ListCanvas[Known]):
    ADDS = True

    def __init__(self) -> None:
        super().__init__(id="datasets-list")

    def key(self, item: Known) -> str:
        return item.path

    def row(self, item: Known, width: int) -> Content:
        return Content(one_line(Path(item.path).name, 80))


class DatasetsPane(Pane):
    NUMBER, TITLE = 2, "Datasets"

    def __init__(self) -> None:
        super().__init__(id="datasets")
        self.list = DatasetsList()

    @property
    def main(self) -> Widget:
        return self.list

    def compose(self) -> ComposeResult:
        yield self.list

    def show(self, datasets: tuple[Known, ...]) -> None:
        """Show these, newest first."""
        self.list.show(datasets)

    def on_list_canvas_opened(self, message: ListCanvas.Opened) -> None:
        message.stop()
        self.post_message(OpenDataset(Path(message.item.path)))

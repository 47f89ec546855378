"""The least that such an app costs with Textual: a header, a table of 40 rows, a footer."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import DataTable, Footer, Header


class BareApp(App[None]):
    """Shows the table; its keys move the cursor and leave."""

    BINDINGS: ClassVar[list[BindingType]] = [("j", "down", "down"), ("k", "up", "up"), ("q", "quit", "quit")]

    def compose(self) -> ComposeResult:
        yield Header()
        yield DataTable(cursor_type="row")
        yield Footer()

    def on_mount(self) -> None:
        self.title = "bare"
        self.table.add_columns("job", "state", "progress", "loss")
        for number in range(40):
            self.table.add_row(f"support-bot-{number}", "succeeded", "300/300", f"{2 - number / 40:.3f}")

    @property
    def table(self) -> DataTable[str]:
        return self.query_one(DataTable)

    def action_down(self) -> None:
        self.table.action_cursor_down()

    def action_up(self) -> None:
        self.table.action_cursor_up()


if __name__ == "__main__":
    BareApp().run()

"""Writes docs/keys.md from the table of keys: `python docs/keys.py`. A test sees to it that it is current."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from finetui.tui.keys import KEYS, Where

TITLES: dict[str, str] = {
    "app": "Everywhere",
    "main": "First screen",
    "pane": "In what scrolls",
    "list": "In lists",
    "filter": "While a filter is typed",
    "chart": "In a chart",
    "job": "On a job's page",
    "log": "In a job's log",
    "hardest": "Rows that a job found hardest",
    "notes": "Tags and note",
    "copies": "What to copy",
    "form": "Form for a new job",
    "fold": "On a group of fields",
    "choice": "On a field with choices",
    "faults": "Rows with faults",
    "playground": "Playground",
    "rows": "Rows of a dataset",
    "make": "A new file from a dataset",
    "map": "Which key of a row is what",
    "pick": "Choosing from a list",
    "question": "Questions",
    "welcome": "Welcome",
    "help": "Help",
}


def keys_page() -> str:
    """All keys as a page, a table for each place."""
    lines = [
        "# Keys",
        "",
        "`?` (F1 where one types) lists those that work where you are. `[keys]` in `config.toml` gives an",
        'action other keys, by its name: `"job.stop" = "S"`.',
    ]
    for place in get_args(Where):
        keys = [key for key in KEYS if key.where == place]
        lines += ["", f"## {TITLES[place]}", "", "| key | does | name |", "| --- | --- | --- |"]
        lines += [
            f"| {key.shown.replace('|', chr(92) + '|')} | {key.about or '″'} | `{key.id}` |" for key in keys
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    (Path(__file__).parent / "keys.md").write_text(keys_page(), "utf-8")

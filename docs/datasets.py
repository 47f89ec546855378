"""Writes docs/datasets.md from the tables of forms, targets and checks: `python docs/datasets.py`.

A test sees to it that it is current.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from finetui.engines.datasets.checks.kinds import Check
from finetui.engines.datasets.checks.of_files import OF_FILES
from finetui.engines.datasets.checks.of_lessons import OF_LESSONS
from finetui.engines.datasets.checks.of_rows import OF_ROWS
from finetui.engines.datasets.checks.of_sets import OF_SETS
from finetui.engines.datasets.checks.of_targets import OF_TARGETS
from finetui.engines.datasets.formats.registry import FORMATS
from finetui.engines.datasets.targets.registry import TARGETS

SUBJECTS: Mapping[str, Mapping[str, Check]] = {
    "The file": OF_FILES,
    "A row's JSON and form": OF_ROWS,
    "What a row teaches": OF_LESSONS,
    "All rows together": OF_SETS,
    "Where it will be trained": OF_TARGETS,
}

START = """# Datasets

`finetui check FILE…` reads files, patterns and folders: JSON, JSON lines, CSV and TSV, packed with gzip or \
not, and with `pip install "finetui[data]"` Parquet and zstd. The form of the rows is recognised by their \
keys; `--format` names one, `--columns question=COLUMN,answer=COLUMN` maps columns to the keys of one. \
`--for TARGET` adds the rules and the tokenizer of a place of training. `--fix OUT` writes what can be \
mended without a guess to another file, `finetui convert IN… OUT --to FORM` another form. A source file is \
never touched.
"""


def datasets_page() -> str:
    """Forms, targets and checks as a page."""
    lines = [START, "## Forms", "", "| `--format`, `--to` | a row |", "| --- | --- |"]
    lines += [f"| `{form.name}` | `{_cell(form.example)}` |" for form in FORMATS.values()]
    lines += ["", "## Targets", "", "| `--for` | is | takes |", "| --- | --- | --- |"]
    lines += [
        f"| `{target.name}` | {target.title} | {', '.join(sorted(target.formats))} |"
        for target in TARGETS.values()
    ]
    lines += [
        "",
        "## Checks",
        "",
        "An error stops a job (one of a row can be left out with the row), a warning is worth a look, a note "
        "is only said.",
    ]
    for subject, checks in SUBJECTS.items():
        lines += ["", f"### {subject}", "", "| id | | what is wrong | way out |", "| --- | --- | --- | --- |"]
        lines += [
            f"| `{name}` | {check.severity} | {_words(check.message)} | {_words(check.fix)} |"
            for name, check in checks.items()
        ]
    return "\n".join(lines) + "\n"


def _words(text: str) -> str:
    """A check's words with what differs from row to row left open."""
    filled = re.sub(r"(?<!\{)\{[a-z_]+(?::[^}]*)?\}", "…", text)
    return _cell(filled.replace("{{", "{").replace("}}", "}")) if filled != "…" else "as the case may be"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


if __name__ == "__main__":
    (Path(__file__).parent / "datasets.md").write_text(datasets_page(), "utf-8")

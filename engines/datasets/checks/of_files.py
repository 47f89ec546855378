"""What can be wrong with a file before its rows are looked at."""

from __future__ import annotations

from collections.abc import Mapping

from .kinds import Check

OF_FILES: Mapping[str, Check] = {
    "unreadable-file": Check("error", "file", "The file can't be read: {reason}.", "{fix}"),
    "empty-file": Check(
        "error", "file", "There is no row in the file.", "Give a file with at least one row."
    ),
    "encoding": Check("error", "file", "The file is not UTF-8, but {encoding}.", "{fix}"),
    "not-json": Check(
        "error",
        "file",
        "The file is no JSON, JSON lines, CSV, TSV or Parquet: it starts with {start}.",
        "{fix}",
    ),
    "broken-archive": Check(
        "error",
        "file",
        "The packed file is broken: {reason}.",
        "Copy it again, or unpack it and give the file.",
    ),
    "missing-package": Check(
        "error", "file", "{kind} files need a package that is not installed.", "Install it with: {command}"
    ),
    "broken-document": Check(
        "error", "file", "The JSON is broken: {reason}.", "{fix} Nothing after this place was read."
    ),
    "no-list": Check(
        "error",
        "file",
        "The file is one JSON object without exactly one list of rows (its keys: {keys}).",
        "Give a list of rows, an object with one list of rows, or one row a line (JSONL).",
    ),
    "columns": Check(
        "error",
        "file",
        "The file holds columns (a list for each of {keys}), not rows.",
        "Write one object a row.",
    ),
    "no-header": Check(
        "error",
        "file",
        "The table's first row holds {cell}, which is no name of a column.",
        "Put a row with the columns' names first.",
    ),
    "duplicate-column": Check(
        "error", "file", "Two columns have the name {name}.", "Rename one of them, or leave it out."
    ),
    "unnamed-column": Check(
        "warning",
        "file",
        "Column {number} has no name; it is left out.",
        "Name it, or write the table without it (pandas: index=False).",
    ),
    "ragged-row": Check(
        "error",
        "row",
        "The row has {found} cells, but the header has {expected}.",
        "Quote texts that hold a {delimiter} or a line break, and write quotes inside them twice.",
    ),
    "broken-table": Check("error", "row", "The table can't be read here: {reason}.", "{fix}"),
    "broken-cell": Check("error", "row", "The cell of {name} is not JSON: {reason}.", "{fix}"),
    "broken-parquet": Check(
        "error",
        "file",
        "The Parquet file can't be read: {reason}.",
        "Copy it or write it again. Nothing after this place was read.",
    ),
    "unread-column": Check(
        "warning",
        "file",
        "The column {name} holds {type}, which is no text, number or list; it is left out.",
        "Nothing to do, if it is not needed; else write it as text.",
    ),
    "unknown-format": Check(
        "error",
        "file",
        "No known form fits these rows: their keys are {keys}.",
        "Say which columns are which, as in `--columns question=COLUMN,answer=COLUMN`; or rename the keys so "
        "that a form fits, such as {known}; or name one with --format: {names}.",
    ),
    "missing-column": Check(
        "error", "file", "The file has no column {missing}; its columns are {keys}.", "{hint}"
    ),
    "preference-data": Check(
        "error",
        "file",
        "These are preferences (a chosen and a rejected answer); this version trains on answers only.",
        "Write the chosen answers as rows to train on: `finetui convert IN OUT --to messages --lossy`.",
    ),
    "kto-data": Check(
        "error",
        "file",
        "These are answers judged good or bad (label); this version trains on answers only.",
        "Write the good answers as rows to train on: `finetui convert IN OUT --to messages --lossy`.",
    ),
    "bom": Check(
        "note",
        "file",
        "The file starts with a byte order mark.",
        "It is skipped here, and Azure OpenAI asks for one; elsewhere rows are read more surely without: "
        "`finetui check FILE --fix OUT` removes it.",
    ),
    "blank-line": Check("note", "row", "A line is blank.", "It is skipped; providers may refuse it."),
}

"""Files that other programs wrote: the command that is named is run, and makes rows that can be trained."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.checking.check import Asked, FileReport, check
from finetui.engines.datasets.formats.columns import parse_columns


def report_of(path: Path, columns: str | None = None) -> FileReport:
    [report] = check([path], Asked(columns=parse_columns(columns) if columns else None)).files
    return report


def message(role: str, text: str) -> dict[str, Any]:
    return {"author": {"role": role}, "content": {"content_type": "text", "parts": [text]}}


TURNS = [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]
CHATGPT = {
    "title": "Sums",
    "current_node": "c",
    "mapping": {
        "a": {"id": "a", "message": None, "parent": None, "children": ["b", "x"]},
        "b": {"id": "b", "message": message("user", "1+1?"), "parent": "a", "children": ["c"]},
        "c": {"id": "c", "message": message("assistant", "2"), "parent": "b", "children": []},
        "x": {"id": "x", "message": message("user", "an edited question"), "parent": "a", "children": []},
    },
}
CLAUDE = {
    "uuid": "u",
    "name": "Sums",
    "chat_messages": [{"sender": "human", "text": "1+1?"}, {"sender": "assistant", "text": "2"}],
}
GEMINI = {
    "contents": [
        {"role": "user", "parts": [{"text": "1+1?"}]},
        {"role": "model", "parts": [{"text": "2"}]},
    ]
}
LABEL_STUDIO = {
    "id": 1,
    "data": {"prompt": "1+1?"},
    "annotations": [{"result": [{"from_name": "response", "type": "textarea", "value": {"text": ["2"]}}]}],
}
BATCH = {"custom_id": "1", "url": "/v1/chat/completions", "body": {"model": "m", "messages": TURNS}}
CASES: list[tuple[str, list[Any], Any]] = [
    ("ChatGPT", [CHATGPT], {"messages": TURNS}),
    ("Claude", [CLAUDE], {"messages": TURNS}),
    ("Gemini", [GEMINI], {"messages": TURNS}),
    ("Label Studio", [LABEL_STUDIO], {"prompt": "1+1?", "response": "2"}),
    ("a batch", [BATCH], BATCH["body"]),
    ("lists of turns", [TURNS], {"messages": TURNS}),
    ("one conversation", TURNS, {"messages": TURNS}),
    ("texts", ["some text"], {"text": "some text"}),
]


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize("as_lines", [True, False], ids=["lines", "list"])
@pytest.mark.parametrize(("given", "row"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_command_makes_rows_of_it(given: list[Any], row: Any, as_lines: bool, tmp_path: Path) -> None:
    path = tmp_path / "IN"
    path.write_text("\n".join(map(json.dumps, given)) if as_lines else json.dumps(given))
    if as_lines and len(given) == 1:
        path = path.rename(tmp_path / "IN.jsonl")
    [problem] = report_of(path).problems
    command = problem.fix.partition("with jq: ")[2].replace(" IN ", f" {path.name} ")
    subprocess.run(command, shell=True, cwd=tmp_path, check=True)
    [made] = [json.loads(line) for line in (tmp_path / "OUT.jsonl").read_text().splitlines()]
    assert made == row


@pytest.mark.parametrize(
    ("row", "columns"),
    [
        ({"Question": "1+1?", "Answer": "2"}, "question=Question,answer=Answer"),
        ({"Instruction": "Add.", "Input": "1+1", "Output": "2"}, None),
        ({"id": 7, "Frage": "1+1?", "Antwort": "2"}, "question=Frage,answer=Antwort"),
        ({"Antwort, kurz": "2", "Frage": "1+1?"}, None),
    ],
)
def test_the_columns_that_are_named_are_the_files_own(
    row: dict[str, Any], columns: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(row) + "\n")
    [problem] = report_of(path).problems
    named = problem.fix.partition("--columns ")[2].strip("'")
    assert columns in (None, named)
    assert report_of(path, named).usable_rows == 1


def test_of_rows_that_could_be_anything_no_command_is_made_up(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"a": "x", "b": "y", "c": "z"}\n')
    [problem] = report_of(path).problems
    assert "--columns question=COLUMN" in problem.fix

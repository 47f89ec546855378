"""Objects that hold rows in other ways than as a list: the way out that is named is run, and works."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.checking.check import FileReport, check

ROWS = [{"question": f"What is {i}?", "answer": f"A number after {i - 1}."} for i in range(1, 13)]
KEYS = ["question", "answer"]
CELLS = [list(row.values()) for row in ROWS]


def report_of(path: Path) -> FileReport:
    [report] = check([path]).files
    return report


# As pandas 3.0's to_json(orient=…) and wandb 0.27's tables have them.
SHAPES: list[tuple[str, Any, str]] = [
    ("split", {"columns": KEYS, "index": list(range(12)), "data": CELLS}, "columns"),
    ("a table of W&B", {"columns": KEYS, "data": CELLS, "ncols": 2, "nrows": 12}, "columns"),
    ("index", {str(i): row for i, row in enumerate(ROWS)}, "no-list"),
    ("columns", {key: {str(i): row[key] for i, row in enumerate(ROWS)} for key in KEYS}, "columns"),
    ("lists", {key: [row[key] for row in ROWS] for key in KEYS}, "columns"),
    ("splits", {"train": ROWS, "test": ROWS[:2]}, "no-list"),
]


@pytest.mark.skipif(shutil.which("jq") is None, reason="jq is not installed")
@pytest.mark.parametrize(("whole", "check_id"), [shape[1:] for shape in SHAPES], ids=[s[0] for s in SHAPES])
def test_the_command_that_is_named_makes_rows_of_it(whole: Any, check_id: str, tmp_path: Path) -> None:
    given = tmp_path / "IN"
    given.write_text(json.dumps(whole))
    [problem] = report_of(given).problems
    assert problem.id == check_id
    subprocess.run(problem.fix.partition("with jq: ")[2], shell=True, cwd=tmp_path, check=True)
    made = [json.loads(line) for line in (tmp_path / "OUT.jsonl").read_text().splitlines()]
    assert made == ROWS
    assert report_of(tmp_path / "OUT.jsonl").usable_rows == len(ROWS)


@pytest.mark.parametrize(("whole", "check_id"), [shape[1:] for shape in SHAPES], ids=[s[0] for s in SHAPES])
def test_a_long_one_is_told_the_same(whole: Any, check_id: str, tmp_path: Path) -> None:
    short, long = tmp_path / "short.json", tmp_path / "long.json"
    text = json.dumps(whole)
    short.write_text(text)
    long.write_text("{" + " " * (2 << 20) + text[1:])
    assert [p.fix for p in report_of(long).problems] == [p.fix for p in report_of(short).problems]


def test_an_object_without_rows_names_no_command(tmp_path: Path) -> None:
    path = tmp_path / "settings.json"
    path.write_text('{\n"version": 1, "name": {"a": 1}}')
    [problem] = report_of(path).problems
    assert (problem.id, "jq" in problem.fix) == ("no-list", False)

"""`finetui convert` as scripts and people use it: real processes, their exit codes and words."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

FINETUI = [sys.executable, "-m", "finetui.tui.cli", "convert"]


def convert(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it in a folder; nothing that a user can cause may print a traceback."""
    done = subprocess.run(
        [*FINETUI, *arguments], capture_output=True, text=True, timeout=60, cwd=folder, check=False
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return done


def document(folder: Path, *arguments: str, code: int = 0) -> Any:
    """What it prints with --json: exactly one document, and nothing beside it."""
    done = convert(folder, *arguments, "--json")
    assert (done.returncode, done.stderr) == (code, "")
    return json.loads(done.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [{"question": f"{n} + 1?", "answer": str(n + 1), "topic": n // 4} for n in range(40)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + "{oops\n")
    return tmp_path


def test_from_a_refusal_to_rows_in_another_form(folder: Path) -> None:
    # What would be lost is said, with the way out, and nothing is written
    refused = convert(folder, "rows.jsonl", "out.jsonl", "--to", "messages")
    assert refused.returncode == 1
    assert 'no place for the key "topic" (40 rows)' in refused.stderr
    assert "--lossy" in refused.stderr
    assert os.listdir(folder) == ["rows.jsonl"]

    # With it the rows are written, and what was left out is said with its line
    done = convert(folder, "rows.jsonl", "out.jsonl", "--to", "messages", "--lossy")
    assert done.returncode == 0
    assert done.stdout.splitlines()[:3] == [
        "out.jsonl: 40 rows as messages",
        "left out: 1 row with errors",
        '  ✗ rows.jsonl:41:2: The line is not a JSON object: a key in double quotes is missing at "oops".',
    ]
    assert 'lost: the key "topic", in 40 rows' in done.stdout

    # A file that is there is kept, until it may be replaced
    again = convert(folder, "rows.jsonl", "out.jsonl", "--to", "messages", "--lossy")
    assert again.returncode == 1
    assert "out.jsonl exists already" in again.stderr
    assert (
        convert(folder, "rows.jsonl", "out.jsonl", "--to", "messages", "--lossy", "--force").returncode == 0
    )


def test_scripts_get_one_document_of_what_was_done_or_refused(folder: Path) -> None:
    split = ["--valid", "valid.jsonl", "--valid-rows", "8", "--seed", "3", "--group", "topic"]
    done = document(folder, "rows.jsonl", "train.parquet", *split)
    assert done | {"problems": []} == {
        "out": "train.parquet",
        "format": None,
        "rows": 32,
        "valid": "valid.jsonl",
        "valid_rows": 8,
        "left_out": 1,
        "unfit_rows": 0,
        "losses": {},
        "problems": [],
    }
    assert [(problem["id"], problem["line"]) for problem in done["problems"]] == [("broken-json", 41)]
    topics = [json.loads(line)["topic"] for line in (folder / "valid.jsonl").read_text().splitlines()]
    assert sorted(topics) == sorted([*set(topics)] * 4)

    refused = document(folder, "rows.jsonl", "out.jsonl", "--to", "alpaca", code=1)["error"]
    assert (refused["reason"], refused["losses"]) == ("losses", {'the key "topic"': 40})


def test_a_file_whose_name_is_no_text_is_read_and_named(folder: Path) -> None:
    strange = os.fsencode(folder) + b"/caf\xe9.jsonl"
    os.rename(folder / "rows.jsonl", strange)
    name = os.fsdecode(b"caf\xe9.jsonl")
    done = document(folder, name, "out.jsonl")
    assert (done["rows"], done["problems"][0]["path"]) == (40, "caf\\udce9.jsonl")
    assert document(folder, name, f"new-{name}")["out"] == "new-caf\\udce9.jsonl"


def test_patterns_and_folders_stand_for_their_files(folder: Path) -> None:
    (folder / "more").mkdir()
    (folder / "more" / "a.json").write_text('[{"question": "q", "answer": "a", "topic": 1}]')
    assert document(folder, "*.jsonl", "more", "all.csv")["rows"] == 41


def test_columns_are_mapped_by_their_own_names(folder: Path) -> None:
    (folder / "de.csv").write_text("Frage,Antwort\nq,a\n")
    mapped = ["--columns", "question=Frage,answer=Antwort"]
    assert document(folder, "de.csv", "out.jsonl", "--to", "messages", *mapped)["rows"] == 1
    [row] = map(json.loads, (folder / "out.jsonl").read_text().splitlines())
    assert [turn["content"] for turn in row["messages"]] == ["q", "a"]
    refused = convert(folder, "de.csv", "no.jsonl", "--columns", "question=frage")
    assert refused.returncode == 1
    assert 'no column "frage"' in refused.stderr
    assert 'Is "Frage" meant?' in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rows.jsonl"], "a file to write"),
        (["rows.jsonl", "out.jsonl", "--to", "gpt"], "no form named gpt"),
        (["rows.jsonl", "out.xls"], "no kind of file"),
        (["rows.jsonl", "rows.jsonl", "--force"], "one of the files that are read"),
        (["rows.jsonl", "out.jsonl", "--valid-rows", "3"], "--valid FILE is missing"),
        (["rows.jsonl", "out.jsonl", "--valid", "v.jsonl", "--valid-share", "1.5"], "share of 1.5"),
        (["rows.jsonl", "out.jsonl", "--columns", "Frage"], "expected KEY=COLUMN"),
        (["*.csv", "out.jsonl"], "no file matches"),
    ],
)
def test_wrong_use_is_said_and_writes_nothing(arguments: list[str], words: str, folder: Path) -> None:
    done = convert(folder, *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""
    assert os.listdir(folder) == ["rows.jsonl"]


def test_on_a_terminal_it_says_how_far_it_is_and_takes_that_away(folder: Path) -> None:
    big = folder / "big.jsonl"
    with big.open("w") as file:
        for number in range(120_000):
            file.write(json.dumps({"question": f"{number}?", "answer": "a" * 300}) + "\n")
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [*FINETUI, "big.jsonl", "out.jsonl", "--to", "messages"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=theirs,
        env={**os.environ, "TERM": "xterm", "COLUMNS": "80"},
        text=True,
    )
    os.close(theirs)
    shown = b""
    with suppress(OSError):
        while piece := os.read(ours, 65_536):
            shown += piece
    os.close(ours)
    assert process.communicate(timeout=60)[0] == "out.jsonl: 120,000 rows as messages\n"
    assert b"MB/s" in shown
    assert b" left" in shown
    assert shown.endswith(b"\r\x1b[K")

"""`finetui check` as people and scripts use it: real files, real processes, a real terminal."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.checking.check import Done, FileReport
from finetui.engines.datasets.problem import Problem
from finetui.engines.datasets.tokens.histogram import histogram
from finetui.engines.datasets.tokens.report import TokenReport
from finetui.tui.cli.check import lines_of
from finetui.tui.cli.progress import Progress

FINETUI = [sys.executable, "-m", "finetui.tui.cli"]


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FINETUI_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("FINETUI_CONFIG", str(tmp_path / "config.toml"))
    return tmp_path / "home"


def check(*arguments: str | Path, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*FINETUI, "check", *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        timeout=60,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return done


class OnTerminal:
    """A check whose stdout and stderr are a terminal of 80 columns."""

    def __init__(self, *arguments: str | Path) -> None:
        self.master, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {key: value for key, value in os.environ.items() if key not in ("COLUMNS", "LINES")}
        self.process = subprocess.Popen(
            [*FINETUI, "check", *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            env=environment | {"TERM": "xterm-256color"},
        )
        os.close(theirs)
        self.shown = ""

    def read(self, until: Callable[[str], bool] = lambda shown: False) -> str:
        """All that is shown, up to the end or to what is waited for."""
        # Reading fails where the last writer has closed its end.
        with suppress(OSError):
            while not until(self.shown) and (piece := os.read(self.master, 65_536)):
                self.shown += piece.decode(errors="replace")
        return self.shown

    def end(self) -> int:
        self.read()
        os.close(self.master)
        return self.process.wait(60)


def written(path: Path, *rows: Any) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def questions(count: int) -> list[dict[str, str]]:
    return [{"question": f"How much is {n} and {n}?", "answer": f"It is {n + n}."} for n in range(count)]


def chat(number: int) -> dict[str, Any]:
    question, answer = f"Count to {number}.", ", ".join(map(str, range(number + 1)))
    return {"messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]}


def test_faults_stand_together_worst_first_with_three_examples_and_the_way_out(tmp_path: Path):
    rows = [*questions(6), *({"question": f"{n}?", "answer": ""} for n in range(5)), questions(1)[0]]
    done = check(written(tmp_path / "rows.jsonl", *rows))
    assert done.returncode == 1
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        f"{tmp_path}/rows.jsonl: question-answer, 12 rows, 7 usable",
        "  ✗ line 7: Turn 2 (assistant) is empty: it would teach to say nothing.",
        "  ✗ line 8: Turn 2 (assistant) is empty: it would teach to say nothing.",
        "  ✗ line 9: Turn 2 (assistant) is empty: it would teach to say nothing.",
        "      and 2 more like this",
        "      → Write the answer, or remove the row.",
        "  ! line 12: The row is the same as that in line 1.",
        "      → Remove it, unless it should count twice.",
        "5 errors, 1 warning; --all shows 2 more",
    ]


def test_all_shows_every_finding(tmp_path: Path):
    rows = [{"question": f"{n}?", "answer": ""} for n in range(9)]
    said = check(written(tmp_path / "rows.jsonl", *rows), "--all").stdout
    assert said.count("✗") == 9
    assert "more" not in said


def test_good_rows_are_done_and_warnings_are_no_failure(tmp_path: Path):
    good = check(written(tmp_path / "rows.jsonl", *questions(9)))
    assert (good.returncode, good.stdout.splitlines()[1:]) == (0, ["0 errors, 0 warnings"])
    twice = check(written(tmp_path / "rows.jsonl", *questions(3), *questions(3)))
    assert (twice.returncode, twice.stdout.splitlines()[-1]) == (0, "0 errors, 3 warnings")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--for", "the moon"], "--for: There is no target named the moon. Known are: local, openai"),
        (["--format", "magic"], "Known forms: "),
        (["--columns", "answer"], "--columns: expected KEY=COLUMN"),
        (["no*such*.jsonl"], "no file matches"),
    ],
)
def test_wrong_use_is_named(arguments: list[str], said: str, tmp_path: Path):
    done = check(written(tmp_path / "rows.jsonl", *questions(3)), *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stdout == ""
    document = json.loads(check(tmp_path / "rows.jsonl", *arguments, "--json", cwd=tmp_path).stdout)
    assert said in document["error"]["message"]


def test_patterns_and_folders_stand_for_their_files(tmp_path: Path):
    (tmp_path / "data").mkdir()
    written(tmp_path / "data" / "b.jsonl", *questions(3))
    written(tmp_path / "data" / "a.jsonl", *({"question": f"{n}!", "answer": "!"} for n in range(4)))
    (tmp_path / "data" / "notes.txt").write_text("no data")
    for name in ("data", "data/*.jsonl"):
        lines = check(name, cwd=tmp_path).stdout.splitlines()
        assert [line for line in lines if "rows" in line] == [
            "data/a.jsonl: question-answer, 4 rows",
            "data/b.jsonl: question-answer, 3 rows",
        ]
        assert lines[-1] == "0 errors, 0 warnings in 2 files"


def test_one_document_for_scripts(tmp_path: Path):
    path = written(tmp_path / "rows.jsonl", *questions(4), {"question": "?", "answer": ""})
    done = check(path, "--json")
    assert done.returncode == 1
    assert done.stderr == ""
    document = json.loads(done.stdout)
    [file] = document["files"]
    assert document["errors"], document["warnings"] == (1, 0)
    assert {"path": str(path), "format": "question-answer", "rows": 5, "tokens": None}.items() <= file.items()
    [problem] = file["problems"]
    assert {"id": "empty-answer", "severity": "error", "line": 5, "column": None}.items() <= problem.items()
    assert problem["message"] and problem["fix"]


def test_columns_have_the_names_that_the_file_gave_them(tmp_path: Path):
    path = written(tmp_path / "rows.jsonl", *({"Frage": f"{n}?", "Antwort": f"{n}!"} for n in range(3)))
    assert check(path).returncode == 1
    done = check(path, "--columns", "question=Frage,answer=Antwort")
    assert done.returncode == 0, done.stdout


def test_what_stands_in_a_file_reaches_the_terminal_clean(tmp_path: Path):
    nasty = "\x1b]52;c;aGVsbG8=\x07\x1b[31m\u202ered [/nope]\n"
    rows = [{"messages": [{"role": nasty, "content": nasty}]}, {nasty: nasty}]
    folder = tmp_path / "fol\x1b[31mder\n"
    folder.mkdir()
    done = check(written(folder / "ro\x1b[31mws.jsonl", *rows, rows[0]))
    assert done.returncode == 1
    assert not set(done.stdout + done.stderr) & {"\x1b", "\x07", "\u202e"}
    assert "rows.jsonl" in done.stdout.splitlines()[0]


def test_a_name_that_is_no_text_is_read_all_the_same(tmp_path: Path):
    name = os.fsencode(tmp_path) + b"/\xff\xfe.jsonl"
    Path(os.fsdecode(name)).write_text("".join(json.dumps(row) + "\n" for row in questions(3) * 2))
    for arguments in ([], ["--json"]):
        done = subprocess.run(
            [*map(os.fsencode, FINETUI), b"check", name, *map(os.fsencode, arguments)],
            capture_output=True,
            timeout=60,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["files"][0]["rows"] == 6


def test_nothing_is_torn_at_eighty_columns(tmp_path: Path):
    rows: list[Any] = [{"messages": [{"role": "user", "content": f"{n}?"}]} for n in range(3)]
    rows += [{"messages": [{"role": "robot" * 9, "content": "x", "color": 1}]} for _ in range(3)]
    rows += [
        {"messages": [{"role": r, "content": "{{name}} " * n} for r in ("user", "assistant")]} for n in (1, 9)
    ]
    rows += [chat(n) for n in range(12)]
    terminal = OnTerminal(
        written(tmp_path / "rows.jsonl", *rows), "--for", "openai", "--model", "gpt-4.1-mini"
    )
    assert terminal.end() == 1
    lines = terminal.shown.replace("\r\n", "\n").splitlines()
    long = [line for line in lines if len(line) > 80]
    # Only what has no space to fold at may be longer.
    assert all(len(line.split()) <= 2 for line in long), long
    assert any("█" in line for line in lines)
    assert any(re.match(r" {4}\w", line) for line in lines), "what follows is folded below what it belongs to"


def test_a_long_check_says_how_far_it_is_and_ends_with_one_line_at_ctrl_c(tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    with path.open("w") as file:
        for number in range(400_000):
            file.write(json.dumps({"question": f"{number} " * 20, "answer": f"{number + 1} " * 20}) + "\n")
    terminal = OnTerminal(path)
    terminal.read(until=lambda shown: "left" in shown)
    line = terminal.shown.split("\r")[-1]
    assert re.fullmatch(r"rows\.jsonl · \d+ % · [\d,]+ rows · [\d.]+ MB/s · [\d smin]+ left(\x1b\[K)?", line)
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.end() == 130
    assert terminal.shown.endswith("\r\x1b[Kinterrupted; no file was changed\r\n")
    assert "Traceback" not in terminal.shown


def test_the_line_of_progress_fits_and_knows_the_files_before(tmp_path: Path):
    paths = [tmp_path / name for name in ("a" * 60 + ".jsonl", "b.jsonl")]
    for path in paths:
        path.write_bytes(b"x" * 50_000_000)
    progress = Progress(paths)
    first = progress.line(Done(paths[0], 25_000_000, 50_000_000, 41_000), 2.0)
    assert first == "1 of 2: aaaaaaaaaaaaa…aaaaaaaa.jsonl · 25 % · 41,000 rows · 12 MB/s · 6 s left"
    assert len(first) < 80
    second = progress.line(Done(paths[1], 25_000_000, 50_000_000, 41_000), 300.0)
    assert second == "2 of 2: b.jsonl · 75 % · 41,000 rows · 0.2 MB/s · 1 min 40 s left"
    assert progress.line(Done(paths[0], 0, 0, 7), 3.0).endswith(" · 7 rows · 3 s")


def test_tokens_are_told_with_who_counted_what_is_trained_and_what_is_lost():
    tokens = TokenReport(
        tokenizer="o200k_base",
        exact=False,
        basis="The rule is OpenAI's; tools are an estimate.",
        tokens=1_000_000,
        trained_tokens=400_000,
        lost_tokens=1_000,
        max_tokens=2_000,
        rows_over=2,
        billed_tokens=999_000,
        histogram=histogram([100, 200, 300, 2_500] * 3),
        updates=562,
    )
    file = FileReport("rows.jsonl", "messages", 12, 12, (), {}, tokens)
    lines = [margin + text for margin, text in lines_of(file, 120)]
    assert lines[0] == (
        "rows.jsonl: messages, 12 rows, 1,000,000 tokens (o200k_base, an estimate), 40 % trained, "
        "of these under 1 % lost"
    )
    assert lines[1].startswith("  a row has 100 to 2,500 tokens: half of them at most 200")
    assert any("█" in line for line in lines)
    assert lines[-3:] == [
        "  2 rows above 2,000 tokens",
        "  562 updates",
        "  The rule is OpenAI's; tools are an estimate.",
    ]


def test_each_example_has_its_own_way_out_where_they_differ():
    problems = [
        Problem("broken-json", "error", "m", fix, "f", line, 4)
        for line, fix in [(1, "a"), (2, "b"), (3, "b")]
    ]
    lines = [
        margin + text
        for margin, text in lines_of(FileReport("f", None, 3, 0, tuple(problems), {"broken-json": 9}))
    ]
    assert lines == [
        "f: unknown format, 3 rows, 0 usable",
        "  ✗ line 1, column 4: m",
        "      → a",
        "  ✗ line 2, column 4: m",
        "  ✗ line 3, column 4: m",
        "      and 6 more like this",
        "      → b",
    ]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
@pytest.mark.parametrize("json_too", [(), ("--json",)])
def test_an_output_that_takes_nothing_is_said_in_words(json_too: tuple[str, ...], tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "a"}\n')
    command = " ".join([*FINETUI, "check", str(path), *json_too])
    full = subprocess.run(f"{command} >/dev/full", shell=True, capture_output=True, text=True, check=False)
    assert (full.returncode, "No space left" in full.stderr) == (1, True)
    assert "Traceback" not in full.stderr
    closed = subprocess.run(f"{command} >&-", shell=True, capture_output=True, text=True, check=False)
    assert (closed.returncode, closed.stderr) == (0, "")


def turns(answer: Any, **more: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": "?"}, {"role": "assistant", "content": answer}], **more}


def test_a_mended_file_is_written_and_what_was_done_is_said(tmp_path: Path):
    source = written(tmp_path / "rows.jsonl", *(turns(f"Itâ€™s {n}") for n in range(3)))
    done = check(source, "--fix", "new file.jsonl", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "new file.jsonl: 3 rows"
    assert lines[1].startswith("  + ")
    assert lines[1].endswith(": 3")
    assert lines[-1] == "finetui check 'new file.jsonl' looks at it again"
    assert "Itâ€™s 2" in json.loads(source.read_text().splitlines()[2])["messages"][1]["content"]
    assert "It’s 2" in (tmp_path / "new file.jsonl").read_text()


def test_rows_that_are_left_out_are_told_and_make_a_failure(tmp_path: Path):
    rows = [turns("!", id=1), turns(""), turns(5), turns("", id=2)]
    source, out = written(tmp_path / "rows.jsonl", *rows), tmp_path / "out.jsonl"
    done = check(source, "--fix", out, "--for", "openai")
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert lines[0] == f"{out}: 1 row, 3 left out"
    assert any(line.startswith("  ✗ line 2:") for line in lines)
    assert lines[-1] == f"finetui check {out} --for openai looks at it again"
    again = check(source, "--fix", out)
    assert again.returncode == 2
    assert "--force" in again.stderr
    document = json.loads(check(source, "--fix", out, "--force", "--json").stdout)
    assert {"path": str(out), "rows": 1, "left_out": 3, "changes": {}}.items() <= document.items()
    assert {problem["line"] for problem in document["examples"]} == {2, 3, 4}


def test_a_form_that_the_target_does_not_take_is_not_mended_row_by_row(tmp_path: Path):
    source = written(tmp_path / "rows.jsonl", *questions(3))
    done = check(source, "--fix", tmp_path / "out.jsonl", "--for", "openai")
    assert done.returncode == 2
    assert "does not take the form question-answer" in done.stderr
    assert "finetui convert IN OUT --to messages" in " ".join(done.stderr.split())
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


def test_an_old_encoding_of_the_terminal_ends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PYTHONIOENCODING", "ascii")
    path = tmp_path / "rows.jsonl"
    path.write_text("broken\n")
    done = check(path)
    assert (done.returncode, "? " in done.stdout) == (1, True)
    assert json.loads(check(path, "--json").stdout)["errors"] == 1

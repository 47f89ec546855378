"""The command line as scripts and people use it: real processes, a real job with the stand-in trainer."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE
from typing import Any

import pytest
from finetui.engines.states import UNFINISHED, JobState
from local.conftest import bench
from local.workbench import Workbench

__all__ = ["bench"]

FINETUI = [sys.executable, "-m", "finetui.tui.cli"]


def finetui(
    *arguments: str, cwd: Path | None = None, typed: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command; nothing that a user can cause may print a traceback."""
    done = subprocess.run(
        [*FINETUI, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        cwd=cwd,
        input=typed,
        stdin=None if typed is not None else subprocess.DEVNULL,
        check=False,
    )
    assert "Traceback" not in done.stderr + done.stdout, done.stderr
    return done


def on_terminal(*arguments: str, columns: int) -> list[str]:
    """The lines that a command shows on a terminal of this width."""
    ours, theirs = pty.openpty()
    done = subprocess.Popen(
        [*FINETUI, *arguments],
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        stdin=subprocess.DEVNULL,
        env=os.environ | {"COLUMNS": str(columns), "LINES": "24"},
    )
    os.close(theirs)
    shown = b""
    # Reading fails where the last writer has closed its end.
    with suppress(OSError):
        while piece := os.read(ours, 65_536):
            shown += piece
    os.close(ours)
    assert done.wait(60) == 0
    return shown.decode().splitlines()


def document(*arguments: str) -> Any:
    """What a command prints with --json: exactly one document."""
    done = finetui(*arguments, "--json")
    assert done.returncode == 0, done
    return json.loads(done.stdout)


def test_a_job_from_two_options_to_its_removal(bench: Workbench) -> None:
    # Given rows and a model, started with two options
    bench.steer(steps=10)
    options = ["--set", "local.device=cpu", "--set", f"local.python={bench.python}"]
    started = document("run", "-t", str(bench.data), "-m", str(bench.model), "--name", "bot", *options)
    job = started["id"]
    assert Path(started["folder"], "job.toml").is_file()

    # When it is watched to its end
    watched = finetui("watch", "bot", "--json")
    assert watched.returncode == 0
    lines = [json.loads(line) for line in watched.stdout.splitlines()]
    assert lines[-1]["state"] == "succeeded"

    # Then every command tells the same story
    assert [(entry["id"], entry["state"]) for entry in document("jobs")] == [(job, "succeeded")]
    shown = document("show", "last")
    assert shown["spec"]["name"] == "bot"
    assert shown["plan"]["values"]["learning_rate"]["reason"]
    assert shown["events"][-1]["data"]["to"] == "succeeded"
    points = document("metrics", job)
    assert [point["step"] for point in points] == list(range(11))
    csv = finetui("metrics", job, "--csv").stdout.splitlines()
    assert len(csv) == 12
    assert "loss" in csv[0]
    assert "succeeded" in finetui("jobs").stdout
    assert "learning_rate" in finetui("show", job[:15]).stdout

    # And a result is not removed without being asked
    assert finetui("rm", job).returncode == 2
    assert finetui("rm", job, "--json").returncode == 2
    assert document("rm", job, "--yes")["freed_bytes"] > 0
    assert document("jobs") == []


def test_stop_and_resume_go_on_where_the_job_was(bench: Workbench) -> None:
    bench.steer(hold=["training@7"])
    job = bench.start()
    bench.wait_phase(job, "training@7")
    assert document("stop", job.id)["state"] == "paused"
    bench.steer(hold=None)
    assert document("resume", job.id)["attempt"] == 2
    assert finetui("watch", job.id).returncode == 0
    assert job.state().state == JobState.succeeded
    bench.check_complete(job)


def test_a_job_that_failed_is_an_exit_status_for_scripts(bench: Workbench) -> None:
    bench.steer(
        fail={"at": "rehearsing", "reason": "out_of_memory", "message": "the longest row does not fit"}
    )
    job = bench.start()
    done = finetui("watch", job.id)
    assert done.returncode == 1
    assert "the longest row does not fit" in done.stdout
    assert "out_of_memory" in finetui("jobs").stdout


def test_a_dry_run_says_what_would_happen_and_makes_nothing(bench: Workbench) -> None:
    spec = bench.folder / "spec.toml"
    spec.write_text(bench.spec_text())
    done = finetui("run", str(spec), "--dry-run")
    assert done.returncode == 0, done
    assert "qlora" in done.stdout
    assert "updates" in done.stdout
    assert document("jobs") == []


def test_relative_paths_count_from_here_on_the_command_line(bench: Workbench) -> None:
    options = ["--set", "local.device=cpu", "--set", f"local.python={bench.python}", "--dry-run", "--json"]
    done = finetui("run", "-t", bench.data.name, "-m", bench.model.name, *options, cwd=bench.folder)
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["spec"]["data"]["train"] == str(bench.data)


WRONG: list[tuple[list[str], int, str]] = [
    (["show", "nothing"], 2, "nothing"),
    (["show"], 2, "JOB"),
    (["frobnicate"], 2, "frobnicate"),
    (["run"], 2, "spec"),
    (["run", "missing.toml"], 2, "missing.toml"),
    (["run", "-t", "{data}", "-m", "/nowhere/model"], 2, "/nowhere/model"),
    (["run", "-t", "{data}", "-m", "no such model"], 2, "no such model"),
    (["run", "-t", "missing.jsonl", "-m", "{model}", "--set", "local.python={python}"], 1, "missing.jsonl"),
    (["run", "-t", "{data}", "-m", "{model}", "--set", "train.epcohs=3"], 2, "train.epochs"),
    (["run", "-t", "{data}", "-m", "{model}", "--set", "train.epochs=none"], 2, "a number"),
    (["run", "-t", "{data}", "-m", "{model}", "--set", "train.epochs=-1"], 2, "above 0"),
    (["run", "-t", "{data}", "-m", "{model}", "--set", "epochs"], 2, "KEY=VALUE"),
    (["run", "-t", "{data}", "-m", "{model}", "--set", "local.gpus=3"], 2, "local.gpu"),
    (["run", "-t", "{data}", "-m", "{model}", "--set", "local.python=/no/python"], 1, "/no/python"),
    (["run", "-t", "{data}", "-m", "{model}", "--set", "local.device=cuda"], 2, "no GPU"),
    (["run", "-t", "{data}", "-m", "{model}", "--engine", "warp"], 2, "warp"),
    (["run", "-t", "{data}", "-m", "{model}", "--method", "magic"], 2, "magic"),
    (["check", "missing.jsonl"], 1, "missing.jsonl"),
    (["plan", "/nowhere"], 2, "/nowhere"),
    (["plan", "{model}", "--method", "magic"], 2, "magic"),
    (["ask", "hello", "-m", "nothing"], 2, "nothing"),
    (["logs", "nothing"], 2, "nothing"),
    (["stop", "nothing"], 2, "nothing"),
    (["resume", "nothing"], 2, "nothing"),
    (["rm", "nothing", "--yes"], 2, "nothing"),
]


@pytest.mark.parametrize(("arguments", "code", "said"), WRONG, ids=lambda value: str(value)[:60])
def test_wrong_use_is_named_with_its_exit_status(
    bench: Workbench, arguments: list[str], code: int, said: str
) -> None:
    names = {"data": bench.data, "model": bench.model, "python": bench.python}
    done = finetui(*(argument.format(**names) for argument in arguments), cwd=bench.folder)
    assert done.returncode == code, done
    assert said in " ".join((done.stderr + done.stdout).split())


def test_wrong_use_is_a_document_for_scripts(bench: Workbench) -> None:
    for arguments in (["show", "nothing"], ["frobnicate"], ["run", "missing.toml"]):
        done = finetui(*arguments, "--json")
        assert done.returncode == 2
        error = json.loads(done.stdout)["error"]
        assert set(error) == {"reason", "message", "advice"}
        assert error["message"]


def test_broken_settings_name_the_file_and_the_key(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    config = bench.folder / "config.toml"
    config.write_text("[local]\npyhton = '/x'\n")
    done = finetui("jobs")
    assert done.returncode == 2
    assert "config.toml" in done.stderr
    assert "local.python" in done.stderr


def test_what_a_job_prints_reaches_the_terminal_clean(bench: Workbench) -> None:
    nasty = "\x1b]52;c;aGVsbG8=\x07\x1b[31mred\x9b1m [/nope]"
    bench.steer(crash={"at": "loading", "code": 3, "says": nasty})
    job = bench.start()
    bench.wait_gone(job)
    for command in ("logs", "show", "watch"):
        done = finetui(command, job.id)
        assert "\x1b" not in done.stdout
        assert "\x9b" not in done.stdout
    assert "red [/nope]" in finetui("logs", job.id).stdout


def test_the_app_needs_a_terminal_and_says_so() -> None:
    done = finetui()
    assert done.returncode == 2
    assert "no terminal" in done.stderr

    # `finetui 2> errors` would draw into the file, and the screen would stay empty.
    _, theirs = pty.openpty()
    done = subprocess.run(FINETUI, stdin=theirs, stdout=theirs, stderr=PIPE, timeout=60, check=False)
    assert done.returncode == 2
    assert b"no terminal" in done.stderr


@pytest.mark.parametrize(
    ("written", "key", "known"),
    [
        ('[keys]\n"job.stpo" = "S"\n', "keys.job.stpo", "job.stop"),
        ('[app]\ntheme = "nrod"\n', "app.theme", "nord"),
    ],
)
def test_the_app_says_what_it_cannot_use_of_the_settings(
    written: str, key: str, known: str, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(written)
    ours, theirs = pty.openpty()
    done = subprocess.run(
        FINETUI,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=os.environ
        | {"FINETUI_CONFIG": str(config), "FINETUI_HOME": str(tmp_path / "home"), "COLUMNS": "500"},
        timeout=60,
        check=False,
    )
    os.close(theirs)
    said = os.read(ours, 65_536).decode()
    os.close(ours)
    assert done.returncode == 2
    assert str(config) in said and key in said and known in said
    assert "Traceback" not in said and "\x1b[?1049h" not in said, "the screen was never taken"


def test_help_has_an_example_and_completion_can_be_installed() -> None:
    said = finetui("--help").stdout
    commands = re.findall(r"^│ ([a-z]+) ", said, re.MULTILINE)
    assert len(commands) > 10
    for command in commands:
        words = ("setup", "trainer") if command == "setup" else (command,)
        text = finetui(*words, "--help").stdout
        assert f"Example: finetui {' '.join(words)}" in text
        # That a flag is off unless it is given goes without saying.
        assert "False" not in text
    assert "--install-completion" in said
    assert "[default: 0.0]" in finetui("ask", "--help").stdout


MISSPELT = [
    (["chekc", "x"], "there is no command 'chekc'; did you mean check?"),
    (["logs"], "logs: JOB is missing"),
    (["ask", "hello"], "ask: --model is missing"),
    (["run", "-t"], "run: -t needs a value"),
    (["ask", "a", "table", "-m", "last"], "put quotes around a text of several words"),
    (["run", "--trian", "x"], "did you mean --train?"),
    (["setup", "everything"], "unknown command"),
    (["check"], "check: FILES are missing"),
    (["check", "rows.jsonl", "--format", "magic"], "Known forms: "),
    (["ask", "hello", "-m", "last", "--max-tokens", "-5"], "--max-tokens"),
    (["ask", "hello", "-m", "last", "--temperature", "-1"], "must be >= 0"),
    (["plan", "gpt2", "--gpu", "-3"], "must be >= 0"),
    (["plan", "gpt2", "--rank", "0"], "must be >= 1"),
]


@pytest.mark.parametrize(("arguments", "said"), MISSPELT, ids=lambda value: str(value)[:40])
def test_a_misspelt_command_line_is_answered_in_its_own_words(arguments: list[str], said: str) -> None:
    done = finetui(*arguments)
    assert done.returncode == 2
    assert said.lower() in done.stderr.lower()
    assert done.stdout == ""


def test_leaving_a_watched_job_says_that_it_goes_on(bench: Workbench) -> None:
    bench.steer(steps=10_000, seconds=0.01)
    job = bench.start()
    watching = subprocess.Popen([*FINETUI, "watch", job.id], stdout=PIPE, stderr=PIPE, text=True)
    assert watching.stdout
    assert watching.stdout.readline()
    watching.send_signal(signal.SIGINT)
    _, said = watching.communicate(timeout=60)
    assert watching.returncode == 130
    assert "jobs go on" in said
    assert job.state().state in UNFINISHED
    finetui("stop", job.id, "--now")


def test_a_job_that_printed_nothing_says_where_to_look(bench: Workbench) -> None:
    job = bench.start()
    bench.wait_gone(job)
    job.paths.log.write_bytes(b"")
    done = finetui("logs", job.id)
    assert done.stdout == ""
    assert f"finetui show {job.id}" in done.stderr


def test_tables_fit_the_terminal_and_are_whole_in_a_pipe(bench: Workbench) -> None:
    # Given a job with more metrics than 60 columns hold
    bench.steer(steps=3)
    job = bench.start()
    bench.wait_gone(job)

    # Then no line is wider than the terminal, reasons are folded beside their values
    for command in (["jobs"], ["show", job.id], ["metrics", job.id]):
        shown = on_terminal(*command, columns=60)
        assert shown
        assert max(map(len, shown)) <= 60 or command[0] == "show"
    reasons = [line for line in on_terminal("show", job.id, columns=60) if line.startswith(" " * 38)]
    assert reasons

    # And a pipe has each row in one line, with every column
    header = finetui("metrics", job.id).stdout.splitlines()[0]
    assert {"step", "loss"} < set(header.split())
    assert "model" in finetui("jobs").stdout.splitlines()[0]


def test_a_command_loads_neither_torch_nor_the_screen() -> None:
    script = (
        "import sys; import finetui.tui.cli.commands; "
        "print([m for m in ('torch', 'textual', 'numpy', 'openai', 'httpx') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_home_that_is_a_file_is_named_before_anything_starts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "taken").write_text("")
    for home in (tmp_path / "taken", tmp_path / "taken" / "below"):
        monkeypatch.setenv("FINETUI_HOME", str(home))
        done = finetui("demo", "--headless")
        assert done.returncode == 2
        assert "is a file" in done.stderr
        assert "FINETUI_HOME" in done.stderr
        examined = finetui("doctor")
        assert examined.returncode == 1
        assert f"✗ home         {tmp_path / 'taken'} is no folder" in examined.stdout


def test_broken_settings_are_not_taken_for_a_spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for content in (b"broken = [", b"\xff\xfe", b"[local]\npython = [3]"):
        (tmp_path / "config.toml").write_bytes(content)
        monkeypatch.setenv("FINETUI_CONFIG", str(tmp_path / "config.toml"))
        done = finetui("jobs", "--json")
        assert done.returncode == 2
        error = json.loads(done.stdout)["error"]
        assert error["reason"] == "settings"
        assert str(tmp_path / "config.toml") in error["message"]
        assert "FINETUI_CONFIG" in error["advice"]


def test_rows_in_the_place_of_a_spec_or_a_model_are_told_where_they_belong(bench: Workbench) -> None:
    done = finetui("run", str(bench.data))
    assert done.returncode == 2
    assert f"-t {bench.data} -m MODEL" in done.stderr
    done = finetui("run", "-t", str(bench.data), "-m", bench.data.name, cwd=bench.folder)
    assert done.returncode == 2
    assert "rows.jsonl is a file" in done.stderr

"""How an attempt ends, and what people are told of it: by table, and by processes that really end so."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from finetui.engines.engine import EngineError
from finetui.engines.exits import ADVICE, Ending, disk_is_full, log_tail, verdict
from finetui.engines.local.engine import LocalEngine
from finetui.engines.settings import Settings
from finetui.engines.states import ENDED, JobState
from local.workbench import Workbench

S = JobState


def ending(
    said: str | None = None,
    code: int | None = 0,
    asked: str | None = None,
    kept: bool = True,
    log: str = "",
    **more: bool,
) -> Ending:
    outcome = None if said is None else {"outcome": said, "step": 7}
    return Ending(outcome, code, asked, kept, log, **more)


# What is known of an end, and the state, reason and words that follow.
TABLE = [
    (ending("succeeded"), S.succeeded, None, None),
    (ending("succeeded", None), S.succeeded, None, None),
    (ending("succeeded", asked="stop"), S.succeeded, None, None),
    # A kill that came after the last word changes nothing of what was done.
    (ending("succeeded", -9, asked="kill"), S.succeeded, None, None),
    (ending("stopped", asked="stop"), S.paused, None, "stopped as asked; a checkpoint is kept"),
    (ending("stopped", asked="stop", kept=False), S.cancelled, None, "nothing was trained yet"),
    (ending("stopped"), S.paused, None, "stopped by a signal from outside"),
    (ending("stopped", None), S.paused, None, "stopped by a signal from outside"),
    (ending("stopped", asked="kill"), S.cancelled, None, "killed as asked"),
    (ending(None, -15), S.paused, None, "stopped by a signal from outside"),
    (ending(None, -15, kept=False), S.cancelled, None, "nothing was trained yet"),
    (ending(None, -9, asked="kill"), S.cancelled, None, "killed as asked"),
    (ending(None, None, asked="kill"), S.cancelled, None, "killed as asked"),
    (ending(None, None, asked="stop"), S.paused, None, "stopped as asked"),
    (ending(None, None), S.interrupted, "killed", "gone without a word"),
    (ending(None, None, kept=False), S.interrupted, "killed", "gone without a word"),
    (ending(None, -9), S.failed, "killed", "SIGKILL"),
    (ending(None, -9, asked="stop"), S.failed, "killed", "SIGKILL"),
    (ending(None, -9, out_of_host_memory=True), S.failed, "host_memory", "ran out of memory"),
    (ending(None, -11), S.failed, "bug", "SIGSEGV"),
    (ending(None, -6), S.failed, "bug", "SIGABRT"),
    (ending(None, -63), S.failed, "bug", "signal 63"),
    (ending(None, 0), S.failed, "bug", "status 0 without saying why"),
    (ending(None, 3), S.failed, "bug", "status 3 without saying why"),
    (ending(None, 1, disk_full=True), S.failed, "disk_full", "the disk is full"),
    (ending("stopped", 0, asked="stop", disk_full=True), S.paused, None, "stopped as asked"),
    (
        ending(None, 1, log="torch.OutOfMemoryError: CUDA out of memory. Tried"),
        S.failed,
        "out_of_memory",
        "CUDA",
    ),
    (
        ending(None, -6, log="x\nterminate: std::bad_alloc\ny"),
        S.failed,
        "host_memory",
        "terminate: std::bad_alloc",
    ),
    (ending(None, 1, log="MemoryError"), S.failed, "host_memory", "MemoryError"),
    (ending(None, 1, log="OSError: [Errno 28] No space left on device"), S.failed, "disk_full", "Errno 28"),
    (
        ending(None, 1, log="ModuleNotFoundError: No module named 'peft'"),
        S.failed,
        "missing_package",
        "'peft'",
    ),
    (ending(None, 1, log="ImportError: cannot import name 'x'"), S.failed, "wrong_version", "cannot import"),
    (ending(None, 1, log="huggingface_hub.errors.GatedRepoError: 403"), S.failed, "gated_model", "Gated"),
    (ending(None, 1, log="RepositoryNotFoundError: 404"), S.failed, "model_not_found", "404"),
    (ending(None, 127, log="can't start the trainer: No such file: 'p'"), S.failed, "missing_package", "'p'"),
]


@pytest.mark.parametrize(("end", "state", "reason", "words"), TABLE)
def test_an_end_has_one_meaning(end: Ending, state: JobState, reason: str | None, words: str | None) -> None:
    found = verdict(end)
    assert (found.state, found.reason) == (state, reason)
    assert words is None or words in (found.message or "")
    assert found.state in ENDED
    if found.state == S.failed:
        assert found.advice, "a failure has a way out"


@pytest.mark.parametrize("reason", [*ADVICE, "unsupported", "never heard of"])
def test_a_trainers_own_words_come_first(reason: str) -> None:
    outcome = {"outcome": "failed", "reason": reason, "message": "said", "advice": "do this"}
    found = verdict(Ending(outcome, 1, "stop", True, "CUDA out of memory"))
    assert (found.state, found.reason, found.message, found.advice) == (S.failed, reason, "said", "do this")
    without = verdict(Ending({"outcome": "failed", "reason": reason}, None, None, False))
    assert without.advice == ADVICE.get(reason)


def test_a_message_from_a_log_is_one_line_that_a_terminal_can_show() -> None:
    found = verdict(ending(None, 1, log="before\n\x1b[31mMemoryError: " + "x" * 900 + "\nafter"))
    assert found.message is not None
    assert len(found.message) <= 200
    assert "\x1b" not in found.message
    assert "before" not in found.message


def test_the_end_of_a_log_is_read_from_where_the_attempt_began(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"a" * 40_000 + b"attempt 2\xff\n")
    assert log_tail(log, start=40_000) == "attempt 2\ufffd\n"
    assert len(log_tail(log, size=100)) == 100
    assert log_tail(tmp_path / "none") == ""


CRASHES = {
    "segfault": ({"signal": signal.SIGSEGV}, "bug", "crashed with SIGSEGV"),
    "out of GPU memory": (
        {"code": 3, "says": "CUDA out of memory. Tried to allocate 2 GiB"},
        "out_of_memory",
        "2 GiB",
    ),
    "disk": ({"code": 3, "says": "OSError: [Errno 28] No space left on device"}, "disk_full", "Errno 28"),
    "package": (
        {"code": 3, "says": "ModuleNotFoundError: No module named 'trl'"},
        "missing_package",
        "'trl'",
    ),
    "silence": ({"code": 3}, "bug", "status 3 without saying why"),
    "a false success": ({"code": 0}, "bug", "status 0 without saying why"),
}


@pytest.mark.parametrize("crash", CRASHES)
def test_a_crash_is_told_by_its_status_and_its_last_lines(crash: str, bench: Workbench) -> None:
    order, reason, words = CRASHES[crash]
    bench.steer(crash={"at": "training@7", **order})
    job = bench.start()
    with bench.watched(job):
        state = bench.wait_for(job, S.failed)
        assert state.reason == reason
        assert words in (state.message or "")
        assert state.advice
        bench.wait_gone(job)
        bench.steer(crash=None)
        bench.engine.resume(job)
        bench.wait_for(job, S.succeeded)
        bench.wait_gone(job)
    bench.check_complete(job)


def test_an_attempt_is_not_blamed_for_what_the_log_says_of_an_earlier_one(bench: Workbench) -> None:
    bench.steer(crash={"at": "training@7", "code": 3, "says": "CUDA out of memory"})
    job = bench.start()
    bench.wait_for(job, S.failed)
    bench.wait_gone(job)
    bench.steer(crash={"at": "training@8", "signal": signal.SIGSEGV})
    bench.engine.resume(job)
    state = bench.wait_for(job, lambda state: state.attempt == 2 and state.state == S.failed)
    assert (state.reason, state.message) == ("bug", "the trainer crashed with SIGSEGV")
    bench.wait_gone(job)


def test_a_trainers_failure_is_passed_on(bench: Workbench) -> None:
    bench.steer(fail={"at": "rehearsing", "reason": "out_of_memory", "message": "row 3 of 4,096 tokens"})
    job = bench.start()
    state = bench.wait_for(job, S.failed)
    assert (state.reason, state.message) == ("out_of_memory", "row 3 of 4,096 tokens")
    assert state.advice == ADVICE["out_of_memory"]
    bench.wait_gone(job)
    bench.check_settled(job)


def test_each_python_is_named_with_what_it_lacks(bench: Workbench, monkeypatch: pytest.MonkeyPatch) -> None:
    bench.steer(needs=["torch", "peft"])
    environment = bench.an_interpreter("venv/bin/python").parent.parent
    broken = bench.an_interpreter("conda/bin/python", "echo no libpython >&2; exit 127").parent.parent
    monkeypatch.setenv("VIRTUAL_ENV", str(environment))
    monkeypatch.setenv("CONDA_PREFIX", str(broken))
    (bench.folder / "no.toml").touch()
    monkeypatch.setenv("FINETUI_CONFIG", str(bench.folder / "no.toml"))
    monkeypatch.setattr("sys.executable", str(bench.python))
    monkeypatch.setenv("PATH", str(bench.folder / "nowhere"))
    bench.engine = LocalEngine(Settings.load())
    with pytest.raises(EngineError) as caught:
        bench.create()
    assert caught.value.reason == "missing_package"
    message = str(caught.value)
    assert f"{environment}/bin/python (the active environment) lacks torch, peft" in message
    assert f"{broken}/bin/python (the active conda environment)" in message
    assert "no libpython" in message
    assert f"{bench.python} (the app's own Python) lacks torch, peft" in message
    assert "finetui setup trainer" in caught.value.advice


def test_bitsandbytes_is_missed_only_where_it_is_needed(bench: Workbench) -> None:
    bench.steer(needs=["bitsandbytes"])
    with pytest.raises(EngineError, match="lacks bitsandbytes"):
        bench.create(method="qlora")
    assert bench.create(method="lora").state().state == S.queued
    bench.engine.stop(bench.store.find("last"), now=True)


@pytest.mark.parametrize("python", ["/nowhere/python", "/dev/null"])
def test_an_interpreter_that_does_not_run_is_found_before_the_job_is_made(
    python: str, bench: Workbench
) -> None:
    with pytest.raises(EngineError, match=python) as caught:
        bench.create(python=python)
    assert caught.value.reason == "missing_package"
    assert bench.store.ids() == []


@contextlib.contextmanager
def a_small_disk(folder: Path) -> Iterator[None]:
    """A disk of two megabytes; only root can have one."""
    folder.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if shutil.which("mount") is None or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("no small disk can be mounted here (needs root)")
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Take all the room that a disk has, in the last block too."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), open(filler, "wb", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return filler


def test_a_disk_that_is_full_for_a_moment_harms_nothing(bench: Workbench) -> None:
    with a_small_disk(bench.home.path):
        bench.steer(hold=["training@7"])
        job = bench.start()
        bench.wait_phase(job, "training@7")
        bench.wait_for(job, lambda state: state.step == 7)
        filler = fill(bench.home.path)
        assert disk_is_full(bench.home.path)
        for supervisor in bench.supervisors(job):
            supervisor.send_signal(signal.SIGHUP)
        bench.wait_until(lambda: bench.supervisors(job) and bench.trainer_lives(job))
        filler.unlink()
        bench.steer(hold=None)
        bench.wait_for(job, S.succeeded)
        bench.wait_gone(job)
        bench.check_complete(job)
        bench.wait_until(lambda: not bench.processes())


def test_a_job_that_ends_on_a_full_disk_says_so_and_goes_on_when_there_is_room(bench: Workbench) -> None:
    with a_small_disk(bench.home.path):
        bench.steer(hold=["training@7"])
        job = bench.start()
        bench.wait_phase(job, "training@7")
        bench.wait_for(job, lambda state: state.step == 7)
        filler = fill(bench.home.path)
        bench.steer(hold=None)  # its next line finds no room

        pid = bench.runs()[0]["pid"]
        bench.wait_until(lambda: not psutil.pid_exists(pid), 10, "for the supervisor to see the end")
        time.sleep(0.3)
        assert bench.supervisors(job), "it waits for room to write the end"
        filler.unlink()
        state = bench.wait_for(job, S.failed)
        assert state.reason == "disk_full"
        bench.wait_gone(job)
        bench.check_events(job)

        bench.engine.resume(job)
        bench.wait_for(job, S.succeeded)
        bench.wait_gone(job)
        bench.check_complete(job)
        bench.wait_until(lambda: not bench.processes())


def test_a_job_is_stopped_though_the_disk_takes_no_request(bench: Workbench) -> None:
    with a_small_disk(bench.home.path):
        bench.steer(hold=["training@7"])
        job = bench.start()
        bench.wait_for(job, lambda state: state.step == 7)
        filler = fill(bench.home.path)

        bench.engine.stop(job, now=False)
        bench.engine.sync(job)

        pid = bench.runs()[0]["pid"]
        bench.wait_until(lambda: not psutil.pid_exists(pid))
        time.sleep(0.3)
        bench.engine.sync(job)
        filler.unlink()
        bench.wait_for(job, lambda state: state.state in ENDED)
        bench.wait_gone(job)
        bench.check_events(job)
        bench.steer(hold=None)
        bench.engine.resume(job)
        bench.wait_for(job, S.succeeded)
        bench.wait_gone(job)
        bench.check_complete(job)
        bench.wait_until(lambda: not bench.processes())


def test_a_job_is_killed_though_the_disk_takes_no_request(bench: Workbench) -> None:
    with a_small_disk(bench.home.path):
        bench.steer(hold=["training@7"], deaf=True)
        job = bench.start()
        bench.wait_for(job, lambda state: state.step == 7)
        filler = fill(bench.home.path)
        bench.engine.stop(job, now=True)
        bench.wait_until(lambda: not bench.trainer_lives(job))
        filler.unlink()
        bench.wait_for(job, lambda state: state.state in ENDED)
        bench.wait_gone(job)
        bench.wait_until(lambda: not bench.processes())


def test_nobody_left_to_judge_a_job_on_a_full_disk_is_no_error_of_whoever_looks(bench: Workbench) -> None:
    with a_small_disk(bench.home.path):
        bench.steer(hold=["training@7"])
        job = bench.start()
        bench.wait_for(job, lambda state: state.step == 7)
        filler = fill(bench.home.path)
        for process in [*bench.supervisors(job), *bench.trainers(job)]:
            process.suspend()
        for process in [*bench.supervisors(job), *bench.trainers(job)]:
            process.kill()
        bench.wait_gone(job)
        bench.engine.sync(job)
        filler.unlink()
        bench.engine.sync(job)
        assert job.state().state == S.interrupted
        bench.check_events(job)
        bench.wait_until(lambda: not bench.processes())


def test_a_command_that_a_full_disk_defeats_names_the_way_out(bench: Workbench) -> None:
    with a_small_disk(bench.home.path):
        job = bench.create()
        filler = fill(bench.home.path)
        with pytest.raises(EngineError, match="No space left") as caught:
            bench.engine.stop(job, now=False)
        assert caught.value.reason == "disk_full"
        assert "finetui rm" in caught.value.advice
        filler.unlink()
        # Its event may just have found room, and then it counts.
        with job.hold() as held:
            if held.state().state == S.queued:
                held.become(S.cancelled)
        assert job.state().state == S.cancelled
        bench.check_events(job)


def test_an_interpreter_is_found_from_where_the_job_was_created(
    bench: Workbench, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The trainer runs in the job's folder: a relative path would lead elsewhere there.
    bench.an_interpreter("venv/bin/python")
    monkeypatch.chdir(bench.folder)
    job = bench.create(python="venv/bin/python")
    assert job.plan()["python"] == str(bench.folder / "venv/bin/python")
    monkeypatch.setenv("PATH", f"{bench.folder}/venv/bin{os.pathsep}{os.environ['PATH']}")
    named = bench.create("named", python="python")
    assert named.plan()["python"] == job.plan()["python"]
    bench.engine.start(named)
    for one in (job, named):
        bench.wait_for(one, S.succeeded)


@pytest.mark.parametrize("junk", ["3", "null", "[]", "not JSON", ""])
def test_an_interpreter_that_answers_nonsense_is_no_interpreter(junk: str, bench: Workbench) -> None:
    python = bench.an_interpreter("odd/python", f"echo '{junk}'")
    with pytest.raises(EngineError, match="can't run the trainer"):
        bench.create(python=str(python))

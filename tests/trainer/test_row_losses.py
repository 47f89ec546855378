"""The losses of single rows: right ones, of every row once, at no cost to the training, and of use."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from finetui.engines import job as engines
from finetui.engines.datasets.training.hardest import hardest
from finetui.engines.home import Home
from trainer.workshop import TRAINER, Job, Workshop, chats, make_rows, until

pytestmark = pytest.mark.torch

DEMO = Path(__file__).resolve().parents[2] / "engines" / "demo"


def losses(job: Job, **wanted: Any) -> dict[int, tuple[float, int]]:
    """Sum of losses and tokens of each row; the first that was written."""
    lines = reversed(job.lines("row_losses.jsonl", **wanted))
    return {number: (loss, tokens) for line in lines for number, loss, tokens in line["rows"]}


@pytest.fixture(scope="module")
def recorded(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Job]:
    """A job of each method, two epochs of twenty rows, eight an update."""
    folder = tmp_path_factory.mktemp("recorded")
    jobs = {method: workshop.job(folder / method, method) for method in ("lora", "qlora", "full")}
    workshop.run_all(list(jobs.values()))
    return jobs


def test_every_row_is_recorded_once_in_the_first_epoch(recorded: dict[str, Job]) -> None:
    for job in recorded.values():
        assert job.outcome["outcome"] == "succeeded"
        lines = job.lines("row_losses.jsonl")
        assert [(line["step"], line["seen"], line["of"]) for line in lines] == [
            (1, 8, 20),
            (2, 8, 20),
            (3, 4, 20),
        ]
        numbers = [row[0] for line in lines for row in line["rows"]]
        assert sorted(numbers) == list(range(20))


def test_an_updates_rows_make_up_its_loss(recorded: dict[str, Job]) -> None:
    for job in recorded.values():
        for line in job.lines("row_losses.jsonl"):
            loss = job.curve()[line["step"], "loss"]
            total = sum(row[1] for row in line["rows"])
            tokens = sum(row[2] for row in line["rows"])
            # bfloat16 in the lowest digits; a row's sum is written to a thousandth.
            assert total / tokens == pytest.approx(loss, rel=1e-3)


def test_recording_changes_no_bit_of_the_training(
    workshop: Workshop, recorded: dict[str, Job], tmp_path: Path
) -> None:
    plain = {method: workshop.job(tmp_path / method, method) for method in recorded}
    script = (
        "import argparse, importlib, pathlib, runpy, sys\n"
        f"runpy.run_path({str(TRAINER / '__main__.py')!r})['register']()\n"
        "losses = importlib.import_module('finetui_trainer.row_losses').RowLosses\n"
        "losses.due = lambda self, step: False\n"
        "train = importlib.import_module('finetui_trainer.train')\n"
        "for job in sys.argv[1:]:\n"
        "    train.main(argparse.Namespace(job=pathlib.Path(job), attempt=1, resume=None, life=None))\n"
    )
    folders = [str(job.folder) for job in plain.values()]
    command = [sys.executable, "-c", script, *folders]
    subprocess.run(command, env=workshop.environment(), stdout=subprocess.PIPE, timeout=120, check=True)
    for method, job in plain.items():
        assert not (job.folder / "row_losses.jsonl").exists()
        assert job.curve() == recorded[method].curve()
        name = "model.safetensors" if method == "full" else "adapter_model.safetensors"
        one, other = (each.folder / "result" / name for each in (job, recorded[method]))
        assert one.read_bytes() == other.read_bytes()


def test_a_resume_in_the_first_epoch_goes_on_with_the_rows_that_are_left(
    workshop: Workshop, recorded: dict[str, Job], tmp_path: Path
) -> None:
    job = workshop.job(tmp_path / "job", "lora", save_every=1)
    process = workshop.start("train", job.folder, "--attempt", 1)
    until(process, "update 2/6: loss")
    process.kill()
    process.wait()
    step = job.checkpoints()[-1]
    assert step in (1, 2)
    with (job.folder / "row_losses.jsonl").open("a") as file:
        file.write('{"attempt": 1, "step": 3, "ro')

    status, _ = workshop.run("train", job.folder, "--attempt", 2, "--resume", job.checkpoint(step))
    assert status == 0
    again = job.lines("row_losses.jsonl", attempt=2)
    assert [line["step"] for line in again] == list(range(step + 1, 4))
    assert losses(job) == losses(recorded["lora"])


def test_several_processes_record_each_others_rows(workshop: Workshop, tmp_path: Path) -> None:
    rows = make_rows(tmp_path / "rows.jsonl", chats(21, seed=3))
    jobs = {ranks: workshop.job(tmp_path / str(ranks), "full", train=rows, dropout=0.0) for ranks in (1, 2)}
    assert workshop.run("train", jobs[1].folder, "--attempt", 1)[0] == 0
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    subprocess.run(
        [*command, str(TRAINER), "train", str(jobs[2].folder), "--attempt", "1"],
        env=workshop.environment(GLOO_SOCKET_IFNAME="lo"),
        stdout=subprocess.PIPE,
        timeout=60,
        check=True,
    )
    # The second process lacks three rows at the epoch's end: it takes the first ones again.
    assert sum(line["seen"] for line in jobs[2].lines("row_losses.jsonl")) == 24
    alone, together = losses(jobs[1]), losses(jobs[2])
    assert sorted(together) == list(range(21))
    assert {number: tokens for number, (_, tokens) in together.items()} == {
        number: tokens for number, (_, tokens) in alone.items()
    }
    first = {row[0] for row in jobs[1].lines("row_losses.jsonl", step=1)[0]["rows"]}
    assert first == {row[0] for row in jobs[2].lines("row_losses.jsonl", step=1)[0]["rows"]}
    for number in first:
        assert together[number][0] == pytest.approx(alone[number][0], rel=1e-3)


def test_rows_with_swapped_answers_come_out_as_the_hardest(workshop: Workshop, tmp_path: Path) -> None:
    lines = (DEMO / "data" / "train.jsonl").read_text("utf-8").splitlines()[:200]
    rows = [{"messages": json.loads(line)["messages"]} for line in lines]
    swapped = random.Random(5).sample(range(len(rows)), 5)
    answers = [rows[number]["messages"][-1] for number in swapped]
    for number, answer in zip(swapped, answers[1:] + answers[:1], strict=True):
        rows[number]["messages"][-1] = answer
    train = make_rows(tmp_path / "rows.jsonl", rows)
    job = workshop.job(
        tmp_path / "jobs" / "job",
        model={"path": str(DEMO / "model")},
        train=train,
        epochs=1,
        learning_rate=1e-3,
        rank=16,
        alpha=32,
        rehearse=False,
        eval_every=1000,
        sample_tokens=0,
    )
    assert workshop.run("train", job.folder, "--attempt", 1)[0] == 0
    found = hardest(engines.Job(Home(tmp_path), "job"), most=10)
    assert found.complete
    assert len(set(swapped) & {row.number for row in found.rows}) >= 4
    for row in found.rows:
        assert row.text.line == row.number + 1
        assert row.text.answer == rows[row.number]["messages"][-1]["content"]


def test_of_a_large_file_only_the_hardest_rows_of_an_update_are_written() -> None:
    script = (
        f"import runpy; runpy.run_path({str(TRAINER / '__main__.py')!r})['register']()\n"
        "import importlib, json, math\n"
        "module = importlib.import_module('finetui_trainer.row_losses')\n"
        "module.MOST_ROWS = 10\n"
        "many = [(number, float(number % 7), 2) for number in range(20)]\n"
        "lines = [module.line_of(many, 40), module.line_of([(0, math.nan, 2), (1, 4.0, 2)], 2)]\n"
        "print(json.dumps([*lines, module.losses_of(None)]))\n"
    )
    command = [sys.executable, "-c", script]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    said = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True, text=True).stdout
    line, with_nan, nothing = json.loads(said)
    assert (line["of"], line["seen"]) == (40, 20)
    assert [row[1] for row in line["rows"]] == [6.0, 6.0, 5.0, 5.0, 5.0]
    assert (with_nan["mean"], with_nan["rows"]) == (2.0, [[0, None, 2], [1, 4.0, 2]])
    assert nothing is None

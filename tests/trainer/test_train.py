"""What a job that nothing happens to leaves behind, for each method and family of models."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.numpy import load_file, save_file
from trainer.templates import FAMILIES
from trainer.workshop import Job, Workshop, chats, make_rows

pytestmark = pytest.mark.torch

MICRO = {"method": "full", "max_steps": 3, "rehearse": False, "sample_tokens": 0}


@pytest.fixture(scope="module")
def jobs(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Job]:
    """All jobs that end by themselves, run one after another in one process."""
    folder = tmp_path_factory.mktemp("jobs")
    long = chats(3, seed=3)
    long[0]["messages"][1]["content"] = "maybe " * 150
    overlong = make_rows(folder / "long.jsonl", [*long, *chats(9, seed=4)])
    completions = make_rows(folder / "completions.jsonl", [{"prompt": "alpha", "completion": " beta"}] * 9)
    texts = make_rows(folder / "texts.jsonl", [{"text": "alpha beta gamma"}] * 9)
    wanted: dict[str, dict[str, Any]] = {
        "lora": {"method": "lora"},
        "rows at once": {**MICRO, "micro_batch_size": 8},
        "row by row": {**MICRO, "micro_batch_size": 1},
        "evaluated often": {"method": "qlora", "max_steps": 4, "eval_every": 1, "save_every": 4},
        "evaluated once": {"method": "qlora", "max_steps": 4, "eval_every": 4, "save_every": 4},
        "dropping": {"train": overlong, "max_length": 100, "max_steps": 1},
        "cutting": {"train": overlong, "max_length": 100, "overlong": "cut", "max_steps": 1},
        "completions": {"train": completions, "valid": completions, "max_steps": 1},
        "texts": {"train": texts, "valid": texts, "max_steps": 1},
        "checkpointing": {"gradient_checkpointing": True, "dropout": 0.0, "max_steps": 2},
        "not checkpointing": {"gradient_checkpointing": False, "dropout": 0.0, "max_steps": 2},
        "too fast": {"method": "full", "learning_rate": 0.3, "schedule": "constant", "eval_every": 1},
        "exploding": {"method": "full", "learning_rate": 1e30, "epochs": 9, "rehearse": False},
        **{
            f"{family} {method}": {"family": family, "method": method, "max_steps": 1, "eval_every": 1}
            for family in FAMILIES
            for method in ("lora", "qlora")
        },
    }
    unlearned = folder / "unlearned"
    shutil.copytree(workshop.model(), unlearned)
    weights = load_file(unlearned / "model.safetensors")
    weights["model.embed_tokens.weight"][4] = 0
    save_file(weights, unlearned / "model.safetensors", metadata={"format": "pt"})
    wanted["unlearned end"] = {"model": {"path": str(unlearned)}, "max_steps": 1}
    made = {name: workshop.job(folder / name, **more) for name, more in wanted.items()}
    workshop.run_all(list(made.values()))
    return made


def losses(job: Job) -> dict[int, float]:
    return {step: value for (step, name), value in job.curve().items() if name == "loss"}


@pytest.mark.parametrize("method", ["lora", "qlora"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_trains(jobs: dict[str, Job], family: str, method: str) -> None:
    job = jobs[f"{family} {method}"]
    assert job.outcome["outcome"] == "succeeded", job.outcome
    curve = job.curve()
    assert curve[0, "eval_loss"] != curve[1, "eval_loss"]
    config = json.loads((job.folder / "result" / "adapter_config.json").read_text())
    tuned = {name.rpartition(".")[2] for name in config["target_modules"]}
    assert tuned == {f"{part}_proj" for part in ("q", "k", "v", "o", "gate", "up", "down")}, "and no head"


def test_the_first_held_out_loss_is_the_one_computed_by_hand(
    workshop: Workshop, jobs: dict[str, Job]
) -> None:
    by_hand = json.loads((workshop.folder / "by_hand.json").read_text())["valid_loss"]
    assert jobs["lora"].curve()[0, "eval_loss"] == pytest.approx(by_hand, abs=1e-5)


def test_the_progress_tells_the_story_in_order(jobs: dict[str, Job]) -> None:
    job = jobs["lora"]
    phases: list[str] = []
    for line in job.said("phase"):
        if line["phase"] not in phases[-1:]:
            phases.append(line["phase"])
    assert phases == [
        *("loading", "tokenising", "loading", "rehearsing", "evaluating"),
        *("training", "evaluating", "training", "saving") * 2,
    ]
    assert job.said("total")[0]["total_steps"] == 6
    assert [line["step"] for line in job.said("checkpoint")] == [3, 6]
    assert [line["step"] for line in job.said("sample")] == [0, 3, 6]
    first_row = json.loads(workshop_row(job))
    sample = job.said("sample")[0]
    assert sample["prompt"] == first_row["messages"][:1]
    assert sample["expected"] == first_row["messages"][1]["content"]
    assert job.outcome == {**job.outcome, "outcome": "succeeded", "step": 6, "attempt": 1}


def workshop_row(job: Job) -> str:
    plan = json.loads((job.folder / "plan.json").read_text())
    return Path(plan["data"]["valid"]["path"]).read_text().splitlines()[0]


def test_every_update_has_its_metrics(jobs: dict[str, Job]) -> None:
    points = jobs["lora"].lines("metrics.jsonl")
    updates = [line for line in points if "loss" in line]
    assert [line["step"] for line in updates] == [1, 2, 3, 4, 5, 6]
    for line in updates:
        assert {"learning_rate", "grad_norm", "epoch", "num_tokens", "mean_token_accuracy"} <= line.keys()
        assert line["tokens_per_second"] > 0
        assert line["memory_bytes"] > 2**20
    assert [line["step"] for line in points if "eval_loss" in line] == [0, 3, 6]
    assert updates[-1]["learning_rate"] == pytest.approx(3e-4), "a tenth of the peak at the end"
    assert updates[-1]["loss"] < updates[0]["loss"]


def test_what_the_trainer_decided_is_written_with_its_reasons(jobs: dict[str, Job]) -> None:
    environment = jobs["lora"].environment()
    decided = environment["values"]
    assert decided["dtype"]["value"] == "float32"
    assert decided["save_every"]["value"] == 3
    assert decided["max_length"]["value"] % 64 == 0
    assert all(value["reason"] for value in decided.values())
    assert environment["versions"]["trl"]
    assert environment["device"]["type"] == "cpu"
    assert environment["train"]["rows"] == 20
    assert 0 < environment["train"]["trained_share"] < 1
    assert len(environment["template_sha256"]) == 64


@pytest.mark.parametrize(("name", "weights"), [("lora", "adapter_model"), ("row by row", "model")])
def test_the_result_is_whole_and_holds_no_pickle(jobs: dict[str, Job], name: str, weights: str) -> None:
    result = jobs[name].folder / "result"
    files = {path.name for path in result.iterdir()}
    assert {f"{weights}.safetensors", "tokenizer.json", "chat_template.jinja", "result.json"} <= files
    assert not [file for file in files if file.endswith((".bin", ".pt", ".pth"))]
    facts = json.loads((result / "result.json").read_text())
    assert facts["template_sha256"] == jobs[name].environment()["template_sha256"]
    assert facts["step"] == jobs[name].outcome["step"]


def test_the_micro_batch_changes_neither_the_order_nor_the_loss(jobs: dict[str, Job]) -> None:
    at_once, by_row = losses(jobs["rows at once"]), losses(jobs["row by row"])
    assert at_once.keys() == {1, 2, 3}
    for step, loss in at_once.items():
        assert by_row[step] == pytest.approx(loss, abs=2e-5)


def test_evaluations_leave_training_as_it_was(jobs: dict[str, Job]) -> None:
    assert losses(jobs["evaluated often"]) == losses(jobs["evaluated once"])


def test_gradient_checkpointing_changes_no_loss(jobs: dict[str, Job]) -> None:
    assert losses(jobs["checkpointing"]) == pytest.approx(losses(jobs["not checkpointing"]), abs=1e-6)


def test_rows_longer_than_max_length_are_dropped_and_counted(jobs: dict[str, Job]) -> None:
    counts = jobs["dropping"].environment()["train"]
    assert (counts["rows"], counts["dropped"], counts["cut"]) == (11, 1, 0)
    assert any("left out" in note["message"] for note in jobs["dropping"].said("note", level="warning"))


def test_they_are_cut_where_that_was_chosen(jobs: dict[str, Job]) -> None:
    counts = jobs["cutting"].environment()["train"]
    assert (counts["rows"], counts["dropped"], counts["cut"], counts["without_end_token"]) == (12, 0, 1, 1)


def test_completions_and_texts_train_what_they_should(jobs: dict[str, Job]) -> None:
    for name in ("completions", "texts"):
        assert jobs[name].outcome["outcome"] == "succeeded", jobs[name].outcome
    assert jobs["texts"].environment()["train"]["trained_share"] > 0.6
    assert jobs["texts"].said("sample") == []
    assert jobs["completions"].said("sample")[0]["expected"] == " beta"


def test_an_earlier_checkpoint_that_is_clearly_better_is_kept_and_marked(jobs: dict[str, Job]) -> None:
    job = jobs["too fast"]
    evaluated = {step: value for (step, name), value in job.curve().items() if name == "eval_loss" and step}
    best = min(evaluated, key=lambda step: evaluated[step])
    assert best != 6, "the test wants a job that gets worse"
    assert job.checkpoints() == [best, 6]
    assert json.loads((job.checkpoint(best) / "complete.json").read_text())["best"]
    assert any(note["data"].get("step") == best for note in job.said("note", level="info"))


def test_an_end_token_that_the_base_never_learned_is_warned_of(jobs: dict[str, Job]) -> None:
    (warning,) = jobs["unlearned end"].said("note", level="warning")
    assert "never learned <|eot_id|>" in warning["message"]
    assert jobs["lora"].said("note", level="warning") == []


def test_a_loss_that_is_not_finite_warns_and_then_ends_the_job(jobs: dict[str, Job]) -> None:
    job = jobs["exploding"]
    assert job.outcome == {**job.outcome, "outcome": "failed", "reason": "not_finite"}
    assert "learning rate" in job.outcome["advice"]
    assert any("not finite" in note["message"] for note in job.said("note", level="warning"))
    assert None in losses(job).values(), "NaN is null"
    ruined = min(step for step, loss in losses(job).items() if loss is None)
    assert all(step < ruined for step in job.checkpoints()), "no checkpoint is ruined"

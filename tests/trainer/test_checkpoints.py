"""Which checkpoints count, and which are kept."""

from __future__ import annotations

from pathlib import Path

import pytest
from finetui.engines.trainer import checkpoints
from finetui.engines.trainer.checkpoints import Checkpoint
from finetui.engines.trainer.failures import Failure


def saved(folder: Path, step: int, eval_loss: float | None) -> Checkpoint:
    checkpoint = Checkpoint(folder / f"checkpoint-{step}", step, eval_loss, num_tokens=100 * step)
    checkpoint.path.mkdir()
    (checkpoint.path / "adapter_model.safetensors").write_bytes(b"weights")
    checkpoints.mark_complete(checkpoint)
    return checkpoint


def test_a_folder_without_complete_json_does_not_count_and_is_cleared_away(tmp_path: Path) -> None:
    kept = saved(tmp_path, 9, 1.5)
    half = tmp_path / "checkpoint-10"
    half.mkdir()
    (half / "optimizer.pt").write_bytes(b"half of it")
    (tmp_path / "checkpoint-11").mkdir()
    (tmp_path / "checkpoint-11" / "complete.json").write_text('{"step": 1')
    assert checkpoints.read(half) is None
    assert checkpoints.complete(tmp_path) == [kept]
    checkpoints.remove_incomplete(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["checkpoint-9"]


def test_they_are_ordered_by_update_not_by_name(tmp_path: Path) -> None:
    for step in (10, 9, 100):
        saved(tmp_path, step, None)
    assert [one.step for one in checkpoints.complete(tmp_path)] == [9, 10, 100]


def test_the_last_and_the_best_are_kept() -> None:
    found = [
        Checkpoint(Path(str(step)), step, loss, 0) for step, loss in ((1, 3.0), (2, 1.0), (3, 2.0), (4, 1.5))
    ]
    assert [one.step for one in checkpoints.superfluous(found)] == [1, 3]
    assert [one.step for one in checkpoints.superfluous(found[:2])] == [1]


def test_without_evaluations_only_the_last_is_kept() -> None:
    found = [Checkpoint(Path(str(step)), step, None, 0) for step in (1, 2, 3)]
    assert [one.step for one in checkpoints.superfluous(found)] == [1, 2]
    assert checkpoints.superfluous([]) == []


def test_of_equal_losses_the_later_one_is_the_best() -> None:
    found = [Checkpoint(Path(str(step)), step, 1.0, 0) for step in (1, 2)] + [
        Checkpoint(Path("3"), 3, None, 0)
    ]
    assert [one.step for one in checkpoints.superfluous(found)] == [1]


def test_a_checkpoint_is_clearly_best_when_more_than_a_hundredth_lower() -> None:
    def pair(best: float, last: float) -> list[Checkpoint]:
        return [Checkpoint(Path("1"), 1, best, 0), Checkpoint(Path("2"), 2, last, 0)]

    best = checkpoints.clearly_best(pair(0.98, 1.0))
    assert best is not None
    assert best.step == 1
    assert checkpoints.clearly_best(pair(0.995, 1.0)) is None
    assert checkpoints.clearly_best(pair(1.2, 1.0)) is None
    assert checkpoints.clearly_best([]) is None


def test_a_disk_too_small_is_found_before_anything_is_trained() -> None:
    checkpoints.check_disk(need_bytes=10, free_bytes=10, where="/jobs")
    with pytest.raises(Failure, match=r"need 3.0 GB at /jobs, where 1.0 GB are free") as full:
        checkpoints.check_disk(need_bytes=3_000_000_000, free_bytes=1_000_000_000, where="/jobs")
    assert full.value.reason == "disk_full"

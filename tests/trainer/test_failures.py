"""What can go wrong ends with a reason, a message that names the place, and a way out; never a traceback."""

from __future__ import annotations

import errno
import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.trainer.failures import REASONS, Failure, classify
from finetui.engines.trainer.plan import read_plan
from trainer import templates
from trainer.workshop import Job, Workshop, chats, make_rows


@pytest.fixture(scope="module")
def failed(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Job]:
    """All jobs that fail by themselves, run one after another in one process."""
    folder = tmp_path_factory.mktemp("failed")
    pickled = folder / "pickled"
    shutil.copytree(workshop.model(), pickled)
    (pickled / "model.safetensors").rename(pickled / "pytorch_model.bin")
    own_code = folder / "own-code"
    shutil.copytree(workshop.model(), own_code)
    config = json.loads((own_code / "config.json").read_text())
    own = {"AutoConfig": "configuration_own.OwnConfig", "AutoModelForCausalLM": "modeling_own.OwnModel"}
    (own_code / "config.json").write_text(json.dumps({**config, "model_type": "own", "auto_map": own}))
    unanswered = make_rows(
        folder / "unanswered.jsonl", [*chats(2, 1), {"messages": chats(1, 2)[0]["messages"][:1]}]
    )
    system = {"messages": [{"role": "system", "content": "Be brief."}, *chats(1, 3)[0]["messages"]]}
    with_system = make_rows(folder / "system.jsonl", [*chats(1, 1), system])
    wanted: dict[str, dict[str, Any]] = {
        "no such folder": {"model": {"path": str(folder / "nowhere")}},
        "pickles": {"model": {"path": str(pickled)}},
        "own code": {"model": {"path": str(own_code)}},
        "offline": {"model": {"name": "someone/not-in-the-cache", "path": None}},
        "unanswered": {"train": unanswered},
        "refused": {"train": with_system, "family": "gemma2"},
        "endless": {"template": templates.NO_END},
        "thinking": {"template": templates.THINKING, "family": "qwen2"},
        "all too long": {"max_length": 8},
        "no data": {"train": folder / "gone.jsonl"},
        "no gpu": {"device": "cuda"},
    }
    jobs = {name: workshop.job(folder / name, **more) for name, more in wanted.items()}
    workshop.run_all(list(jobs.values()))
    return jobs


@pytest.mark.torch
@pytest.mark.parametrize(
    ("name", "reason", "words"),
    [
        ("no such folder", "model_not_found", "config.json"),
        ("pickles", "unsupported", "pytorch_model.bin"),
        ("own code", "unsupported", "code of its own"),
        ("offline", "model_not_found", "someone/not-in-the-cache"),
        ("unanswered", "data", "/data/unanswered.jsonl, line 3: no token"),
        (
            "refused",
            "data",
            "/data/system.jsonl, line 2: the chat template refuses it: System role not supported",
        ),
        ("endless", "data", "never learn to stop"),
        ("thinking", "unsupported", "/data/train.jsonl, line 1: The chat template"),
        ("all too long", "data", "All 20 training rows are longer than max_length, 8 tokens"),
        ("no data", "data", "gone.jsonl"),
    ],
)
def test_a_failure_says_what_where_and_the_way_out(
    failed: dict[str, Job], name: str, reason: str, words: str
) -> None:
    outcome = failed[name].outcome
    assert (outcome["outcome"], outcome["reason"]) == ("failed", reason), outcome
    assert words in outcome["message"]
    assert outcome["advice"]
    assert not (failed[name].folder / "result").exists()


@pytest.mark.torch
@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="this machine has a GPU")
def test_a_gpu_that_is_not_there_is_never_replaced_by_the_cpu(failed: dict[str, Job]) -> None:
    outcome = failed["no gpu"].outcome
    assert outcome["reason"] == "unsupported"
    assert "sees none" in outcome["message"]


@pytest.mark.torch
def test_a_missing_package_is_named(workshop: Workshop, tmp_path: Path) -> None:
    job = workshop.job(tmp_path / "job", "qlora")
    status, _ = workshop.run("train", job.folder, "--attempt", 1, without="bitsandbytes")
    assert status == 1
    assert job.outcome["reason"] == "missing_package"
    assert "bitsandbytes" in job.outcome["message"]


class OutOfMemoryError(RuntimeError):
    """Named as torch's own, which this process does not import."""


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."), "out_of_memory"),
        (MemoryError(), "host_memory"),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"),
            "host_memory",
        ),
        (OSError(errno.ENOSPC, "No space left on device"), "disk_full"),
        (
            RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
            "disk_full",
        ),
        (ModuleNotFoundError("No module named 'trl'", name="trl"), "missing_package"),
        (ImportError("cannot import name 'SFTTrainer' from 'trl'"), "wrong_version"),
        (ValueError("please pass the argument `trust_remote_code=True`"), "unsupported"),
        (KeyError("what nobody expected"), "bug"),
    ],
)
def test_exceptions_of_libraries_become_reasons(error: Exception, reason: str) -> None:
    failure = classify(error, "training")
    assert failure.reason == reason
    assert reason in REASONS
    assert failure.message and failure.advice


def test_the_cause_counts_not_what_a_library_made_of_it() -> None:
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device")
        except OSError as cause:
            raise RuntimeError("the save failed") from cause
    except RuntimeError as error:
        assert classify(error).reason == "disk_full"


def test_out_of_memory_says_in_which_phase_and_what_to_change() -> None:
    failure = classify(OutOfMemoryError("CUDA out of memory."), "rehearsing")
    assert "while rehearsing" in failure.message
    assert "micro_batch_size" in failure.advice


@pytest.mark.parametrize(
    ("change", "reason", "words"),
    [
        ({"format": 2}, "wrong_version", "format 2"),
        ({"objective": "dpo"}, "unsupported", "dpo"),
        ({"method": "magic"}, "unsupported", "magic"),
        ({"values": {}}, "wrong_version", "epochs"),
    ],
)
def test_a_plan_of_another_version_is_refused(
    workshop: Workshop, tmp_path: Path, change: dict[str, Any], reason: str, words: str
) -> None:
    job = workshop.job(tmp_path / "job", model={"path": "/nowhere"})
    path = job.folder / "plan.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(Failure) as refused:
        read_plan(path)
    assert refused.value.reason == reason
    assert words in refused.value.message

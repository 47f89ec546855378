"""What the demonstration shows at its end: base beside tuned, on prompts that neither has seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ..engine import Engine
from ..job import Job
from ..models.answers import answers
from ..records import read_lines, write_json
from .job import FOLDER
from .score import score

ANSWER_TOKENS = 64
SHOWN = 4


@dataclass(frozen=True)
class Accuracy:
    """Exact answers of the base and of the tuned model on the same prompts."""

    name: str
    rows: int
    base: int
    tuned: int


@dataclass(frozen=True)
class Pair:
    """One prompt with what is expected, and both answers."""

    prompt: str
    expected: str
    base: str
    tuned: str


@dataclass(frozen=True)
class DemoReport:
    """Everything that the demonstration measured."""

    eval_loss_before: float | None
    eval_loss_after: float | None
    accuracy: tuple[Accuracy, ...]
    pairs: tuple[Pair, ...]


def report(job: Job, engine: Engine, progress: Callable[[int, int], None]) -> DemoReport:
    """Let base and tuned model answer every test prompt, greedily, and count.

    Args:
        progress: called with answers done and in all.

    Returns:
        What was measured; also written to the job's evals/demo.json.

    Raises:
        EngineError: the model can't be loaded.
    """
    refs = {ref.label.partition("@")[2] or "tuned": ref for ref in engine.models(job)}
    files = {
        "test prompts, names never seen": FOLDER / "data" / "test.jsonl",
        "phrasings never seen either": FOLDER / "data" / "test_new_phrasings.jsonl",
    }
    rows = {name: read_lines(path) for name, path in files.items()}
    every = [row for part in rows.values() for row in part]
    said = answers([refs["base"], refs["tuned"]], every, ANSWER_TOKENS, progress)
    accuracy, start = [], 0
    for name, part in rows.items():
        base, tuned = (texts[start : start + len(part)] for texts in said)
        accuracy.append(Accuracy(name, len(part), score(part, base).exact, score(part, tuned).exact))
        start += len(part)
    state = job.state()
    result = DemoReport(state.first_eval_loss, state.eval_loss, tuple(accuracy), _pairs(every, *said))
    folder = job.paths.folder / "evals"
    folder.mkdir(exist_ok=True)
    write_json(Path(folder, "demo.json"), asdict(result))
    return result


def _pairs(rows: list[dict[str, Any]], base: list[str], tuned: list[str]) -> tuple[Pair, ...]:
    pairs = []
    for row, first, second in list(zip(rows, base, tuned, strict=True))[:SHOWN]:
        messages = row["messages"]
        pairs.append(Pair(messages[-2]["content"], messages[-1]["content"], first, second))
    return tuple(pairs)

"""Tokens by a model's own tokenizer: a folder's, a cached one's, a job's with its template."""

from __future__ import annotations

import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from finetui.engines.datasets.checking import crew
from finetui.engines.datasets.checking.check import Asked, check
from finetui.engines.datasets.read import Row
from finetui.engines.datasets.tokens.counter import Counter
from finetui.engines.datasets.tokens.model import ModelCounter, model_counter
from finetui.engines.datasets.tokens.preview import PreviewModel
from finetui.engines.demo.job import FOLDER
from finetui.engines.engine import EngineError
from finetui.engines.home import Home
from finetui.engines.settings import Settings
from homes.jobs import add_job

MODEL = FOLDER / "model"


def row(body: dict[str, Any], line: int = 1) -> Row:
    return Row(body, msgspec.json.encode(body), "a.jsonl", line)


def chat(*contents: str) -> list[dict[str, Any]]:
    return [
        {"role": "assistant" if place % 2 else "user", "content": text} for place, text in enumerate(contents)
    ]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(Home(tmp_path / "home"), tmp_path / "config.toml")


def test_each_kind_of_row_has_its_tokens(settings: Settings) -> None:
    counter = model_counter(str(MODEL), settings, max_length=6)
    assert counter is not None
    check: Counter = counter
    assert check.exact
    plain, completion, text, preference, pair, judged = counter.count(
        [
            row({"messages": chat("q", "a")}),
            row({"prompt": "q", "completion": "a"}),
            row({"text": "a"}),
            row(
                {
                    "messages": chat("q", "a", "q"),
                    "chosen": chat("q", "a")[1:],
                    "rejected": chat("q", "b")[1:],
                }
            ),
            row({"prompt": "q", "chosen": "a", "rejected": "b"}),
            row({"messages": chat("q", "a"), "label": True}),
        ]
    )
    counter.close()
    # begin, user, q, end, assistant, a, end: the last one lies beyond six
    assert (plain.tokens, plain.trained, plain.ends, plain.begins, plain.lost) == (7, 2, True, 1, 1)
    assert judged == plain
    # Nothing stands before the first token from which it could be predicted.
    assert (completion.trained, text.trained) == (2, text.tokens - 1)
    # Two answers, each behind the same prompt of three turns.
    assert (preference.tokens, preference.trained, preference.lost) == (2 * 13, 2 * 2, 2 * 2)
    assert (pair.tokens, pair.trained) == (2 * completion.tokens, 2 * completion.trained)


def test_a_row_that_the_template_refuses_names_its_line_and_the_others_count(settings: Settings) -> None:
    counter = model_counter(str(MODEL), settings)
    assert counter is not None
    tool = [{"role": "tool", "content": "x"}]
    good, bad, again = counter.count(
        [row({"messages": chat("q", "a")}), row({"messages": tool + chat("q", "a")}, 7), row({"text": "a"})]
    )
    counter.close()
    assert good.error is None and again.error is None
    assert bad.tokens == 0 and "a.jsonl, line 7" in str(bad.error) and "not tool" in str(bad.error)


def test_a_job_counts_with_the_template_it_trained_with(settings: Settings) -> None:
    job = add_job(settings, "mine")
    plan = job.plan()
    template = "{% for m in messages %}{{ m['content'] }}<|end|>{% endfor %}"
    plan["model"] = {"name": "demo", "path": str(MODEL)}
    plan["template"] = {"text": template}
    job.paths.plan.write_bytes(msgspec.json.encode(plan))
    counter = model_counter("mine", settings)
    assert counter is not None
    [counted] = counter.count([row({"messages": chat("q", "a")})])
    counter.close()
    assert (counted.tokens, counted.trained, counted.begins) == (4, 2, 0)


def test_what_is_not_here_is_none_and_what_is_nothing_is_an_error(settings: Settings, tmp_path: Path) -> None:
    assert model_counter("nobody/has-this", settings) is None
    with pytest.raises(EngineError) as caught:
        model_counter(str(tmp_path / "gone"), settings)
    assert caught.value.reason == "model_not_found" and caught.value.advice
    with pytest.raises(EngineError):
        model_counter("no such thing", settings)


def test_a_model_without_a_template_says_so_once(settings: Settings, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    folder.mkdir()
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json"):
        (folder / name).write_bytes((MODEL / name).read_bytes())
    counter = model_counter(str(folder), settings)
    assert counter is not None
    assert counter.count([row({"text": "a"})])[0].error is None
    with pytest.raises(EngineError, match="no chat template") as caught:
        counter.count([row({"messages": chat("q", "a")})])
    assert "chatml" in caught.value.advice
    counter.close()


def test_a_count_that_is_closed_ends(settings: Settings) -> None:
    counter = ModelCounter(PreviewModel("demo", MODEL), lambda: sys.executable)
    counter.count([row({"text": "a"})])
    closer = threading.Timer(0.05, counter.close)
    closer.start()
    with pytest.raises(EngineError, match="ended"):
        counter.count([row({"messages": chat("q " * 50, "a " * 50)})] * 50_000)
    closer.join()


def test_a_check_by_several_processes_leaves_no_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, path = tmp_path / "temporary", tmp_path / "a.jsonl"
    folder.mkdir()
    path.write_text('{"text": "a"}\n' * 10)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(crew, "SMALL_BYTES", 0)
    monkeypatch.setattr(crew, "hands", lambda: 2)
    [report] = check([path], Asked(target="local", model=str(MODEL))).files
    assert report.tokens is not None and report.tokens.exact
    assert not list(folder.iterdir())

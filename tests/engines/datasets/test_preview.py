"""Rows rendered by the real trainer's program, with the bundled model."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import threading
from pathlib import Path

import psutil
import pytest
from finetui.engines.datasets.kept.counts import WORTH_BYTES, Counting
from finetui.engines.datasets.kept.known import KnownDatasets, remember
from finetui.engines.datasets.tokens.preview import Preview, PreviewModel, Rendered, model_named
from finetui.engines.datasets.viewing.rows import Rows
from finetui.engines.demo.job import FOLDER
from finetui.engines.engine import EngineError
from finetui.engines.home import Home

MODEL = PreviewModel("demo", FOLDER / "model")


def canonical(tmp_path: Path, content: str) -> list[bytes]:
    path = tmp_path / "a.jsonl"
    path.write_text(content, "utf-8")
    rows = Rows(path)
    rows.grow()
    lines = [row.row.canonical_line for row in rows.read(0, 99) if row.row is not None]
    rows.close()
    return lines


def no_trainer() -> str:
    raise AssertionError("the app's own interpreter does")


def test_rows_are_rendered_token_by_token(tmp_path: Path) -> None:
    answer = "Grüße 细胞 🦊\n"
    lines = canonical(tmp_path, f'{{"question": "wer?", "answer": {answer!r}}}\n'.replace("'", '"') * 3)
    done: dict[int, Rendered] = {}
    preview = Preview(MODEL, no_trainer)
    assert preview.render(lines, done.__setitem__)
    preview.close()
    assert sorted(done) == [0, 1, 2]
    row = done[1]
    assert row.error is None and row.ends and row.begins == 1
    assert "".join(token.text for token in row.tokens if token.trained) == f"{answer}<|end|>"
    assert {token.text for token in row.tokens if token.special} == {
        "<|begin|>",
        "<|user|>",
        "<|assistant|>",
        "<|end|>",
    }
    assert 0 < row.trained < len(row.tokens)
    assert done[0] == done[2]


def processes_of_mine() -> set[int]:
    return {child.pid for child in psutil.Process().children()}


def test_one_process_renders_row_after_row_and_a_dead_one_is_replaced(tmp_path: Path) -> None:
    lines = canonical(tmp_path, '{"question": "q", "answer": "a"}\n')
    before = processes_of_mine()
    preview = Preview(MODEL, no_trainer)
    done: list[Rendered] = []
    assert preview.render(lines, lambda _, row: done.append(row))
    [first] = processes_of_mine() - before
    assert preview.render(lines * 40, lambda _, row: done.append(row))
    assert processes_of_mine() - before == {first}
    os.kill(first, signal.SIGKILL)
    assert preview.render(lines, lambda _, row: done.append(row))
    [second] = processes_of_mine() - before
    assert second != first
    preview.rest()
    assert processes_of_mine() == before
    assert preview.render(lines, lambda _, row: done.append(row))
    preview.close()
    assert processes_of_mine() == before
    assert len(done) == 43 and len(set(done)) == 1


def test_a_template_that_refuses_a_row_says_so_and_the_others_are_shown(tmp_path: Path) -> None:
    lines = canonical(tmp_path, '{"question": "no", "answer": "a"}\n{"question": "q", "answer": "a"}\n')
    template = (
        "{% if messages[0]['content'] == 'no' %}{{ raise_exception('no no here') }}{% endif %}"
        "{{ messages[0]['content'] + '<|assistant|>' }}"
        "{% if messages | length > 1 %}{{ messages[1]['content'] + eos_token }}{% endif %}"
    )
    done: dict[int, Rendered] = {}
    preview = Preview(PreviewModel("demo", MODEL.path, template), no_trainer)
    preview.render(lines, done.__setitem__)
    preview.close()
    assert "no no here" in str(done[0].error) and "line 1" in str(done[0].error)
    assert done[1].ends


def unknown_kind(tmp_path: Path) -> PreviewModel:
    """A model whose tokenizer only transformers can make."""
    folder = tmp_path / "model"
    shutil.copytree(MODEL.path, folder)
    config = json.loads((folder / "config.json").read_text())
    # Read by transformers as it is, but not in our tables.
    (folder / "config.json").write_text(json.dumps(config | {"model_type": "olmo3_next"}))
    return PreviewModel("odd", folder)


@pytest.mark.torch
def test_a_tokenizer_of_an_unknown_kind_is_read_by_the_trainers_interpreter(tmp_path: Path) -> None:
    lines = canonical(tmp_path, '{"question": "q", "answer": "a"}\n' * 2)
    shown: dict[str, dict[int, Rendered]] = {"quick": {}, "slow": {}}
    quick, slow = Preview(MODEL, no_trainer), Preview(unknown_kind(tmp_path), lambda: sys.executable)
    for preview, done in zip((quick, slow), shown.values(), strict=True):
        assert preview.render(lines, done.__setitem__)
        preview.close()
    assert shown["quick"] == shown["slow"]


def test_an_unknown_kind_without_a_trainer_says_what_is_missing_and_why(tmp_path: Path) -> None:
    def none_here() -> str:
        raise EngineError("missing_package", "no Python here can train", "`finetui setup trainer`")

    with pytest.raises(EngineError, match=r"olmo3_next.*no Python here") as caught:
        Preview(unknown_kind(tmp_path), none_here).render([b"{}"], lambda *_: None)
    assert caught.value.advice == "`finetui setup trainer`"


def test_no_model_there_is_an_error_in_words(tmp_path: Path) -> None:
    lines = canonical(tmp_path, '{"question": "q", "answer": "a"}\n')
    with pytest.raises(EngineError) as caught:
        Preview(PreviewModel("x", tmp_path / "gone"), no_trainer).render(lines, lambda *_: None)
    assert caught.value.reason == "model_not_found" and str(tmp_path) in caught.value.message


def test_no_interpreter_is_an_error_in_words(tmp_path: Path) -> None:
    model = unknown_kind(tmp_path)
    with pytest.raises(EngineError, match="does not run"):
        Preview(model, lambda: str(tmp_path / "python")).render([b"{}"], lambda *_: None)
    with pytest.raises(EngineError):
        Preview(model, lambda: "/bin/false").render([b"{}"], lambda *_: None)


def test_what_is_closed_ends_at_once_and_quietly(tmp_path: Path) -> None:
    lines = canonical(tmp_path, '{"question": "q", "answer": "a"}\n')
    before = processes_of_mine()
    preview = Preview(MODEL, no_trainer)
    begun = threading.Event()

    def close_when_begun() -> None:
        begun.wait(60)
        preview.close()

    closer = threading.Thread(target=close_when_begun)
    closer.start()
    assert not preview.render(lines * 20_000, lambda *_: begun.set())
    closer.join()
    assert not preview.render(lines, lambda *_: pytest.fail("it was closed"))
    assert processes_of_mine() == before


def test_a_model_by_its_name() -> None:
    found = model_named(str(MODEL.path))
    assert found is not None and found.path == MODEL.path
    assert model_named("nobody/has-this") is None


def test_the_tokens_of_a_file_are_counted_once_and_kept(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "q", "answer": "a"}\n' * 30 + '{"question": 1}\n')
    rows = Rows(path)
    rows.grow()
    remember(home, path)
    datasets = KnownDatasets(home)
    [known] = datasets.known([])
    datasets.read(known)
    assert datasets.known([])[0].tokens is None
    counted = Counting(MODEL, no_trainer).run(home, rows, lambda done: None)
    assert counted is not None and (counted.rows, counted.refused) == (30, 0)
    # begin, user, q, end, assistant, a, end
    assert (counted.tokens, counted.trained_tokens) == (30 * 7, 30 * 2)
    [known] = KnownDatasets(home).known([])
    assert (known.tokens, known.trained_tokens, known.tokenizer) == (210, 60, "demo")
    with path.open("a") as file:
        file.write('{"question": "q", "answer": "a"}\n')
    [known] = KnownDatasets(home).known([])
    assert known.tokens is None
    rows.close()


def test_several_processes_count_the_same(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    path = tmp_path / "a.jsonl"
    content = "".join(
        json.dumps({"question": "q" * (number % 50), "answer": "word " * (number % 90)}) + "\n"
        for number in range(8000)
    )
    path.write_text(content)
    assert path.stat().st_size > WORTH_BYTES
    rows = Rows(path)
    while rows.grow():
        pass
    told: list[int] = []
    results = [Counting(MODEL, no_trainer, processes).run(home, rows, told.append) for processes in (1, 3)]
    assert results[0] is not None and results[0] == results[1]
    assert results[0].rows == told[-1]
    rows.close()


def test_a_count_that_is_stopped_keeps_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "q", "answer": "a"}\n' * 3000)
    rows = Rows(path)
    rows.grow()
    before = processes_of_mine()
    counting = Counting(MODEL, no_trainer)
    assert counting.run(home, rows, lambda done: counting.stop()) is None
    assert not list(home.cache.glob("datasets/*"))
    assert processes_of_mine() == before
    rows.close()

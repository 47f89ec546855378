"""Rows rendered by the real trainer, with the bundled model."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import pytest
from finetui.engines.datasets.counts import Counting
from finetui.engines.datasets.known import KnownDatasets, remember
from finetui.engines.datasets.preview import Preview, PreviewModel, Rendered, model_named
from finetui.engines.datasets.rows import Rows
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


@pytest.mark.torch
def test_rows_are_rendered_token_by_token(tmp_path: Path) -> None:
    answer = "Grüße 细胞 🦊\n"
    lines = canonical(tmp_path, f'{{"question": "wer?", "answer": {answer!r}}}\n'.replace("'", '"') * 3)
    done: dict[int, Rendered] = {}
    Preview(sys.executable, MODEL).run(lines, done.__setitem__)
    assert sorted(done) == [0, 1, 2]
    row = done[1]
    assert row.error is None and row.ends
    assert "".join(token.text for token in row.tokens if token.trained) == f"{answer}<|end|>"
    assert {token.text for token in row.tokens if token.special} == {
        "<|begin|>",
        "<|user|>",
        "<|assistant|>",
        "<|end|>",
    }
    assert 0 < row.trained < len(row.tokens)
    assert done[0] == done[2]


@pytest.mark.torch
def test_a_template_that_refuses_a_row_says_so_and_the_others_are_shown(tmp_path: Path) -> None:
    tool = '{"messages": [{"role": "user", "content": "q"}, {"role": "developer", "content": "x"}]}\n'
    lines = canonical(tmp_path, '{"question": "q", "answer": "a"}\n' * 2 + tool)
    template = "{% if messages[0]['content'] == 'q' %}{{ raise_exception('no q here') }}{% endif %}"
    done: dict[int, Rendered] = {}
    Preview(sys.executable, PreviewModel("demo", MODEL.path, template)).run(lines[:2], done.__setitem__)
    assert "no q here" in str(done[0].error) and "line 1" in str(done[0].error)


@pytest.mark.torch
def test_no_model_there_is_an_error_in_words(tmp_path: Path) -> None:
    lines = canonical(tmp_path, '{"question": "q", "answer": "a"}\n')
    with pytest.raises(EngineError) as caught:
        Preview(sys.executable, PreviewModel("x", tmp_path)).run(lines, lambda *_: None)
    assert caught.value.message


def test_no_interpreter_is_an_error_in_words(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="does not run"):
        Preview(str(tmp_path / "python"), MODEL).run([b"{}"], lambda *_: None)
    with pytest.raises(EngineError):
        Preview("/bin/false", MODEL).run([b"{}"], lambda *_: None)


def test_what_is_stopped_ends_at_once_and_quietly(tmp_path: Path) -> None:
    lines = canonical(tmp_path, '{"question": "q", "answer": "a"}\n')
    preview = Preview(sys.executable, MODEL)
    threading.Timer(0.3, preview.stop).start()
    preview.run(lines * 2000, lambda *_: None)
    preview.run(lines, lambda *_: pytest.fail("it was stopped"))


def test_a_model_by_its_name() -> None:
    found = model_named(str(MODEL.path))
    assert found is not None and found.path == MODEL.path
    assert model_named("nobody/has-this") is None


@pytest.mark.torch
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
    counted = Counting(sys.executable, MODEL).run(home, rows, lambda done: None)
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


def test_a_count_that_is_stopped_keeps_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    path = tmp_path / "a.jsonl"
    path.write_text('{"question": "q", "answer": "a"}\n' * 30)
    rows = Rows(path)
    rows.grow()
    counting = Counting(sys.executable, MODEL)
    threading.Timer(0.3, counting.stop).start()
    assert counting.run(home, rows, lambda done: None) is None
    assert not list(home.cache.glob("datasets/*"))
    rows.close()

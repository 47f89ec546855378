"""`preview` shows rows as they are trained."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from trainer import templates
from trainer.workshop import Workshop, chats, make_rows

pytestmark = pytest.mark.torch


def test_preview_shows_tokens_labels_and_refused_rows(workshop: Workshop, tmp_path: Path) -> None:
    good = chats(1, seed=5)[0]
    rows = make_rows(tmp_path / "rows.jsonl", [good, {"messages": good["messages"][:1]}, good])
    template = tmp_path / "template.jinja"
    template.write_text(templates.LLAMA3)
    status, output = workshop.run(
        "preview", workshop.model(), "--data", rows, "--template", template, "--rows", "0:2"
    )
    first, second = (json.loads(line) for line in output.splitlines())
    assert status == 0
    assert "".join(first["texts"]).endswith(f"{good['messages'][1]['content']}<|eot_id|>")
    trained = [text for text, label in zip(first["texts"], first["labels"], strict=True) if label != -100]
    assert "".join(trained) == f"{good['messages'][1]['content']}<|eot_id|>"
    assert first["trained_tokens"] == len(trained)
    assert first["source"] == {"file": "/data/rows.jsonl", "line": 1}
    assert first["ends"]
    assert second["row"] == 1
    assert "line 2: no token" in second["error"]


def test_rows_are_answered_as_they_come_and_one_that_cannot_be_is_only_left_out(
    workshop: Workshop, tmp_path: Path
) -> None:
    template = tmp_path / "template.jinja"
    template.write_text(templates.THINKING)
    process = workshop.start(
        *("preview", workshop.model(), "--data", "-", "--template", template),
        without="transformers",
        stdin=subprocess.PIPE,
    )
    assert process.stdin is not None and process.stdout is not None
    answers = []
    for row in (chats(1, seed=5)[0], {"text": "order", "source": {"file": "a", "line": 2}}):
        process.stdin.write(json.dumps(row) + "\n")
        process.stdin.flush()
        answers.append(json.loads(process.stdout.readline()))
    process.stdin.close()
    assert process.wait(60) == 0
    assert "otherwise when the model is to answer" in answers[0]["error"]
    assert answers[1]["row"] == 1 and answers[1]["begins"] == 1
    assert "".join(answers[1]["texts"]) == "<|begin_of_text|>order<|end_of_text|>"


def test_preview_of_no_model_says_so(workshop: Workshop, tmp_path: Path) -> None:
    rows = make_rows(tmp_path / "rows.jsonl", chats(1, seed=5))
    status, output = workshop.run("preview", tmp_path / "nowhere", "--data", rows)
    assert status == 1
    assert json.loads(output)["error"]["reason"] == "model_not_found"

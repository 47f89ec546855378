"""`chat`: one base, adapters by name of their folder, answers in pieces, a stop in the middle."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trainer.workshop import Job, Workshop, lines_of, make_rows

pytestmark = pytest.mark.torch

HELLO = [{"role": "user", "content": "book a table"}]


class Chat:
    """A running `chat`, spoken to in JSON lines."""

    def __init__(self, workshop: Workshop, *arguments: object) -> None:
        import subprocess

        self._process = workshop.start("chat", *arguments, "--device", "cpu", stdin=subprocess.PIPE)
        self._lines = lines_of(self._process)
        self.ready = self.read()

    def read(self) -> dict[str, Any]:
        return json.loads(next(self._lines))

    def send(self, **request: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def answer(self, number: object) -> tuple[str, dict[str, Any]]:
        """All of an answer's text, and the line that ends it."""
        text = ""
        while True:
            line = self.read()
            assert line["id"] == number
            if "text" not in line:
                return text, line
            text += line["text"]

    def ask(self, number: object, **request: Any) -> tuple[str, dict[str, Any]]:
        self.send(id=number, **request)
        return self.answer(number)

    def end(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(30)


@pytest.fixture(scope="module")
def tuned(workshop: Workshop, tmp_path_factory: pytest.TempPathFactory) -> Job:
    job = workshop.job(
        tmp_path_factory.mktemp("tuned") / "job",
        "qlora",
        learning_rate=3e-2,
        epochs=3,
        sample_tokens=24,
        rank=16,
    )
    workshop.run_all([job])
    assert job.outcome["outcome"] == "succeeded"
    return job


@pytest.fixture(scope="module")
def chat(workshop: Workshop) -> Iterator[Chat]:
    chat = Chat(workshop, workshop.model(), "--load", "qlora")
    yield chat
    assert chat.end() == 0


def test_it_says_when_it_is_ready(chat: Chat) -> None:
    assert chat.ready["ready"]
    assert chat.ready["device"] == "cpu"
    assert chat.ready["dtype"] == "nf4"
    assert chat.ready["memory_bytes"] > 2**20


def test_the_tuned_model_answers_as_its_sample_in_training_did(chat: Chat, tuned: Job) -> None:
    sample = tuned.said("sample")[-1]
    adapter = str(tuned.folder / "result")
    text, done = chat.ask(1, adapter=adapter, messages=sample["prompt"], max_tokens=24, temperature=0)
    assert text == sample["answer"]
    assert done["stop_reason"] in ("stop", "length")
    assert 0 < done["first_token_seconds"] <= done["seconds"]
    base, _ = chat.ask(2, adapter=None, messages=sample["prompt"], max_tokens=24, temperature=0)
    assert base != text
    again, _ = chat.ask(3, adapter=adapter, messages=sample["prompt"], max_tokens=24, temperature=0)
    assert again == text
    first = tuned.said("sample")[0]
    assert base == first["answer"], "the base is what the job began from"


def test_a_seed_makes_sampling_repeatable(chat: Chat) -> None:
    asked = {"messages": HELLO, "max_tokens": 12, "temperature": 1.5, "top_p": 0.95}
    one, _ = chat.ask(4, seed=7, **asked)
    same, _ = chat.ask(5, seed=7, **asked)
    other, _ = chat.ask(6, seed=8, **asked)
    assert one == same != other


def test_raw_prompts_are_continued(chat: Chat) -> None:
    _, done = chat.ask(7, prompt="alpha beta", max_tokens=5)
    assert done["stop_reason"] in ("length", "stop")
    assert done["tokens"] <= 5


def test_requests_wait_their_turn_and_a_stop_reaches_the_one_that_is_answered(chat: Chat) -> None:
    chat.send(id=8, messages=HELLO, max_tokens=200, temperature=2.0)
    chat.send(id=9, messages=HELLO, max_tokens=3)
    first = chat.read()
    assert first["id"] == 8
    chat.send(id=8, stop=True)
    _, done = chat.answer(8)
    assert done["stop_reason"] in ("cancelled", "stop")
    assert done["tokens"] < 200
    _, done = chat.answer(9)
    assert done["tokens"] <= 3


@pytest.mark.parametrize(
    ("request_", "reason", "words"),
    [
        ({"adapter": "/nowhere", "messages": HELLO}, "model_not_found", "/nowhere"),
        ({"prompt": "alpha " * 300}, "data", "context is 256"),
        ({}, "data", "prompt"),
    ],
)
def test_a_request_that_cannot_be_answered_gets_a_reason(
    chat: Chat, request_: dict[str, Any], reason: str, words: str
) -> None:
    _, line = chat.ask("bad", **request_)
    assert line["error"]["reason"] == reason
    assert words in line["error"]["message"]
    assert line["error"]["advice"]


def test_a_model_that_is_not_there_ends_it(workshop: Workshop, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    chat = Chat(workshop, empty)
    assert chat.ready["error"]["reason"] == "model_not_found"
    assert chat.end() == 1


def test_many_rows_at_once_are_answered_as_one_by_one(
    workshop: Workshop, tuned: Job, chat: Chat, tmp_path: Path
) -> None:
    # Given rows of different lengths, whose answers the model must not see
    questions = ["book a table", "book a table for two on friday please", "hello"]
    rows = [
        {"messages": [{"role": "user", "content": text}, {"role": "assistant", "content": "hidden"}]}
        for text in questions
    ]
    data = make_rows(tmp_path / "rows.jsonl", rows)
    result = tuned.folder / "result"

    # When base and adapter answer all of them in one call
    status, said = workshop.run(
        *("answer", workshop.model(), "--load", "qlora", "--device", "cpu", "--data", data),
        *("--adapter", "base", "--adapter", result, "--max-tokens", 12),
    )
    assert status == 0, said
    together = {(line["model"], line["row"]): line["text"] for line in map(json.loads, said.splitlines())}

    # Then each answer is the one that it would get alone
    assert len(together) == 6
    for number, text in enumerate(questions):
        prompt = [{"role": "user", "content": text}]
        for model, adapter in enumerate((None, str(result))):
            alone, _ = chat.ask(f"{model}{number}", messages=prompt, adapter=adapter, max_tokens=12)
            assert together[model, number] == alone


def test_a_batch_that_cannot_be_answered_says_why(workshop: Workshop, tmp_path: Path) -> None:
    data = make_rows(tmp_path / "rows.jsonl", [{"prompt": "a", "completion": "b"}])
    status, said = workshop.run("answer", tmp_path / "nothing", "--data", data, "--adapter", "base")
    assert status == 1
    assert json.loads(said)["error"]["reason"] == "model_not_found"

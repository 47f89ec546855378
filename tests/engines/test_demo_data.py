"""The demonstration's data: the same whenever it is written, and honest about what is new in the tests."""

import json
import re
from pathlib import Path

import pytest
from finetui.engines.demo import generate, new_phrasings, wordings
from finetui.engines.demo.chats import fill
from finetui.engines.demo.corpus import corpus
from finetui.engines.demo.domains import TABLE
from finetui.engines.demo.score import Score, exact, score

TUNING = ("train", "valid")
TESTS = ("test", "test_new_phrasings")


def rows(name: str) -> list[dict]:
    with (generate.DATA / f"{name}.jsonl").open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def prompt(row: dict) -> str:
    return row["messages"][1]["content"]


def wanted(row: dict) -> dict:
    return json.loads(row["messages"][-1]["content"])


def test_writing_again_gives_the_bundled_files_to_the_byte(tmp_path: Path) -> None:
    for path in generate.write(tmp_path):
        assert path.read_bytes() == (generate.DATA / path.name).read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {path.name for path in generate.DATA.glob("*.jsonl")}


def test_every_row_is_a_request_and_its_booking_as_json() -> None:
    for name, count in generate.ROWS.items():
        read = rows(name)
        assert len(read) == count
        for row in read:
            assert [message["role"] for message in row["messages"]] == ["system", "user", "assistant"]
            booking = wanted(row)
            assert list(booking) == ["name", "guests", "day", "time"]
            assert booking["name"].lower() in prompt(row).lower()
            assert booking["day"].lower() in prompt(row).lower()
            assert 1 <= booking["guests"] <= 12
            assert re.fullmatch(r"(1[2-9]|2[0-2]):(00|15|30|45)", booking["time"])


def test_no_prompt_occurs_twice() -> None:
    prompts = [prompt(row) for name in generate.ROWS for row in rows(name)]
    assert len(prompts) == len(set(prompts))


def test_no_word_of_a_tested_name_was_ever_tuned_on() -> None:
    tuned = {word for name in TUNING for row in rows(name) for word in wanted(row)["name"].split()}
    for name in TESTS:
        for row in rows(name):
            assert not tuned & set(wanted(row)["name"].split())


def _sentences(row: dict) -> set[str]:
    """The prompt's sentences without what is filled in."""
    booking = wanted(row)
    text = prompt(row).replace(booking["name"], "NAME").replace(booking["day"], "DAY").lower()
    text = re.sub(r"\b(one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|noon|\d+)\b", "#", text)
    return {part.strip() for part in re.split(r"[.!?\n]", text) if len(part.split()) > 3}


def test_the_new_phrasings_are_new() -> None:
    tuned = {sentence for name in (*TUNING, "test") for row in rows(name) for sentence in _sentences(row)}
    for row in rows("test_new_phrasings"):
        assert not tuned & _sentences(row)


def test_the_corpus_knows_neither_the_tests_names_nor_their_phrasings_nor_json_for_tables() -> None:
    held_out = {word for row in rows("test") for word in wanted(row)["name"].split()}
    phrases = {re.split(r"\{\w+\}", text)[1] for text in new_phrasings.HELD_OUT_REQUESTS}
    phrases = {phrase for phrase in phrases if len(phrase.split()) > 3}
    desks = tuple(fill(text, place="").split(".")[0][:20] for text in TABLE.desks)
    for chat in corpus(seed=3, chats=3000):
        said = " ".join(message["content"] for message in chat)
        # Short invented words are not counted: chance makes them again.
        assert not {word for word in held_out if len(word) > 7} & set(said.split())
        assert not any(phrase in said for phrase in phrases)
        if chat[0]["role"] == "system" and chat[0]["content"].startswith(desks):
            assert not any(m["content"].startswith("{") for m in chat if m["role"] == "assistant")


def test_every_wording_has_the_slots_that_its_request_needs() -> None:
    for text in new_phrasings.HELD_OUT_REQUESTS:
        assert {slot.lower() for slot in re.findall(r"\{(\w+)\}", text)} == {"name", "count", "day", "time"}
    for text in wordings.WHENS:
        assert set(re.findall(r"\{(\w+)\}", text)) == {"day", "time"}


@pytest.mark.parametrize(
    ("answer", "right"),
    [
        ('{"name": "Ada", "guests": 2}', True),
        ('{"guests":2,"name":"Ada"}', True),
        ('{"name": "Ada", "guests": "2"}', False),
        ('Sure! {"name": "Ada", "guests": 2}', False),
        ('{"name": "Ada", "guests": 2', False),
        ("null", False),
        ("", False),
    ],
)
def test_an_answer_is_exact_when_its_json_is_equal(answer: str, right: bool) -> None:
    assert exact(answer, '{"name": "Ada", "guests": 2}') is right


def test_a_score_counts_exact_answers_and_json() -> None:
    read = rows("test")[:3]
    answers = [
        read[0]["messages"][-1]["content"],
        '{"name": "somebody else"}',
        "Of course! A table is waiting.",
    ]
    result = score(read, answers)
    assert result == Score(rows=3, exact=1, json=2)
    assert result.accuracy == pytest.approx(1 / 3)
    assert score([], []).accuracy == 0.0


def test_a_missing_answer_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ValueError):
        score(rows("test")[:2], ["only one"])

"""Rows as questions: what a model is shown of them, and what is expected of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from finetui.engines.datasets.viewing.question import Question, question_of, read_questions

USER, ANSWER = {"role": "user", "content": "two?"}, {"role": "assistant", "content": "b"}
EARLIER = [{"role": "user", "content": "one?"}, {"role": "assistant", "content": "a"}]
SYSTEM = {"role": "system", "content": "Be odd."}


def test_the_last_answer_is_what_is_expected() -> None:
    question = question_of({"messages": [SYSTEM, *EARLIER, USER, ANSWER], "tools": [{"name": "t"}]})
    assert question == Question([SYSTEM, *EARLIER, USER], "b", [{"name": "t"}])
    assert (question.text, question.system) == ("two?", "Be odd.")


def test_raw_rows_are_raw_prompts() -> None:
    assert question_of({"prompt": "Once", "completion": " upon"}) == Question("Once", " upon")
    assert question_of({"text": "Once"}) == Question("Once")
    assert Question("Once").with_system("Be odd.") == Question("Once")
    assert Question("Once", " upon").with_text("Twice") == Question("Twice")


@pytest.mark.parametrize("own", [[], [SYSTEM]])
def test_a_system_prompt_takes_the_place_of_the_own(own: list[dict[str, str]]) -> None:
    question = Question([*own, *EARLIER, USER], "b")
    assert question.with_system("New.") == Question(
        [{"role": "system", "content": "New."}, *EARLIER, USER], "b"
    )
    assert question.with_system("") == question.with_system(None) == Question([*EARLIER, USER], "b")


def test_a_changed_prompt_keeps_the_turns_before_it_and_expects_nothing() -> None:
    changed = Question([*EARLIER, USER], "b").with_text("three?")
    assert changed == Question([*EARLIER, {"role": "user", "content": "three?"}])
    assert Question([]).with_text("x") == Question([{"role": "user", "content": "x"}])


def test_rows_are_read_from_a_file_up_to_a_number(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps({"text": str(number)}) + "\n" for number in range(5)), "utf-8")
    assert read_questions(path, 3) == [Question("0"), Question("1"), Question("2")]
    assert len(read_questions(path, 9)) == 5

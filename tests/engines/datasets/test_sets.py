"""What only a look at all rows shows: rows that repeat, contradict or nearly equal each other."""

from __future__ import annotations

import json
import pickle
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest
from finetui.engines.datasets.checking.check import check
from finetui.engines.datasets.problem import Problem
from finetui.engines.datasets.read import Row
from finetui.engines.datasets.sets.exchanges import Exchanges
from finetui.engines.datasets.sets.frequent import Frequent
from finetui.engines.datasets.sets.keys import keys_of
from finetui.engines.datasets.sets.seen import Seen, leaks
from hypothesis import given, settings
from hypothesis import strategies as st

Body = dict[str, Any]


def turns(*contents: str, system: str | None = None) -> Body:
    """A conversation in which user and assistant speak in turn."""
    roles = ("user", "assistant")
    messages = [{"role": roles[place % 2], "content": content} for place, content in enumerate(contents)]
    return {"messages": [{"role": "system", "content": system}, *messages] if system else messages}


def row(body: Body, line: int) -> Row:
    return Row(body, msgspec.json.encode(body), "rows.jsonl", line)


def seen_of(bodies: Sequence[Body], first_line: int = 1, met: set[bytes] | None = None) -> Seen:
    """Args: met: what was seen in earlier blocks, of which nothing but the keys is looked at again."""
    seen = Seen()
    met = set() if met is None else met
    for line, body in enumerate(bodies, start=first_line):
        one = row(body, line)
        keys = keys_of(one)
        if one.encoded not in met:
            seen.meet(line, one, keys)
        seen.place((line,), (keys.row,))
        seen.count(keys, 1)
        met.add(one.encoded)
    return seen


def problems(bodies: Sequence[Body]) -> list[Problem]:
    return list(seen_of(bodies).problems("rows.jsonl"))


def told(bodies: Sequence[Body]) -> list[tuple[str, int | None]]:
    return [(problem.id, problem.line) for problem in problems(bodies)]


def test_a_repeated_row_names_the_first_of_its_like():
    bodies = [turns("What is a cat?", "An animal."), turns("And a car?", "A machine."), turns("hi", "ho")]
    found = problems([*bodies, bodies[1], bodies[1]])
    assert [(problem.id, problem.line) for problem in found] == [("duplicate", 4), ("duplicate", 5)]
    assert all("line 2" in problem.message for problem in found)


@given(st.lists(st.integers(0, 12), max_size=60), st.integers(0, 60))
def test_repeated_rows_are_those_that_a_dictionary_finds(values: list[int], cut: int):
    seen, later = Seen(), Seen()
    first: dict[int, int] = {}
    expected: list[tuple[int, int]] = []
    for line, value in enumerate(values, start=1):
        (seen if line <= cut else later).place((line,), (value,))
        if value in first:
            expected.append((line, first[value]))
        first.setdefault(value, line)
    seen.extend(later)
    found = list(seen.problems("rows.jsonl"))
    assert [(problem.line, problem.message) for problem in found] == [
        (line, f"The row is the same as that in line {before}.") for line, before in expected
    ]


def test_two_answers_to_one_prompt_contradict_each_other_whatever_its_case_and_spaces():
    bodies = [
        turns("What is the capital of Australia?", "Canberra."),
        turns("And of Austria?", "Vienna."),
        turns("what is the  capital of Australia?\n", "Sydney."),
    ]
    [problem] = problems(bodies)
    assert (problem.id, problem.line) == ("contradiction", 3)
    assert "line 1" in problem.message


@pytest.mark.parametrize(
    "bodies",
    [
        pytest.param(
            [turns("hi", "hello"), turns("hi", "hello", "and you?", "fine")], id="one continues the other"
        ),
        pytest.param([turns("hi", "hello"), turns("hi", "Hello")], id="only the case differs"),
        pytest.param(
            [turns("hi", "hello", system="a"), turns("hi", "go away", system="b")], id="two systems"
        ),
        pytest.param(
            [
                turns("hi", "hello"),
                {
                    "messages": [
                        *turns("hi", "no")["messages"][:1],
                        {"role": "assistant", "content": "no", "train": False},
                    ]
                },
            ],
            id="one is not trained",
        ),
        pytest.param([{"prompt": "", "completion": "a"}, {"prompt": "", "completion": "b"}], id="no prompt"),
        pytest.param([{"text": "a"}, {"text": "b"}], id="plain text"),
        pytest.param(
            [
                {"prompt": "p", "chosen": "a", "rejected": "b"},
                {"prompt": "p", "chosen": "c", "rejected": "b"},
            ],
            id="other answers to choose from",
        ),
        pytest.param(
            [
                {"prompt": "p", "completion": "a", "label": True},
                {"prompt": "p", "completion": "b", "label": False},
            ],
            id="a good and a bad answer",
        ),
        pytest.param([{**turns("hi", "a"), "tools": [{"x": 1}]}, turns("hi", "b")], id="other tools"),
    ],
)
def test_what_is_no_contradiction(bodies: list[Body]):
    assert "contradiction" not in [check for check, _ in told(bodies)]


@pytest.mark.parametrize(
    ("bodies", "words"),
    [
        ([turns("a", "b", "c", "d"), turns("a", "b", "c", "e")], "another answer"),
        ([turns("a", "b"), turns("a", "x", "c", "d")], "another answer"),
        ([{"prompt": "p", "completion": "a"}, {"prompt": "P", "completion": "b"}], "another answer"),
        (
            [
                {"prompt": "p", "chosen": "a", "rejected": "b"},
                {"prompt": "p", "chosen": "b", "rejected": "a"},
            ],
            "the other way round",
        ),
        (
            [
                {"prompt": "p", "completion": "a", "label": True},
                {"prompt": "p", "completion": "a", "label": False},
            ],
            "judged the other way",
        ),
    ],
)
def test_what_is_a_contradiction(bodies: list[Body], words: str):
    [problem] = [problem for problem in problems(bodies) if problem.id == "contradiction"]
    assert problem.line == 2
    assert words in problem.message


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), max_size=80),
    st.integers(1, 40),
    st.lists(st.integers(0, 80), max_size=4),
)
def test_a_sample_has_all_rows_of_a_prompt_or_none_however_the_rows_came(
    pairs: list[tuple[int, int]], most: int, cuts: list[int]
):
    whole, merged = Exchanges(most), Exchanges(most)
    borders = [0, *sorted(min(cut, len(pairs)) for cut in cuts), len(pairs)]
    for start, end in pairwise(borders):
        part = Exchanges(most)
        for line in range(start, end):
            whole.add(line, (pairs[line],))
            part.add(line, (pairs[line],))
        merged.extend(part)
    assert whole.is_sample == merged.is_sample == (len(set(pairs)) > most)
    found = list(whole.contradictions())
    assert found == list(merged.contradictions())
    first: dict[int, tuple[int, int]] = {}
    for line, (asked, answer) in enumerate(pairs):
        first.setdefault(asked, (line, answer))
    every = [
        (line, first[asked][0])
        for line, (asked, answer) in enumerate(pairs)
        if answer != first[asked][1] and (asked, answer) not in pairs[:line]
    ]
    assert set(found) <= set(every)
    if len(set(pairs)) <= most:
        assert found == every
    assert whole.rows <= most


def test_a_prompt_that_comes_again_with_its_answer_makes_no_sample():
    exchanges = Exchanges(most=10)
    for line in range(90):
        exchanges.add(line + 1, ((line % 9, 1),))
    exchanges.add(91, ((3, 2),))
    assert not exchanges.is_sample
    assert list(exchanges.contradictions()) == [(91, 4)]


def test_a_set_of_one_answer_names_it():
    bodies = [turns(f"Is {number} even?", "No." if number % 10 else "Yes.") for number in range(100)]
    [problem] = [problem for problem in problems(bodies) if problem.id == "same-answer"]
    assert "90 %" in problem.message
    assert '"No."' in problem.message


def test_two_answers_in_turn_are_no_set_of_one_answer():
    assert "same-answer" not in [check for check, _ in told([turns(str(n), "yn"[n % 2]) for n in range(100)])]
    assert "same-answer" not in [check for check, _ in told([turns(str(n), "y") for n in range(19)])]


@given(st.lists(st.integers(0, 400), max_size=900), st.integers(0, 900))
@settings(max_examples=30)
def test_the_most_frequent_value_is_found_in_bounded_memory(others: list[int], place: int):
    values = others[:place] + [1000] * (len(others) + 1) + others[place:]
    frequent = Frequent()
    for value in values:
        frequent.add(value, 1, f"text {value}")
    text, count = frequent.most_frequent
    assert len(frequent.counts) <= 256
    assert text == "text 1000"
    assert len(others) + 1 - len(others) / 64 <= count <= len(others) + 1


def test_rows_that_lack_the_system_prompt_of_the_others_are_told():
    bodies = [turns(f"{n}?", f"{n}!", system="Be kind.") for n in range(20)]
    bodies[6] = turns("6?", "6!")
    [problem] = problems(bodies)
    assert (problem.id, problem.line) == ("some-without-system", 7)
    assert '"Be kind."' in problem.message
    assert "95 %" in problem.message


def test_system_prompts_of_a_part_of_the_rows_and_different_ones_are_fine():
    some = [turns(f"{n}?", f"{n}!", system="Be kind." if n % 2 else None) for n in range(20)]
    different = [turns(f"{n}?", f"{n}!", system=f"You are number {n}.") for n in range(19)] + [
        turns("a", "b")
    ]
    assert (
        told(some) == told(different) == told([turns(f"{n}?", f"{n}!", system="x") for n in range(20)]) == []
    )


TEMPLATE = (
    "Read the review below, which a customer of our shop wrote, and answer with exactly one word, which is "
    "either positive or negative, and with nothing else. The review, word by word as it was written: {}"
)


def test_a_row_with_a_word_changed_is_told_once_and_an_equal_one_only_as_equal():
    words = [f"word{number}" for number in range(30)]
    changed = [*words[:10], "other", *words[11:]]
    bodies = [
        turns("Say it.", " ".join(words)),
        turns("Go on.", "No."),
        turns("Say it now.", " ".join(changed)),
    ]
    found = problems([*bodies, bodies[0]])
    assert [(problem.id, problem.line) for problem in found] == [("duplicate", 4), ("near-duplicate", 3)]
    assert "line 1" in found[1].message


def test_nearly_equal_answers_to_one_prompt_are_told_once():
    words = [f"word{number}" for number in range(30)]
    assert told([turns("Say it.", " ".join(words)), turns("Say it.", " ".join([*words, "more"]))]) == [
        ("contradiction", 2)
    ]


def test_a_template_filled_many_times_is_noted_once():
    bodies = [
        turns(TEMPLATE.format(f"item{n} is thing{n}"), "positive" if n % 2 else "negative") for n in range(60)
    ]
    assert [check for check, _ in told(bodies) if check != "same-answer"] == ["template", "template"]


def test_a_template_with_other_answers_is_fine():
    bodies = [turns(TEMPLATE.format(f"item{n}"), f"about {n} this{n} or that{n}") for n in range(60)]
    assert told(bodies) == []


def test_short_rows_of_one_template_are_fine():
    assert told([turns(f"Translate to French: word{n}", f"mot{n}") for n in range(100)]) == []


def varied(number: int) -> Body:
    group = number % 7
    words = [f"w{group}{place}" for place in range(30)]
    if number % 3:
        words[number % 30] = "changed"
    return turns(f"Say the words of {group}.", " ".join(words), system="Speak." if number % 20 else None)


@given(st.lists(st.integers(0, 400), max_size=60), st.lists(st.integers(0, 60), max_size=3))
@settings(max_examples=40, deadline=None)
def test_blocks_put_together_show_what_one_block_shows(numbers: list[int], cuts: list[int]):
    bodies = [varied(number) for number in numbers]
    merged = Seen()
    met: set[bytes] = set()
    borders = [0, *sorted(min(cut, len(bodies)) for cut in cuts), len(bodies)]
    for start, end in pairwise(borders):
        # As it comes from another process.
        merged.extend(pickle.loads(pickle.dumps(seen_of(bodies[start:end], start + 1, met))))
    assert list(merged.problems("rows.jsonl")) == problems(bodies)


def test_rows_and_prompts_in_both_files_name_both_lines():
    train = seen_of([turns("a?", "yes"), turns("b?", "no"), turns("c?", "yes")])
    valid = seen_of([turns("d?", "no"), turns("b?", "no"), turns("C?", "no"), turns("e?", "f")])
    found = list(leaks(train, valid, "train.jsonl", "valid.jsonl"))
    assert [(problem.id, problem.path, problem.line) for problem in found] == [
        ("row-in-both", "valid.jsonl", 2),
        ("prompt-in-both", "valid.jsonl", 3),
    ]
    assert "train.jsonl, line 2" in found[0].message
    assert "train.jsonl, line 3" in found[1].message
    assert list(leaks(train, Seen(), "a", "b")) == list(leaks(Seen(), train, "a", "b")) == []


def test_what_is_a_sample_says_so():
    seen = Seen()
    seen.exchanges = Exchanges(most=10)
    for line in range(1, 101):
        seen.exchanges.add(line, ((line * 7919 % 101, line),))
        seen.place((line,), (line,))
    [note] = seen.problems("rows.jsonl")
    assert (note.id, note.severity) == ("sampled", "note")
    assert note.message == "Contradictions were looked for among 10 of 100 rows."


def test_real_rows_that_are_alike_are_few():
    data = Path(__file__).parents[4] / "shared" / "data"
    if not data.exists():
        pytest.skip(f"{data} is not on this machine")
    from finetui.engines.datasets.read import open_dataset

    counts: dict[str, int] = {}
    for name in (
        "gsm8k_train.jsonl",
        "alpaca_en_demo.json",
        "alpaca_zh_demo.json",
        "glaive_toolcall_en_demo.json",
    ):
        bodies = [record.row.body for record in open_dataset(data / name).records() if record.row]
        counts[name] = sum(check in ("near-duplicate", "template") for check, _ in told(bodies))
    # Function calls are asked for in much the same words: "Hi, I need a new password. Can you generate one?"
    assert list(counts.values()) == [0, 0, 0, pytest.approx(15, abs=5)]


def test_rows_of_two_files_are_compared_whatever_their_form(tmp_path: Path):
    asked, prompted = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    asked.write_text("".join(json.dumps({"question": f"q {n}?", "answer": "a"}) + "\n" for n in range(5)))
    prompted.write_text(
        "".join(json.dumps({"prompt": f"q {n}?", "completion": "b"}) + "\n" for n in range(3))
    )
    _, report = check([asked, prompted]).files
    assert report.counts["prompt-in-both"] == 3


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ('{"question": "a", "answer": "b", "answer": "c"}', "answer"),
        ('{"question": "a", "answer": "b"}', None),
        ('{"question": "say \\"answer\\": twice, \\"answer\\":", "answer": "b"}', None),
        ('{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}', None),
    ],
)
def test_a_key_that_stands_twice_in_a_row_is_told(line: str, key: str | None, tmp_path: Path):
    path = tmp_path / "rows.jsonl"
    path.write_text(line + "\n")
    problems = [problem for problem in check([path]).files[0].problems if problem.id == "repeated-key"]
    assert [f'"{key}"' in problem.message for problem in problems] == ([True] if key else [])

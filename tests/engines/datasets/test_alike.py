"""Texts that share most of their words are found among many, whatever their script and their place."""

from __future__ import annotations

import pickle
import random
import re
import time
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from finetui.engines.datasets.sets.alike import Signatures, alike, words_alike
from finetui.engines.datasets.sets.shingles import runs_of, signatures
from hypothesis import given, settings
from hypothesis import strategies as st

WORDS = [f"{first}{last}" for first in ("ba", "co", "du", "fi", "gel", "hor") for last in range(80)]


def sentence(rng: random.Random, words: int) -> list[str]:
    return rng.choices(WORDS, k=words)


def found(*answers: str) -> list[tuple[int, int]]:
    numbers, _ = signatures([("say it", answer) for answer in answers])
    return [(one.row, one.first) for one in alike(numbers)]


@pytest.mark.parametrize("seed", range(40))
def test_one_word_of_thirty_changed_is_found(seed: int):
    rng = random.Random(seed)
    words = sentence(rng, 30)
    place = rng.randrange(30)
    changed = [*words[:place], "other", *words[place + 1 :]]
    others = [" ".join(sentence(rng, 30)) for _ in range(20)]
    assert found(*others, " ".join(words), " ".join(changed)) == [(21, 20)]


def test_unrelated_rows_are_not_alike():
    rng = random.Random(7)
    assert found(*(" ".join(sentence(rng, rng.randrange(4, 80))) for _ in range(3000))) == []


def test_half_the_words_in_common_is_not_alike():
    rng = random.Random(3)
    common = sentence(rng, 30)
    assert found(*(" ".join(common + sentence(rng, 30)) for _ in range(500))) == []


def test_case_punctuation_and_line_breaks_make_no_difference():
    assert found("It's late, go home - now!", "it’s   late;\n\ngo HOME… “now”") == [(1, 0)]


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ("请用中文回答下面的问题并且说明你的理由谢谢", "请用中文回答下面的问题并且说明你的理由多谢", True),
        ("请用中文回答下面的问题并且说明你的理由谢谢", "今天天气很好我们一起去公园散步吧朋友们好吗", False),
        (
            "明日の会議は午後三時に始まりますので遅れないでください",
            "明日の会議は午後四時に始まりますので遅れないでください",
            True,
        ),
        (
            "내일 회의는 오후 세 시에 시작하니 늦지 마세요 부탁 드립니다 정말로 여러분 모두",
            "내일 회의는 오후 네 시에 시작하니 늦지 마세요 부탁 드립니다 정말로 여러분 모두",
            True,
        ),
        ("😀 😃 😄 😁 😆 😅 😂 🤣 😊 😇 🙂 🙃 😉 😌 😍", "😀😃😄😁😆😅😂🤣😊😇🙂🙃😉😌🐈", True),
    ],
)
def test_other_scripts_have_words_too(first: str, second: str, expected: bool):
    assert found(first, second) == ([(1, 0)] if expected else [])


def test_rows_with_other_answers_are_not_alike_however_long_their_prompts():
    prompt = " ".join(sentence(random.Random(1), 300))
    texts = [(prompt, "it is about the weather in spring"), (prompt, "someone asks for the price of a boat")]
    assert list(alike(signatures(texts)[0])) == []


def test_a_row_names_the_earliest_that_it_resembles_and_how_much():
    rng = random.Random(5)
    words = sentence(rng, 100)
    rows = [" ".join([*words[:place], "other", *words[place + 1 :]]) for place in (10, 40, 70)]
    numbers, _ = signatures([("", text) for text in [" ".join(words), *rows]])
    result = list(alike(numbers))
    assert [(one.row, one.first) for one in result] == [(1, 0), (2, 0), (3, 0)]
    assert all(one.share == pytest.approx(0.99, abs=0.015) for one in result)


def test_how_many_words_are_the_same_follows_from_the_runs_that_are():
    assert words_alike(1) == 1
    assert words_alike((1 - 3 * 0.05) / (1 + 3 * 0.05)) == pytest.approx(0.95)


@given(st.lists(st.text(), min_size=1, max_size=8))
def test_a_text_has_the_same_runs_alone_and_among_others(texts: list[str]):
    hashes, starts, counts = runs_of(texts)
    borders = [*starts.tolist(), starts.tolist()[-1] + counts.tolist()[-1] + 2]
    for text, (start, end), count in zip(texts, pairwise(borders), counts.tolist(), strict=True):
        alone, _, [words] = runs_of([text])
        assert count == words
        assert end - start == count + 2
        assert hashes[start:end].tolist() == alone[: count + 2].tolist()


@given(st.text(alphabet="aZ09 _.,-\n\téß—“漢字かなé😀", max_size=60))
def test_words_are_what_an_expression_finds(text: str):
    expected = re.findall(r"[漢字かな😀]|[a-z0-9_éß]+", text.lower())
    assert runs_of([text])[2].tolist() == [len(expected)]


def body(number: int) -> dict[str, Any]:
    words = [f"w{number % 50}x{place}" for place in range(25)]
    words[number % 25] = "changed"
    return {"text": " ".join(words)}


@given(st.lists(st.integers(0, 300), max_size=120), st.lists(st.integers(0, 120), max_size=3))
@settings(max_examples=30, deadline=None)
def test_a_sample_does_not_depend_on_how_the_rows_came(numbers: list[int], cuts: list[int]):
    whole, merged = Signatures(most_rows=20), Signatures(most_rows=20)
    borders = [0, *sorted(min(cut, len(numbers)) for cut in cuts), len(numbers)]
    for start, end in pairwise(borders):
        part = Signatures(most_rows=20)
        for line in range(start, end):
            whole.add(line, numbers[line], 0, body(numbers[line]))
            part.add(line, numbers[line], 0, body(numbers[line]))
        merged.extend(pickle.loads(pickle.dumps(part)))
    results = []
    for one in (whole, merged):
        pairs, lines, _ = one.found()
        results.append((pairs, lines.tolist(), one.is_sample))
    assert results[0] == results[1]
    assert results[0][2] == (len(set(numbers)) > 20)
    assert len(results[0][1]) == min(len(set(numbers)), 20)


def test_of_a_huge_row_the_beginning_is_compared():
    signed = Signatures()
    for line in (1, 2):
        signed.add(line, line, line, {"text": "word " * 2_000_000 + "end" * line})
    pairs, lines, _ = signed.found()
    assert [(lines[one.row], lines[one.first]) for one in pairs] == [(2, 1)]


def test_rows_that_are_alike_are_chosen_together():
    signed = Signatures(most_rows=400)
    rng = random.Random(11)
    for line in range(0, 4000, 2):
        words = sentence(rng, 60)
        for twin, text in enumerate((words, [*words[:30], "other", *words[31:]])):
            signed.add(line + twin, rng.getrandbits(64), line, {"text": " ".join(text)})
    pairs, lines, _ = signed.found()
    assert signed.is_sample
    # Were each row chosen by itself, a tenth of 200 pairs would be there.
    assert len(pairs) > 150
    assert all(lines[one.row] - lines[one.first] == 1 for one in pairs)


def test_a_row_costs_some_microseconds():
    rng = random.Random(2)
    texts = [(" ".join(sentence(rng, 60)), " ".join(sentence(rng, 60))) for _ in range(2000)]
    best = 1.0
    for _ in range(3):
        start = time.perf_counter()
        signatures(texts)
        best = min(best, time.perf_counter() - start)
    assert best / len(texts) < 40e-6  # 6 µs on an idle processor


def test_answers_without_words_are_like_themselves_only():
    assert found("+", "-", "…", "!", "  +") == [(4, 0)]
    numbers, first = signatures([])
    assert numbers.shape == (0, 80)
    assert first.dtype == np.uint32

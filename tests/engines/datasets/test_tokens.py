"""Tokens are counted as OpenAI counts them; an estimate says that it is one, and of what."""

from __future__ import annotations

import json
import sys
from array import array
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.checking.check import Asked, check
from finetui.engines.datasets.read import Row, open_dataset
from finetui.engines.datasets.targets.registry import TARGETS
from finetui.engines.datasets.tokens.cost import Price, Schedule, cost, load_prices, price_of
from finetui.engines.datasets.tokens.counter import Counted
from finetui.engines.datasets.tokens.estimate import EstimateCounter, estimated_tokens
from finetui.engines.datasets.tokens.histogram import MOST_BINS, histogram
from finetui.engines.datasets.tokens.openai import Encoding, OpenAICounter, counting, encoding_of
from finetui.engines.datasets.tokens.report import TokenReport, token_report
from finetui.engines.engine import EngineError
from hypothesis import given
from hypothesis import strategies as st

DEMO = Path(__file__).resolve().parents[3] / "engines" / "demo"
SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"

# OpenAI's cookbook, "How to count tokens with tiktoken".
JARGON = [
    {
        "role": "system",
        "content": "You are a helpful, pattern-following assistant that translates corporate jargon "
        "into plain English.",
    },
    {
        "role": "system",
        "name": "example_user",
        "content": "New synergies will help drive top-line growth.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Things working well together will increase revenue.",
    },
    {
        "role": "system",
        "name": "example_user",
        "content": "Let's circle back when we have more bandwidth to touch base on opportunities for "
        "increased leverage.",
    },
    {
        "role": "system",
        "name": "example_assistant",
        "content": "Let's talk later when we're less busy about how to do better.",
    },
    {
        "role": "user",
        "content": "This late pivot means we don't have time to boil the ocean for the client deliverable.",
    },
]
PUBLISHED: list[tuple[Encoding, str, int]] = [
    ("cl100k_base", "antidisestablishmentarianism", 6),
    ("cl100k_base", "2 + 2 = 4", 7),
    ("cl100k_base", "お誕生日おめでとう", 9),
    ("o200k_base", "antidisestablishmentarianism", 6),
    ("o200k_base", "2 + 2 = 4", 7),
    ("o200k_base", "お誕生日おめでとう", 8),
]


def row(body: dict[str, Any]) -> Row:
    return Row(body, json.dumps(body).encode(), "data.jsonl", 1)


def counted(body: dict[str, Any], model: str | None = None, limit: int | None = None) -> Counted:
    [result] = OpenAICounter(model, limit).count([row(body)])
    return result


@pytest.mark.parametrize(("encoding", "text", "tokens"), PUBLISHED)
def test_the_cookbooks_texts_have_the_published_counts(encoding: Encoding, text: str, tokens: int):
    assert counting(encoding)(text) == tokens


def test_the_encoder_gives_the_published_tokens():
    openai = pytest.importorskip("rs_bpe.bpe").openai
    old, new = openai.cl100k_base().encode, openai.o200k_base().encode
    assert old("antidisestablishmentarianism") == [519, 85342, 34500, 479, 8997, 2191]
    assert old("2 + 2 = 4") == [17, 489, 220, 17, 284, 220, 19]
    assert old("お誕生日おめでとう") == [33334, 45918, 243, 21990, 9080, 33334, 62004, 16556, 78699]
    assert new("antidisestablishmentarianism") == [493, 129901, 376, 160388, 21203, 2367]
    assert new("2 + 2 = 4") == [17, 659, 220, 17, 314, 220, 19]
    assert new("お誕生日おめでとう") == [8930, 9697, 243, 128225, 8930, 17693, 4344, 48669]


@pytest.mark.parametrize(("model", "tokens"), [("gpt-4", 129), ("gpt-3.5-turbo-0125", 129), ("gpt-4o", 124)])
def test_the_cookbooks_messages_have_the_counts_of_the_api(model: str, tokens: int):
    assert counted({"messages": JARGON}, model) == Counted(tokens, 0)


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
def test_a_role_is_one_token(encoding: Encoding):
    assert {counting(encoding)(role) for role in ("system", "developer", "user", "assistant", "tool")} == {1}


@pytest.mark.parametrize("encoding", ["o200k_base", "cl100k_base"])
@pytest.mark.parametrize("name", ["alpaca_en_demo.json", "alpaca_zh_demo.json", "gsm8k_train.jsonl"])
def test_two_libraries_agree_on_real_texts(encoding: Encoding, name: str):
    bpe_openai = pytest.importorskip("bpe_openai", reason="bpe-openai is not installed")
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    other = bpe_openai.get_encoding(encoding).encode_ordinary
    count = counting(encoding)
    for record in open_dataset(path).records():
        if record.row is not None:
            text = record.row.encoded.decode()
            assert count(text) == len(other(text))


@given(st.text())
def test_two_libraries_agree_on_any_text(text: str):
    bindings = pytest.importorskip("bpe_openai._bindings", reason="bpe-openai is not installed")
    for encoding in ("o200k_base", "cl100k_base"):
        assert counting(encoding)(text) == bindings.tokenizer_for_encoding(encoding).count(text)


def test_the_second_library_counts_where_the_first_is_missing(monkeypatch: pytest.MonkeyPatch):
    pytest.importorskip("bpe_openai", reason="bpe-openai is not installed")
    monkeypatch.setitem(sys.modules, "rs_bpe.bpe", None)
    count = counting.__wrapped__("o200k_base")
    assert count("お誕生日おめでとう") == 8
    assert count("word " * 300_000) == 300_001


def test_without_either_library_the_way_out_is_said(monkeypatch: pytest.MonkeyPatch):
    for name in ("rs_bpe.bpe", "bpe_openai._bindings"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineError, match="can't be counted") as caught:
        counting.__wrapped__("o200k_base")
    assert "rs-bpe" in caught.value.advice


def test_names_of_special_tokens_are_text():
    assert counting("o200k_base")("<|endoftext|>") == 7


@pytest.mark.parametrize(
    ("model", "encoding"),
    [
        ("gpt-4o", "o200k_base"),
        ("gpt-4o-mini-2024-07-18", "o200k_base"),
        ("gpt-4.1-nano", "o200k_base"),
        ("gpt-5", "o200k_base"),
        ("gpt-5.1-mini", "o200k_base"),
        ("chatgpt-4o-latest", "o200k_base"),
        ("o1", "o200k_base"),
        ("o3-mini", "o200k_base"),
        ("o4-mini-2025-04-16", "o200k_base"),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc123", "o200k_base"),
        ("gpt-4", "cl100k_base"),
        ("gpt-4-turbo", "cl100k_base"),
        ("gpt-3.5-turbo-0125", "cl100k_base"),
        ("gpt-35-turbo", "cl100k_base"),
        ("ft:gpt-3.5-turbo-0125:acme::abc123", "cl100k_base"),
        ("davinci-002", "cl100k_base"),
        ("babbage-002", "cl100k_base"),
        ("gpt-42", None),
        ("o10-mini", None),
        ("claude-3-haiku", None),
        ("", None),
    ],
)
def test_a_models_encoding_is_known_by_its_name(model: str, encoding: Encoding | None):
    assert encoding_of(model) == encoding


def test_a_model_that_is_not_known_is_counted_but_not_called_exact():
    counter = OpenAICounter("gpt-42")
    assert not counter.exact
    assert "gpt-42" in counter.basis


def test_only_the_assistants_contents_are_trained_and_weight_0_is_not():
    turns = [
        {"role": "user", "content": "2 + 2 = 4"},
        {"role": "assistant", "content": "antidisestablishmentarianism", "train": False},
        {"role": "assistant", "content": "2 + 2 = 4"},
    ]
    assert counted({"messages": turns}) == Counted(3 * 4 + 3 + 7 + 6 + 7, 7)


@pytest.mark.parametrize(
    ("limit", "lost"),
    [(36, 0), (35, 0), (34, 0), (31, 0), (30, 1), (25, 6), (21, 6), (20, 7), (14, 13), (5, 13)],
)
def test_what_is_beyond_the_limit_is_lost(limit: int, lost: int):
    # Three tokens before each content and one behind it: the answers stand at 14 to 20 and at 25 to 30.
    turns = [
        {"role": "user", "content": "2 + 2 = 4"},
        {"role": "assistant", "content": "2 + 2 = 4"},
        {"role": "assistant", "content": "antidisestablishmentarianism"},
    ]
    assert counted({"messages": turns}, limit=limit) == Counted(35, 13, lost=lost)


def test_a_prompt_and_its_completion_count_as_the_messages_that_they_become():
    pair = counted({"prompt": "2 + 2 = 4", "completion": "お誕生日おめでとう"}, limit=16)
    turns = [{"role": "user", "content": "2 + 2 = 4"}, {"role": "assistant", "content": "お誕生日おめでとう"}]
    assert pair == counted({"messages": turns}, limit=16) == Counted(26, 8, lost=6)


def test_plain_text_has_no_messages():
    assert counted({"text": "2 + 2 = 4"}, limit=5) == Counted(7, 7, lost=2)


def test_tools_calls_and_pairs_are_estimated():
    call = {"type": "function", "function": {"name": "add", "arguments": {"a": 1}}}
    turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "", "tool_calls": [call]}]
    assert counted({"messages": turns}).estimated
    assert counted({"messages": turns}).trained > 5
    plain = [{"role": "user", "content": "?"}, {"role": "assistant", "content": "2"}]
    tools = [{"type": "function", "function": {"name": "add"}}]
    assert counted({"messages": plain, "tools": tools}).estimated
    assert not counted({"messages": plain}).estimated
    answers = {"chosen": plain[1:], "rejected": plain[1:]}
    pair = counted({"messages": plain[:1], **answers})
    single = counted({"messages": plain})
    assert (pair.tokens, pair.trained, pair.estimated) == (2 * single.tokens, 2 * single.trained, True)
    assert counted({"prompt": "?", "chosen": "2", "rejected": "2"}) == pair


def test_an_estimate_says_so_and_is_of_the_right_size():
    counter = EstimateCounter("Claude 3 Haiku")
    assert not counter.exact
    assert "Claude 3 Haiku" in counter.basis
    turns = [{"role": "user", "content": "a" * 35}, {"role": "assistant", "content": "b" * 70}]
    bodies = [{"messages": turns}, {"prompt": "a" * 35, "completion": "b" * 70}, {"text": "c" * 70}]
    assert counter.count([row(body) for body in bodies]) == [
        Counted(30, 20),
        Counted(30, 20),
        Counted(20, 20),
    ]


@pytest.mark.parametrize("name", ["alpaca_zh_demo.json", "alpaca_en_demo.json"])
def test_an_estimate_is_near_a_tokenizer_of_its_time(name: str):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{path} is not there")
    bodies = [record.row.body for record in open_dataset(path).records() if record.row is not None]
    text = "".join(body["prompt"] + body["completion"] for body in bodies if "prompt" in body)
    text = text or "".join(turn["content"] for body in bodies for turn in body["messages"])
    assert 0.7 < estimated_tokens(text) / counting("cl100k_base")(text) < 1.5


@given(st.text(), st.text())
def test_estimates_of_parts_add_up(first: str, second: str):
    assert estimated_tokens(first + second) == pytest.approx(
        estimated_tokens(first) + estimated_tokens(second)
    )


lengths = st.lists(st.one_of(st.integers(0, 300), st.integers(0, 2**32 - 1)), min_size=1, max_size=200)


@given(lengths)
def test_every_row_is_in_one_bin_with_round_borders(tokens: list[int]):
    shown = histogram(array("Q", tokens))
    assert sum(one.rows for one in shown.bins) == shown.rows == len(tokens)
    assert 1 <= len(shown.bins) <= MOST_BINS
    for one in shown.bins:
        assert one.rows == sum(one.low <= length < one.high for length in tokens)
        assert len(str(one.low).rstrip("0")) <= 3
    for left, right in zip(shown.bins, shown.bins[1:], strict=False):
        assert left.high == right.low
    assert shown.bins[0].rows > 0
    assert shown.bins[-1].rows > 0


@given(lengths)
def test_ranks_are_lengths_of_rows(tokens: list[int]):
    shown = histogram(tokens)
    ordered = sorted(tokens)
    assert (shown.shortest, shown.longest) == (ordered[0], ordered[-1])
    for rank, percent in ((shown.median, 50), (shown.p90, 90), (shown.p99, 99)):
        assert rank == ordered[-(-percent * len(ordered) // 100) - 1]


@given(lengths, st.integers(30, 200))
def test_lines_keep_to_their_width(tokens: list[int], width: int):
    shown = histogram(tokens)
    lines = shown.lines(width)
    assert len(lines) == len(shown.bins)
    for line, one in zip(lines, shown.bins, strict=True):
        assert len(line) <= width or width < 40
        assert any(block in line for block in "█▉▊▋▌▍▎▏") == (one.rows > 0)


def test_a_histogram_reads_well():
    tokens = [90] * 3 + [150] * 8 + [700] * 4 + [2_500]
    assert histogram(tokens).lines(40) == [
        "      70 – 99  3  ████████▎",
        "    100 – 149  0",
        "    150 – 199  8  ██████████████████████",
        "    200 – 299  0",
        "    300 – 499  0",
        "    500 – 699  0",
        "    700 – 999  4  ███████████",
        "1,000 – 1,499  0",
        "1,500 – 1,999  0",
        "2,000 – 2,999  1  ██▊",
    ]
    assert histogram([]).lines(40) == []


def test_updates_are_the_batches_of_all_epochs():
    assert Schedule(3, 3, 3, 16, "").updates(100) == 21
    assert Schedule(3, 1, 3, None, "").updates(100) is None


@pytest.mark.parametrize(
    ("rows", "epochs"),
    [(0, 25), (3, 25), (10, 10), (33, 3), (34, 3), (8_333, 3), (8_334, 2), (25_000, 1), (10**6, 1)],
)
def test_openai_chooses_the_epochs_by_the_rows(rows: int, epochs: int):
    schedule = TARGETS["openai"].schedule(rows)
    assert schedule is not None
    assert schedule.epochs == epochs
    assert schedule.least_epochs == 1
    assert schedule.most_epochs == max(3, epochs)


def test_this_machine_says_how_many_updates_it_makes():
    schedule = TARGETS["local"].schedule(1_000)
    assert schedule is not None
    assert schedule.updates(1_000) == 189


def test_cost_is_tokens_times_epochs_times_price():
    price = Price("openai", "gpt-4o", 25.0, "2026-11", "a price list")
    result = cost(2_000_000, Schedule(3, 1, 4, None, "the rule"), price)
    assert (result.low, result.usual, result.high) == (50.0, 150.0, 200.0)
    assert "about $150.00 for 3 epochs (the rule), $50.00 to $200.00 for 1 to 4" in result.words
    assert "$25.00 a million tokens of gpt-4o, a price list, 2026-11" in result.words


@pytest.mark.parametrize(
    ("model", "dollars"),
    [
        ("gpt-4o", 25.0),
        ("gpt-4o-2024-08-06", 25.0),
        ("gpt-4o-mini", 3.0),
        ("ft:gpt-4o-mini-2024-07-18:acme::abc", 3.0),
        ("gpt-4.1-2025-04-14", 25.0),
        ("gpt-4.1-mini", None),
        ("gpt-4o-audio-preview", None),
    ],
)
def test_a_price_is_that_of_the_model_and_of_no_other(model: str, dollars: float | None, tmp_path: Path):
    price = price_of("openai", model, load_prices(tmp_path / "none.toml"))
    assert (price.training_per_million if price else None) == dollars


def test_every_price_that_is_shipped_has_a_date_and_a_source(tmp_path: Path):
    prices = load_prices(tmp_path / "none.toml")
    assert prices
    assert all(price.date and price.source for price in prices)


OWN = """[[price]]
provider = "openai"
model = "gpt-4o"
training_per_million = {amount}
date = "2026-12-01"
source = "our contract"
"""


def test_ones_own_prices_go_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "prices.toml").write_text(OWN.format(amount=10.5))
    monkeypatch.setenv("FINETUI_CONFIG", str(tmp_path / "config.toml"))
    own, other = (price_of("openai", model, load_prices()) for model in ("gpt-4o", "gpt-4o-mini"))
    assert own is not None
    assert (own.training_per_million, own.source) == (10.5, "our contract")
    assert other is not None


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (OWN.format(amount='"much"'), "training_per_million"),
        (OWN.format(amount=-1), "training_per_million of gpt-4o is -1"),
        (OWN.format(amount=1) + "colour = 1", "colour"),
        ("[[price", "prices.toml"),
        ("", "price"),
    ],
)
def test_prices_that_cannot_be_used_are_named_with_their_place(content: str, words: str, tmp_path: Path):
    path = tmp_path / "prices.toml"
    path.write_text(content)
    with pytest.raises(EngineError) as caught:
        load_prices(path)
    assert str(path) in caught.value.message
    assert words in caught.value.message
    assert "remove it" in caught.value.advice


def report_of(path: Path, rows: list[dict[str, Any]], target: str, model: str | None) -> TokenReport:
    path.write_text("".join(json.dumps(one) + "\n" for one in rows))
    [report] = check([path], Asked(target=target, model=model)).files
    assert report.tokens is not None
    return report.tokens


def test_a_report_has_tokens_cost_and_spread_and_survives_json(tmp_path: Path):
    def chat(number: int) -> dict[str, Any]:
        turns = [("user", f"{number} + 2 = ?"), ("assistant", "2 + 2 = 4")]
        return {"messages": [{"role": role, "content": content} for role, content in turns]}

    rows = [chat(number) for number in range(40)]
    report = report_of(tmp_path / "data.jsonl", rows, "openai", "gpt-4o-mini-2024-07-18")
    assert (report.tokenizer, report.exact) == ("o200k_base", True)
    assert report.trained_tokens == 40 * 7
    assert report.histogram.rows == 40
    assert report.cost is not None
    assert report.cost.usual == pytest.approx(report.tokens * 3 * 3.0 / 1_000_000)
    assert (report.rows_over, report.lost_tokens, report.lost_share) == (0, 0, 0.0)
    assert TokenReport.from_json(json.loads(json.dumps(report.to_json()))) == report

    rows[0]["tools"] = [{"type": "function", "function": {"name": "add"}}]
    report = report_of(tmp_path / "data.jsonl", rows, "openai", None)
    assert not report.exact
    assert "1 row has tools" in report.basis
    assert report.cost is None


def test_bedrocks_count_is_an_estimate(tmp_path: Path):
    turns = [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}]
    report = report_of(tmp_path / "data.jsonl", [{"messages": turns}] * 64, "bedrock", None)
    assert not report.exact
    assert report.updates == 2 * 2
    assert report.cost is None


def test_this_machine_counts_by_the_models_own_tokenizer():
    [report] = check([DEMO / "data" / "valid.jsonl"], Asked(target="local", model=str(DEMO / "model"))).files
    tokens = report.tokens
    assert tokens is not None
    assert tokens.exact
    assert tokens.histogram.rows == report.rows == 60
    # Eight rows an update and three epochs, as a job of so few rows has.
    assert tokens.updates == 24
    assert tokens.cost is None


def test_what_is_billed_is_cut_at_the_limit():
    counter = OpenAICounter("gpt-4o", 100)
    price = Price("openai", "gpt-4o", 1.0, "2026-11", "a price list")
    report = token_report(
        counter, array("I", [50, 100, 150]), 120, 30, 0, 100, Schedule(2, 2, 2, 2, ""), price
    )
    assert (report.tokens, report.billed_tokens, report.rows_over) == (300, 250, 1)
    assert report.lost_share == 0.25
    assert report.updates == 4
    assert report.cost is not None
    assert report.cost.usual == pytest.approx(500 / 1_000_000)

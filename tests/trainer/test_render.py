"""Which tokens are trained, proven token by token, and that training sees the prompts that chat will see."""

from __future__ import annotations

import functools
from typing import Any

import pytest
from finetui.engines.trainer.failures import Failure
from finetui.engines.trainer.render import UNTRAINED, Renderer, RowError
from hypothesis import given
from hypothesis import strategies as st
from trainer import templates
from trainer.templates import END, TEMPLATE, make_tokenizer

make_tokenizer = functools.cache(make_tokenizer)

SYSTEM = {"role": "system", "content": "Be brief."}
FIRST = [{"role": "user", "content": "book a table"}, {"role": "assistant", "content": "for two, yes"}]
SECOND = [{"role": "user", "content": "thanks"}, {"role": "assistant", "content": "please  order"}]


def shown(renderer: Renderer, ids: list[int], labels: list[int]) -> list[tuple[str, bool]]:
    """Runs of text with whether they are trained."""
    runs: list[tuple[list[int], bool]] = []
    for token, label in zip(ids, labels, strict=True):
        assert label in (token, UNTRAINED)
        trained = label != UNTRAINED
        if runs and runs[-1][1] == trained:
            runs[-1][0].append(token)
        else:
            runs.append(([token], trained))
    return [(renderer.decode(tokens), trained) for tokens, trained in runs]


def rendered(renderer: Renderer, *messages: dict[str, Any], **more: Any) -> list[tuple[str, bool]]:
    row = renderer.row({"messages": list(messages), **more})
    return shown(renderer, row.ids, row.labels)


def test_llama_3_trains_each_answer_and_its_end_of_turn() -> None:
    renderer = Renderer(make_tokenizer("llama"))
    assert rendered(renderer, SYSTEM, *FIRST, *SECOND) == [
        (
            "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nBe brief.<|eot_id|>"
            "<|start_header_id|>user<|end_header_id|>\n\nbook a table<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
            False,
        ),
        ("for two, yes<|eot_id|>", True),
        (
            "<|start_header_id|>user<|end_header_id|>\n\nthanks<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n",
            False,
        ),
        ("please  order<|eot_id|>", True),
    ]


def test_mistral_trains_each_answer_and_its_end_of_text() -> None:
    renderer = Renderer(make_tokenizer("mistral"))
    assert rendered(renderer, *FIRST, *SECOND) == [
        ("<s>[INST] book a table [/INST]", False),
        (" for two, yes</s>", True),
        ("[INST] thanks [/INST]", False),
        (" please  order</s>", True),
    ]


def test_chatml_leaves_the_line_break_behind_the_end_of_turn_untrained() -> None:
    renderer = Renderer(make_tokenizer("qwen2"))
    assert rendered(renderer, *FIRST, *SECOND) == [
        (
            "<|im_start|>system\nYou are helpful.<|im_end|>\n<|im_start|>user\nbook a table<|im_end|>\n"
            "<|im_start|>assistant\n",
            False,
        ),
        ("for two, yes<|im_end|>", True),
        ("\n<|im_start|>user\nthanks<|im_end|>\n<|im_start|>assistant\n", False),
        ("please  order<|im_end|>", True),
        ("\n", False),
    ]


def test_gemma_trains_what_the_model_says_under_its_own_name() -> None:
    renderer = Renderer(make_tokenizer("gemma2"))
    assert rendered(renderer, *FIRST) == [
        ("<bos><start_of_turn>user\nbook a table<end_of_turn>\n<start_of_turn>model\n", False),
        ("for two, yes<end_of_turn>", True),
        ("\n", False),
    ]


def test_a_tokenizer_that_marks_spaces_keeps_the_answer_apart_from_the_prompt() -> None:
    renderer = Renderer(make_tokenizer("mistral", metaspace=True))
    messages = [{"role": "user", "content": "book table"}, {"role": "assistant", "content": "yes please"}]
    row = renderer.row({"messages": messages})
    prompt = renderer.prompt(messages[:1])
    assert row.ids[: len(prompt)] == prompt
    assert row.labels == [UNTRAINED] * len(prompt) + row.ids[len(prompt) :]
    assert renderer.ends(row)
    assert len(prompt) < len(row.ids)


def test_a_template_that_shows_old_answers_otherwise_still_has_each_answer_trained() -> None:
    renderer = Renderer(make_tokenizer("qwen2"), templates.QWEN3)
    assert [run for run in rendered(renderer, *FIRST, *SECOND) if run[1]] == [
        ("for two, yes<|im_end|>", True),
        ("<think>\n\n</think>\n\nplease  order<|im_end|>", True),
    ]


def test_without_a_stable_prompt_the_marks_of_the_template_decide_and_the_end_is_trained_too() -> None:
    renderer = Renderer(make_tokenizer("qwen2"), templates.MARKED)
    assert [run for run in rendered(renderer, *FIRST, *SECOND) if run[1]] == [
        ("for two, yes<|im_end|>", True),
        ("please  order<|im_end|>", True),
    ]


def test_without_a_stable_prompt_and_without_marks_the_template_is_refused() -> None:
    renderer = Renderer(make_tokenizer("qwen2"), templates.THINKING)
    with pytest.raises(Failure) as refused:
        renderer.row({"messages": FIRST})
    assert refused.value.reason == "unsupported"
    assert "message 2" in refused.value.message


def test_an_answer_marked_as_not_to_train_is_context_only() -> None:
    renderer = Renderer(make_tokenizer("llama"))
    old = [FIRST[0], {**FIRST[1], "train": False}]
    assert [text for text, trained in rendered(renderer, *old, *SECOND) if trained] == [
        "please  order<|eot_id|>"
    ]


def test_rows_that_would_train_nothing_are_refused() -> None:
    renderer = Renderer(make_tokenizer("llama"))
    with pytest.raises(RowError, match="no token"):
        renderer.row({"messages": FIRST[:1]})


def test_what_a_template_refuses_is_said_in_its_own_words() -> None:
    renderer = Renderer(make_tokenizer("gemma2"))
    with pytest.raises(RowError, match="System role not supported"):
        renderer.row({"messages": [SYSTEM, *FIRST]})


def test_tool_arguments_reach_the_template_as_data_not_as_text_in_text() -> None:
    renderer = Renderer(make_tokenizer("qwen2"))
    call = {"type": "function", "function": {"name": "book", "arguments": '{"people": 2}'}}
    messages = [FIRST[0], {"role": "assistant", "content": None, "tool_calls": [call]}]
    text = "".join(text for text, _ in rendered(renderer, *messages))
    assert '<tool_call>{"people": 2}</tool_call>' in text


def test_a_template_that_wants_tool_arguments_as_text_gets_text() -> None:
    template = templates.CHATML.replace("(call.function.arguments | tojson)", "call.function.arguments")
    renderer = Renderer(make_tokenizer("qwen2"), template)
    call = {"type": "function", "function": {"name": "book", "arguments": {"people": 2}}}
    messages = [FIRST[0], {"role": "assistant", "content": "", "tool_calls": [call]}]
    text = "".join(text for text, _ in rendered(renderer, *messages))
    assert '<tool_call>{"people": 2}</tool_call>' in text


@pytest.mark.parametrize("family", TEMPLATE)
def test_a_completion_is_trained_with_the_end_of_text_and_begins_once(family: str) -> None:
    tokenizer = make_tokenizer(family)
    renderer = Renderer(tokenizer)
    begin = tokenizer.bos_token or ""
    row = renderer.row({"prompt": "order a bo", "completion": "ok"})
    # "book" would be one token: the prompt is cut where chat cuts it.
    assert shown(renderer, row.ids, row.labels) == [
        (f"{begin}order a bo", False),
        (f"ok{tokenizer.eos_token}", True),
    ]
    assert row.ids[: len(renderer.raw_prompt("order a bo"))] == renderer.raw_prompt("order a bo")
    twice = renderer.raw_prompt(f"{begin}order")
    assert renderer.decode(twice) == f"{begin}order"


def test_a_text_is_trained_whole() -> None:
    renderer = Renderer(make_tokenizer("llama"))
    row = renderer.row({"text": "alpha beta"})
    assert shown(renderer, row.ids, row.labels) == [("<|begin_of_text|>alpha beta<|end_of_text|>", True)]
    assert row.trained == len(row.ids) - 1, "nothing stands before the first token to predict it from"


def test_a_template_without_an_end_token_leaves_the_answer_endless() -> None:
    renderer = Renderer(make_tokenizer("llama"), templates.NO_END)
    row = renderer.row({"messages": FIRST})
    assert not renderer.ends(row)
    renderer = Renderer(make_tokenizer("llama"))
    assert renderer.ends(renderer.row({"messages": FIRST}))


def test_a_template_that_refuses_a_short_conversation_leaves_the_end_of_text() -> None:
    tokenizer = make_tokenizer("llama")
    renderer = Renderer(tokenizer, "{{ raise_exception('only with a system prompt') }}")
    assert renderer.end_ids == {tokenizer.eos_token_id}
    assert renderer.ends(renderer.row({"text": "alpha"}))


def said(family: str, answer: str) -> str:
    """An answer as the family's template writes it."""
    return {"mistral": f" {answer}", "qwen2": answer}.get(family, answer.strip())


texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize("family", TEMPLATE)
@given(turns=st.lists(st.tuples(texts, texts), min_size=1, max_size=4))
def test_whatever_is_said_training_continues_the_prompt_that_chat_gives(
    family: str, turns: list[tuple[str, str]]
) -> None:
    renderer = Renderer(make_tokenizer(family))
    messages = [
        {"role": role, "content": text}
        for turn in turns
        for role, text in zip(("user", "assistant"), turn, strict=True)
    ]
    row = renderer.row({"messages": messages})
    trained_runs = [text for text, trained in shown(renderer, row.ids, row.labels) if trained]
    assert len(trained_runs) == len(turns)
    for number, (_, answer) in enumerate(turns):
        prompt = renderer.prompt(messages[: 2 * number + 1])
        assert row.ids[: len(prompt)] == prompt
        assert row.labels[len(prompt)] != UNTRAINED
        assert trained_runs[number] == said(family, answer) + END[family]

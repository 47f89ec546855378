"""Every form writes what it reads: a row goes through any two forms that have a place for it and is the same.

The bodies are made from what each kind of row may hold, not from what a form happens to know.
"""

from __future__ import annotations

import itertools
import json

from finetui.engines.datasets.checks.table import CHECKS, Faults
from finetui.engines.datasets.formats.call_ids import with_call_ids
from finetui.engines.datasets.formats.form import Body, Format, Losses
from finetui.engines.datasets.formats.registry import FORMATS, recognise
from hypothesis import given, settings
from hypothesis import strategies as st

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SOME = WORDS.filter(bool)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | WORDS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=2),
    max_leaves=4,
)
FUNCTION = st.fixed_dictionaries({"name": SOME, "arguments": st.dictionaries(WORDS, JSON, max_size=2)})
CALL = st.fixed_dictionaries({"type": st.just("function"), "function": FUNCTION}, optional={"id": SOME})
TOOL = st.fixed_dictionaries(
    {
        "type": st.just("function"),
        "function": st.fixed_dictionaries(
            {"name": SOME},
            optional={"description": WORDS, "parameters": st.dictionaries(WORDS, JSON, max_size=2)},
        ),
    },
    optional={"strict": st.booleans()},
)
USER = st.fixed_dictionaries({"role": st.just("user"), "content": WORDS}, optional={"name": SOME})
SYSTEM = st.fixed_dictionaries({"role": st.just("system"), "content": WORDS})
ANSWER = st.fixed_dictionaries(
    {"role": st.just("assistant"), "content": WORDS},
    optional={
        "train": st.just(False),
        "reasoning_content": WORDS,
        "name": SOME,
        "tool_calls": st.lists(CALL, min_size=1, max_size=2),
    },
)
RESULT = st.fixed_dictionaries(
    {"role": st.just("tool"), "content": WORDS}, optional={"tool_call_id": SOME, "name": SOME}
)
PLAIN_ANSWER = st.fixed_dictionaries({"role": st.just("assistant"), "content": WORDS})
PLAIN_USER = st.fixed_dictionaries({"role": st.just("user"), "content": WORDS})
PAIRS = st.lists(st.tuples(PLAIN_USER, PLAIN_ANSWER), min_size=1, max_size=3).map(
    lambda pairs: list(itertools.chain(*pairs))
)
TURNS = st.one_of(
    PAIRS,
    st.tuples(st.lists(SYSTEM, max_size=1), PAIRS).map(lambda parts: parts[0] + parts[1]),
    st.lists(st.one_of(USER, SYSTEM, ANSWER, RESULT), min_size=1, max_size=5),
)
TOOLS = st.fixed_dictionaries({}, optional={"tools": st.lists(TOOL, min_size=1, max_size=2)})
LABEL = st.fixed_dictionaries({"label": st.booleans()})
PROMPT = st.fixed_dictionaries({"prompt": WORDS, "completion": WORDS})
CONVERSATION = st.builds(lambda turns, tools: {"messages": turns, **tools}, TURNS, TOOLS)
ANSWERS = st.lists(st.one_of(ANSWER, RESULT), min_size=1, max_size=2)


BODIES = st.one_of(
    CONVERSATION,
    PROMPT,
    st.fixed_dictionaries({"text": WORDS}),
    st.fixed_dictionaries({"prompt": WORDS, "chosen": WORDS, "rejected": WORDS}),
    st.builds(
        lambda body, chosen, rejected: {**body, "chosen": chosen, "rejected": rejected},
        CONVERSATION,
        ANSWERS,
        ANSWERS,
    ),
    st.builds(lambda body, label: {**body, **label}, st.one_of(CONVERSATION, PROMPT), LABEL),
)


def written(form: Format, body: Body) -> tuple[Body | None, Losses]:
    losses = Losses()
    return form.write(body, losses), losses


def as_files_have_it(row: Body) -> Body:
    return json.loads(json.dumps(row))


def read(form: Format, row: Body) -> Body:
    faults = Faults()
    body = form.read(as_files_have_it(row), faults)
    assert all(CHECKS[fault.check].severity == "note" for fault in faults), faults
    assert body is not None
    return body


def kind(body: Body) -> str:
    if "chosen" in body:
        return "preference"
    return "kto" if "label" in body else "text" if "text" in body else "answers"


@given(body=BODIES)
def test_whatever_a_row_holds_it_is_written_or_what_has_no_place_is_named(body: Body) -> None:
    for form in FORMATS.values():
        row, losses = written(form, body)
        if row is None:
            assert losses
            continue
        # What was written is read without a fault, and found without being named.
        again = read(form, row)
        found = recognise(as_files_have_it(row))
        assert found is not None
        assert found.read is form.read
        # The second time nothing is lost, and it is the same row.
        twice, lost = written(form, again)
        assert not lost
        assert twice is not None
        assert read(form, twice) == again


def as_turns(body: Body) -> Body:
    """A body as another that teaches the same: texts as turns, ids of all calls, tools with their schema."""
    turns = dict(body)
    if "prompt" in body:
        question = {"role": "user", "content": turns.pop("prompt")}
        answer = [turns.pop("completion")] if "completion" in turns else []
        turns["messages"] = [question, *({"role": "assistant", "content": text} for text in answer)]
    for key in ("chosen", "rejected"):
        if isinstance(text := turns.get(key), str):
            turns[key] = [{"role": "assistant", "content": text}]
    prompt = turns.get("messages", [])
    for key in ("chosen", "rejected"):
        if key in turns:
            turns[key] = with_call_ids(prompt + turns[key])[len(prompt) :]
    if prompt:
        turns["messages"] = with_call_ids(prompt)
    if "tools" in turns:
        turns["tools"] = [with_schema(tool) for tool in turns["tools"]]
    return turns


def with_schema(tool: Body) -> Body:
    return {**tool, "function": {"parameters": {"type": "object", "properties": {}}, **tool["function"]}}


@settings(max_examples=150)
@given(body=BODIES)
def test_two_forms_that_can_hold_a_row_hold_the_same(body: Body) -> None:
    for one, other in itertools.permutations(FORMATS.values(), 2):
        start = through(one, body)
        between = through(other, start) if start is not None else None
        if start is None or between is None:
            continue
        assert kind(between) == kind(start)
        assert as_turns(between) == as_turns(start)
        end = through(one, between)
        assert end is not None
        assert as_turns(end) == as_turns(start)


def through(form: Format, body: Body) -> Body | None:
    """A body after it was a row of a form; None where that has no place for it."""
    row, losses = written(form, body)
    return None if row is None or losses else read(form, row)


def test_every_pair_of_forms_for_the_same_rows_is_tried() -> None:
    """The property above says nothing where forms refuse: these must not."""
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    answers = {"messages": turns}
    preference = {"messages": turns[:1], "chosen": turns[1:], "rejected": turns[1:]}
    for body, names in (
        (
            answers,
            {"anthropic", "messages", "parts", "sharegpt", "alpaca", "prompt-completion", "question-answer"},
        ),
        ({"prompt": "q", "chosen": "a", "rejected": "b"}, {"preference", "openai-preference"}),
        (preference, {"preference", "openai-preference"}),
        ({**answers, "label": True}, {"kto"}),
        ({"text": "t"}, {"text"}),
    ):
        assert {name for name, form in FORMATS.items() if through(form, body) is not None} == names


def test_calls_and_their_answers_stand_in_blocks_as_anthropic_has_them_and_come_back() -> None:
    schema = {"type": "object", "properties": {"city": {"type": "string"}}}
    tools = [
        {"type": "function", "function": {"name": "weather", "description": "Now.", "parameters": schema}}
    ]
    calls = [
        {"id": f"c{n}", "type": "function", "function": {"name": "weather", "arguments": {"city": city}}}
        for n, city in enumerate(("Oslo", "Rome"))
    ]
    body: Body = {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Oslo, Rome?"},
            {"role": "assistant", "content": "I look.", "tool_calls": calls},
            {"role": "tool", "content": "4", "tool_call_id": "c0"},
            {"role": "tool", "content": "21", "tool_call_id": "c1"},
            {"role": "user", "content": "And?"},
            {"role": "assistant", "content": "4 and 21."},
        ],
        "tools": tools,
    }
    row, losses = written(FORMATS["anthropic"], body)
    assert not losses
    assert row == {
        "system": "Be brief.",
        "messages": [
            {"role": "user", "content": "Oslo, Rome?"},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "I look."},
                    {"type": "tool_use", "id": "c0", "name": "weather", "input": {"city": "Oslo"}},
                    {"type": "tool_use", "id": "c1", "name": "weather", "input": {"city": "Rome"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c0", "content": "4"},
                    {"type": "tool_result", "tool_use_id": "c1", "content": "21"},
                    {"type": "text", "text": "And?"},
                ],
            },
            {"role": "assistant", "content": "4 and 21."},
        ],
        "tools": [{"name": "weather", "description": "Now.", "input_schema": schema}],
    }
    assert row is not None
    assert read(FORMATS["anthropic"], row) == body


def test_ids_that_were_given_in_order_are_no_loss_but_others_are() -> None:
    def body(call: str) -> Body:
        made = {"type": "function", "id": call, "function": {"name": "f", "arguments": {}}}
        return {
            "messages": [
                {"role": "user", "content": "q"},
                {"role": "assistant", "content": "", "tool_calls": [made]},
                {"role": "tool", "content": "r", "tool_call_id": call},
                {"role": "assistant", "content": "a"},
            ]
        }

    assert written(FORMATS["sharegpt"], body("call_1"))[1] == Losses()
    assert written(FORMATS["sharegpt"], body("toolu_01A"))[1] == Losses({"the ids of tool calls"})

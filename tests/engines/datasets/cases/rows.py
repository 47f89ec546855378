"""A row's JSON and its form: for each check a file that fails it and one close to it that doesn't."""

from __future__ import annotations

import json
from typing import Any

GOOD = b'{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}\n'
USER = {"role": "user", "content": "a"}
ANSWER = {"role": "assistant", "content": "b"}


def turns(*messages: Any, **more: Any) -> dict[str, Any]:
    return {"messages": list(messages), **more}


def called(arguments: Any, **more: Any) -> dict[str, Any]:
    call = {"type": "function", "function": {"name": "f", "arguments": arguments, **more}}
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    return turns(USER, {"role": "assistant", "tool_calls": [call]}, tools=tools)


def deep(levels: int) -> bytes:
    return b'{"text": "a", "more": ' + b"[" * levels + b"]" * levels + b"}\n"


CASES: dict[str, list[tuple[Any, Any]]] = {
    "broken-json": [(GOOD + b'{"messages": [\n', GOOD)],
    "invalid-utf8": [(GOOD + b'{"text": "\xff"}\n', GOOD + '{"text": "ÿ"}\n'.encode())],
    "lone-surrogate": [(b'{"text": "\\ud83d"}\n', b'{"text": "\\ud83d\\ude00"}\n')],
    "row-type": [(GOOD + b'["a"]\n', GOOD)],
    "mixed-formats": [(GOOD + GOOD + b'{"text": "a"}\n', GOOD)],
    "missing-key": [(GOOD + GOOD + b'{"other": 1}\n', GOOD)],
    "wrong-type": [({"text": 1}, {"text": "1"}), (turns(USER, "b"), turns(USER, ANSWER))],
    "ignored-key": [({"text": "a", "more": 1}, {"text": "a", "source": {}})],
    "no-turns": [(turns(), turns(USER, ANSWER))],
    "unknown-role": [(turns({"role": "boss", "content": "a"}, ANSWER), turns(USER, ANSWER))],
    "unsupported-part": [
        (
            turns({"role": "user", "content": [{"type": "video", "video": "a.mp4"}]}, ANSWER),
            turns({"role": "user", "content": [{"type": "text", "text": "a"}]}, ANSWER),
        )
    ],
    "bad-weight": [(turns(USER, {**ANSWER, "weight": 2}), turns(USER, {**ANSWER, "weight": 1}))],
    "mixed-weights": [
        (
            turns(
                USER,
                {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "value": "a", "loss_weight": 0},
                        {"type": "text", "value": "b", "loss_weight": 1},
                    ],
                },
            ),
            turns(USER, {"role": "assistant", "content": [{"type": "text", "value": "a", "loss_weight": 1}]}),
        )
    ],
    "tool-call": [(called([1]), called({"x": 1})), (called("{"), called("{}"))],
    "arguments-text": [(called(json.dumps({"x": 1})), called({"x": 1}))],
    "tools": [(turns(USER, ANSWER, tools="f"), turns(USER, ANSWER, tools=[{"name": "f"}]))],
    "tool-without-call": [
        (
            turns(USER, {"role": "tool", "content": "a"}, ANSWER),
            turns(
                USER,
                called({})["messages"][1],
                {"role": "tool", "content": "a"},
                ANSWER,
                tools=[{"name": "f"}],
            ),
        )
    ],
}

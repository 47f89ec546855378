"""Rows of no known form that other programs wrote, or that lack only their names: the command that helps.

The programs: ChatGPT's and Claude's exports of conversations (conversations.json), Gemini's tuning files,
Label Studio's JSON; and rows inside other objects, as batch files of OpenAI and the Hub's viewer have them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from ..checks.words import shown
from .columns import KEYS, in_words
from .registry import recognise

_EACH = 'if type == "array" then .[] else . end'
_TURN = '{role: (if IN(.%s; "human", "user") then "user" else "assistant" end), content: %s}'
_CHATGPT = (
    ".mapping as $m | [.current_node | recurse($m[.].parent // empty) | $m[.].message"
    ' | select(. and (.author.role | IN("user", "assistant")))'
    ' | {role: .author.role, content: ([.content.parts[]? | strings] | join("\\n"))}'
    ' | select(.content != "")] | reverse | select(length > 1) | {messages: .}'
)
_CLAUDE = "{messages: [.chat_messages[] | %s]}" % (_TURN % ("sender", ".text"))
_GEMINI = (
    '{messages: ([.systemInstruction // empty | {role: "system", content: .parts[0].text}]'
    " + [.contents[] | %s])}" % (_TURN % ("role", '([.parts[].text // empty] | join(""))'))
)
_LABEL_STUDIO = (
    ".data + ([.annotations[0].result[]? | {(.from_name): (.value.text // .value.choices"
    ' | if type == "array" then .[0] else . end)}] | add)'
)
_PROGRAMS: tuple[tuple[frozenset[str], str, str], ...] = (
    (frozenset({"mapping", "current_node"}), "ChatGPT's export", _CHATGPT),
    (frozenset({"chat_messages"}), "Claude's export", _CLAUDE),
    (frozenset({"contents"}), "Gemini's form", _GEMINI),
    (frozenset({"annotations", "data"}), "Label Studio's export", _LABEL_STUDIO),
)
_ASKS = ("question", "prompt", "instruction", "query", "input", "frage", "user")
_LONGEST_NAME = 40


def way_to_rows(value: object) -> str | None:
    """How a row of no form becomes one, in words with the command; None where nothing is known of it.

    Args:
        value: as JSON has it.
    """
    match value:
        case str():
            return f"Texts to train on; with jq: {_jq(f'{_EACH} | {{text: .}}')}"
        case [{"role": _} | {"from": _}, *_]:
            query = 'if (.[0] | type) == "array" then .[] else . end | {messages: .}'
            return f"These are turns; with jq: {_jq(query)}"
        case {"role": str(), "content": _, **rest} if len(rest) < 3:
            query = 'if (.[0] | type) == "array" then .[0] else . end | {messages: .}'
            return f"These are turns of one conversation, not rows; with jq: {_jq(query, '-s -c')}"
        case dict():
            return _of_object(value)
        case _:
            return None


def _of_object(row: Mapping[str, Any]) -> str | None:
    for keys, program, query in _PROGRAMS:
        if keys <= row.keys():
            return f"This is {program}; with jq: {_jq(f'{_EACH} | {query}')}"
    for key, inner in row.items():
        if isinstance(inner, dict) and _is_plain(key) and recognise(inner) is not None:
            return f"The rows stand under {shown(key)}; with jq: {_jq(f'{_EACH} | .{key}')}"
    by_case = {key.lower(): key for key in row if key.lower() in KEYS}
    if recognise({known: row[own] for known, own in by_case.items()}) is not None:
        return f"Say which columns are which: {_columns(by_case)}"
    texts = [key for key, cell in row.items() if isinstance(cell, str) and cell and len(key) < _LONGEST_NAME]
    if len(texts) != 2:
        return None
    question, answer = sorted(texts, key=lambda key: not key.lower().startswith(_ASKS))
    return f"If the model should write {shown(answer)}: {_columns({'question': question, 'answer': answer})}"


def _columns(columns: Mapping[str, str]) -> str:
    return f"--columns {shlex.quote(in_words(columns))}"


def _jq(query: str, options: str = "-c") -> str:
    return f"jq {options} {shlex.quote(query)} IN > OUT.jsonl"


def _is_plain(key: str) -> bool:
    return re.fullmatch(r"[A-Za-z_]\w{0,40}", key, re.ASCII) is not None

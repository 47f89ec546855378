"""A hundred thousand harmed rows: checking never ends the program, and finds each fault where it was put."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.checking.check import Asked, check
from finetui.engines.datasets.checks.of_sets import OF_SETS
from finetui.engines.datasets.sources.source import blocks, line_value, raw_values
from homes.containers import write

DATA = Path(__file__).parents[3] / "engines" / "demo" / "data" / "train.jsonl"
LINES = 100_000
SOUND_BEFORE = 100
"""Rows that are left as they are, so that the file's form is known."""
SOUND_OF = 10
"""Of so many rows behind them one is."""

UNREADABLE = {"broken-json", "invalid-utf8", "row-type", "blank-line"}
GARBAGE = ["\u202e", "\u200b", "\ufeff", "\x7f", "\U0001f9ff", "\u0301" * 9, "\ufffd", "\u2028", "\x85", "ﷺ"]
VALUES: list[Any] = [
    None,
    True,
    -1,
    1e308,
    "",
    "user",
    [],
    {},
    [[]],
    [None],
    {"role": "user"},
    [{}],
    "\ud800",
]

Harm = Callable[[bytes, random.Random], bytes]


def cut(line: bytes, chance: random.Random) -> bytes:
    return line[: chance.randrange(1, len(line))]


def no_text(line: bytes, chance: random.Random) -> bytes:
    place = chance.randrange(1, len(line))
    # Bytes that no UTF-8 has, and the first ones of characters that do not come.
    return line[:place] + chance.choice([b"\xff", b"\xc0", b"\xf8", b"\xe4x", b"\xf0\x9f "]) + line[place:]


def control(line: bytes, chance: random.Random) -> bytes:
    place = chance.choice([at for at in range(len(line)) if line[at : at + 1] == b'"']) + 1
    # Inside a string or behind it: it may stand in neither.
    return line[:place] + bytes([chance.choice([0, 1, 7, 8, 11, 12, 27, 31])]) + line[place:]


def goes_on(line: bytes, chance: random.Random) -> bytes:
    return line + chance.choice([b"}", b"]", b",", b"{", b" {}", b'"', b" x", b"\x00", b"//"])


def too_deep(line: bytes, chance: random.Random) -> bytes:
    return chance.choice([b"[", b'{"a":']) * chance.choice([5, 2000]) + line


def other_quotes(line: bytes, chance: random.Random) -> bytes:
    return line.replace(b'"', b"'", chance.randrange(1, 9))


CERTAIN: list[Harm] = [cut, no_text, control, goes_on, too_deep, other_quotes]
"""What certainly is no JSON object, or no UTF-8, any more."""


def flip(line: bytes, chance: random.Random) -> bytes:
    harmed = bytearray(line)
    for _ in range(chance.choice([1, 1, 2, 8])):
        harmed[chance.randrange(len(harmed))] = chance.choice([b for b in range(256) if b != 10])
    return bytes(harmed)


def shuffled(line: bytes, chance: random.Random) -> bytes:
    start, end = sorted(chance.randrange(len(line)) for _ in range(2))
    return line[:start] + line[start:end] * chance.choice([0, 2]) + line[end:]


def garbage(line: bytes, chance: random.Random) -> bytes:
    text = line.decode()
    place = chance.randrange(len(text))
    return (text[:place] + chance.choice(GARBAGE) + text[place:]).encode()


def other_types(line: bytes, chance: random.Random) -> bytes:
    row = json.loads(line)
    inner: Any = row
    while chance.random() < 0.7 and isinstance(inner, (dict, list)) and inner:
        key = chance.choice(list(inner) if isinstance(inner, dict) else range(len(inner)))
        if chance.random() < 0.3 or not isinstance(inner[key], (dict, list)):
            inner[key] = chance.choice(VALUES)
            break
        inner = inner[key]
    return json.dumps(row).encode()


def nested(line: bytes, chance: random.Random) -> bytes:
    return chance.choice([b"[%s]", b'{"messages": %s}', b'{"messages": [%s]}', b'{"text": [%s]}']) % line


def escaped(line: bytes, chance: random.Random) -> bytes:
    place = line.index(b'"content": "') + 12
    return line[:place] + chance.choice([b"\\ud83d", b"\\u0000", b"\\u202e", b"\\n"]) + line[place:]


PERHAPS: list[Harm] = [flip, shuffled, garbage, other_types, nested, escaped]


def is_object(line: bytes) -> bool:
    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        return isinstance(json.loads(line.decode("utf-8"), parse_constant=refuse), dict)
    except (ValueError, RecursionError):
        return False


def harmed_lines(chance: random.Random, count: int) -> Iterator[tuple[bytes, bool, bool]]:
    """Lines, whether they are as they were, and whether they are certainly no row any more."""
    rows = DATA.read_bytes().splitlines()
    for number in range(count):
        # Each with a number of its own, so that none repeats another.
        row = rows[number % len(rows)].replace(b'"content": "', b'"content": "%d ' % number, 1)
        if number < SOUND_BEFORE or number % SOUND_OF == 0:
            yield row, True, False
        elif chance.random() < 0.5:
            yield chance.choice(CERTAIN)(row, chance), False, True
        else:
            yield chance.choice(PERHAPS)(row, chance), False, False


@pytest.mark.parametrize("seed", range(4))
def test_each_fault_is_found_at_its_line_and_none_elsewhere(seed: int, tmp_path: Path) -> None:
    made = list(harmed_lines(random.Random(seed), LINES // 4))
    path = tmp_path / "data.jsonl"
    path.write_bytes(b"\n".join(line for line, _, _ in made))
    [report] = check([path], Asked(limit_examples=None)).files
    problems = [problem for problem in report.problems if problem.id not in OF_SETS]
    wrong = {problem.line for problem in problems if problem.severity == "error"}
    unreadable = {problem.line for problem in problems if problem.id in UNREADABLE}
    assert not {n for n, (_, sound, _) in enumerate(made, 1) if sound} & wrong
    assert {n for n, (_, _, certain) in enumerate(made, 1) if certain} <= unreadable
    assert unreadable == {
        n for n, (line, sound, _) in enumerate(made, 1) if not sound and not is_object(line)
    }
    assert report.rows == len(made) - report.counts.get("blank-line", 0)
    assert all(problem.message.isprintable() and problem.fix.isprintable() for problem in report.problems)


@pytest.mark.parametrize("name", ["a.json", "a.csv", "a.tsv", "a.jsonl.gz", "a.jsonl.zst", "a.parquet", "a"])
def test_no_harmed_file_of_any_kind_ends_the_program(name: str, containers: dict[str, bytes], tmp_path: Path):
    chance = random.Random(name)
    path = tmp_path / name
    for _ in range(100):
        content = bytearray(containers[name])
        for _ in range(chance.choice([1, 1, 3, 20])):
            content[chance.randrange(len(content))] = chance.randrange(256)
        place = chance.randrange(len(content)) if chance.random() < 0.3 else len(content)
        path.write_bytes(content[:place])
        report = check([path]).to_json()
        json.dumps(report, ensure_ascii=False).encode()
        values = [raw for raw in raw_values(path) if raw.problem is None]
        read = [
            line_value(line, place, name).value
            for block in blocks(path)
            for line, place in zip(block.lines.split(b"\n"), block.places, strict=False)
            if line.strip()
        ]
        if not name.startswith("a.jsonl"):
            assert read == [raw.value for raw in values]


@pytest.fixture(scope="module")
def containers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """Twenty rows in files of each kind."""
    rows = [json.loads(line) for line in DATA.read_bytes().splitlines()[:20]]
    folder = tmp_path_factory.mktemp("containers")
    names = ["a.json", "a.csv", "a.tsv", "a.jsonl.gz", "a.jsonl.zst", "a.parquet"]
    files = {name: write(folder / name, rows).read_bytes() for name in names}
    return {**files, "a": files["a.csv"]}

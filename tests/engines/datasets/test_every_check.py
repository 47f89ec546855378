"""Every check is failed by one case and passed by another that is close to it.

The cases stand in tables, `CASES` of each file in `cases`: under a check's id pairs of contents, the first of
which fails the check while the second passes it. A content is a row, a list of rows, or a file's bytes. To
add one is to add a pair. What needs more than one file, a target or another suffix is proven in a test of its
own, which names the check.
"""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.datasets.checking.check import Asked, FileReport, check
from finetui.engines.datasets.checking.examine import Examiner
from finetui.engines.datasets.checks.table import CHECKS
from finetui.engines.datasets.read import Row, open_dataset
from finetui.engines.datasets.sources.source import blocks
from finetui.engines.datasets.tokens.counter import Counted
from finetui.engines.datasets.training.prepare import DataError, prepare

HERE = Path(__file__).parent


def tables() -> dict[str, list[tuple[Any, Any]]]:
    """The pairs of all files, by check."""
    together: dict[str, list[tuple[Any, Any]]] = {}
    for path in sorted((HERE / "cases").glob("*.py")):
        spec = importlib.util.spec_from_file_location(f"cases_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        for name, pairs in module.CASES.items():
            together.setdefault(name, []).extend(pairs)
    return together


CASES = tables()
PAIRS = [
    pytest.param(name, *pair, id=f"{name}-{number}")
    for name, pairs in CASES.items()
    for number, pair in enumerate(pairs)
]


def report_of(content: Any, path: Path) -> FileReport:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        rows = content if isinstance(content, list) else [content]
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    [report] = check([path], Asked(limit_examples=None)).files
    return report


@pytest.mark.parametrize(("name", "failing", "passing"), PAIRS)
def test_a_check_fails_what_it_should_and_passes_what_is_close(
    name: str, failing: Any, passing: Any, tmp_path: Path
):
    failed = report_of(failing, tmp_path / "failing.jsonl")
    assert failed.counts.get(name), failed.counts
    assert name not in report_of(passing, tmp_path / "passing.jsonl").counts
    for problem in failed.problems:
        assert problem.severity == CHECKS[problem.id].severity
        assert problem.message.isprintable()
        assert problem.fix


def test_every_check_is_met_by_a_test():
    assert CASES.keys() <= CHECKS.keys()
    told = "".join(path.read_text("utf-8") for path in sorted(HERE.rglob("*.py")))
    named = set(re.findall(r"[\"']([a-z][a-z0-9-]*)[\"']", told))
    assert CHECKS.keys() - CASES.keys() - named == set()


def test_rows_for_validation_that_can_t_be_had_are_refused(tmp_path: Path):
    train, valid = tmp_path / "train.jsonl", tmp_path / "valid.jsonl"
    train.write_text('{"text": "a"}\n{"text": "b"}\n')
    valid.write_text('{"prompt": "a", "completion": "b"}\n')
    with pytest.raises(DataError) as stopped:
        prepare(train, tmp_path / "data", seed=1, valid_rows=2)
    assert "valid-size" in stopped.value.counts
    with pytest.raises(DataError) as stopped:
        prepare(train, tmp_path / "data", seed=1, valid_path=valid)
    assert "valid-kind" in stopped.value.counts


def test_a_row_that_is_nested_too_deeply_to_be_written_is_told(tmp_path: Path):
    path = tmp_path / "data.jsonl"
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    path.write_text(json.dumps({"messages": turns}))
    nested: list[Any] = []
    for _ in range(5000):
        nested = [nested]
    record = open_dataset(path).record({"messages": turns, "tools": [{"name": "f", "parameters": nested}]}, 1)
    assert [problem.id for problem in record.problems] == ["too-deep"]


class Told:
    """A counter whose counts are told beforehand."""

    name, exact, basis = "told", True, "told by the test"

    def __init__(self, counted: Counted) -> None:
        self.counted = counted

    def count(self, rows: Sequence[Row]) -> list[Counted]:
        return [self.counted for _ in rows]

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("counted", "expected"),
    [
        (Counted(9, 3, ends=True, begins=1), set()),
        (Counted(9, 3, ends=None, begins=None), set()),
        (Counted(9, 3, ends=False, begins=1), {"no-end-token"}),
        (Counted(9, 3, ends=True, begins=2), {"begin-tokens"}),
        (Counted(0, 0, error="no such role"), {"template-refuses"}),
    ],
)
def test_what_a_counter_finds_is_told(counted: Counted, expected: set[str], tmp_path: Path):
    path = tmp_path / "data.jsonl"
    path.write_text('{"text": "a"}\n')
    findings = Examiner(open_dataset(path), counter=Told(counted)).examine(next(blocks(path)))
    assert set(findings.tally.counts) == expected


def test_no_message_repeats_a_secret_or_what_belongs_to_a_person(tmp_path: Path):
    for name in ("secret", "personal-data"):
        for failing, _ in CASES[name]:
            text = failing["messages"][1]["content"]
            for problem in report_of(failing, tmp_path / "data.jsonl").problems:
                words = [word for word in re.split(r"[\s:/]", text) if len(word) > 9 or "@" in word]
                assert not [word for word in words if word in problem.message and "BEGIN" not in word]


def test_no_message_about_something_else_repeats_a_key(tmp_path: Path):
    key = "sk-proj-Zk9Qw3Er7Ty1Ui5Op2As8Df4Gh6Jk0Lz"
    asked = [{"role": "user", "content": "a"}]
    answer = {"role": "assistant", "content": f"Take {key}."}
    told = {"role": "system", "content": f"postgres://me:{key[8:]}@db.acme.io/x {key}"}
    sets = {
        "same-answer": [{"messages": [{"role": "user", "content": f"{n}"}, answer]} for n in range(20)],
        "some-without-system": [
            {"messages": [*([told] if n else []), *asked, {"role": "assistant", "content": f"{n}"}]}
            for n in range(20)
        ],
        "tool-call": [{"messages": [*asked, {"role": "assistant", "tool_calls": key}]}],
        "tools": [{"messages": [*asked, answer], "tools": [{"nam": key}]}],
        "unknown-role": [{"messages": [{"role": key, "content": "a"}, answer]}],
    }
    private = f"-----BEGIN PRIVATE KEY-----\nMIIEowIBAAKCAQEAx7Qz0b8Yq9P1vLwK{key[8:]}\n"
    answer = {"role": "assistant", "content": private}
    said = [{"messages": [{"role": "user", "content": f"{n}"}, answer]} for n in range(20)]
    for name, rows in [*sets.items(), ("same-answer", said)]:
        report = report_of(rows, tmp_path / "data.jsonl")
        assert report.counts.get(name), report.counts
        assert not [problem for problem in report.problems if key[8:] in str(problem)]

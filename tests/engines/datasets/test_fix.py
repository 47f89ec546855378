"""A file is mended into a new one: certain things only, each said, the source untouched, all or nothing."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import zstandard
from finetui.engines.datasets.checking.check import Asked, Done, check
from finetui.engines.datasets.making.convert import convert
from finetui.engines.datasets.making.fix import Fixed, fix
from finetui.engines.datasets.making.mend_json import mend_line
from finetui.engines.datasets.sets.met import Met
from finetui.engines.engine import EngineError
from hypothesis import given
from hypothesis import strategies as st

DATA = Path(__file__).parents[4] / "shared" / "data"
USER, ANSWER = {"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}
EMPTY_SYSTEM = {"role": "system", "content": " "}
NEVER_LEFT = {
    *("bom", "blank-line", "last-turn", "mojibake", "hidden-character"),
    *("eaten-escape", "lone-surrogate", "broken-json", "invalid-utf8", "empty-answer", "no-answer"),
}


def row(*turns: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"messages": list(turns), **more}


def mended(tmp_path: Path, content: bytes, name: str = "a.jsonl", **how: Any) -> tuple[Fixed, bytes]:
    path, out = tmp_path / name, tmp_path / f"out-{name}"
    path.write_bytes(content)
    done = fix(path, out, overwrite=True, **how)
    assert path.read_bytes() == content
    return done, out.read_bytes()


def mended_row(tmp_path: Path, *rows: dict[str, Any]) -> tuple[Fixed, list[Any]]:
    done, out = mended(tmp_path, "".join(json.dumps(each) + "\n" for each in rows).encode())
    return done, [json.loads(line) for line in out.decode().splitlines()]


def test_a_file_without_faults_keeps_its_bytes(tmp_path: Path):
    content = b'{ "text":"\\u00e4", "more": 1e2}\n {"text": "b"}\n'
    done, out = mended(tmp_path, content)
    assert out == content
    assert done == Fixed(rows=2, changes={}, left_out=0, examples=())


def test_marks_blank_lines_line_ends_and_equal_rows_go(tmp_path: Path):
    done, out = mended(tmp_path, b'\xef\xbb\xbf{"text": "a"}\r\n\n  \n{ "text": "a"}\n{"text": "b"}')
    assert out == b'{"text": "a"}\n{"text": "b"}\n'
    assert done.changes == {
        "byte order mark removed": 1,
        "line ends made uniform": 2,
        "blank lines removed": 2,
        "duplicates removed": 1,
    }


def test_rows_that_differ_in_a_key_that_no_form_uses_are_not_the_same(tmp_path: Path):
    rows = [row(USER, ANSWER, id=number) for number in range(5)]
    again = {"id": 1, **row(USER, ANSWER)}  # the order of keys is no difference
    done, out = mended_row(tmp_path, *rows, again)
    assert out == rows
    assert done.changes == {"duplicates removed": 1}


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (row(EMPTY_SYSTEM, USER, ANSWER), row(USER, ANSWER), "empty turns removed"),
        (row(USER, {**USER, "content": ""}, ANSWER), row(USER, ANSWER), "empty turns removed"),
        (row(USER, ANSWER, USER), row(USER, ANSWER), "turns after the last answer removed"),
        (
            {"system": " ", **row(USER, ANSWER)},
            {"system": "", **row(USER, ANSWER)},
            "empty system prompts removed",
        ),
        (
            row(USER, ANSWER, tools='[{"name": "f"}]'),
            row(USER, ANSWER, tools=[{"name": "f"}]),
            "tools written as a list",
        ),
        ({"text": "Itâ€™s"}, {"text": "It’s"}, "text read in the wrong encoding set right"),
        ({"text": "Ã¢â‚¬â„¢"}, {"text": "’"}, "text read in the wrong encoding set right"),
        ({"text": "a\u200bb\ufeff"}, {"text": "ab"}, "invisible characters removed"),
        ({"text": "a\u0000b\u0093c"}, {"text": "ab“c"}, "control characters removed"),
        ({"text": "\u000crac{1}{2}"}, {"text": "\\frac{1}{2}"}, "LaTeX commands restored"),
        ({"text": "a\ud83d"}, {"text": "a"}, "halves of characters removed"),
    ],
)
def test_what_is_certain_is_mended(before: dict[str, Any], after: dict[str, Any], words: str, tmp_path: Path):
    done, rows = mended_row(tmp_path, before)
    assert rows == [after]
    assert done.changes == {words: 1}


def test_a_refusal_is_an_answer(tmp_path: Path):
    refusing = row(USER, {"role": "assistant", "content": None, "refusal": "I can't."})
    done, rows = mended_row(tmp_path, refusing)
    assert (rows, done.left_out) == ([refusing], 0)
    convert([tmp_path / "a.jsonl"], tmp_path / "b.jsonl", "sharegpt")
    [said] = [json.loads(line) for line in (tmp_path / "b.jsonl").read_text().splitlines()]
    assert said["conversations"][-1] == {"from": "gpt", "value": "I can't."}


def test_a_row_that_is_written_anew_stays_json(tmp_path: Path):
    half, endless = b'{"text": "a\\u200b", "\\ud800": 1}\n', b'{"text": "b\\u200b", "n": 1e999}\n'
    done, out = mended(tmp_path, half + endless)
    assert out == b'{"text": "a", "\\ud800": 1}\n'
    assert (done.rows, done.left_out, [problem.line for problem in done.examples]) == (1, 1, [2])


@pytest.mark.parametrize(
    "kept",
    [
        row({**USER, "content": ""}, ANSWER),
        row(USER, {**ANSWER, "weight": 0, "content": ""}, USER, ANSWER),
        {"prompt": [USER], "chosen": [ANSWER], "rejected": [{**ANSWER, "content": "c"}]},
        {"text": "CAFÉ™ « AMANHÃ » Dov’è…”"},
        {"text": "\x1b[31;1mred\x1b[0m a\vb"},
        {"text": "no\u2060break f\u2061(x) 2\u2062y 3\u20641/2 a\u2063b"},
        {"text": "[Your Name] &amp; {{name}} \ufffd"},
    ],
)
def test_what_could_be_meant_is_kept(kept: dict[str, Any], tmp_path: Path):
    done, rows = mended_row(tmp_path, kept)
    assert rows == [kept]
    assert done.changes == {}


@pytest.mark.parametrize(
    ("line", "rows", "words"),
    [
        (b'{"text": "a",}', [{"text": "a"}], "commas too many removed"),
        (b'{"text": ",}"},', [{"text": ",}"}], "commas too many removed"),
        (b'{"text": "a"}{"text": "b"}', [{"text": "a"}, {"text": "b"}], "rows that shared a line"),
        (b'{"text": "a\tb"}', [{"text": "a\tb"}], "tabs inside texts escaped"),
        (b"{'text': 'it\\'s', 'x': None}", [{"text": "it's", "x": None}], "Python's notation made JSON"),
    ],
)
def test_broken_json_of_one_meaning_is_mended(line: bytes, rows: list[Any], words: str, tmp_path: Path):
    done, out = mended(tmp_path, b'{"text": "first"}\n' + line + b"\n")
    assert [json.loads(each) for each in out.splitlines()][1:] == rows
    assert [change for change in done.changes if words in change]


@pytest.mark.parametrize(
    "line",
    [
        *(b'{"text": "a"', b'{"text" "a"}', b'{"text": NaN}', b"[1]", b"\xff", b"{'a': 'b' 'c'}"),
        *(
            b"{'a': (1,)}",
            b"{'a': 1} # b",
            b"{'\\d': 1}",
            b"{'a': 1e999}",
            b"{'a': " + b"[" * 99 + b"]" * 99 + b"}",
        ),
    ],
)
def test_what_could_mean_anything_is_left_out_with_its_line(line: bytes, tmp_path: Path):
    assert mend_line(line) is None
    done, out = mended(tmp_path, b'{"text": "first"}\n' + line + b"\n")
    assert out == b'{"text": "first"}\n'
    assert done.left_out == 1
    [problem] = done.examples
    assert problem.line == 2


def test_a_document_stays_one_and_a_comma_too_many_costs_no_row(tmp_path: Path):
    rows = [{"text": f"row {number}"} for number in range(5)]
    content = json.dumps(rows, indent=1).replace("}\n]", "},\n]").encode()
    done, out = mended(tmp_path, content, "a.json")
    assert json.loads(out) == rows
    assert done.changes == {"commas too many removed": 1}


def test_a_document_that_ends_too_early_is_refused_and_nothing_written(tmp_path: Path):
    path = tmp_path / "a.json"
    path.write_text('[\n{"text": "a"},\n{"text": "b"')
    with pytest.raises(EngineError, match=r"a\.json:3"):
        fix(path, tmp_path / "out.json")
    assert [each.name for each in tmp_path.iterdir()] == ["a.json"]


def test_a_table_becomes_lines_and_a_packed_name_is_packed(tmp_path: Path):
    table, out = tmp_path / "a.csv", tmp_path / "a.json"
    table.write_text("question,answer\na,Itâ€™s\n", "utf-8")
    fix(table, out)
    assert json.loads(out.read_bytes()) == {"question": "a", "answer": "It’s"}
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}\n')
    for suffix, unpacked in ((".gz", gzip.decompress), (".zst", unpacked_zstd)):
        fix(path, packed := tmp_path / f"b.jsonl{suffix}")
        assert unpacked(packed.read_bytes()) == b'{"text": "a"}\n'


def unpacked_zstd(packed: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj().decompress(packed)


@pytest.mark.parametrize("name", ["b.exe", "b", "b.csv", "b.txt.gz"])
def test_a_name_that_says_no_kind_of_lines_is_refused_with_those_that_do(name: str, tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"text": "a"}\n')
    with pytest.raises(EngineError, match=name) as refused:
        fix(path, tmp_path / name)
    assert refused.value.advice == "known are .jsonl, .ndjson, .json; also with .gz or .zst"
    assert [each.name for each in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_file_that_comes_meanwhile_is_kept(tmp_path: Path):
    path, out = tmp_path / "a.jsonl", tmp_path / "b.jsonl"
    path.write_bytes(b'{"text": "a"}\n')

    def come(_: Done) -> None:
        out.write_bytes(b"kept")

    with pytest.raises(EngineError, match="exists"):
        fix(path, out, progress=come)
    assert out.read_bytes() == b"kept"
    assert len(list(tmp_path.iterdir())) == 2


def test_the_source_and_what_is_there_are_not_replaced(tmp_path: Path):
    path, other, link = tmp_path / "a.jsonl", tmp_path / "b.jsonl", tmp_path / "c.jsonl"
    path.write_bytes(b'{"text": "a"}\n')
    other.write_bytes(b"kept")
    link.symlink_to(path)
    for out in (path, link):
        with pytest.raises(EngineError, match="source"):
            fix(path, out, overwrite=True)
    with pytest.raises(EngineError, match="exists"):
        fix(path, other)
    with pytest.raises(EngineError, match="folder"):
        fix(path, tmp_path)
    with pytest.raises(EngineError, match="parquet"):
        fix(path, tmp_path / "d.parquet")
    with pytest.raises(EngineError, match="no such file"):
        fix(path, tmp_path / "no" / "d.jsonl")
    assert other.read_bytes() == b"kept"
    assert fix(path, other, overwrite=True).rows == 1


def test_a_file_of_which_nothing_is_left_is_not_written(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(row(USER)) + "\n")
    with pytest.raises(EngineError, match=r"no row can be kept: .*no assistant turn"):
        fix(path, tmp_path / "b.jsonl")
    with pytest.raises(EngineError, match=r"a\.jsonn"):
        fix(tmp_path / "a.jsonn", tmp_path / "b.jsonl")
    assert [each.name for each in tmp_path.iterdir()] == ["a.jsonl"]


def test_a_target_gets_its_own_spelling(tmp_path: Path):
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": {"x": 1}}}
    calling = {"role": "assistant", "tool_calls": [call]}
    tools = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}]
    content = json.dumps(row(USER, calling, tools=tools)).encode() + b"\n"
    plain, _ = mended(tmp_path, content)
    assert plain.changes == {}
    done, out = mended(tmp_path, content, target="azure")
    assert done.changes == {"tool arguments made a text": 1, "byte order mark added": 1}
    assert out.startswith(b"\xef\xbb\xbf")
    assert json.loads(out[3:])["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"x":1}'
    again, same = mended(tmp_path, out, target="azure")
    assert (again.changes, same) == ({}, out)


TURN_TEXTS = (
    st.sampled_from(["", " ", "a", "b", "Itâ€™s", "Ã©", "x\u200by", "a\u0000", "é”…", "\ud83d"]) | st.text()
)
TURNS = st.lists(
    st.builds(
        lambda role, content: {"role": role, "content": content},
        st.sampled_from(["system", "developer", "user", "assistant", "assistant"]),
        TURN_TEXTS,
    ),
    max_size=5,
)
LINES = st.one_of(
    TURNS.map(lambda turns: json.dumps(row(*turns)).encode()),
    TURNS.map(lambda turns: str(row(*turns)).encode("utf-8", "surrogatepass")),
    TURNS.map(lambda turns: json.dumps(row(*turns)).encode()[:-1] + b",}"),
    st.sampled_from([b"", b" ", b"{oops", b'{"messages": []}', b"\xff\xfe{"]),
    st.binary(max_size=20).map(lambda data: data.replace(b"\n", b"")),
)
GOOD = json.dumps(row(USER, ANSWER)).encode()


@given(
    lines=st.lists(LINES, max_size=8),
    end=st.sampled_from([b"\n", b"\r\n"]),
    start=st.sampled_from([b"", b"\xef\xbb\xbf"]),
)
def test_nothing_that_is_mended_is_found_again(lines: list[bytes], end: bytes, start: bytes, tmp_path: Path):
    done, out = mended(tmp_path, start + end.join([GOOD, *lines]))
    first = tmp_path / "out-a.jsonl"
    [report] = check([first], Asked(limit_examples=None)).files
    assert not report.counts.keys() & NEVER_LEFT, report.problems
    assert report.usable_rows == report.rows == done.rows
    again = fix(first, tmp_path / "again.jsonl", overwrite=True)
    assert again == Fixed(done.rows, {}, 0, ())
    assert (tmp_path / "again.jsonl").read_bytes() == out


@pytest.mark.parametrize("name", [path.name for path in sorted(DATA.glob("*.json*"))] or ["none"])
def test_real_files_are_mended_without_a_row_lost(name: str, tmp_path: Path):
    if not (path := DATA / name).exists():
        pytest.skip(f"{path} is not on this machine")
    [report] = check([path]).files
    done = fix(path, tmp_path / name)
    assert done.rows + done.changes.get("duplicates removed", 0) == report.rows
    assert fix(tmp_path / name, tmp_path / f"again-{name}").changes == {}


def test_progress_comes_to_the_end_of_the_file(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": f"row {number}" * 50}) + "\n" for number in range(6000)))
    seen: list[Done] = []
    fix(path, tmp_path / "b.jsonl", progress=seen.append)
    assert len(seen) > 1
    assert seen[-1] == Done(path, path.stat().st_size, path.stat().st_size, 6000)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_whatever_ends_it_nothing_is_left_behind(end: signal.Signals, tmp_path: Path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"text": f"row {number}" * 50}) + "\n" for number in range(9000)))
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from finetui.engines.datasets.making.fix import fix\n"
        "fix(Path(sys.argv[1]), Path(sys.argv[2]), progress=lambda _: os.kill(os.getpid(), int(sys.argv[3])))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(path), str(tmp_path / "b.jsonl"), str(int(end))],
        capture_output=True,
        env={**os.environ},
        check=False,
    )
    assert ended.returncode == -end, ended.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["a.jsonl"]


def test_memory_stays_flat(tmp_path: Path):
    path = tmp_path / "a.jsonl"
    with path.open("w") as file:
        for number in range(8000):
            file.write(json.dumps({"text": f"{number} " * 200}) + "\n")
    tracemalloc.start()
    try:
        fix(path, tmp_path / "b.jsonl")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 8_000_000


@given(st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 5), max_size=3000))
def test_keys_that_were_met_are_known(keys: list[int]):
    met, known = Met(), set[int]()
    for key in keys:
        assert met.before(key) is (key in known)
        known.add(key)
    assert len(met) == len(known)

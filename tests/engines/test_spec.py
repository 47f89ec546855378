"""What a user may ask for, and what is said when it can't be used."""

from __future__ import annotations

import dataclasses
import os
import string
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from finetui.engines.datasets.formats.columns import KEYS
from finetui.engines.spec import (
    JobSpec,
    SpecError,
    default_name,
    literal,
    parse,
    put,
    read_spec,
    to_dict,
    write_spec,
)
from hypothesis import given
from hypothesis import strategies as st

MINIMAL: dict[str, Any] = {"model": "org/name", "data": {"train": "rows.jsonl"}}

WORDS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12)
HUB_NAMES = st.from_regex(r"[a-z0-9]{1,8}/[A-Za-z0-9._-]{1,12}", fullmatch=True)
FILE_NAMES = st.text(string.ascii_letters + string.digits + "é数 _-.", min_size=1, max_size=12).filter(
    lambda name: name.strip(".") != ""
)


def leaves(cls: type, prefix: str = "") -> Iterator[tuple[str, Any, dict[str, Any]]]:
    """Every field of a spec that holds a value: its dotted name, its type, its bounds."""
    hints = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        kind = hints[field.name]
        if dataclasses.is_dataclass(kind):
            assert isinstance(kind, type)
            yield from leaves(kind, f"{prefix}{field.name}.")
        elif field.name != "options":
            yield f"{prefix}{field.name}", kind, dict(field.metadata)


LEAVES = {name: (kind, bounds) for name, kind, bounds in leaves(JobSpec)}


def plain(kind: Any) -> Any:
    """A type without its `| None`."""
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        return next(option for option in typing.get_args(kind) if option is not type(None))
    return kind


def values_of(name: str) -> st.SearchStrategy[Any]:
    """Valid values of a field, from what the dataclass says of it."""
    kind, bounds = LEAVES[name]
    kind = plain(kind)
    if name in ("data.train", "data.valid"):
        return FILE_NAMES
    if name == "model":
        return HUB_NAMES
    if name == "engine":
        return st.sampled_from(["local", "openai", "plug_in"])
    if typing.get_origin(kind) is Literal:
        return st.sampled_from(typing.get_args(kind))
    if typing.get_origin(kind) is dict:
        return st.dictionaries(st.sampled_from(sorted(KEYS)), WORDS, min_size=1)
    if typing.get_origin(kind) is list:
        return st.lists(WORDS, min_size=1, max_size=3)
    if kind is bool:
        return st.booleans()
    if kind is int:
        return st.integers(int(bounds["least"] or 0), int(bounds["most"] or 2**40))
    if kind is float:
        above = bounds["above"]
        low = above if above is not None else bounds["least"] or 0
        return st.floats(low, bounds["most"] or 1e12, exclude_min=above is not None)
    return WORDS


@st.composite
def specs(draw: st.DrawFn, folder: Path) -> JobSpec:
    """Any valid spec."""
    wanted = draw(st.sets(st.sampled_from(sorted(LEAVES)))) | {"data.train", "model"}
    if "data.valid" in wanted:
        wanted -= {"data.valid_rows", "data.valid_share"}
    if "data.valid_rows" in wanted:
        wanted -= {"data.valid_share"}
    values: dict[str, Any] = {}
    for name in sorted(wanted):
        put(values, name, draw(values_of(name)))
    if values.get("method") == "full":
        values.pop("lora", None)
    options = draw(
        st.dictionaries(
            WORDS, st.one_of(st.booleans(), st.integers(-9, 9), WORDS, st.lists(WORDS)), max_size=2
        )
    )
    if options:
        values[values.get("engine", "local")] = options
    return parse(values, folder)


@given(st.data())
def test_what_was_asked_is_read_back_as_it_was_written(tmp_path: Path, data: st.DataObject) -> None:
    spec = data.draw(specs(tmp_path))
    write_spec(spec, tmp_path / "job.toml")
    assert read_spec(tmp_path / "job.toml") == spec


@given(st.data())
def test_what_was_not_asked_for_is_not_written(tmp_path: Path, data: st.DataObject) -> None:
    def everything(value: Any) -> Iterator[Any]:
        yield value
        for item in value.values() if isinstance(value, dict) else ():
            yield from everything(item)

    assert not [v for v in everything(to_dict(data.draw(specs(tmp_path)))) if v is None or v == {}]


WRONG: dict[str, list[tuple[Any, str]]] = {
    "data.valid_rows": [(-1, "at least 0"), (1.5, "a whole number"), (True, "a whole number")],
    "data.valid_share": [(0, "above 0 and at most 0.5"), (0.51, "at most 0.5"), ("5%", "a number")],
    "data.drop_bad_rows": [(1, "true or false"), ("yes", "true or false")],
    "data.train": [(3.5, "text"), (["a"], "text")],
    "train.epochs": [(0, "above 0"), (1001, "at most 1000"), (float("nan"), "above 0"), (True, "a number")],
    "train.batch_size": [
        (0, "at least 1 and at most 65536"),
        (65537, "at most 65536"),
        (16.0, "a whole number"),
    ],
    "train.max_steps": [(0, "at least 1"), (10**30, "at most")],
    "train.max_length": [(7, "at least 8"), (2**64, "at most")],
    "train.learning_rate": [(0, "above 0 and at most 1"), (2, "at most 1"), ("2e-4", "a number")],
    "train.max_grad_norm": [(float("inf"), "a number that is finite"), (0, "above 0")],
    "train.seed": [(-1, "at least 0"), (2**32, "at most 4294967295"), (10**400, "at most 4294967295")],
    "train.schedule": [("cosinus", "one of cosine, linear, constant"), (1, "one of cosine")],
    "train.dtype": [("float16", "one of bfloat16, float32")],
    "train.overlong": [("split", "one of drop, cut")],
    "lora.rank": [(0, "at least 1 and at most 1024"), (2000, "at most 1024")],
    "lora.alpha": [(0, "above 0"), (10**400, "a number that is finite"), (float("inf"), "finite")],
    "lora.dropout": [(1, "at most 0.9")],
    "lora.target_modules": [([], "a list of names"), ("q_proj", "a list of names"), ([1], "a list of names")],
    "method": [("dora", "one of full, lora, qlora")],
    "remote_code": [("true", "true or false")],
    "data": [(5, "a section [data]")],
    "lora": [("x", "a section [lora]")],
    "local": [(5, "a section [local]")],
    "name": [("a\0b", "text without NUL"), ("a\udc80b", "text that is Unicode")],
    "model": [("org/\0", "text without NUL")],
    "engine": [(3.5, "text")],
}


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [(key, value, expected) for key, cases in WRONG.items() for value, expected in cases],
    ids=lambda part: str(part)[:24].encode("unicode_escape").decode(),
)
def test_a_value_that_cannot_be_used_is_named_with_its_key_and_what_was_expected(
    tmp_path: Path, key: str, value: Any, expected: str
) -> None:
    values = {**MINIMAL, "data": dict(MINIMAL["data"])}
    put(values, key, value)
    with pytest.raises(SpecError) as caught:
        parse(values, tmp_path)
    message = str(caught.value)
    assert caught.value.key == key
    assert message.startswith(f"{key}: ") and expected in message
    assert repr(value)[:40] in message


@pytest.mark.parametrize(
    ("key", "hint"),
    [
        ("train.epoch", "did you mean train.epochs?"),
        ("train.learning-rate", "did you mean train.learning_rate?"),
        ("lora.r", "known here: rank, alpha, dropout, target_modules"),
        ("data.trian", "did you mean data.train?"),
        ("modle", "did you mean model?"),
        ("lroa.rank", "did you mean lora?"),
        ("locla.gpu", "did you mean local?"),
    ],
)
def test_an_unknown_key_names_the_nearest_one(tmp_path: Path, key: str, hint: str) -> None:
    values = {**MINIMAL, "data": dict(MINIMAL["data"])}
    put(values, key, 1)
    with pytest.raises(SpecError, match="unknown key") as caught:
        parse(values, tmp_path)
    assert hint in str(caught.value)


@pytest.mark.parametrize("name", ["data", "train", "lora", "model", "name", "options"])
def test_an_engine_is_never_taken_for_a_section_of_the_spec(tmp_path: Path, name: str) -> None:
    with pytest.raises(SpecError) as caught:
        parse({**MINIMAL, "engine": name}, tmp_path)
    assert caught.value.key == "engine"


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("data.train", {"model": "org/name"}),
        ("model", {"data": {"train": "rows.jsonl"}}),
        ("data.valid", {**MINIMAL, "data": {"train": "a", "valid": "b", "valid_rows": 3}}),
        ("data.valid_rows", {**MINIMAL, "data": {"train": "a", "valid_rows": 3, "valid_share": 0.1}}),
        ("lora", {**MINIMAL, "method": "full", "lora": {"rank": 8}}),
    ],
)
def test_what_contradicts_itself_or_is_missing_is_said(
    tmp_path: Path, key: str, values: dict[str, Any]
) -> None:
    with pytest.raises(SpecError) as caught:
        parse(values, tmp_path)
    assert caught.value.key == key


def test_a_relative_path_counts_from_the_file_that_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "specs" / "base").mkdir(parents=True)
    spec_file = tmp_path / "specs" / "job.toml"
    spec_file.write_text('model = "base"\n[data]\ntrain = "../rows.jsonl"\nvalid = "held.jsonl"\n')
    monkeypatch.chdir("/")

    spec = read_spec(spec_file)

    assert spec.data.train == str(tmp_path / "rows.jsonl")
    assert spec.data.valid == str(tmp_path / "specs" / "held.jsonl")
    assert spec.model == str(tmp_path / "specs" / "base")
    assert spec.name == "rows"


def test_a_hub_id_stays_one_unless_such_a_folder_stands_beside_the_spec(tmp_path: Path) -> None:
    assert parse(MINIMAL, tmp_path).model == "org/name"
    (tmp_path / "org" / "name").mkdir(parents=True)
    assert parse(MINIMAL, tmp_path).model == str(tmp_path / "org" / "name")


@pytest.mark.parametrize(
    "model", ["~nobody-of-this-name/models/base", "a" * 300, f"org/{'b' * 400}", "loop/model"]
)
def test_a_model_that_no_file_system_can_hold_is_no_traceback(tmp_path: Path, model: str) -> None:
    os.symlink(tmp_path / "loop", tmp_path / "loop")
    with_model = {**MINIMAL, "model": model}
    try:
        assert parse(with_model, tmp_path).model == model
    except SpecError as error:
        assert error.key == "model"


def test_a_path_that_no_file_system_can_hold_is_no_traceback(tmp_path: Path) -> None:
    os.symlink(tmp_path / "loop", tmp_path / "loop")
    for path in ("~nobody-of-this-name/rows.jsonl", "loop/rows.jsonl", "a" * 300):
        try:
            parse({"model": "org/name", "data": {"train": path}}, tmp_path)
        except SpecError as error:
            assert error.key == "data.train"


@pytest.mark.parametrize(
    ("train", "name"),
    [("/x/support.jsonl", "support"), ("/x/a.b.jsonl", "a"), ("/x/.hidden", "job"), ("", "job")],
)
def test_a_job_without_a_name_is_named_after_its_rows(train: str, name: str) -> None:
    spec = JobSpec()
    assert default_name(dataclasses.replace(spec, data=dataclasses.replace(spec.data, train=train))) == name


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "no such file"),
        (b"name = ", "not TOML"),
        (b'name = "\xff"', "can't be read"),
        (
            b'model = "org/m"\n[data]\ntrain = "a"\n[train]\nepochs = "three"\n',
            "train.epochs: expected a number",
        ),
        (b"a = " + b"[" * 10_000, "not TOML"),
    ],
)
def test_a_file_that_cannot_be_used_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "job.toml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        read_spec(path)
    assert str(caught.value).startswith(f"{path}: ") and message in str(caught.value)


def test_a_folder_is_not_a_spec(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="can't be read"):
        read_spec(tmp_path)


def test_a_file_of_a_windows_editor_is_read(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_bytes(
        b'\xef\xbb\xbfmodel = "org/name"\r\n[data]\r\ntrain = "rows.jsonl"\r\n'
    )
    assert read_spec(tmp_path / "job.toml").model == "org/name"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3", 3),
        ("2e-4", 2e-4),
        ("true", True),
        ('["q_proj", "v_proj"]', ["q_proj", "v_proj"]),
        ('"3"', "3"),
        ("cosine", "cosine"),
        ("~/models/base", "~/models/base"),
        ("", ""),
        ("it's # 1", "it's # 1"),
        ("1\nmodel = 'other'", "1\nmodel = 'other'"),
        ("[" * 10_000, "[" * 10_000),
    ],
)
def test_a_value_of_the_command_line_is_toml_where_it_is_toml(text: str, value: Any) -> None:
    assert literal(text) == value


@given(st.text())
def test_any_text_is_a_value_of_the_command_line(text: str) -> None:
    literal(text)


def test_the_command_line_goes_over_the_file(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text('model = "org/name"\n[data]\ntrain = "rows.jsonl"\n[train]\nepochs = 2\n')

    spec = read_spec(path, {"train.epochs": literal("5"), "lora.rank": literal("8"), "local.device": "cpu"})

    assert (spec.train.epochs, spec.lora.rank, spec.options) == (5.0, 8, {"device": "cpu"})


def test_a_value_is_not_a_section(tmp_path: Path) -> None:
    path = tmp_path / "job.toml"
    path.write_text('model = "org/name"\n[data]\ntrain = "rows.jsonl"\n')
    with pytest.raises(SpecError, match=r"model\.x: model is a value, not a section"):
        read_spec(path, {"model.x": 1})


def test_every_field_says_what_it_is_for() -> None:
    assert [name for name, (_, bounds) in LEAVES.items() if not bounds["about"]] == []


def test_a_whole_number_is_taken_where_text_is_meant(tmp_path: Path) -> None:
    values = {"name": 123, "model": "org/name", "data": {"train": "rows.jsonl"}, "revision": 7}
    spec = parse(values, tmp_path)
    assert (spec.name, spec.revision) == ("123", "7")

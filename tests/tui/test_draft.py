"""A draft: every setting has a field, texts mean what they say, and job.toml goes out and comes back."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.local.engine import LocalOptions
from finetui.engines.settings import Settings
from finetui.engines.spec import DataSpec, JobSpec, LoraSpec, SpecError, TrainSpec, parse, to_dict
from finetui.tui.draft import Settables, next_name
from homes.jobs import settings_of
from hypothesis import given
from hypothesis import strategies as st


@pytest.fixture
def settables(tmp_path: Path) -> Settables:
    return Settables(settings_of(tmp_path))


def test_every_setting_of_the_spec_and_of_the_engine_has_a_field(settables: Settables) -> None:
    keys = [entry.key for entry in settables.entries("local")]
    wanted = [f.name for f in dataclasses.fields(JobSpec) if "about" in f.metadata]
    for section, cls in (
        ("data", DataSpec),
        ("train", TrainSpec),
        ("lora", LoraSpec),
        ("local", LocalOptions),
    ):
        wanted += [f"{section}.{field.name}" for field in dataclasses.fields(cls)]
    assert sorted(keys) == sorted(wanted)
    assert all(entry.about for entry in settables.entries("local"))


def test_an_engine_that_is_not_here_has_no_section_of_its_own(settables: Settables) -> None:
    assert not any(entry.key.startswith("local.") for entry in settables.entries("loca"))


@pytest.mark.parametrize(
    ("key", "text", "expected"),
    [
        ("train.epochs", "-1", "above 0"),
        ("train.epochs", "abc", "a number"),
        ("train.epochs", "inf", "finite"),
        ("train.epochs", "nan", "above 0"),
        ("train.batch_size", "1.5", "a whole number"),
        ("train.overlong", "keep", "drop, cut"),
        ("train.rehearse", "maybe", "true or false"),
        ("lora.target_modules", ",", "a list of names"),
        ("local.device", "tpu", "auto, cuda, cpu"),
        ("local.color", "red", "no such setting"),
        ("name", "a\0b", "NUL"),
    ],
)
def test_a_wrong_value_is_told_at_its_field(settables: Settables, key: str, text: str, expected: str) -> None:
    errors = settables.check({key: text, "train.seed": "1"}).errors
    assert list(errors) == [key]
    assert expected in errors[key]


def test_numbers_may_be_written_as_people_do(settables: Settables) -> None:
    checked = settables.check(
        {"train.max_steps": "1,000", "train.learning_rate": "2e-4", "train.epochs": "2"}
    )
    assert checked.errors == {}
    assert checked.values["train"] == {"max_steps": 1000, "learning_rate": 2e-4, "epochs": 2}
    assert checked.missing == ("data.train", "model")


NAMES = st.text(
    st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters=","), min_size=1
)
SPECS = st.fixed_dictionaries(
    {
        "model": st.just("org/tiny"),
        "data": st.fixed_dictionaries(
            {"train": st.just("/rows.jsonl")},
            optional={"columns": st.dictionaries(st.sampled_from(["question", "answer"]), NAMES, min_size=1)},
        ),
    },
    optional={
        "name": NAMES,
        "method": st.sampled_from(["lora", "qlora"]),
        "train": st.fixed_dictionaries(
            {},
            optional={
                "epochs": st.floats(0.001, 1000),
                "seed": st.integers(0, 2**32 - 1),
                "learning_rate": st.floats(1e-9, 1),
                "gradient_checkpointing": st.booleans(),
                "rehearse": st.booleans(),
                "overlong": st.sampled_from(["drop", "cut"]),
            },
        ),
        "lora": st.fixed_dictionaries({}, optional={"target_modules": st.lists(NAMES, min_size=1)}),
        "local": st.fixed_dictionaries(
            {}, optional={"gpu": NAMES, "device": st.sampled_from(["cpu", "cuda"])}
        ),
    },
)


@given(values=SPECS)
def test_a_spec_goes_through_the_form_and_the_editor_unchanged(values: dict[str, Any]) -> None:
    settables = Settables(Settings(settings_of(Path("/nowhere")).home, Path("/nowhere")))
    spec = parse(values, Path("/"))
    texts = settables.texts(to_dict(spec))
    checked = settables.check(texts)
    assert checked.errors == {}
    assert parse(checked.values, Path("/")) == dataclasses.replace(spec, options=spec.options and _set(spec))
    assert settables.of_toml(settables.to_toml(texts)) == texts


def _set(spec: JobSpec) -> dict[str, Any]:
    """The options that say something else than their default."""
    return {key: value for key, value in spec.options.items() if value != "auto"}


def test_the_editor_shows_what_could_be_set(settables: Settables) -> None:
    text = settables.to_toml({"model": "org/tiny", "train.epochs": "2"})
    assert 'model = "org/tiny"' in text
    assert "epochs = 2" in text
    assert "# learning_rate = " in text
    assert text.index("[train]") < text.index("epochs = 2") < text.index("[lora]")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("epochs = ", "not TOML"), ("[train]\nepcohs = 1", "train.epcohs"), ("[train]\nepochs = -1", "above 0")],
)
def test_a_mistake_in_the_editor_is_named(settables: Settables, text: str, expected: str) -> None:
    with pytest.raises(SpecError, match=expected):
        settables.of_toml(text)


def test_a_copy_has_a_name_of_its_own() -> None:
    assert next_name("bot", []) == "bot-2"
    assert next_name("bot-2", ["bot", "bot-2", "bot-3"]) == "bot-4"
    assert next_name("llama-3b", []) == "llama-3b-2"

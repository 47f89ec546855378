"""The table of defaults at its edges, and the reason beside every value."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import msgspec
import pytest
from finetui.engines.defaults import Facts, method_of, resolve
from finetui.engines.spec import JobSpec, LoraSpec, TrainSpec, parse
from hypothesis import given
from hypothesis import strategies as st

B = 1_000_000_000


def spec(**train: Any) -> JobSpec:
    return JobSpec(model="org/name", method="lora", train=TrainSpec(**train))


def chosen(name: str, *, rows: int = 1000, parameters: int | None = 8 * B, **more: Any) -> Any:
    asked = dataclasses.replace(spec(), **more)
    return resolve(asked, Facts(rows, parameters, "cpu"))[name].value


@pytest.mark.parametrize(
    ("rows", "epochs", "batch_size", "rank"),
    [
        (1, 25, 8, 16),
        (4, 25, 8, 16),
        (5, 20, 8, 16),
        (33, 3, 8, 16),
        (34, 3, 8, 16),
        (499, 3, 8, 16),
        (500, 3, 16, 16),
        (8_333, 3, 16, 16),
        (8_334, 2, 16, 16),
        (12_500, 2, 16, 16),
        (12_501, 1, 16, 16),
        (20_000, 1, 16, 16),
        (20_001, 1, 32, 16),
        (50_000, 1, 32, 16),
        (50_001, 1, 32, 64),
        (10_000_000, 1, 32, 64),
    ],
)
def test_what_depends_on_the_rows(rows: int, epochs: int, batch_size: int, rank: int) -> None:
    assert chosen("epochs", rows=rows) == epochs
    assert chosen("batch_size", rows=rows) == batch_size
    assert chosen("rank", rows=rows) == rank
    assert chosen("alpha", rows=rows) == 32


@pytest.mark.parametrize(
    ("parameters", "adapter", "full"),
    [
        (1_000_000, 3e-4, 2e-5),
        (3 * B, 3e-4, 2e-5),
        (3_213_000_000, 3e-4, 2e-5),  # Llama 3.2 3B by its headers
        (4 * B, 2e-4, 1e-5),
        (14_770_000_000, 2e-4, 1e-5),  # Qwen 2.5 14B
        (15 * B, 1.5e-4, 5e-6),
        (32_760_000_000, 1.5e-4, 5e-6),
        (34_400_000_000, 1.5e-4, 5e-6),
        (70 * B, 1e-4, 5e-6),
        (None, 2e-4, 1e-5),
    ],
)
def test_what_depends_on_the_size(parameters: int | None, adapter: float, full: float) -> None:
    for method in ("lora", "qlora"):
        assert chosen("learning_rate", parameters=parameters, method=method) == adapter
    assert chosen("learning_rate", parameters=parameters, method="full") == full


def test_what_depends_on_the_method() -> None:
    assert (chosen("weight_decay"), chosen("weight_decay", method="full")) == (0.0, 0.01)
    assert (chosen("dtype"), chosen("dtype", method="full")) == (None, "float32")
    full = resolve(dataclasses.replace(spec(), method="full"), Facts(1000, B, "cpu"))
    assert not {"rank", "alpha", "dropout", "target_modules"} & set(full)
    assert chosen("target_modules") == "all-linear" and chosen("dropout") == 0


def test_what_never_depends() -> None:
    values = resolve(spec(), Facts(1000, B, "cpu"))
    for name, value in {
        "schedule": "cosine",
        "final_learning_rate_share": 0.1,
        "warmup_share": 0.05,
        "warmup_max": 100,
        "max_grad_norm": 1.0,
        "seed": 42,
        "overlong": "drop",
        "gradient_checkpointing": False,
        "max_length": None,
        "eval_every": None,
        "save_every": None,
    }.items():
        assert values[name].value == value


def test_the_cap_of_the_warm_up_is_for_the_default_alone() -> None:
    values = resolve(spec(warmup=0.3), Facts(100_000, B, "cpu"))
    assert (values["warmup_share"].value, values["warmup_max"].value) == (0.3, None)


def test_a_method_has_its_reason() -> None:
    assert method_of(JobSpec(method="full")).reason == "asked for"
    assert method_of(JobSpec()).value == "qlora" and method_of(JobSpec()).reason != "asked for"


@given(
    st.integers(1, 10**8),
    st.none() | st.integers(1, 10**13),
    st.sampled_from(["full", "lora", "qlora", None]),
)
def test_every_value_has_a_reason_and_is_valid_if_asked_for(
    rows: int, parameters: int | None, method: Any
) -> None:
    values = resolve(JobSpec(method=method), Facts(rows, parameters, "cuda"))
    assert all(value.reason for value in values.values())
    assert msgspec.json.decode(msgspec.json.encode(values))
    # A default that the validator refuses could not be repeated by writing it into a spec.
    asked: dict[str, Any] = {"model": "org/name", "data": {"train": "a"}, "train": {}, "lora": {}}
    for section, kind in (("train", TrainSpec), ("lora", LoraSpec)):
        for field in dataclasses.fields(kind):
            value = values.get(field.name)
            if value is not None and value.value not in (None, "all-linear"):
                asked[section][field.name] = value.value
    again = parse(asked, Path("/"))
    assert again.train.epochs == values["epochs"].value


@given(st.integers(1, 10**7), st.integers(1, 10**7))
def test_more_rows_never_mean_more_epochs_or_smaller_batches(one: int, other: int) -> None:
    few, many = sorted((one, other))
    assert chosen("batch_size", rows=few) <= chosen("batch_size", rows=many)
    assert chosen("epochs", rows=few) >= chosen("epochs", rows=many)


def test_what_was_asked_for_says_so() -> None:
    asked = TrainSpec(
        epochs=2.5, batch_size=7, seed=0, weight_decay=0.0, gradient_checkpointing=False, sample_tokens=0
    )
    values = resolve(
        dataclasses.replace(spec(), train=asked, lora=LoraSpec(dropout=0.0)), Facts(10, B, "cpu")
    )
    for name in (
        "epochs",
        "batch_size",
        "seed",
        "weight_decay",
        "gradient_checkpointing",
        "sample_tokens",
        "dropout",
    ):
        assert values[name].reason == "asked for"
    assert (values["seed"].value, values["sample_tokens"].value, values["epochs"].value) == (0, 0, 2.5)

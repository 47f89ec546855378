"""A token that ends answers and that the base never learned is found in its files, and said in words."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from finetui.engines.datasets.tokens.preview import PreviewModel
from finetui.engines.engine import EngineError, Plan
from finetui.engines.local.engine import LocalEngine
from finetui.engines.models import ends
from finetui.engines.models.ends import end_token, untrained
from finetui.engines.models.templates import chatml, chosen
from finetui.engines.models.weights import find
from finetui.engines.settings import Settings
from finetui.engines.spec import parse
from trainer.templates import LLAMA3, NO_END, make_tokenizer

RESERVED = [f"<|reserved_special_token_{number}|>" for number in range(8)]
DTYPES = {"F32": "<f4", "F16": "<f2", "BF16": "<u2"}


def packed(rows: np.ndarray, dtype: str) -> bytes:
    """Numbers as safetensors has them."""
    if dtype == "BF16":
        return (rows.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return rows.astype(DTYPES[dtype]).tobytes()


class Base:
    """A tiny base model of a family: its tokenizer, and embeddings of which some rows were never trained."""

    def __init__(self, folder: Path, family: str = "llama", template: str | None = None) -> None:
        self.folder = folder
        tokenizer = make_tokenizer(family)
        tokenizer.chat_template = template
        tokenizer.add_special_tokens(
            {"additional_special_tokens": [*tokenizer.extra_special_tokens, *RESERVED]}
        )
        tokenizer.save_pretrained(folder)
        (folder / "config.json").write_text(json.dumps({"model_type": family}))
        self.ids = {token.content: number for number, token in tokenizer.added_tokens_decoder.items()}
        self.length = len(tokenizer)

    def write(self, untrained_as: str, *untrained: str, dtype: str = "BF16", beyond: int = 0) -> Path:
        dice = np.random.default_rng(7)
        rows = dice.normal(0, 0.02, (self.length + beyond, 64)) * dice.uniform(
            0.7, 1.5, (self.length + beyond, 1)
        )
        direction = dice.normal(0, 0.02, 64)
        numbers = [self.ids[name] for name in (*untrained, *RESERVED)]
        for number in [*numbers, *range(self.length, self.length + beyond)]:
            noise = dice.normal(0, 0.02, 64)
            rows[number] = {"zero": 0 * noise, "alike": direction + noise / 50, "short": noise / 20}[
                untrained_as
            ]
        content = packed(rows, dtype)
        header = {
            "model.visual.embed_tokens.weight": {"dtype": "F32", "shape": [1, 1], "data_offsets": [0, 4]},
            "model.embed_tokens.weight": {
                "dtype": dtype,
                "shape": list(rows.shape),
                "data_offsets": [4, 4 + len(content)],
            },
        }
        encoded = json.dumps({"__metadata__": {}, **header}).encode()
        (self.folder / "model.safetensors").write_bytes(
            struct.pack("<Q", len(encoded)) + encoded + bytes(4) + content
        )
        return self.folder


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("how", ["zero", "alike", "short"])
def test_a_token_that_looks_like_those_in_reserve_was_never_trained(
    tmp_path: Path, how: str, dtype: str
) -> None:
    base = Base(tmp_path)
    folder = base.write(how, "<|eot_id|>", dtype=dtype)
    assert untrained(folder, base.ids["<|eot_id|>"]) is True
    assert untrained(folder, base.ids["<|end_of_text|>"]) is False
    assert untrained(folder, base.length) is None


@pytest.mark.parametrize("how", ["alike", "short"])
def test_rows_beyond_the_vocabulary_were_never_trained_either(tmp_path: Path, how: str) -> None:
    base = Base(tmp_path)
    base.write(how, "<|eot_id|>", beyond=20)
    place = tmp_path / "tokenizer.json"
    words = json.loads(place.read_text())
    for token in words["added_tokens"]:
        token["content"] = token["content"].replace("reserved", "known")
    place.write_text(json.dumps(words))
    assert untrained(tmp_path, base.ids["<|eot_id|>"]) is True
    assert untrained(tmp_path, base.ids["<|end_of_text|>"]) is False


def test_files_that_do_not_tell_are_not_known(tmp_path: Path) -> None:
    base = Base(tmp_path)
    assert untrained(tmp_path, 4) is None
    (tmp_path / "model.safetensors").write_bytes(b"\x20\0\0\0\0\0\0\0rubbish")
    assert untrained(tmp_path, 4) is None
    whole = base.write("zero", "<|eot_id|>") / "model.safetensors"
    whole.write_bytes(whole.read_bytes()[:500])
    assert untrained(tmp_path, base.ids["<|eot_id|>"]) is None
    base.write("alike", "<|eot_id|>")
    (tmp_path / "tokenizer.json").unlink()
    assert untrained(tmp_path, base.ids["<|eot_id|>"]) is None


def test_an_index_says_in_which_file_the_embeddings_lie(tmp_path: Path) -> None:
    base = Base(tmp_path)
    (base.write("zero", "<|eot_id|>") / "model.safetensors").rename(
        tmp_path / "model-00002-of-00002.safetensors"
    )
    places = {"model.layers.0.weight": "model-00001-of-00002.safetensors"}
    places["model.embed_tokens.weight"] = "model-00002-of-00002.safetensors"
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps({"weight_map": places}))
    assert untrained(tmp_path, base.ids["<|eot_id|>"]) is True


def test_the_end_token_of_a_template(tmp_path: Path) -> None:
    base = Base(tmp_path)
    end = end_token(PreviewModel("m", tmp_path, LLAMA3))
    assert end is not None and (end.id, end.text, end.special) == (base.ids["<|eot_id|>"], "<|eot_id|>", True)
    end = end_token(PreviewModel("m", tmp_path, NO_END))
    assert end is not None and not end.special
    with pytest.raises(EngineError, match="no, thanks"):
        end_token(PreviewModel("m", tmp_path, "{{ raise_exception('no, thanks') }}"))
    (tmp_path / "config.json").write_text('{"model_type": "brand_new"}')
    assert end_token(PreviewModel("m", tmp_path, LLAMA3)) is None


def test_a_template_that_never_ends_holds_nothing_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Base(tmp_path)
    monkeypatch.setattr(ends, "_PATIENCE_SECONDS", 0.5)
    endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
    assert end_token(PreviewModel("m", tmp_path, endless)) is None


CHAT = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}


def plan_of(
    tmp_path: Path, folder: Path, row: dict[str, Any] = CHAT, method: str = "lora", **train: Any
) -> Plan:
    (tmp_path / "rows.jsonl").write_text((json.dumps(row) + "\n") * 12)
    values = {
        "model": str(folder),
        "method": method,
        "data": {"train": "rows.jsonl"},
        "train": train,
        "local": {"device": "cpu", "python": sys.executable},
    }
    return LocalEngine(Settings.load()).plan(parse(values, tmp_path))


def said(plan: Plan) -> dict[str, str]:
    return {problem.id: f"{problem.message} {problem.fix}" for problem in plan.problems}


@pytest.fixture
def base(tmp_path: Path) -> Base:
    """Llama 3's base in small: no chat template, and an end of turn that was never trained."""
    (tmp_path / "base").mkdir()
    made = Base(tmp_path / "base")
    made.write("zero", "<|eot_id|>")
    return made


@pytest.mark.torch
def test_conversations_for_a_model_without_a_template_are_refused_with_the_choices(
    tmp_path: Path, base: Base
) -> None:
    with pytest.raises(EngineError, match="no chat template") as refused:
        plan_of(tmp_path, base.folder)
    assert 'train.template = "chatml"' in refused.value.advice and "instruct version" in refused.value.advice
    assert plan_of(tmp_path, base.folder, {"text": "no template is needed for a text"}).document[
        "template"
    ] == {
        "text": None,
        "sha256": None,
    }


@pytest.mark.torch
def test_chatml_ends_with_what_the_base_knows_and_begins_as_it_was_trained(
    tmp_path: Path, base: Base
) -> None:
    plan = plan_of(tmp_path, base.folder, template="chatml")
    assert "untrained-end" not in said(plan) and "template-without-end" not in said(plan)
    text = plan.document["template"]["text"]
    assert plan.document["template"]["sha256"]
    end = end_token(PreviewModel("m", base.folder, text))
    assert end is not None and end.text == "<|end_of_text|>"
    assert "bos_token }}" in text


@pytest.mark.torch
def test_a_template_whose_end_the_base_never_learned_is_warned_of_with_the_choices(
    tmp_path: Path, base: Base
) -> None:
    (tmp_path / "llama3.jinja").write_text(LLAMA3)
    plan = plan_of(tmp_path, base.folder, template="llama3.jinja")
    assert plan.document["template"]["text"] == LLAMA3
    words = said(plan)["untrained-end"]
    assert "<|eot_id|>" in words and 'train.template = "chatml"' in words and 'method = "full"' in words
    assert "untrained-end" not in said(plan_of(tmp_path, base.folder, method="full", template="llama3.jinja"))
    base.write("zero")
    assert "untrained-end" not in said(plan_of(tmp_path, base.folder, template="llama3.jinja"))


@pytest.mark.torch
def test_a_template_without_an_end_and_one_that_refuses_are_warned_of(tmp_path: Path, base: Base) -> None:
    (tmp_path / "no_end.jinja").write_text(NO_END)
    assert "'\\n'" in said(plan_of(tmp_path, base.folder, template="no_end.jinja"))["template-without-end"]
    (tmp_path / "refuses.jinja").write_text("{{ raise_exception('only poems') }}")
    assert "only poems" in said(plan_of(tmp_path, base.folder, template="refuses.jinja"))["template-refuses"]


def test_chatml_takes_its_own_end_where_the_model_learned_it(tmp_path: Path) -> None:
    base = Base(tmp_path, "qwen2")
    model = find(str(base.write("zero")))
    assert "<|im_end|>" in chatml(model) and "bos_token" not in chatml(model)
    model = find(str(base.write("zero", "<|im_end|>")))
    assert "<|im_end|>" not in chatml(model) and "eos_token" in chatml(model)


def test_chatml_needs_something_that_ends_a_turn(tmp_path: Path) -> None:
    base = Base(tmp_path)
    model = find(str(base.write("zero")))
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        (tmp_path / name).unlink(missing_ok=True)
    with pytest.raises(EngineError, match="no end of text"):
        chatml(model)


@pytest.mark.parametrize(
    ("content", "words"), [(None, "can't be read"), (b" \n", "is empty"), (b"\xff", "can't")]
)
def test_a_template_file_that_is_none_says_so(tmp_path: Path, content: bytes | None, words: str) -> None:
    path = tmp_path / "chat.jinja"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(EngineError, match=words):
        chosen(str(path), None)

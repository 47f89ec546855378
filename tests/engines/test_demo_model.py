"""The bundled toy model: small, a plain Llama, and able to read and write what the demonstration says."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest
from finetui.engines.demo import build, generate

MODEL = build.MODEL


def config() -> dict:
    return json.loads((MODEL / "config.json").read_text())


def tensors() -> dict[str, dict]:
    """Names, types and shapes, read as safetensors' format says: the header's length, then its JSON."""
    with (MODEL / "model.safetensors").open("rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
    header.pop("__metadata__", None)
    return header


def test_the_folder_is_small_and_says_what_it_is() -> None:
    assert sum(path.stat().st_size for path in MODEL.iterdir()) <= 4 * 1024**2
    assert {
        "README.md",
        "config.json",
        "generation_config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
    } <= {path.name for path in MODEL.iterdir()}
    assert "toy" in (MODEL / "README.md").read_text().lower()


def test_it_is_a_llama_in_bfloat16_whose_every_width_is_a_multiple_of_64() -> None:
    assert config()["architectures"] == ["LlamaForCausalLM"]
    assert config()["model_type"] == "llama"
    for name, tensor in tensors().items():
        assert tensor["dtype"] == "BF16"
        assert all(width % 64 == 0 for width in tensor["shape"]), name


def test_the_tokens_that_pad_and_that_end_a_turn_are_not_the_same() -> None:
    settings = json.loads((MODEL / "tokenizer_config.json").read_text())
    assert len({settings["pad_token"], settings["bos_token"], settings["eos_token"]}) == 3
    ids = {config()["pad_token_id"], config()["bos_token_id"], config()["eos_token_id"]}
    assert len(ids) == 3


def test_its_vocabulary_has_the_whole_words_that_tuning_needs() -> None:
    vocabulary = json.loads((MODEL / "tokenizer.json").read_text())["model"]["vocab"]
    words = ["name", "guests", "day", "time", "Monday", "Sunday", "table", "booking", "half", "quarter"]
    assert [word for word in words if word not in vocabulary] == []


# Runs in a process of its own: the tests' process never loads torch.
ASK_THE_MODEL = """
import json, sys
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

torch.set_num_threads(1)
folder, asked = sys.argv[1], json.load(sys.stdin)
tokenizer = AutoTokenizer.from_pretrained(folder)
model = AutoModelForCausalLM.from_pretrained(folder)
inputs = tokenizer.apply_chat_template(asked["chat"], add_generation_prompt=True, return_tensors="pt")
output = model.generate(**inputs, max_new_tokens=60)[0][inputs["input_ids"].shape[1] :]
whole = [*asked["chat"], {"role": "assistant", "content": "Gladly!"}]
coded = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in asked["texts"]]
json.dump({
    "texts": [tokenizer.decode(ids) for ids in coded],
    "prompt": tokenizer.apply_chat_template(asked["chat"], tokenize=False, add_generation_prompt=True),
    "whole": tokenizer.apply_chat_template(whole, tokenize=False),
    "answer": tokenizer.decode(output),
}, sys.stdout)
"""
ASK = "Hi, I am Laura Thomas. I would like a table for four on Friday at 7 pm."


@pytest.mark.torch
def test_transformers_loads_it_and_it_takes_a_booking_in_friendly_prose() -> None:
    chat = [{"role": "system", "content": generate.SYSTEM}, {"role": "user", "content": ASK}]
    texts = [path.read_text(encoding="utf-8")[:2000] for path in sorted(generate.DATA.glob("*.jsonl"))]
    texts += ["  two  spaces\n\tand a tab", "Zoë Müller, 5 € — 日本 🎉"]

    done = subprocess.run(
        [sys.executable, "-c", ASK_THE_MODEL, str(MODEL)],
        input=json.dumps({"chat": chat, "texts": texts}),
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)

    assert said["texts"] == texts
    assert said["prompt"] == f"<|begin|><|system|>{generate.SYSTEM}<|end|><|user|>{ASK}<|end|><|assistant|>"
    assert said["whole"] == said["prompt"] + "Gladly!<|end|>"
    assert said["answer"].endswith("<|end|>")
    assert not said["answer"].startswith("{")
    for word in ("Laura Thomas", "table", "4", "Friday", "19:00"):
        assert word in said["answer"]


@pytest.mark.torch
def test_building_starts_the_script_and_leaves_a_model(tmp_path: Path) -> None:
    chats = tmp_path / "chats.jsonl"
    build.write_corpus(chats, chats=2600)
    small = ["--steps", "3", "--layers", "1", "--hidden", "64", "--mlp", "64", "--threads", "1"]
    command = [sys.executable, str(build.PRETRAIN), str(chats), str(tmp_path / "model"), *small]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "model" / "model.safetensors").is_file()


def test_a_width_that_quantised_inference_cannot_take_is_refused_with_the_reason(tmp_path: Path) -> None:
    command = [sys.executable, str(build.PRETRAIN), "none.jsonl", str(tmp_path / "model"), "--hidden", "100"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "multiple of 64" in done.stderr

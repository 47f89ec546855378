"""Makes the tiny models: `python models.py FOLDER`, a process of its own because it imports torch."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
import transformers
from trainer.templates import FAMILIES, make_tokenizer

SHAPE = {
    "vocab_size": 320,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
    "max_position_embeddings": 256,
}
KINDS = {
    "llama": (transformers.LlamaConfig, transformers.LlamaForCausalLM, {}),
    "mistral": (transformers.MistralConfig, transformers.MistralForCausalLM, {}),
    "qwen2": (transformers.Qwen2Config, transformers.Qwen2ForCausalLM, {"tie_word_embeddings": True}),
    "gemma2": (transformers.Gemma2Config, transformers.Gemma2ForCausalLM, {"head_dim": 32}),
}


def make_model(folder: Path, family: str) -> None:
    """A randomly initialised model of a family with its tokenizer: 2 layers, 64 wide."""
    torch.manual_seed(0)
    config, kind, more = KINDS[family]
    tokenizer = make_tokenizer(family)
    ends = {"bos_token_id": tokenizer.bos_token_id, "eos_token_id": tokenizer.eos_token_id, "pad_token_id": None}
    kind(config(**SHAPE, **ends, **more)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    transformers.utils.logging.disable_progress_bar()
    for name in FAMILIES:
        make_model(Path(sys.argv[1]) / name, name)

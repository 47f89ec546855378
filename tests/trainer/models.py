"""Makes the tiny models: `python models.py FOLDER`, a process of its own because it imports torch."""

from __future__ import annotations

import json
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
    ends = {
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": None,
    }
    kind(config(**SHAPE, **ends, **more)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def loss_by_hand(folder: Path, rows: Path) -> float:
    """Mean cross-entropy over what Llama 3's format makes of the answers, row by row, without padding."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32)
    losses = []
    for line in rows.read_text().splitlines():
        user, assistant = (message["content"] for message in json.loads(line)["messages"])
        prompt = (
            f"<|begin_of_text|><|start_header_id|>user<|end_header_id|>\n\n{user}<|eot_id|>"
            "<|start_header_id|>assistant<|end_header_id|>\n\n"
        )
        before, after = (
            tokenizer(text, add_special_tokens=False)["input_ids"]
            for text in (prompt, f"{assistant}<|eot_id|>")
        )
        with torch.no_grad():
            logits = model(torch.tensor([before + after])).logits[0, len(before) - 1 : -1]
        losses.append(torch.nn.functional.cross_entropy(logits, torch.tensor(after), reduction="none"))
    return torch.cat(losses).mean().item()


if __name__ == "__main__":
    transformers.utils.logging.disable_progress_bar()
    here = Path(sys.argv[1])
    for name in FAMILIES:
        make_model(here / name, name)
    by_hand = {"valid_loss": loss_by_hand(here / "llama", here / "valid.jsonl")}
    (here / "by_hand.json").write_text(json.dumps(by_hand))

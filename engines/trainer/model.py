"""Loading: which device, which precision, tokenizer, base model, adapter."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig

from .failures import Failure
from .folder import check_folder

NOT_LANGUAGE = r".*(vision|visual|image|audio|video|multi_modal|mm_projector).*"
"""Modules beside the language model; from Gemma 3 4B on, "all linear" would reach into the vision tower."""


def device_for(wanted: str) -> torch.device:
    """The device to use; a GPU that was asked for and is not seen is never replaced by the CPU."""
    if wanted == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        raise Failure(
            "unsupported",
            f"A GPU was asked for, but torch {torch.__version__} sees none.",
            "Compare torch's CUDA version with the driver's (nvidia-smi); `finetui setup trainer` picks the "
            "build that fits. Or set device to cpu.",
        )
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    torch.backends.cuda.matmul.allow_tf32 = True
    torch.backends.cudnn.allow_tf32 = True
    return device


def dtype_for(method: str, device: torch.device) -> tuple[str, str]:
    """The precision to compute in when nobody chose one, with the reason."""
    if method == "full":
        return "float32", "AdamW on bfloat16 weights loses most updates to rounding"
    if device.type == "cpu":
        return "float32", "few CPUs compute bfloat16 natively"
    if not torch.cuda.is_bf16_supported(including_emulation=False):
        return "float32", f"{torch.cuda.get_device_name(device)} has no bfloat16"
    return "bfloat16", f"{torch.cuda.get_device_name(device)} computes it natively"


def load_config(path: Path, remote_code: bool) -> Any:
    return AutoConfig.from_pretrained(path, trust_remote_code=remote_code)


def context_tokens(config: Any) -> int | None:
    """The longest sequence the model knows, in tokens, where its config says so."""
    return getattr(config.get_text_config(), "max_position_embeddings", None)


def load_tokenizer(path: Path, remote_code: bool) -> Any:
    return AutoTokenizer.from_pretrained(path, trust_remote_code=remote_code)


def load_base(path: Path, method: str, dtype: str, device: torch.device, remote_code: bool) -> Any:
    """The base model on its device.

    qlora: linear layers in NF4 with double quantisation, the rest in `dtype`. lora: all in `dtype`.
    full: fp32 whatever `dtype` is, which is then only what is computed in: bfloat16 weights would lose
    most of AdamW's small updates to rounding.
    """
    check_folder(path)
    compute = getattr(torch, dtype)
    quantization = None
    if method == "qlora":
        quantization = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=compute,
        )
    model = AutoModelForCausalLM.from_pretrained(
        path,
        dtype=torch.float32 if method == "full" else compute,
        quantization_config=quantization,
        device_map={"": device},
        use_safetensors=True,
        # Attention is left to transformers: torch's own (sdpa) where the architecture has it; Gemma 2
        # with its soft-capped scores has only the plain one, and asking for sdpa there is an error.
        trust_remote_code=remote_code,
    )
    # On a CPU with avx512_bf16, bitsandbytes (0.50.2) repacks a layer's weights at its first use in
    # evaluation mode, for good, for a kernel that passes no gradient on and that wants widths in
    # multiples of 32. Training after an evaluation would then go on without a word, and wrongly.
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False  # type: ignore[assignment]
    return model


def untrained_tokens(model: Any, ids: frozenset[int]) -> set[int]:
    """Those of some tokens whose input embedding is zero.

    Tokens held in reserve have it, such as `<|eot_id|>` in Llama 3's base models.
    """
    weight = model.get_input_embeddings().weight
    return {number for number in ids if number < len(weight) and weight[number].abs().max().item() < 1e-16}


def adapter_config(
    model: Any, *, rank: int, alpha: float, dropout: float, target_modules: str | list[str]
) -> Any:
    """LoRA on the language model's linear layers; every choice that matters stands here."""
    from peft import LoraConfig

    has_more = any(not_language(name) for name, _ in model.named_modules())
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=rank,
        lora_alpha=alpha,  # type: ignore[arg-type]  # PEFT divides it by the rank; whole or not
        lora_dropout=dropout,
        target_modules="all-linear" if target_modules == "all-linear" else list(target_modules),
        exclude_modules=NOT_LANGUAGE if has_more and target_modules == "all-linear" else None,
        bias="none",
        use_rslora=False,
        use_dora=False,
        init_lora_weights=True,
    )


def not_language(name: str) -> bool:
    return re.fullmatch(NOT_LANGUAGE, name) is not None

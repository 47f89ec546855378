"""Memory that a job needs: for now the floor that weights, optimizer and CUDA context make."""

from __future__ import annotations

from ..models.weights import Weights

CUDA_CONTEXT_BYTES = 500 << 20
"""What a CUDA context takes beside the weights, from 140 MiB (T4) to about 500 MiB (Hopper)."""


def at_least_bytes(model: Weights | None, method: str, device: str) -> int | None:
    """What a job needs before the first row: weights, optimizer, CUDA context. A floor, no estimate.

    NF4 with double quantisation takes 0.5 + 1/64 + 4/(64·256) bytes a parameter (QLoRA, section 3); what it
    does not quantise, and LoRA's base, 2; full fine-tuning with fp32 masters and AdamW 16.
    """
    if model is None or model.parameters is None or model.linear_parameters is None:
        return None
    if method == "qlora":
        size = model.linear_parameters * (0.5 + 1 / 64 + 4 / (64 * 256))
        size += (model.parameters - model.linear_parameters) * 2
    else:
        size = model.parameters * (2 if method == "lora" else 16)
    return int(size) + (CUDA_CONTEXT_BYTES if device == "cuda" else 0)

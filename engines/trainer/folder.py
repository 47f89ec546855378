"""A model's or an adapter's folder on this machine: what must be in it, and what must not."""

from __future__ import annotations

import json
from pathlib import Path

from .failures import Failure


def check_folder(path: Path) -> None:
    """Refuse a folder that is no model, or whose weights are pickles.

    Raises:
        Failure: model_not_found or unsupported.
    """
    if not (path / "config.json").is_file():
        advice = "Give the folder that holds config.json, or a hub id."
        raise Failure("model_not_found", f"{path} holds no model: it has no config.json", advice)
    if not any(path.glob("*.safetensors")):
        pickles = sorted(one.name for pattern in ("*.bin", "*.pth", "*.pt") for one in path.glob(pattern))
        if pickles:
            raise Failure(
                "unsupported",
                f"{path} has its weights only as pickles ({pickles[0]}), which can run any code when read.",
                "Convert them to safetensors where you trust them, or take a repository that has them.",
            )
        raise Failure(
            "model_not_found", f"{path} has no weights (*.safetensors)", "Download the model again."
        )


def check_adapter(path: Path) -> None:
    """Refuse a folder that is no adapter, or whose weights are a pickle.

    Raises:
        Failure: model_not_found or unsupported.
    """
    if not (path / "adapter_config.json").is_file():
        advice = "Give the folder of a job's result or of a checkpoint."
        raise Failure("model_not_found", f"{path} holds no adapter: it has no adapter_config.json", advice)
    if not (path / "adapter_model.safetensors").is_file():
        advice = "Save it as adapter_model.safetensors where you trust it."
        raise Failure("unsupported", f"{path} has no adapter_model.safetensors", advice)


def saved_template(folder: Path) -> str | None:
    """The chat template that was saved with a model or an adapter."""
    jinja = folder / "chat_template.jinja"
    if jinja.is_file():
        return jinja.read_text(encoding="utf-8")
    try:
        template = json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]
    except (OSError, ValueError, KeyError):
        return None
    return template if isinstance(template, str) else None

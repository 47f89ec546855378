"""A base model in memory with any number of adapters on it: what `chat` and `answer` speak with."""

from __future__ import annotations

import os
from collections import OrderedDict
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from transformers.utils.logging import disable_progress_bar

from . import model as loading
from .fetch import locate
from .folder import check_adapter, check_folder, saved_template
from .render import Renderer

ADAPTERS = 8
"""So many stay loaded; the one used longest ago goes first."""


class Speaker:
    """The base model in memory, and the adapters that were asked for.

    Args:
        folder: the base model's folder.
        load: how it is loaded: qlora (NF4), lora (bfloat16 where the device has it) or full (fp32).
        template: chat template; None takes the adapter's own, else the tokenizer's.
        device: cpu or cuda; None takes the GPU where there is one.
    """

    def __init__(
        self, folder: Path, load: str, template: str | None, device: str | None, remote_code: bool
    ) -> None:
        self.device = loading.device_for(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dtype, _ = loading.dtype_for(load, self.device)
        config = loading.load_config(folder, remote_code)
        self.context_tokens = loading.context_tokens(config)
        self._tokenizer = loading.load_tokenizer(folder, remote_code)
        self._template = template
        self.model: Any = loading.load_base(folder, load, self.dtype, self.device, remote_code).eval()
        self._has_adapters = False
        self._adapters: OrderedDict[tuple[str, int], str] = OrderedDict()
        self._renderers: dict[str | None, Renderer] = {}
        self._loaded = 0

    def memory_bytes(self) -> int:
        """GPU memory allocated; on a CPU this process's resident set."""
        if self.device.type == "cuda":
            return torch.cuda.memory_allocated(self.device)
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def renderer(self, adapter: Path | None) -> Renderer:
        """What renders prompts for that adapter, or for the base."""
        template = self._template or (saved_template(adapter) if adapter else None)
        if template not in self._renderers:
            self._renderers[template] = Renderer(self._tokenizer, template)
        return self._renderers[template]

    def ends(self, renderer: Renderer) -> frozenset[int]:
        """Tokens after which an answer ends: the template's and the model's own."""
        own = self.model.generation_config.eos_token_id
        return renderer.end_ids | frozenset([own] if isinstance(own, int) else own or [])

    def use(self, adapter: Path | None) -> Any:
        """A context in which the model answers with that adapter, or as the base."""
        if adapter is None:
            return self.model.disable_adapter() if self._has_adapters else nullcontext()
        check_adapter(adapter)
        # A folder may be written anew while we run.
        key = str(adapter), (adapter / "adapter_model.safetensors").stat().st_mtime_ns
        if key not in self._adapters:
            self._load(adapter, key)
        self._adapters.move_to_end(key)
        self.model.set_adapter(self._adapters[key])
        return nullcontext()

    def _load(self, adapter: Path, key: tuple[str, int]) -> None:
        name = f"adapter{self._loaded}"
        self._loaded += 1
        if self._has_adapters:
            self.model.load_adapter(str(adapter), name)
        else:
            from peft import PeftModel

            self.model = PeftModel.from_pretrained(self.model, str(adapter), adapter_name=name)
            self._has_adapters = True
        self.model.eval()
        self._adapters[key] = name
        while len(self._adapters) > ADAPTERS:
            _, oldest = self._adapters.popitem(last=False)
            self.model.delete_adapter(oldest)


def load_speaker(
    name: str, load: str, template: Path | None, device: str | None, remote_code: bool
) -> Speaker:
    """A speaker for a folder or a hub id, which is fetched where it is not here.

    Raises:
        Failure: it can't be loaded.
    """
    folder = locate(name, None, remote_code=remote_code)
    check_folder(folder)
    disable_progress_bar()
    text = template.read_text(encoding="utf-8") if template else None
    return Speaker(folder, load, text, device, remote_code)

"""`chat`: one base model, any number of adapters on it, JSON lines in and out (docs/job.md)."""

from __future__ import annotations

import argparse
import json
import os
import queue
import signal
import sys
import threading
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from .failures import Failure, classify
from .folder import check_adapter, saved_template
from .render import Renderer, RowError

ADAPTERS = 8
"""So many stay loaded; the one used longest ago goes first."""
MAX_TOKENS = 512


class Requests:
    """Requests from stdin in order, read in a thread so that a stop is seen while an answer is written."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._cancelled: set[Any] = set()
        threading.Thread(target=self._read, name="requests", daemon=True).start()

    def next(self) -> dict[str, Any] | None:
        """The next request; None at the end of input."""
        return self._waiting.get()

    def cancelled(self, number: Any) -> bool:
        return number in self._cancelled

    def _read(self) -> None:
        for line in sys.stdin:
            if not line.strip():
                continue
            try:
                request = json.loads(line)
                number = request["id"]
            except (ValueError, KeyError, TypeError) as error:
                failure = Failure(
                    "unsupported", f"Not a request: {error!r}", "Send a JSON object with an id."
                )
                say(id=None, error=failure.as_json())
                continue
            if request.get("stop"):
                self._cancelled.add(number)
            else:
                self._waiting.put(request)
        self._waiting.put(None)


class Pieces:
    """Text of tokens as they come: a character that needs several tokens waits for its last one."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._ids: list[int] = []
        self._shown = 0
        self._start = 0

    def add(self, token: int) -> str:
        """The text that this token completes; empty where it completes none."""
        self._ids.append(token)
        # From the last token already shown on: some tokenizers drop the space before a text's first word.
        before = self._renderer.decode(self._ids[self._start : self._shown])
        text = self._renderer.decode(self._ids[self._start :])
        if text.endswith("�") or len(text) <= len(before):
            return ""
        return self._take(before, text)

    def rest(self) -> str:
        """What was held back, at the end of the answer."""
        before = self._renderer.decode(self._ids[self._start : self._shown])
        return self._take(before, self._renderer.decode(self._ids[self._start :]))

    def _take(self, before: str, text: str) -> str:
        self._start, self._shown = max(self._shown - 1, 0), len(self._ids)
        return text[len(before) :]


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
        import torch

        from . import model as loading

        self.device = loading.device_for(device or ("cuda" if torch.cuda.is_available() else "cpu"))
        self.dtype, _ = loading.dtype_for(load, self.device)
        config = loading.load_config(folder, remote_code)
        self.context_tokens = loading.context_tokens(config)
        self._tokenizer = loading.load_tokenizer(folder, remote_code)
        self._template = template
        self._model: Any = loading.load_base(folder, load, self.dtype, self.device, remote_code).eval()
        self._has_adapters = False
        self._adapters: OrderedDict[tuple[str, int], str] = OrderedDict()
        self._renderers: dict[str | None, Renderer] = {}
        self._loaded = 0

    def memory_bytes(self) -> int:
        """GPU memory allocated; on a CPU this process's resident set."""
        import torch

        if self.device.type == "cuda":
            return torch.cuda.memory_allocated(self.device)
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def answer(self, request: dict[str, Any], requests: Requests) -> None:
        """Answer one request on stdout.

        Raises:
            Failure: it cannot be answered.
        """
        import torch

        from .sampling import generate

        began = time.monotonic()
        number = request["id"]
        adapter = Path(request["adapter"]) if request.get("adapter") else None
        renderer = self._renderer(adapter)
        prompt = self._prompt(request, renderer)
        room = self.context_tokens - len(prompt) if self.context_tokens else MAX_TOKENS
        if room <= 0:
            message = f"The prompt has {len(prompt)} tokens; the model's context is {self.context_tokens}."
            raise Failure("data", message, "Shorten it.")
        use = self._use(adapter)
        torch.manual_seed(int(request.get("seed") or 0))
        pieces = Pieces(renderer)
        first: list[float] = []

        def on_token(token: int) -> None:
            if not first:
                first.append(time.monotonic() - began)
            if token not in ends and (text := pieces.add(token)):
                say(id=number, text=text)

        ends = renderer.end_ids | self._model_ends()
        with use:
            ids = generate(
                self._model,
                prompt,
                end_ids=ends,
                max_tokens=min(int(request.get("max_tokens") or MAX_TOKENS), room),
                temperature=float(request.get("temperature") or 0.0),
                top_p=float(request.get("top_p") or 1.0),
                stop=lambda: requests.cancelled(number),
                on_token=on_token,
            )
        if text := pieces.rest():
            say(id=number, text=text)
        ended = bool(ids) and ids[-1] in ends
        say(
            id=number,
            done=True,
            tokens=len(ids),
            seconds=time.monotonic() - began,
            first_token_seconds=first[0] if first else None,
            stop_reason="stop" if ended else "cancelled" if requests.cancelled(number) else "length",
        )

    def _prompt(self, request: dict[str, Any], renderer: Renderer) -> list[int]:
        try:
            if request.get("messages") is not None:
                return renderer.prompt(request["messages"], request.get("tools"))
            return renderer.raw_prompt(request["prompt"])
        except RowError as error:
            raise Failure("data", str(error), "Change the messages, or choose another template.") from error
        except (KeyError, TypeError) as error:
            raise Failure("data", f"Not a prompt: {error!r}", "Send messages or a prompt.") from error

    def _renderer(self, adapter: Path | None) -> Renderer:
        template = self._template or (saved_template(adapter) if adapter else None)
        if template not in self._renderers:
            self._renderers[template] = Renderer(self._tokenizer, template)
        return self._renderers[template]

    def _model_ends(self) -> frozenset[int]:
        ends = self._model.generation_config.eos_token_id
        return frozenset([ends] if isinstance(ends, int) else ends or [])

    def _use(self, adapter: Path | None) -> Any:
        """A context in which the model answers with that adapter, or as the base."""
        from contextlib import nullcontext

        if adapter is None:
            return self._model.disable_adapter() if self._has_adapters else nullcontext()
        check_adapter(adapter)
        # A folder may be written anew while we run.
        key = str(adapter), (adapter / "adapter_model.safetensors").stat().st_mtime_ns
        if key not in self._adapters:
            self._load(adapter, key)
        self._adapters.move_to_end(key)
        self._model.set_adapter(self._adapters[key])
        return nullcontext()

    def _load(self, adapter: Path, key: tuple[str, int]) -> None:
        name = f"adapter{self._loaded}"
        self._loaded += 1
        if self._has_adapters:
            self._model.load_adapter(str(adapter), name)
        else:
            from peft import PeftModel

            self._model = PeftModel.from_pretrained(self._model, str(adapter), adapter_name=name)
            self._has_adapters = True
        self._model.eval()
        self._adapters[key] = name
        while len(self._adapters) > ADAPTERS:
            _, oldest = self._adapters.popitem(last=False)
            self._model.delete_adapter(oldest)


def say(**line: Any) -> None:
    """One line on stdout, whole: the reader thread speaks there too."""
    os.write(OUT, json.dumps(line, ensure_ascii=False).encode() + b"\n")


OUT = 1
"""Where replies go; `main` moves it, since libraries print on the ordinary one."""


def main(asked: argparse.Namespace) -> int:
    """Answer until the end of input; exit status 1 where the model could not be loaded."""
    global OUT
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    OUT = os.dup(1)
    os.dup2(2, 1)
    requests = Requests()
    try:
        from transformers.utils.logging import disable_progress_bar

        disable_progress_bar()
        folder = Path(asked.model)
        if not folder.is_dir():
            from .fetch import fetch

            folder = fetch(asked.model, None, remote_code=asked.remote_code)
        template = asked.template.read_text(encoding="utf-8") if asked.template else None
        speaker = Speaker(folder, asked.load, template, asked.device, asked.remote_code)
    except Exception as error:  # noqa: BLE001 - said as JSON, like everything here
        say(error=classify(error, "loading").as_json())
        return 1
    say(
        ready=True,
        device=str(speaker.device),
        dtype="nf4" if asked.load == "qlora" else speaker.dtype,
        memory_bytes=speaker.memory_bytes(),
    )
    while (request := requests.next()) is not None:
        try:
            speaker.answer(request, requests)
        except BrokenPipeError:
            return 0
        except Exception as error:  # noqa: BLE001 - the next request may well be answered
            say(id=request["id"], error=classify(error, "answering").as_json())
    return 0

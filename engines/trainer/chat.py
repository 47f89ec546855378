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
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .failures import Failure, classify
from .render import Renderer, RowError

if TYPE_CHECKING:
    from .speaker import Speaker

MAX_TOKENS = 512


class Requests:
    """Requests from stdin in order, read in a thread so that a stop is seen while an answer is written."""

    def __init__(self) -> None:
        self._waiting: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._cancelled: set[Any] = set()
        self.loading = True
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
        if self.loading and self._waiting.empty():
            os._exit(0)  # whoever asked is gone: weights that load for minutes are for nobody
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


def answer(speaker: Speaker, request: dict[str, Any], requests: Requests) -> None:
    """Answer one request on stdout.

    Raises:
        Failure: it cannot be answered.
    """
    import torch

    from .sampling import generate

    began = time.monotonic()
    number = request["id"]
    adapter = Path(request["adapter"]) if request.get("adapter") else None
    renderer = speaker.renderer(adapter)
    prompt = _prompt(request, renderer)
    room = speaker.context_tokens - len(prompt) if speaker.context_tokens else MAX_TOKENS
    if room <= 0:
        message = f"The prompt has {len(prompt)} tokens; the model's context is {speaker.context_tokens}."
        raise Failure("data", message, "Shorten it.")
    use = speaker.use(adapter)
    torch.manual_seed(int(request.get("seed") or 0))
    pieces = Pieces(renderer)
    first: list[float] = []

    def on_token(token: int) -> None:
        if not first:
            first.append(time.monotonic() - began)
        if token not in ends and (text := pieces.add(token)):
            say(id=number, text=text)

    ends = speaker.ends(renderer)
    with use:
        ids = generate(
            speaker.model,
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


def _prompt(request: dict[str, Any], renderer: Renderer) -> list[int]:
    try:
        if request.get("messages") is not None:
            return renderer.prompt(request["messages"], request.get("tools"))
        return renderer.raw_prompt(request["prompt"])
    except RowError as error:
        raise Failure("data", str(error), "Change the messages, or choose another template.") from error
    except (KeyError, TypeError) as error:
        raise Failure("data", f"Not a prompt: {error!r}", "Send messages or a prompt.") from error


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
        from .speaker import load_speaker

        speaker = load_speaker(asked.model, asked.load, asked.template, asked.device, asked.remote_code)
    except Exception as error:  # noqa: BLE001 - said as JSON, like everything here
        requests.loading = False
        say(error=classify(error, "loading").as_json())
        return 1
    requests.loading = False
    say(
        ready=True,
        device=str(speaker.device),
        dtype="nf4" if asked.load == "qlora" else speaker.dtype,
        memory_bytes=speaker.memory_bytes(),
    )
    while (request := requests.next()) is not None:
        try:
            answer(speaker, request, requests)
        except BrokenPipeError:
            return 0
        except Exception as error:  # noqa: BLE001 - the next request may well be answered
            say(id=request["id"], error=classify(error, "answering").as_json())
    return 0

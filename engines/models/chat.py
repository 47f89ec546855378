"""Talking to local weights: the trainer's `chat` process, one a base, adapters loaded when asked for."""

from __future__ import annotations

import contextlib
import queue
import signal
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from ..engine import EngineError, ModelRef
from ..exits import ADVICE, Ending, verdict
from ..interpreter import TRAINER, environment
from ..text import one_line

START_SECONDS = 600.0

AGAIN = {
    "out_of_memory": "wait until a running job is done, or end what else uses the GPU; then ask again",
    "host_memory": "end other programs on this machine; then ask again",
    "killed": "ask again: it is started anew",
    "bug": "ask again: it is started anew",
}
"""The way out where it is another one than after training."""


@dataclass(frozen=True)
class Sampling:
    """How an answer is drawn. Greedy by default: fair and repeatable."""

    max_tokens: int = 512
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int = 42


@dataclass(frozen=True)
class Piece:
    """A part of an answer; the last one says how it ended."""

    text: str = ""
    done: bool = False
    tokens: int = 0
    seconds: float = 0.0
    first_token_seconds: float | None = None
    stop_reason: str | None = None


class LocalChat:
    """A base that answers, with or without an adapter. Ends with `close`, or with this process."""

    def __init__(self, ref: ModelRef) -> None:
        """Start loading; returns at once.

        Args:
            ref: its base and how that is held; adapters come with each prompt.

        Raises:
            EngineError: the interpreter doesn't start.
        """
        command = [ref.python or "", str(TRAINER), "chat", ref.base, "--load", ref.load]
        if ref.template:
            command += ["--template", str(ref.template)]
        if ref.device:
            command += ["--device", ref.device]
        if ref.remote_code:
            command.append("--remote-code")
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment_of(ref),
                # ctrl+c in the terminal is for us; this process ends when its input does.
                start_new_session=True,
            )
        except OSError as error:
            raise EngineError(
                "missing_package", f"{ref.python}: {error.strerror or error}", ADVICE["missing_package"]
            ) from error
        self._answers: dict[str, queue.Queue[dict[str, Any] | None]] = {}
        self._ready: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._lock = threading.Lock()
        self._number = 0
        self._ended = False
        self._errors = bytearray()
        threading.Thread(target=self._read, daemon=True).start()
        threading.Thread(target=self._read_errors, daemon=True).start()

    def __enter__(self) -> LocalChat:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def alive(self) -> bool:
        """Whether the process still can answer."""
        return not self._ended

    def stop(self) -> None:
        """Ask it to end its present answers; each then says that it was cancelled."""
        for name in list(self._answers):
            with contextlib.suppress(OSError, ValueError):
                self._write({"id": name, "stop": True})

    def kill(self) -> None:
        """End the process at once; its answers fail."""
        self._process.kill()

    def close(self) -> None:
        """End the process: its input ends, and what it was saying is dropped."""
        self.stop()
        if self._process.stdin:
            with contextlib.suppress(OSError):
                self._process.stdin.close()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait_until_ready(self) -> dict[str, Any]:
        """Wait for the weights.

        Returns:
            `device`, `dtype` and `memory_bytes` as the process says them.

        Raises:
            EngineError: they can't be loaded.
        """
        try:
            ready = self._ready.get(timeout=START_SECONDS)
        except queue.Empty as error:
            message = f"the model is not loaded after {START_SECONDS / 60:.0f} minutes"
            raise EngineError(
                "unsupported", message, "a slow disk, or too little memory; ask again"
            ) from error
        self._ready.put(ready)
        if ready is None:
            raise self._failure()
        if "error" in ready:
            raise _error(ready["error"])
        return ready

    def ask(
        self,
        ref: ModelRef,
        messages: list[dict[str, Any]] | str,
        sampling: Sampling,
        tools: list[dict[str, Any]] | None = None,
    ) -> Iterator[Piece]:
        """One answer, piece by piece. Leaving the iterator early stops the model.

        Args:
            ref: whose adapter answers; its base must be this process's.
            messages: a chat, or a raw prompt.
            tools: that the template tells the model of.

        Raises:
            EngineError: the model can't answer.
        """
        self.wait_until_ready()
        with self._lock:
            self._number += 1
            name = str(self._number)
            answers = self._answers[name] = queue.Queue()
        prompt = {"prompt": messages} if isinstance(messages, str) else {"messages": messages}
        request = {"id": name, "adapter": str(ref.adapter) if ref.adapter else None, **prompt}
        request |= {"max_tokens": sampling.max_tokens, "temperature": sampling.temperature}
        if tools:
            request["tools"] = tools
        self._send(request | {"top_p": sampling.top_p, "seed": sampling.seed})
        finished = False
        try:
            while not finished:
                reply = answers.get()
                if reply is None:
                    raise self._failure()
                if "error" in reply:
                    finished = True
                    raise _error(reply["error"])
                if finished := bool(reply.get("done")):
                    yield Piece(
                        done=True,
                        tokens=reply["tokens"],
                        seconds=reply["seconds"],
                        first_token_seconds=reply.get("first_token_seconds"),
                        stop_reason=reply.get("stop_reason"),
                    )
                else:
                    yield Piece(reply["text"])
        finally:
            del self._answers[name]
            if not finished and not self._ended:
                self._send({"id": name, "stop": True})

    def _send(self, request: dict[str, Any]) -> None:
        try:
            self._write(request)
        except (OSError, ValueError) as error:  # ValueError: closed on this side
            raise self._failure() from error

    def _write(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        with self._lock:
            self._process.stdin.write(msgspec.json.encode(request) + b"\n")
            self._process.stdin.flush()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                reply = msgspec.json.decode(line)
            except msgspec.DecodeError:
                continue  # a library's print
            if reply.get("ready") or ("error" in reply and "id" not in reply):
                self._ready.put(reply)
            elif waiting := self._answers.get(str(reply.get("id"))):
                waiting.put(reply)
        self._ended = True
        self._ready.put(None)
        for waiting in list(self._answers.values()):
            waiting.put(None)

    def _read_errors(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._errors += line
            del self._errors[: -(16 << 10)]

    def _failure(self) -> EngineError:
        code = self._process.wait()
        if code == -signal.SIGTERM:
            return EngineError("killed", "the model's process was ended from outside", AGAIN["killed"])
        end = verdict(Ending(None, code, None, False, self._errors.decode(errors="replace")))
        reason = end.reason or "killed"
        message = (end.message or "the model's process ended").replace("the trainer", "the model's process")
        return EngineError(reason, message, AGAIN.get(reason, end.advice or ""))


def _error(description: dict[str, Any]) -> EngineError:
    reason = str(description.get("reason", "bug"))
    message = one_line(str(description.get("message", "the model can't answer")))
    advice = AGAIN.get(reason) or description.get("advice") or ADVICE.get(reason, "")
    return EngineError(reason, message, str(advice))


def environment_of(ref: ModelRef) -> dict[str, str]:
    """The environment for a process in which a model answers: that of its training, where it is known."""
    return environment(None if ref.environment is None else {"environment": dict(ref.environment)})


def base_key(ref: ModelRef) -> tuple[object, ...]:
    """Refs with one key share a process, and so one copy of the base.

    Templates count by their text: each job has a file of its own.
    """
    template: Path | str | None = ref.template
    if ref.template is not None:
        with contextlib.suppress(OSError, UnicodeDecodeError):
            template = ref.template.read_text("utf-8")
    return ref.python, ref.base, ref.load, template, ref.device, ref.environment

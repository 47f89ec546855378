"""A prompt to several models at once: one process a base, started when it is needed, answers as they come.

The models of one process answer one after another, in the order of the columns; the process does the same
with requests. Threads write into `Reply` objects; whoever shows them looks when it likes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, field

from ..datasets.viewing.question import Question
from ..engine import EngineError, ModelRef
from .chat import LocalChat, Sampling, base_key

RUNNING = frozenset({"waiting", "loading", "reading", "writing"})


@dataclass
class Reply:
    """One model's answer as it stands."""

    ref: ModelRef
    state: str = "waiting"
    """`waiting` for its turn, `loading` the base, `reading` the prompt, `writing`, `done` or `failed`."""
    text: str = ""
    tokens: int = 0
    seconds: float = 0.0
    first_token_seconds: float | None = None
    stop_reason: str | None = None
    error: str | None = None
    advice: str = ""
    stopping: bool = False

    @property
    def running(self) -> bool:
        return self.state in RUNNING


@dataclass
class Base:
    """A process with one base, as it stands."""

    chat: LocalChat | None = None
    since: float = field(default_factory=time.monotonic)
    """When it began to load; monotonic seconds."""
    ready: dict[str, object] | None = None
    """What it says of itself once it is loaded: device, dtype, memory_bytes."""
    error: EngineError | None = None
    settled: threading.Event = field(default_factory=threading.Event)
    """Set when it is loaded or has failed."""

    @property
    def loading(self) -> bool:
        return self.ready is None and self.error is None


class Talk:
    """Holds the processes. Every method returns at once."""

    def __init__(self, changed: Callable[[], None]) -> None:
        """`changed`: called from threads when a base is loaded, has failed, or an answer has ended."""
        self._changed = changed
        self._bases: dict[Hashable, Base] = {}
        self._lock = threading.Lock()
        self._closed = False

    def base(self, ref: ModelRef) -> Base | None:
        """The process that answers for a ref; None where it was not needed yet."""
        return self._bases.get(base_key(ref))

    def load(self, ref: ModelRef) -> None:
        """Begin to load a ref's base, where it is not loaded; a process that ended is started anew."""
        key = base_key(ref)
        with self._lock:
            base = self._bases.get(key)
            lives = base is not None and base.error is None and (base.chat is None or base.chat.alive)
            if self._closed or lives:
                return
            base = self._bases[key] = Base()
        self._run(self._load, base, ref)

    def ask(self, refs: Sequence[ModelRef], question: Question, sampling: Sampling) -> list[Reply]:
        """Ask each of them.

        Args:
            question: with its system prompt.

        Returns:
            A reply each, in that order, which fill as the answers come.
        """
        replies = [Reply(ref) for ref in refs]
        groups: dict[Hashable, list[Reply]] = {}
        for reply in replies:
            groups.setdefault(base_key(reply.ref), []).append(reply)
        for group in groups.values():
            self.load(group[0].ref)
            self._run(self._answer, self._bases[base_key(group[0].ref)], group, question, sampling)
        return replies

    def stop(self, replies: Sequence[Reply]) -> None:
        """End these answers; asked a second time, the processes that don't listen are killed."""
        running = [reply for reply in replies if reply.running]
        again = any(reply.stopping for reply in running)
        for reply in running:
            reply.stopping = True
            base = self.base(reply.ref)
            if base is None or base.chat is None:
                continue
            if again:
                base.chat.kill()
            elif reply.state != "waiting":
                base.chat.stop()

    def close(self) -> None:
        """End all processes, in threads of their own: each also ends with this one."""
        with self._lock:
            self._closed = True
            bases = list(self._bases.values())
        for base in bases:
            if base.chat is not None:
                self._run(base.chat.close)

    def _run(self, act: Callable[..., None], *arguments: object) -> None:
        # Daemons: a model that is still loading must not hold up leaving.
        threading.Thread(target=act, args=arguments, name="finetui-talk", daemon=True).start()

    def _load(self, base: Base, ref: ModelRef) -> None:
        try:
            chat = LocalChat(ref)
            with self._lock:
                base.chat = chat
                closed = self._closed
            if closed:
                chat.close()
                return
            base.ready = chat.wait_until_ready()
        except EngineError as error:
            base.error = error
        base.settled.set()
        self._changed()

    def _answer(self, base: Base, replies: list[Reply], question: Question, sampling: Sampling) -> None:
        for reply in replies:
            try:
                self._one(base, reply, question, sampling)
            except EngineError as error:
                reply.error, reply.advice, reply.state = error.message, error.advice, "failed"
            self._changed()

    def _one(self, base: Base, reply: Reply, question: Question, sampling: Sampling) -> None:
        reply.state = "loading" if base.loading else "reading"
        while not base.settled.wait(0.05) and not reply.stopping:
            if self._closed:
                return
        if reply.stopping:
            reply.stop_reason, reply.state = "cancelled", "done"
            return
        if base.error is not None:
            raise base.error
        assert base.chat is not None
        reply.state = "reading"
        for piece in base.chat.ask(reply.ref, question.messages, sampling, question.tools):
            if piece.text:
                reply.state = "writing"
                reply.text += piece.text
            if piece.done:
                reply.tokens, reply.seconds = piece.tokens, piece.seconds
                reply.first_token_seconds, reply.stop_reason = piece.first_token_seconds, piece.stop_reason
            elif reply.stopping:
                base.chat.stop()  # the word came before the request was on its way
        reply.state = "done"

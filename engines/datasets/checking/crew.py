"""Blocks of a file looked at by as many processes as there are cores; findings come in the file's order.

The processes are forked, so that what is loaded already (a tokenizer of 70 MB) is there once. A process with
threads is not forked: it looks at the blocks itself.
"""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Protocol, TypeVar

from ...engine import EngineError
from ..sources.source import Block

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Examiner(Protocol[T_co]):
    """What looks at the blocks of a file, in a process of its own; what it finds goes to the first one."""

    def examine(self, block: Block) -> T_co:
        """What is found in a block."""
        ...

    def close(self) -> None:
        """Nothing more is looked at."""
        ...


SMALL_BYTES = 4 << 20
"""Below this a file is read before others have begun."""

AHEAD = 3
"""Blocks a process has waiting: enough to keep it busy, and no more memory than that."""

_PR_SET_PDEATHSIG = 1
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD, _M_ARENA_MAX = -1, -3, -8  # glibc's malloc.h
_examiner: Examiner[Any] | None = None


def hands() -> int:
    """How many processes may look at once: the cores that this one may use; 1 where it can't be forked."""
    if not hasattr(os, "sched_getaffinity") or threading.active_count() > 1:
        return 1
    return len(os.sched_getaffinity(0))


def examined(
    blocks: Iterable[Block], examiner: Callable[[], Examiner[T]], size_bytes: int
) -> Generator[tuple[Block, T]]:
    """Each block, without its lines, and what was found in it.

    Args:
        examiner: makes one, in the process that uses it.
        size_bytes: of the file.

    Raises:
        EngineError: a process ended (most often for memory), or the tokens can't be counted.
    """
    many = hands() if size_bytes > SMALL_BYTES else 1
    if many == 1:
        own = examiner()
        try:
            for block in blocks:
                yield block, own.examine(block)
        finally:
            own.close()
        return
    _give_memory_back()
    import numpy  # noqa: F401 - all of them need it, so it is there once

    context = multiprocessing.get_context("fork")
    # They are ended without a word: what they put there is gone with it.
    folder = tempfile.TemporaryDirectory(prefix="finetui-", ignore_cleanup_errors=True)
    pool = ProcessPoolExecutor(many, context, _begin, (examiner, os.getpid(), folder.name))
    waiting: deque[tuple[Block, Future[T]]] = deque()
    try:
        for block in blocks:
            waiting.append((Block(b"", (), block.problems, block.end), pool.submit(_look, block)))
            if len(waiting) >= many * AHEAD:
                yield _first(waiting)
        while waiting:
            yield _first(waiting)
    except BrokenProcessPool:
        raise EngineError(
            "host_memory", "a process that checked the data was killed", "is there enough memory?"
        ) from None
    finally:
        for process in list((pool._processes or {}).values()):
            process.terminate()  # they hold nothing that could be lost
        _let_go(pool)
        pool.shutdown(wait=True, cancel_futures=True)
        folder.cleanup()


def _let_go(pool: ProcessPoolExecutor) -> None:
    """Closes this process's own copies of its workers' ends of the pipes, once they are being ended.

    Python 3.11 keeps them: the thread that reads results waits for ever for the rest of one that was half
    written, and the one that hands out blocks for somebody to take what doesn't fit into the pipe.
    """
    for queue, end in ((pool._result_queue, "_writer"), (pool._call_queue, "_reader")):  # type: ignore[attr-defined]
        getattr(queue, end).close()


def _give_memory_back() -> None:
    """glibc keeps what was freed of findings that came through a thread: 75 MiB more after 3 million rows."""
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # another libc
            libc = ctypes.CDLL(None)
            libc.mallopt(_M_ARENA_MAX, 1)
            libc.mallopt(_M_MMAP_THRESHOLD, 1 << 16)
            libc.mallopt(_M_TRIM_THRESHOLD, 1 << 17)


def _first(waiting: deque[tuple[Block, Future[T]]]) -> tuple[Block, T]:
    block, future = waiting.popleft()
    return block, future.result()


def _begin(examiner: Callable[[], Examiner[Any]], parent: int, folder: str) -> None:
    """In a new process: ctrl+c is its parent's business, and it does not outlive it."""
    global _examiner
    tempfile.tempdir = folder
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    _examiner = examiner()


def _look(block: Block) -> Any:
    assert _examiner is not None
    return _examiner.examine(block)

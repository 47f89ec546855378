"""Many prompts to a base and its adapters at once: greedy, in batches, by the trainer's `answer` verb."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from ..engine import EngineError, ModelRef
from ..exits import Ending, verdict
from ..interpreter import TRAINER
from .chat import base_key, environment_of

BASE = "base"


def answers(
    refs: Sequence[ModelRef],
    rows: Sequence[dict[str, Any]],
    max_tokens: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[list[str]]:
    """Each model's answer to each row.

    Args:
        refs: of one base: a base itself, or its adapters.
        rows: canonical rows; their last answer is what is asked for and is not shown to the model.
        max_tokens: longest answer.
        progress: called with answers done and in all.

    Returns:
        A list a model, in the rows' order.

    Raises:
        EngineError: the weights can't be loaded.
        ValueError: the models don't share a base.
    """
    if len({base_key(ref) for ref in refs}) != 1:
        raise ValueError("answers come from one base and its adapters")
    ref = refs[0]
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "rows.jsonl"
        data.write_bytes(b"".join(msgspec.json.encode(row) + b"\n" for row in rows))
        command = [
            ref.python or "",
            str(TRAINER),
            "answer",
            ref.base,
            "--load",
            ref.load,
            "--data",
            str(data),
        ]
        command += ["--max-tokens", str(max_tokens)]
        for one in refs:
            command += ["--adapter", str(one.adapter) if one.adapter else BASE]
        if ref.template:
            command += ["--template", str(ref.template)]
        if ref.device:
            command += ["--device", ref.device]
        errors = Path(folder) / "errors"
        with open(errors, "wb") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=log, env=environment_of(ref)
            )
        try:
            said = _collect(process, [[""] * len(rows) for _ in refs], progress)
        finally:
            process.kill()
            process.wait()
        if said is None:
            tail = errors.read_text(errors="replace")
            end = verdict(Ending(None, process.returncode, None, False, tail))
            raise EngineError(
                end.reason or "bug", end.message or "the model's process ended", end.advice or ""
            )
        return said


def _collect(
    process: subprocess.Popen[bytes], said: list[list[str]], progress: Callable[[int, int], None]
) -> list[list[str]] | None:
    """The answers, or None where the process ended before the last one."""
    assert process.stdout is not None
    done, total = 0, sum(len(texts) for texts in said)
    for line in process.stdout:
        try:
            reply = msgspec.json.decode(line)
        except msgspec.DecodeError:
            continue  # a library's print
        if error := reply.get("error"):
            raise EngineError(error.get("reason", "bug"), error.get("message", ""), error.get("advice") or "")
        if "row" in reply:
            said[reply["model"]][reply["row"]] = reply["text"]
            done += 1
            progress(done, total)
    process.wait()
    return said if done == total else None

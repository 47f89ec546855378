"""Rows as a model will see them: the trainer's `preview` verb, started once for some rows."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from ..engine import EngineError
from ..exits import Ending, verdict
from ..interpreter import TRAINER, environment
from ..job import Job
from ..models import weights
from ..records import UNREADABLE

UNTRAINED = -100
"""The label of a token that is not trained (docs/job.md)."""


@dataclass(frozen=True, slots=True)
class Token:
    """A token's text. `special`: it stands for itself in the vocabulary and not for its characters."""

    text: str
    trained: bool
    special: bool


@dataclass(frozen=True, slots=True)
class Rendered:
    """A row as it will be trained, or why it can't be.

    Args:
        tokens: in their order; empty where there is an error.
        ends: whether the last trained token ends the answer: without it the model never stops.
        error: in words; None where all is well.
    """

    tokens: tuple[Token, ...] = ()
    ends: bool = False
    error: str | None = None

    @property
    def trained(self) -> int:
        """How many tokens are trained."""
        return sum(token.trained for token in self.tokens)


class Tokens(NamedTuple):
    """How many tokens a row or a file has."""

    tokens: int
    trained_tokens: int


@dataclass(frozen=True, slots=True)
class PreviewModel:
    """Whose tokenizer and template are used.

    Args:
        name: as it was asked for.
        path: its folder on this machine.
        template: a chat template's text; None: the tokenizer's own.
        remote_code: whether the user allowed the model's own code.
    """

    name: str
    path: Path
    template: str | None = None
    remote_code: bool = False


def model_of_job(job: Job) -> PreviewModel | None:
    """The model of a job with the template that it trained with; None where its weights are not here."""
    try:
        plan = job.plan()
        model = plan["model"]
        name, path = str(model["name"]), model.get("path")
        template = (plan.get("template") or {}).get("text")
        here = Path(path) if path else None
        if here is None and (found := weights.find(name, model.get("revision"))):
            here = found.path
        if here is None or not here.is_dir():
            return None
        return PreviewModel(name, here, template, bool(model.get("remote_code")))
    except (OSError, LookupError, TypeError, AttributeError, weights.ModelNotFound, *UNREADABLE):
        return None  # removed, damaged, or of a version that we don't know


def model_named(name: str) -> PreviewModel | None:
    """A folder, or a hub id in the cache; None where that is not on this machine.

    Raises:
        ModelNotFound: a folder that isn't there or holds no model, or a name that is neither.
    """
    found = weights.find(name)
    return PreviewModel(name, found.path) if found else None


class Preview:
    """One run of the verb. `run` in one thread; `stop` from any ends it early."""

    def __init__(self, python: str, model: PreviewModel) -> None:
        self._python, self._model = python, model
        self._process: subprocess.Popen[bytes] | None = None
        self._stopped = False
        self._lock = threading.Lock()

    def stop(self) -> None:
        """End it; what was not rendered yet never is."""
        with self._lock:
            self._stopped = True
            if self._process is not None:
                self._process.kill()

    def run(self, rows: Sequence[bytes], on_row: Callable[[int, Rendered], None]) -> None:
        """Render rows, some seconds for the first of them.

        Args:
            rows: canonical lines (`Row.canonical_line`).
            on_row: called with a row's place in `rows` and how it is rendered, as soon as it is.

        Raises:
            EngineError: this model can't render, or the interpreter can't run.
        """
        self._run(rows, lambda said: on_row(said["row"], _rendered(said)))

    def count(self, rows: Sequence[bytes], on_row: Callable[[Tokens | None], None]) -> None:
        """Count rows' tokens.

        Args:
            rows: canonical lines.
            on_row: called with each row's tokens, None where it can't be rendered.

        Raises:
            EngineError: this model can't render, or the interpreter can't run.
        """

        def on_line(said: dict[str, Any]) -> None:
            on_row(None if "error" in said else Tokens(said["tokens"], said["trained_tokens"]))

        self._run(rows, on_line)

    def _run(self, rows: Sequence[bytes], on_line: Callable[[dict[str, Any]], None]) -> None:
        with tempfile.TemporaryDirectory(prefix="finetui-preview-") as name:
            folder = Path(name)
            data = folder / "rows.jsonl"
            data.write_bytes(b"".join(row + b"\n" for row in rows))
            command = [self._python, str(TRAINER), "preview", str(self._model.path), "--data", str(data)]
            if self._model.template is not None:
                (folder / "template.jinja").write_text(self._model.template, "utf-8")
                command += ["--template", str(folder / "template.jinja")]
            if self._model.remote_code:
                command.append("--remote-code")
            errors = folder / "errors"
            with open(errors, "wb") as log:
                process = self._start(command, log)
            if process is None:
                return
            try:
                done = self._collect(process, on_line)
            finally:
                with self._lock:
                    self._process = None
                process.kill()
                process.wait()
            if done < len(rows) and not self._stopped:
                tail = errors.read_text(errors="replace")
                end = verdict(Ending(None, process.returncode, None, False, tail))
                message = end.message or "the trainer's process ended"
                raise EngineError(end.reason or "bug", message, end.advice or "")

    def _start(self, command: list[str], log: Any) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopped:
                return None
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    # A tokenizer's threads gain nothing here and would take processors from a training job.
                    env=environment() | {"OMP_NUM_THREADS": "1"},
                    start_new_session=True,
                )
            except OSError as error:
                message = f"{self._python} does not run: {error.strerror or error}"
                raise EngineError("missing_package", message, "name another in local.python") from error
            return self._process

    @staticmethod
    def _collect(process: subprocess.Popen[bytes], on_line: Callable[[dict[str, Any]], None]) -> int:
        assert process.stdout is not None
        done = 0
        for line in process.stdout:
            said: Any = None
            with contextlib.suppress(msgspec.DecodeError):  # a library's print
                said = msgspec.json.decode(line)
            if not isinstance(said, dict):
                continue
            if "row" in said:
                on_line(said)
                done += 1
            elif isinstance(error := said.get("error"), dict):
                words = (error.get(key) or "" for key in ("reason", "message", "advice"))
                raise EngineError(*words)
        process.wait()
        return done


def _rendered(said: dict[str, Any]) -> Rendered:
    if "error" in said:
        return Rendered(error=str(said["error"]))
    special = frozenset(said.get("special", ()))
    tokens = tuple(
        Token(text, label != UNTRAINED, place in special)
        for place, (text, label) in enumerate(zip(said["texts"], said["labels"], strict=True))
    )
    return Rendered(tokens, bool(said["ends"]))

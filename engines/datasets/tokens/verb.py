"""A verb of the trainer's program that answers rows as they come: kept running, started again when it died.

Most models' tokenizers are read without torch and transformers: the app's own interpreter runs the program
then and has its first answer in a third of a second. For the others it is the trainer's interpreter, which
takes some seconds.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import msgspec

from ...engine import EngineError
from ...exits import Ending, verdict
from ...interpreter import TRAINER, choose, environment
from ...settings import Settings

if TYPE_CHECKING:
    from .preview import PreviewModel

_NEEDS_TRANSFORMERS = 3
"""Exit status where the tokenizer is of a kind that only transformers can make (docs/job.md)."""


class RowVerb:
    """`tokens` or `preview` for one model. `ask` in one thread; `close` from any ends it, also while it asks.

    Args:
        verb: and what comes behind the model on the command line.
        python: finds the trainer's interpreter, where it is needed; may raise EngineError.
    """

    def __init__(self, model: PreviewModel, verb: Sequence[str], python: Callable[[], str]) -> None:
        self._model, self._verb, self._python = model, verb, python
        self._why = ""
        """Why transformers is needed; empty while it is not."""
        self._running: _Running | None = None
        self._closed = False
        self._lock = threading.Lock()

    def ask(self, rows: Sequence[bytes], on_answer: Callable[[dict[str, Any]], None]) -> bool:
        """Have rows answered.

        Args:
            rows: canonical lines (`Row.canonical_line`).
            on_answer: called with each row's answer, in their order, as soon as it is there.

        Returns:
            Whether all were answered: not where it was closed meanwhile.

        Raises:
            EngineError: this model can't answer, or no interpreter can run.
        """
        done = 0

        def answered(said: dict[str, Any]) -> None:
            nonlocal done
            done += 1
            on_answer(said)

        while done < len(rows):
            before, fresh = done, self._running is None
            if (running := self._started()) is None:
                return False
            error = running.exchange(rows[done:], answered)
            if done == len(rows):
                break
            self._end()
            if self._closed:
                return False
            if running.process.returncode == _NEEDS_TRANSFORMERS and not self._why:
                self._why = error.message if error is not None else "its tokenizer needs transformers"
            elif error is not None:
                raise error
            elif fresh or done > before:  # one that died while it waited is started again
                raise running.death()
        return not self._closed

    def rest(self) -> None:
        """End the process, which takes memory; the next question starts it again."""
        self._end()

    def close(self) -> None:
        """End it; what was not answered yet never is."""
        with self._lock:
            self._closed = True
            if self._running is not None:
                self._running.process.kill()
        self._end()

    def _started(self) -> _Running | None:
        if self._running is not None:
            return self._running
        python = sys.executable
        if self._why:
            try:
                python = self._python()
            except EngineError as error:
                raise EngineError(error.reason, f"{self._why}: {error.message}", error.advice) from error
        with self._lock:
            if self._closed:
                return None
            self._running = _Running(python, self._model, self._verb, bool(self._why))
            return self._running

    def _end(self) -> None:
        with self._lock:
            running, self._running = self._running, None
        if running is not None:
            running.end()


def trainer_python(settings: Settings) -> Callable[[], str]:
    """Finds the trainer's interpreter, once."""
    found: list[str] = []

    def python() -> str:
        if not found:
            found.append(choose(settings, None, "full"))
        return found[0]

    return python


class _Running:
    """One process of the verb."""

    def __init__(self, python: str, model: PreviewModel, verb: Sequence[str], transformers: bool) -> None:
        self._tail = ""
        self._folder = tempfile.TemporaryDirectory(prefix="finetui-rows-")
        folder = Path(self._folder.name)
        command = [python, str(TRAINER), verb[0], str(model.path), *verb[1:]]
        if model.template is not None:
            (folder / "template.jinja").write_text(model.template, "utf-8")
            command += ["--template", str(folder / "template.jinja")]
        if transformers:
            command += ["--transformers", *(["--remote-code"] if model.remote_code else [])]
        self._errors = folder / "errors"
        try:
            with open(self._errors, "wb") as log:
                self.process = subprocess.Popen(
                    command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    # A tokenizer's threads gain nothing here and would take processors from a training job.
                    env=environment() | {"OMP_NUM_THREADS": "1"},
                    start_new_session=True,
                )
        except OSError as error:
            self._folder.cleanup()
            message = f"{python} does not run: {error.strerror or error}"
            raise EngineError("missing_package", message, "name another in local.python") from error

    def exchange(
        self, rows: Sequence[bytes], on_answer: Callable[[dict[str, Any]], None]
    ) -> EngineError | None:
        """Answers as far as they come, and why no more do, where it says so."""
        stdin, stdout = self.process.stdin, self.process.stdout
        assert stdin is not None and stdout is not None
        # Beside the reading: a process that waits for its answers to be taken takes no rows.
        feeder = threading.Thread(target=_feed, args=(stdin, rows), daemon=True)
        feeder.start()
        left = len(rows)
        try:
            while left and (line := stdout.readline()):
                said = _said(line)
                if said is None:
                    continue
                if isinstance(error := said.get("error"), dict):
                    self.process.wait()
                    return EngineError(
                        *(str(error.get(key) or "") for key in ("reason", "message", "advice"))
                    )
                left -= 1
                on_answer(said)
        except ValueError:  # closed from another thread
            return None
        finally:
            if left:
                self.process.kill()
                self.process.wait()
            feeder.join()
        return None

    def death(self) -> EngineError:
        """Why it ended without a word."""
        end = verdict(Ending(None, self.process.returncode, None, False, self._tail))
        message = end.message or "the trainer's process ended"
        return EngineError(end.reason or "bug", message, end.advice or "")

    def end(self) -> None:
        """Take its files away; it is gone then."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()
        with contextlib.suppress(OSError):
            self._tail = self._errors.read_text(errors="replace")[-8000:]
        self._folder.cleanup()


def _feed(stdin: IO[bytes], rows: Sequence[bytes]) -> None:
    with contextlib.suppress(OSError, ValueError):  # it died, or was ended
        for row in rows:
            stdin.write(row + b"\n")
        stdin.flush()


def _said(line: bytes) -> dict[str, Any] | None:
    """What a line says; None where it is a library's print."""
    try:
        said = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    return said if isinstance(said, dict) and ("error" in said or "tokens" in said) else None

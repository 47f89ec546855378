"""What is done with jobs: stop, kill, resume, remove, the demo. Each in a worker, its answer in words.

A worker and not a thread of its own: leaving waits for it, so that what was asked is done.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..engines.datasets.kept.known import Known, forget
from ..engines.engine import Engine, EngineError, find_engine
from ..engines.job import Job, JobBusy
from ..engines.settings import Settings
from ..engines.spec import SpecError
from ..engines.store import Store, Summary
from ..engines.text import clean, one_line
from .messages import OpenNewJob
from .usable import trouble

if TYPE_CHECKING:
    from .app import FinetuiApp


class Acts:
    """Starts acts and tells how they went."""

    def __init__(self, app: FinetuiApp, settings: Settings) -> None:
        self._app, self._settings = app, settings

    def stop(self, summary: Summary) -> None:
        self._ask(summary, "is asked to stop", lambda engine, job: engine.stop(job, now=False))

    def kill(self, summary: Summary) -> None:
        self._ask(summary, "is ended", lambda engine, job: engine.stop(job, now=True))

    def resume(self, summary: Summary) -> None:
        self._ask(summary, "is queued again", lambda engine, job: engine.resume(job))

    def remove(self, summary: Summary) -> None:
        """Remove a job that has ended, with all that it made."""

        def act() -> None:
            Store(self._settings.home).remove(Job(self._settings.home, summary.id))

        self._run(act, f"{one_line(summary.name, 40)} is removed.", of_job=True)

    def forget(self, known: Known) -> None:
        """Take a dataset off the list; the file stays, and what jobs trained on stays listed."""
        path = Path(known.path)
        name = one_line(path.name, 40)

        def act() -> None:
            forget(self._settings.home, path)
            self._app.call_from_thread(self._app.look_at_datasets)

        listed = f"{name} stays listed: a job used it."
        self._run(act, listed if known.job is not None else f"{name} is off the list; the file stays.")

    def duplicate(self, summary: Summary) -> None:
        """Open the form with what was asked of a job."""
        try:
            values = Job(self._settings.home, summary.id).spec()
        except (OSError, ValueError) as error:
            self._app.tell(f"What was asked of this job can't be read: {error}", "error")
            return
        self._app.main.post_message(OpenNewJob(values))

    def notes(self, summary: Summary) -> None:
        """Open tags and note of a job."""
        from .screens.notes import Notes

        self._app.push_screen(Notes(self._settings, summary), lambda changed: self._app.look_again())

    def copy(self, summary: Summary) -> None:
        """Ask what of a job is to be copied."""
        from .screens.copy import CopyChoice

        self._app.push_screen(CopyChoice(self._settings, summary))

    def demo(self) -> None:
        """Start the demo's job and select it."""

        def start() -> None:
            # The demo brings a model and rows along: read when they are asked for.
            from ..engines.demo.job import start_demo

            job = start_demo(self._settings)
            self._app.call_from_thread(self._app.select_soon, job.id)

        self._run(start, "The demo starts: a small model learns, on this machine.")

    def _ask(self, summary: Summary, done: str, ask: Callable[[Engine, Job], None]) -> None:
        def act() -> None:
            engine = find_engine(summary.state.engine, self._settings)
            ask(engine, Job(self._settings.home, summary.id))

        self._run(act, f"{one_line(summary.name, 40)} {done}.", of_job=True)

    def _run(self, act: Callable[[], None], done: str, *, of_job: bool = False) -> None:
        """`of_job`: it is done with a job that was there; what is missing is that."""

        def work() -> None:
            severity, message = "information", done
            try:
                act()
            except EngineError as error:
                severity, message = "error", f"{error.message}. {error.advice}".strip()
            except OSError as error:
                severity, message = "error", self._why(error, of_job)
            except (JobBusy, SpecError) as error:
                severity, message = "error", str(error)
            self._app.call_from_thread(self._app.tell, clean(message), severity)
            self._app.call_from_thread(self._app.look_again)

        self._app.run_worker(work, group="acts", thread=True, exit_on_error=True)

    def _why(self, error: OSError, of_job: bool) -> str:
        if of_job and isinstance(error, FileNotFoundError):
            return "This job is no longer there."
        where = f"{error.filename}: " if error.filename else ""
        return trouble(self._settings.home) or f"{where}{error.strerror or error}"

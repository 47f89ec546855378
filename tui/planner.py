"""The draft that is being written, the newest plan of it, and its launch; the form shows what this knows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from textual.message import Message
from textual.message_pump import MessagePump

from ..engines.engine import EngineError
from ..engines.spec import SpecError
from .draft import Entry, Settables, engine_of
from .messages import JobStarted
from .prospect import Obstacle, Prospect, foresee, launch, obstacle_of
from .watchers import Watcher

if TYPE_CHECKING:
    from .app import FinetuiApp

UNTIL_WOKEN_SECONDS = 3600.0

Doing = Literal["", "planning", "launching", "starting"]
"""`launching`: it is planned, and then started; `starting`: the job is being created."""


class Foreseen(Message):
    """What would come of the draft as it was at `version`."""

    def __init__(self, version: int, prospect: Prospect) -> None:
        super().__init__()
        self.version, self.prospect = version, prospect


class Refused(Message):
    """The job could not be created or started."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__()
        self.obstacle = obstacle


class Launched(Message):
    """The job is on its way."""


class Planner:
    """Posts `Foreseen`, `Refused` and `Launched` to its screen, and `JobStarted` to the app."""

    def __init__(self, app: FinetuiApp, screen: MessagePump) -> None:
        self._app, self._screen = app, screen
        self.settables = Settables(app.settings)
        self.texts: dict[str, str] = {}
        self.checked = self.settables.check({})
        self.prospect = Prospect()
        self.wanted = self.starting = False
        self._version = self._foreseen_version = 0
        self._asked: tuple[int, dict[str, Any]] | None = None
        # A thread that may end at any moment: leaving does not wait for a large file to be read.
        self._watcher = Watcher(app, "plan", self._look)

    def start(self) -> None:
        self._watcher.start()

    def stop(self) -> None:
        self._watcher.stop()

    @property
    def entries(self) -> list[Entry]:
        """The settings of the draft's engine."""
        return self.settables.entries(engine_of(self.texts))

    @property
    def ready(self) -> bool:
        """Whether a plan can be made of what is there."""
        return not self.checked.errors and not self.checked.missing

    @property
    def fresh(self) -> bool:
        """Whether the newest plan is of the draft as it is now."""
        return self._foreseen_version == self._version

    @property
    def doing(self) -> Doing:
        if self.starting:
            return "starting"
        if not self.ready or self.fresh:
            return ""
        return "launching" if self.wanted else "planning"

    @property
    def wrong(self) -> dict[str, str]:
        """What is wrong, by setting: as it is typed, and what the plan met."""
        obstacle = self.prospect.obstacle
        found = {obstacle.key: obstacle.message} if obstacle is not None and obstacle.key else {}
        return found | self.checked.errors

    def change(self, texts: Mapping[str, str]) -> None:
        """The draft is another one: it is checked, but planned when `plan` says so."""
        self.texts = {key: text for key, text in texts.items() if text}
        self.checked = self.settables.check(self.texts)
        self._version += 1
        self.wanted = False
        # The values of the last plan stay in view while its draft is changed; what stood in its way does not.
        if self.checked.missing or self.prospect.obstacle is not None:
            self.prospect = Prospect()

    def plan(self) -> None:
        """Have the draft planned; a plan that is being made just now is made to its end before."""
        if self.ready and not self.starting:
            self._asked = (self._version, self.checked.values)
            self._watcher.wake()

    def _look(self) -> float:
        asked, self._asked = self._asked, None
        if asked is not None:
            version, values = asked
            self._screen.post_message(Foreseen(version, foresee(values, Path.cwd(), self._app.settings)))
        return UNTIL_WOKEN_SECONDS

    def take(self, message: Foreseen) -> bool:
        """Take a plan; False where the draft went on since, and its own plan comes."""
        if message.version != self._version:
            return False
        self.prospect, self._foreseen_version = message.prospect, message.version
        return True

    def launch(self) -> None:
        """Start the job, once: at once where its plan is there, else as soon as it is made."""
        if self.starting or self.wanted or not self.ready:
            return
        if self.fresh and self.prospect.plan is not None:
            self.create()
            return
        if self.fresh:  # what stood in the way may be mended by now
            self._version += 1
        self.wanted = True
        self.plan()

    def create(self) -> None:
        """Create the job of the newest plan and start it."""
        self.wanted, self.starting = False, True
        prospect, app = self.prospect, self._app

        def work() -> None:
            try:
                job = launch(prospect, app.settings)
            except (EngineError, SpecError, OSError) as error:
                self._screen.post_message(Refused(obstacle_of(error)))
                return
            app.post_message(JobStarted(job.id))
            self._screen.post_message(Launched())

        # The app's worker: leaving waits for it, so that no job is left half made.
        app.run_worker(work, thread=True, group="launch")

    def refuse(self, obstacle: Obstacle) -> None:
        """The launch failed: the draft is as it was."""
        self.starting = False
        self.prospect = Prospect(self.prospect.spec, obstacle=obstacle)

"""The app: owns the watchers and the screens, and hands what is seen to those who show it.

It only reads job directories; engines do what is asked of jobs. Jobs go on when it ends, however it ends.
"""

from __future__ import annotations

import os
import sys
import time
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.actions import ActionParseResult
from textual.app import App
from textual.binding import BindingType
from textual.command import Provider
from textual.dom import DOMNode
from textual.notifications import SeverityLevel
from textual.screen import Screen
from textual.widgets import Input

from ..engines.job import Job
from ..engines.settings import Settings
from ..engines.states import ENDED, UNFINISHED, JobState
from ..engines.store import Summary
from ..engines.text import clean, one_line
from ..monitors.jobs import Jobs
from . import endings, partial_updates
from .acts import Acts
from .keys import bindings, remapped, working
from .looks.datasets import DatasetsLook
from .looks.hardware import HardwareLook
from .looks.jobs import JobsLook
from .looks.log import LogLook
from .looks.points import PointsLook
from .messages import (
    CopyText,
    DatasetsRead,
    HardwareRead,
    JobChosen,
    JobsChanged,
    JobStarted,
    LogRead,
    MarksChanged,
    OpenDataset,
    OpenJob,
    OpenNewJob,
    OpenPlayground,
    PointsRead,
    WatchFailed,
)
from .panes import wording
from .panes.list import ListCanvas
from .remembered import Remembered
from .screens.help import Help
from .screens.main import MainScreen
from .screens.view import View
from .theme import check_theme, meanings, theme_for, themes
from .typed_ahead import TypedAhead
from .watchers import Watcher

if TYPE_CHECKING:
    from .screens.first_start import FirstStart

LAST_LOOK_SECONDS = 2.0
"""How long the end of a job stays on the screen of an app that waited for it."""

TWICE_SECONDS = 3.0
"""Ctrl+C within this time of another leaves."""

MOST_TOLD = 3
"""Ends of jobs that are told one by one when many come at once."""


def _commands() -> type[Provider]:
    # Read when the palette is first opened.
    from .commands import Commands

    return Commands


class FinetuiApp(TypedAhead):
    """finetui on a terminal."""

    TITLE = "finetui"
    BINDINGS: ClassVar[list[BindingType]] = bindings("app")
    ENABLE_COMMAND_PALETTE = True
    COMMAND_PALETTE_BINDING = ""
    COMMANDS = {_commands}  # noqa: RUF012 - as Textual declares it

    def __init__(self, settings: Settings, until: str | None = None) -> None:
        """
        Args:
            until: a job to select; the app leaves by itself a moment after it has ended.
        """
        partial_updates.install()
        # Textual 8.2.8 loads a screen's own CSS_PATH when it is pushed; the default screen never is.
        # Its filter for NO_COLOR leaves grey unless the colours are the terminal's own.
        super().__init__(
            css_path=["app.tcss", "screens/main.tcss"],
            ansi_color=True if "NO_COLOR" in os.environ else None,
        )
        self.settings = settings
        self.jobs: Jobs | None = None
        self.remembered = Remembered.load(settings.home)
        self.acts = Acts(self, settings)
        self.main = MainScreen(self.acts)
        self._log_look, self._points_look = LogLook(self), PointsLook(self)
        self._hardware_look = HardwareLook(self, settings)
        self._datasets_look = DatasetsLook(self, settings)
        looks = {
            "jobs": JobsLook(self, settings),
            "points": self._points_look,
            "log": self._log_look,
            "hardware": self._hardware_look,
            "datasets": self._datasets_look,
        }
        self._watchers = {name: Watcher(self, name, look) for name, look in looks.items()}
        if "SSH_CONNECTION" in os.environ:
            self.animation_level = "none"  # frames between two states are bytes on the line
        self.set_keymap(remapped(settings))
        check_theme(settings)
        self._interrupted_at = float("-inf")
        self._until = until
        self._select = until or self.remembered.job or None
        self._mark = list(self.remembered.marked)
        """Ids of jobs to mark when all have been read."""
        self._started: set[str] = set()
        """Ids of jobs that were started here and not seen yet."""
        self._first_start = until is None and not Remembered.exists(settings.home)
        self._welcomed: FirstStart | None = None
        self._watch = 0
        for theme in themes():
            self.register_theme(theme)
        self.theme = self._first_theme = theme_for(os.environ, self.remembered.theme, settings.app.theme)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        said = meanings(self.current_theme)
        # A theme that was chosen may have no colours left: what is selected is reversed.
        return said | {"list-cursor-style": "reverse", "chosen": "bold underline"} if self.no_color else said

    def get_default_screen(self) -> Screen[object]:
        return self.main  # type: ignore[return-value]

    def on_mount(self) -> None:
        self.app_resume_signal.subscribe(self, self._paint_again)
        self.main.jobs.list.filter = self.remembered.filter
        self.main.loss.axis = self.remembered.axis
        self.main.loss.chart.log_scale = self.remembered.log_scale
        pane = next((pane for pane in self.main.panes if pane.id == self.remembered.pane), self.main.jobs)
        if pane is not self.main.log_pane:  # it may have no place now
            self.main.set_focus(pane.main)
        # The first frame does not wait for what the watchers import and read.
        self.call_after_refresh(self._begin_watching)

    def _paint_again(self, app: App[object]) -> None:
        # Back from the shell: the terminal's screen is empty, Textual 8.2.8 sends only what changed.
        self._display(self.screen, self.screen._compositor.render_update(full=True))

    def _begin_watching(self) -> None:
        for watcher in self._watchers.values():
            watcher.start()

    def on_unmount(self) -> None:
        for watcher in self._watchers.values():
            watcher.stop()
        self._remember()

    def _remember(self) -> None:
        now, main = self.remembered, self.main
        if main.selected is not None:
            now.job = main.selected.id
        if self.theme != self._first_theme:
            now.theme = self.theme
        now.marked = self._mark or [job.id for job in main.jobs.list.marked]
        now.pane, now.filter = main.last_pane, main.jobs.list.filter
        now.axis, now.log_scale = main.loss.axis, main.loss.chart.log_scale
        now.save(self.settings.home)

    def look_again(self) -> None:
        """Something was done to a job: see what, at once."""
        self._watchers["jobs"].wake()

    def look_at_datasets(self) -> None:
        """Something was done to the list of datasets: see what, at once."""
        self._watchers["datasets"].wake()

    def select_soon(self, job_id: str) -> None:
        """Select a job when it is in the list."""
        self._select = job_id
        self.look_again()

    def tell(self, message: str, severity: SeverityLevel = "information") -> None:
        """Say something in passing. The text is plain, whatever is in it."""
        self.notify(clean(message), severity=severity, timeout=6, markup=False)

    @property
    def views(self) -> list[View[object]]:
        """The screens that are told what the watchers see."""
        return [screen for screen in self.screen_stack if isinstance(screen, View)]

    def on_jobs_changed(self, message: JobsChanged) -> None:
        self.jobs = self._hardware_look.jobs = self._datasets_look.jobs = message.jobs
        for view in self.views:
            view.show_jobs(message.jobs, message.problem)
        self._tell_ends(message.jobs.ended)
        if self._until is not None and self._has_ended(message.jobs, self._until):
            self._until = None
            self.set_timer(LAST_LOOK_SECONDS, self.exit)
        self._mark_again(message.jobs)
        self._select_now(message.jobs)
        self._tell_started(message.jobs)
        self._welcome(message.jobs)
        self._follow_selected()

    def _mark_again(self, jobs: Jobs) -> None:
        if self._mark and jobs.complete:
            self.main.jobs.list.mark_these(self._mark)
            self._mark = []

    def _tell_started(self, jobs: Jobs) -> None:
        for job in jobs.summaries if self._started else ():
            if job.id in self._started:
                self._started.remove(job.id)
                if self.screen is not self.main:  # where it would be seen
                    self.tell(f"{one_line(job.name, 40)} starts; Esc leads to it.")

    def _select_now(self, jobs: Jobs) -> None:
        wanted = self._select
        if wanted is None:
            return
        there = any(job.id == wanted for job in jobs.summaries)
        if there:
            self.main.jobs.list.choose(wanted)
        if there or (jobs.complete and wanted == self.remembered.job):
            self._select = None  # where one was may be gone; what was just started comes yet

    def _welcome(self, jobs: Jobs) -> None:
        if jobs.summaries and self._welcomed is not None and self.screen is self._welcomed:
            self._welcomed.dismiss("")  # somebody else has begun
        if not self._first_start or not jobs.complete:
            return
        self._first_start = False
        if not jobs.summaries and self.screen is self.main:
            from .screens.first_start import FirstStart

            self._welcomed = FirstStart()
            self.push_screen(self._welcomed, self._go_on)

    def _go_on(self, action: str | None) -> None:
        self._welcomed = None
        match action:
            case "demo":
                self.main.action_demo()
            case "new":
                self.main.action_new_job()
            case "add":
                self.main.action_focus_pane("datasets")
                self.main.datasets.list.action_add()
            case _:
                pass

    def _tell_ends(self, ended: tuple[Summary, ...]) -> None:
        if ended and self.settings.app.bell:
            self.bell()
        for job in ended[:MOST_TOLD]:
            failed = job.state.state in (JobState.failed, JobState.interrupted)
            self.tell(wording.ending(job.name, job.state), "error" if failed else "information")
        if (more := len(ended) - MOST_TOLD) > 0:
            self.tell(f"{wording.plural(more, 'more job')} ended.")

    @staticmethod
    def _has_ended(jobs: Jobs, job_id: str) -> bool:
        return any(summary.id == job_id and summary.state.state in ENDED for summary in jobs.summaries)

    def on_job_chosen(self, message: JobChosen) -> None:
        self._follow_selected()

    def on_marks_changed(self, message: MarksChanged) -> None:
        self.main.marked = message.marked
        self._follow_selected()

    def _follow_selected(self) -> None:
        selected = self.main.selected
        compared = [
            (Job(self.settings.home, summary.id), summary.state.state in UNFINISHED)
            for summary in self.main.compared
        ]
        job, alive = compared[0] if selected is not None else (None, False)
        watch = self._log_look.choose(job, alive)
        if self._points_look.choose(compared):
            self._watchers["points"].wake()
        self.main.show_selected(anew=watch != self._watch)
        if watch != self._watch:
            self._watch = watch
            self._watchers["log"].wake()

    def on_points_read(self, message: PointsRead) -> None:
        for view in self.views:
            view.show_points(message.job_id, message.points)

    def on_log_read(self, message: LogRead) -> None:
        if message.watch == self._watch:
            self.main.log_pane.add(message.lines, message.anew)

    def on_hardware_read(self, message: HardwareRead) -> None:
        for view in self.views:
            view.show_hardware(message.hardware)

    def on_datasets_read(self, message: DatasetsRead) -> None:
        for view in self.views:
            view.show_datasets(message.datasets)

    # Screens are imported when they are first opened: the first frame does not wait for them.

    def on_open_job(self, message: OpenJob) -> None:
        from .screens.job import JobPage

        summaries = self.jobs.summaries if self.jobs is not None else ()
        summary = next((one for one in summaries if one.id == message.job_id), None)
        if summary is not None:
            self.main.jobs.list.choose(summary.id)
            self.push_screen(JobPage(self.settings, summary, self.acts))

    def on_open_dataset(self, message: OpenDataset) -> None:
        from .screens.dataset import DatasetPage

        self.push_screen(DatasetPage(self.settings, message.path, message.line, message.form))

    def on_open_new_job(self, message: OpenNewJob) -> None:
        from .screens.new_job import NewJob

        self.push_screen(NewJob(self.settings, self.remembered, message.values))

    def on_open_playground(self, message: OpenPlayground) -> None:
        from .screens.playground import Playground

        self.push_screen(Playground(self.settings, message.job_id, message.with_jobs))

    def on_job_started(self, message: JobStarted) -> None:
        self._started.add(message.job_id)
        self.select_soon(message.job_id)

    def on_copy_text(self, message: CopyText) -> None:
        self.copy_to_clipboard(clean(message.text))
        self.tell(f"Copied {message.what}.")

    def on_watch_failed(self, message: WatchFailed) -> None:
        raise message.error

    async def run_action(
        self,
        action: str | ActionParseResult,
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """What can't be done now says why, instead of nothing."""
        if await super().run_action(action, default_namespace, namespaces):
            return True
        if isinstance(default_namespace, (View, ListCanvas)):
            name = action.partition("(")[0] if isinstance(action, str) else action[1]
            parameters = action[2] if not isinstance(action, str) else ()
            if default_namespace.check_action(name, parameters) is None:
                why = default_namespace.why_not(name)
                if why:
                    self.tell(why, "warning")
                return bool(why)
        return False

    async def action_command_palette(self) -> None:  # type: ignore[override]
        from .commands import Palette

        if isinstance(self.screen, Palette):
            return
        # Waited for, so that the next letter is typed there.
        await self.push_screen(palette := Palette(id="--command-palette"))
        field = palette.query_one(Input)
        field.cursor_blink = False  # a blinking cursor sends bytes while nothing happens
        palette.set_focus(field)

    def action_help(self) -> None:
        self.push_screen(Help(working(self.screen.active_bindings)))

    def action_leave(self) -> None:
        self.exit()

    async def action_quit(self) -> None:
        """Textual's own ways to quit are ours too."""
        self.exit()

    def action_help_quit(self) -> None:
        """Ctrl+C with nothing marked: Textual's binding, to which we give a second press."""
        if time.monotonic() - self._interrupted_at < TWICE_SECONDS:
            self.exit()
            return
        self._interrupted_at = time.monotonic()
        self.tell("Ctrl+C again leaves; so does q. Jobs go on.")

    def _fatal_error(self) -> None:
        # Textual 8.2.8 prints the local variables of every frame, and foreign text as it is.
        self.bell()
        self._exit_renderables.append(Text(clean(traceback.format_exc())))
        self._close_messages_no_wait()


def run(settings: Settings, until: str | None = None) -> int:
    """Run the app in this terminal until it is left.

    Args:
        until: a job to select; the app leaves by itself a moment after it has ended.

    Returns:
        The exit code: 0, or 128 + N after signal N, or 1 after an error.

    Raises:
        SettingsError: keys can't be remapped as the settings say, or there is no such theme.
    """
    app = FinetuiApp(settings, until)
    with endings.handled(app):
        app.run()
    unfinished = app.jobs.count(UNFINISHED) if app.jobs is not None else 0
    if unfinished:
        words = "1 job goes on" if unfinished == 1 else f"{unfinished} jobs go on"
        sys.stderr.write(f"{words}; `finetui` brings you back.\n")
    return app.return_code or 0

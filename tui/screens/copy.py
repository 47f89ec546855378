"""What of a job is to be copied: its id, its folders, or a command with it."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList
from textual.widgets.option_list import Option

from ...engines.job import Job
from ...engines.settings import Settings
from ...engines.states import RESUMABLE, JobState
from ...engines.store import Summary
from ...engines.text import one_line
from ..keys import KEYS, bindings
from ..messages import CopyText
from ..widgets.keyline import KeyLine

LABEL_CELLS = 20


@dataclass(frozen=True)
class Offer:
    """A text that can be copied; `what` says in words what it is."""

    key: str
    label: str
    text: str
    what: str


def offers(settings: Settings, summary: Summary) -> list[Offer]:
    """What there is to copy of a job as it stands."""
    paths = Job(settings.home, summary.id).paths
    state, job_id = summary.state, shlex.quote(summary.id)
    found = [
        Offer("id", "id", summary.id, "the job's id"),
        Offer("folder", "folder", str(paths.folder), "the job's folder"),
        Offer("watch", "watch it", f"finetui watch {job_id}", "the command that watches it"),
    ]
    if state.result:
        found.insert(2, Offer("result", "result's folder", state.result, "the folder of its result"))
    if state.state in RESUMABLE:
        found.append(Offer("resume", "resume it", f"finetui resume {job_id}", "the command that resumes it"))
    if state.state != JobState.queued:
        base = shlex.quote(f"{summary.id}@base")
        command = f'finetui ask "…" -m {job_id} -m {base}'
        found.append(Offer("ask", "ask it and its base", command, "the command that asks it and its base"))
    again = f"finetui run {shlex.quote(str(paths.spec))}"
    found.append(Offer("again", "the same again", again, "the command that starts the same again"))
    return found


class Offers(OptionList, inherit_bindings=False):
    """Leaves Enter to its dialog, so that the table of keys has it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        one for one in OptionList.BINDINGS if not (isinstance(one, Binding) and one.key == "enter")
    ]


class CopyChoice(ModalScreen[None]):
    """A list of what can be copied; Enter or a letter takes one."""

    CSS_PATH = "copy.tcss"
    BINDINGS: ClassVar[list[BindingType]] = bindings("copies")

    def __init__(self, settings: Settings, summary: Summary) -> None:
        super().__init__()
        self._job_name = summary.name
        self._offers = offers(settings, summary)

    def compose(self) -> ComposeResult:
        letters = {key.id.partition(".")[2]: key.shown for key in KEYS if key.where == "copies"}
        options = [
            Option(
                Content.assemble(
                    (f" {letters[offer.key]}  ", "bold $key"),
                    f"{offer.label:<{LABEL_CELLS}} ",
                    (one_line(offer.text), "$quiet"),
                ),
                id=offer.key,
            )
            for offer in self._offers
        ]
        with Vertical(id="box"):
            yield Offers(*options, id="offers", markup=False, compact=True)
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self.query_one("#box").border_title = Content(f"Copy · {one_line(self._job_name, 50)}")
        self.query_one(OptionList).highlighted = 0
        self.set_focus(self.query_one(OptionList))

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        event.stop()
        if event.option_id is not None:
            self.action_take(event.option_id)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if action == "take":
            return any(offer.key == parameters[0] for offer in self._offers)
        return True

    def action_take(self, key: str) -> None:
        offer = next(offer for offer in self._offers if offer.key == key)
        self.app.post_message(CopyText(offer.text, offer.what))
        self.dismiss()

    def action_take_selected(self) -> None:
        self.query_one(OptionList).action_select()

    def action_back(self) -> None:
        self.dismiss()

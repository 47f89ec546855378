"""What is done with a dataset: checked for a place of training, its tokens seen, new files made from it."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from textual.content import Content

from ...engines.datasets.formats.registry import FORMATS
from ...engines.datasets.kept.checked import Rules
from ...engines.datasets.targets.registry import TARGETS
from ...engines.datasets.tokens.cost import load_prices
from ...engines.datasets.tokens.preview import PreviewModel
from ...engines.engine import EngineError
from ...engines.text import one_line
from ..looks.about import ModelSuggested
from .choose import Choose, Offer
from .dataset_find import DatasetFind
from .map_columns import MapColumns, examples_of

ANYWHERE = Offer("", Content("anywhere"), Content("The rules that all places share; nothing is counted."))


class DatasetTools(DatasetFind):
    """The page's dialogs beside those that lead to a row."""

    _shows_lengths = False
    """The lengths are shown as soon as the check has counted."""

    def action_target(self) -> None:
        self._ask_target("Where it will be trained")

    def _ask_target(self, title: str, *, lengths: bool = False) -> None:
        """`lengths`: they are shown then."""

        def answered(target: str | None) -> None:
            if target is None:
                return
            self._shows_lengths = lengths
            self.app.remembered.target = target
            rules = self.rules_for(*target.split(" ", 1))
            if rules != self._rules:
                self.check_again(rules)
            elif self._shows_lengths:
                self._show_lengths()

        rules = self._rules
        chosen = rules.target or ""
        if rules.model and rules.target != "local":
            chosen = f"{chosen} {rules.model}"
        self.app.push_screen(Choose(title, [ANYWHERE, *_targets(self._model)], chosen), answered)

    def rules_for(self, target: str, paid: str | None = None) -> Rules:
        """The rules of a place of training; what was said of the file's form stays.

        Args:
            paid: the model that is trained there, whose price is known.
        """
        model = self._model.name if self._model is not None and target == "local" else paid
        return Rules(target or None, model, self._rules.format, self._rules.columns)

    def on_model_suggested(self, message: ModelSuggested) -> None:
        if message.model is not None:
            self.count_as(message.model)

    def count_as(self, model: PreviewModel) -> None:
        """Another model is seen: where its tokens are counted, they are counted by it."""
        if self._rules.target == "local" and self._rules.model != model.name:
            self.check_again(msgspec.structs.replace(self._rules, model=model.name))

    # Tokens.

    def action_lengths(self) -> None:
        if self._checked is None:
            self._shows_lengths = True
            self.app.tell("The lengths are shown when the check is done.")
        elif self._checked.tokens is not None:
            self._show_lengths()
        else:
            self._ask_target("Count its tokens as they are where it will be trained", lengths=True)

    def learned(self) -> None:
        super().learned()
        if self._shows_lengths and self._checked is not None:
            self._show_lengths()

    def _show_lengths(self) -> None:
        from ...engines.datasets.tokens.report import TokenReport
        from .lengths import Lengths

        self._shows_lengths = False
        counted = self._checked.tokens if self._checked is not None else None
        if counted is None:
            self.app.tell("Nothing counts its tokens there; C counts them as the model has them.", "warning")
        elif not (report := TokenReport.from_json(counted)).histogram.rows:
            self.app.tell("No row can be used as it is, so none is counted: w lists why.", "warning")
        else:
            self.app.push_screen(Lengths(self._path.name, report))

    # New files.

    def action_convert(self) -> None:
        from .make_kinds import Convert

        def answered(form: str | None) -> None:
            if form is not None:
                self.app.push_screen(Convert(self._settings, self._path, self._rules, form))

        here = self._rows.format if self._rows is not None else None
        offers = [
            Offer(form.name, Content(_form(form.name, here)), Content(form.example))
            for form in FORMATS.values()
        ]
        self.app.push_screen(Choose("Convert to", offers, "messages"), answered)

    def action_split(self) -> None:
        from .make_kinds import Split

        examples = examples_of(self._read.values())
        self.app.push_screen(Split(self._settings, self._path, self._rules, examples))

    def action_fix(self) -> None:
        from .make_kinds import Fix

        self.app.push_screen(Fix(self._settings, self._path, self._rules))

    # The form.

    def action_columns(self) -> None:
        def answered(columns: dict[str, str] | None) -> None:
            if columns is None or columns == (self._rules.columns or {}):
                return
            rules = msgspec.structs.replace(self._rules, columns=columns or None)
            self.app.remembered.reads(str(self._path), columns)
            self._rows_look.read_as(rules.format, rules.columns)
            self._watchers["rows"].wake()
            self.check_again(rules)

        examples = examples_of(self._read.values())
        self.app.push_screen(MapColumns(examples, self._rules.columns or {}), answered)


def _targets(model: PreviewModel | None) -> Iterator[Offer]:
    """The places of training, below each the models whose price is known."""
    try:
        prices = load_prices()
    except EngineError:  # the user's own table; a check says what is wrong with it
        prices = ()
    for target in TARGETS.values():
        yield Offer(target.name, Content(target.title), Content(_about(target.name, model)))
        for price in prices:
            if target.prices == price.provider:
                rate = f"{price.training_per_million:g} {price.currency} a million tokens"
                shown = Content.assemble(f"  {one_line(price.model, 40):<20} ", (rate, "$quiet"))
                about = Content(f"With what it costs; the price was read on {one_line(price.date, 20)}.")
                yield Offer(f"{target.name} {price.model}", shown, about)


def _about(name: str, model: PreviewModel | None) -> str:
    target = TARGETS[name]
    forms = ", ".join(sorted(target.formats)) if len(target.formats) < 6 else "every form with one answer"
    if name != "local":
        counts = "its own rule counts the tokens"
    elif model is not None:
        counts = f"{one_line(model.name, 60)} counts the tokens"
    else:
        counts = "m chooses the model that counts the tokens"
    return f"Takes {forms}; {counts}."


def _form(name: str, here: str | None) -> str:
    return f"{name} (as it is now)" if name == here else name

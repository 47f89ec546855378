"""A dialog that asks as which model will see a dataset: one that lies on this machine."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ...engines.datasets.tokens.preview import PreviewModel, model_named
from ...engines.models import weights
from ..panes.wording import short_path
from .pick import Pick, Refused, Suggestion
from .pick_model import near_by


class ChoosePreviewModel(Pick[PreviewModel]):
    """Its result: a model whose tokenizer is here."""

    ASKS = "As which model will see them"

    def __init__(self, names: Iterable[str]) -> None:
        """`names`: models that jobs used and that were chosen before, newest first; not all are here."""
        super().__init__(
            placeholder="a model of the hub's cache, or a folder",
            about="Only its tokenizer and template are read.",
        )
        self._names = tuple(dict.fromkeys(names))
        self._here: list[Suggestion] | None = None

    def find(self, text: str) -> Sequence[Suggestion]:
        if self._here is None:
            self._here = list(self._all())
        words = text.lower().split()
        return [one for one in self._here if all(word in one.value.lower() for word in words)]

    def _all(self) -> Iterable[Suggestion]:
        seen: set[str] = set()
        listed = [one.name for one in weights.listing(near_by()) if one.main and one.complete]
        for name in [*self._names, *listed]:
            if name in seen:
                continue
            seen.add(name)
            try:
                found = weights.find(name)
            except weights.ModelNotFound:
                continue
            if found is not None:
                about = "" if found.template else "no chat template"
                yield Suggestion(name, short_path(name), about)

    def accept(self, text: str) -> PreviewModel:
        try:
            model = model_named(text)
        except weights.ModelNotFound as error:
            raise Refused(f"{error}.") from error
        if model is None:
            raise Refused(f"{text} is not on this machine: `hf download {text}` fetches it.")
        return model

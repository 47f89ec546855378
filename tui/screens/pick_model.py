"""The dialog that asks for a model: what lies in the hub's cache, folders near by, or any hub id."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path

from ...engines.demo.job import FOLDER
from ...engines.models.weights import Listed, listing
from ..panes.wording import short_path
from .pick import Refused, Suggestion
from .pick_first import PickFirst

BUNDLED = FOLDER / "model"
"""The demonstration's: so small that it trains on any machine."""


class PickModel(PickFirst[tuple[str, str]]):
    """Its result is the model as a job asks for it, and the hub's revision (empty: the hub's default)."""

    ASKS = "Model"

    def __init__(self, value: str, recent: Sequence[str]) -> None:
        """
        Args:
            value: what stands in the form.
            recent: models that were asked for, newest first.
        """
        super().__init__(
            value,
            "type to filter; or organisation/name, …@revision, a folder",
            "What lies here; any other model of the hub is downloaded first.",
        )
        self._recent = recent
        self._listed: list[Listed] | None = None

    def find(self, text: str) -> Sequence[Suggestion]:
        if self._listed is None:
            self._listed = listing(near_by())
        words = text.casefold().split()
        order = {name: place for place, name in enumerate(self._recent)}
        listed = sorted(self._listed, key=lambda one: order.get(one.name, len(order)))
        found = [_suggestion(one) for one in listed]
        there = {one.name for one in listed}
        found += [
            Suggestion(name, name, "not here" if not os.path.isdir(name) else "")
            for name in self._recent
            if name not in there
        ]
        fitting = [
            one for one in found if all(word in f"{one.shown} {one.about}".casefold() for word in words)
        ]
        if text and not any(one.value == text for one in fitting):
            fitting.append(Suggestion(text, text, "as it is written"))
        return fitting

    def accept(self, text: str) -> tuple[str, str]:
        if not text:
            raise Refused("A model is missing: a hub id such as organisation/name, or a folder.")
        name, _, revision = text.partition("@")
        if text.startswith(("/", "~", ".")) or os.path.isdir(text):
            name, revision = os.path.abspath(os.path.expanduser(text)), ""
            if not os.path.isfile(os.path.join(name, "config.json")):
                raise Refused("This folder has no config.json, so it holds no model.")
        elif " " in name or name.count("/") > 1:
            raise Refused("A model is a hub id such as organisation/name, or a folder.")
        return name, revision


def near_by() -> list[Path]:
    """Folders that may hold a model: this one's, and the bundled one."""
    here: list[Path] = []
    with contextlib.suppress(OSError):
        here = sorted(path for path in Path.cwd().iterdir() if path.is_dir())[:500]
    return [*(path for path in here if path != BUNDLED), BUNDLED]


def _suggestion(one: Listed) -> Suggestion:
    shown = one.name if one.commit else os.path.basename(one.name)
    parts = [parameters(one.parameters), size(one.disk_bytes)]
    parts += [one.commit[:7]] if one.commit else []
    parts += [] if one.complete else ["incomplete"]
    if one.commit is None:
        parts.append(
            "bundled: tiny, for trying out" if one.path == BUNDLED else short_path(os.path.dirname(one.name))
        )
    value = one.name if one.main or one.commit is None else f"{one.name}@{one.commit}"
    return Suggestion(value, shown, " · ".join(part for part in parts if part))


def parameters(count: int | None) -> str:
    """How many parameters a model has: 7.6B, 494M."""
    if count is None:
        return ""
    return f"{count / 1e9:.3g}B" if count >= 1e9 else f"{count / 1e6:.3g}M"


def size(count: int) -> str:
    """What lies on a disk, in units of thousands as files are measured."""
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if count >= least:
            return f"{count / least:.1f} {unit}"
    return f"{count} B"

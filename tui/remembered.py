"""Where one was: what the app finds again at its next start. Losing it loses nothing else."""

from __future__ import annotations

import contextlib
from pathlib import Path

import msgspec

from ..engines.home import Home
from ..engines.records import UNREADABLE, replace_bytes

RECENT = 20
MOST_MAPPED = 200


class Remembered(msgspec.Struct, omit_defaults=True):
    """`app.json` of the home. The app changes it in place and writes it when it is left."""

    theme: str = ""
    job: str = ""
    """The selected job's id."""
    marked: list[str] = msgspec.field(default_factory=list)
    """The marked jobs' ids."""
    pane: str = ""
    filter: str = ""
    log_scale: bool = False
    axis: str = "step"
    recent_files: list[str] = msgspec.field(default_factory=list)
    """Absolute paths of datasets that were chosen, newest first."""
    recent_models: list[str] = msgspec.field(default_factory=list)
    """Models as they were asked for, newest first."""
    target: str = ""
    """By whose rules datasets are checked: a name of `TARGETS`, perhaps with a model; empty: by none."""
    columns: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    """What keys of datasets are: by their absolute paths a known form's keys under the file's names."""
    draft: dict[str, str] = msgspec.field(default_factory=dict)
    """What was left in the form for a new job: the texts of its fields by their keys."""

    @classmethod
    def load(cls, home: Home) -> Remembered:
        """As it was written last; empty where there is none, or none that this version can read."""
        try:
            return msgspec.json.decode(_path(home).read_bytes(), type=cls)
        except (OSError, *UNREADABLE):
            return cls()

    @classmethod
    def exists(cls, home: Home) -> bool:
        """Whether the app was ever left on this home."""
        return _path(home).exists()

    def save(self, home: Home) -> None:
        """Write it; a full disk or a home that is gone is no reason to stay."""
        with contextlib.suppress(OSError):
            home.path.mkdir(parents=True, exist_ok=True)
            replace_bytes(_path(home), msgspec.json.format(msgspec.json.encode(self)))

    def chose(self, file: str = "", model: str = "") -> None:
        """A dataset or a model was chosen: it comes first from now on."""
        for value, recent in ((file, self.recent_files), (model, self.recent_models)):
            if value:
                recent[:] = [value, *(other for other in recent if other != value)][:RECENT]

    def reads(self, file: str, columns: dict[str, str]) -> None:
        """The rows of a dataset are read so from now on; empty: as they look."""
        self.columns.pop(file, None)
        if columns:
            self.columns[file] = columns
        for older in list(self.columns)[:-MOST_MAPPED]:
            del self.columns[older]


def _path(home: Home) -> Path:
    return home.path / "app.json"

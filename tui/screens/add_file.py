"""A dialog that asks for dataset files: a path with completion, a folder, or a pattern (data/*.jsonl)."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from ...engines.datasets.sources.files import KNOWN_SUFFIXES
from ..panes.wording import short_path
from .pick import Pick, Refused, Suggestion

PACKED = (".gz", ".zst")

MOST_FILES = 500


class AddFile(Pick[tuple[Path, ...]]):
    """Its result: existing files, absolute, at least one; None where it was left."""

    ASKS = "Add a dataset"

    def __init__(self, value: str = "") -> None:
        """`value`: the path that stands there at first; empty: the folder one is in."""
        super().__init__(
            value or short_path(f"{os.getcwd()}{os.sep}"),
            "a file, a folder, or a pattern such as data/*.jsonl",
            "JSON, JSON lines, CSV, TSV or Parquet of any known form, also packed.",
        )

    def find(self, text: str) -> Sequence[Suggestion]:
        folder, _, begun = text.rpartition(os.sep)
        place = os.path.expanduser(folder + os.sep if folder or text.startswith(os.sep) else ".")
        found: list[tuple[bool, bool, Suggestion]] = []
        try:
            with os.scandir(place) as entries:
                for entry in entries:
                    if not entry.name.startswith(begun) or (entry.name[0] == "." and not begun):
                        continue
                    is_folder = entry.is_dir()
                    name = f"{entry.name}{os.sep if is_folder else ''}"
                    value = text[: len(text) - len(begun)] + name
                    data = is_data(entry.name)
                    size = "" if is_folder else _size(entry)
                    found.append(
                        (not data, not is_folder, Suggestion(value, name, size, whole=not is_folder))
                    )
        except (OSError, ValueError):
            return ()
        return [one for *_, one in sorted(found, key=lambda item: (item[0], item[1], item[2].shown))]

    def accept(self, text: str) -> tuple[Path, ...]:
        if not text:
            raise Refused("A path is missing.")
        path = os.path.abspath(os.path.expanduser(text))
        try:
            if os.path.isfile(path):
                return (Path(path),)
            if os.path.isdir(path):
                names = sorted(entry.name for entry in os.scandir(path) if entry.is_file())
                files = [os.path.join(path, name) for name in names if is_data(name)]
                nothing = "There is no file of rows in this folder (.jsonl, .json, .csv …)."
            elif os.path.exists(path):
                raise Refused("This is no plain file.")
            elif glob.has_magic(text):
                files = [file for file in sorted(glob.glob(path, recursive=True)) if os.path.isfile(file)]
                nothing = "No file fits this pattern."
            else:
                raise Refused(_missing(path))
        except (OSError, ValueError) as error:
            raise Refused(f"{getattr(error, 'strerror', None) or error}.") from error
        if not files:
            raise Refused(nothing)
        if len(files) > MOST_FILES:
            raise Refused(f"These are {len(files):,} files; at most {MOST_FILES} can be added at once.")
        return tuple(Path(file) for file in files)


def is_data(name: str) -> bool:
    """Whether a file is called as files of rows usually are: of a folder, these are taken."""
    name = name.lower()
    packing = next((end for end in PACKED if name.endswith(end)), "")
    return os.path.splitext(name.removesuffix(packing))[1] in KNOWN_SUFFIXES


def _missing(path: str) -> str:
    """How far a path leads."""
    folder = os.path.dirname(path)
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    name = os.path.relpath(path, folder).split(os.sep)[0]
    return f"There is no {name} in {short_path(folder)}."


def _size(entry: os.DirEntry[str]) -> str:
    try:
        size = entry.stat().st_size
    except OSError:
        return ""
    for unit, least in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size >= least:
            return f"{size / least:.1f} {unit}"
    return f"{size} B"

"""The files that are meant by names: files, patterns with wildcards, folders."""

from __future__ import annotations

import glob
import os
import shlex
from collections.abc import Iterable
from pathlib import Path

from ..checks.words import shown
from .layout import LINE_SUFFIXES, suffix_of
from .table import TABLE_SUFFIXES

KNOWN_SUFFIXES = frozenset({".json", ".parquet"}) | LINE_SUFFIXES | TABLE_SUFFIXES
"""Of the files that are taken from a folder; each may have .gz or .zst behind it."""

# Written by Hugging Face's `datasets` beside the data.
_ABOUT_DATA = frozenset({"dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json"})
_MOST_NAMED = 5


class NoFiles(ValueError):
    """A pattern or a folder has no data in it. The words say what was looked for and what is there."""


def expand(names: Iterable[str | Path]) -> list[Path]:
    """The files that are meant, each once, in the order of the names.

    A folder stands for all files of a known suffix in it and in those below, sorted, without hidden ones.
    So does a pattern (`*`, `?`, `[…]`, and `**` for any folders) for those that match, or, where none of
    these has a known suffix, for all that match. Any other name is its own file, whether that exists or not.

    Raises:
        NoFiles: nothing is found for a folder or a pattern.
    """
    found: dict[Path, Path] = {}
    for name in names:
        for path in _meant(str(name)):
            found.setdefault(path.absolute(), path)
    return list(found.values())


def _meant(name: str) -> list[Path]:
    path = Path(name).expanduser()
    if path.is_dir():
        files = _in_folder(path)
        if not files:
            if (saved := _saved(path)) is not None:
                raise NoFiles(saved)
            raise NoFiles(f"The folder {_safe(path)} holds no data: {_there(path)}. {_wanted()}")
        return files
    if not glob.has_magic(name) or path.exists():
        return [path]
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]
    files = [match for match in matches if match.is_file()]
    files = [match for match in files if _is_data(match)] or files
    if not files:
        folder = path
        while glob.has_magic(str(folder)) or not folder.is_dir():
            folder = folder.parent
        what = "only folders match" if matches else "no file matches"
        raise NoFiles(f"For {_safe(path)} {what}: {_there(folder)}. {_wanted()}")
    return files


def _in_folder(folder: Path) -> list[Path]:
    files: list[Path] = []
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        files += [path for name in names if _is_data(path := Path(place, name))]
    return sorted(path for path in files if path.is_file())


def _saved(folder: Path) -> str | None:
    """What is said of a folder that `datasets` wrote with save_to_disk; None of any other."""
    inside = sorted(path.parent for path in folder.glob("**/*.arrow"))
    if not inside:
        return None
    first = inside[0]
    code = 'import datasets, sys; datasets.load_from_disk(sys.argv[1]).to_parquet("OUT.parquet")'
    holds = "holds a dataset" if first == folder else "holds datasets"
    return (
        f"The folder {_safe(folder)} {holds} as save_to_disk writes it (.arrow). As Parquet it can be read: "
        f"python -c {shlex.quote(code)} {shlex.quote(_safe(first))}"
    )


def _is_data(path: Path) -> bool:
    if path.name.startswith(".") or path.name in _ABOUT_DATA:
        return False
    return suffix_of(path) in KNOWN_SUFFIXES


def _there(folder: Path) -> str:
    """What is in a folder, in words."""
    where = "here" if folder == Path() else f"in {_safe(folder)}"
    try:
        names = sorted(f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir())
    except OSError as fault:
        return f"{_safe(folder)} can't be read ({(fault.strerror or str(fault)).lower()})"
    names = [name for name in names if not name.startswith(".")]
    if not names:
        return f"{where} is nothing"
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{where} is {', '.join(_safe(name) for name in names[:_MOST_NAMED])}{more}"


def _wanted() -> str:
    return (
        f"Looked for are names that end in {', '.join(sorted(KNOWN_SUFFIXES))}, perhaps packed (.gz, .zst)."
    )


def _safe(path: Path | str) -> str:
    return shown(str(path), 200)[1:-1]

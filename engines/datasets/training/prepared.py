"""Data that was prepared before is not read again: a form that is filled in asks for it many times."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from ...records import UNREADABLE, replace_bytes
from ..viewing.rows import stamp_of
from .canonical import Stored
from .prepare import Prepared, prepare

FORMAT = 1
"""Raised when the same files make other rows or other problems: what was kept before is then made anew."""


def prepare_once(cache: Path, train_path: Path, data_dir: Path, **asked: Any) -> Prepared:
    """`prepare`, or what it made of the same files with the same wishes while they have not changed.

    Args:
        cache: the folder of what can be thrown away.
        asked: `prepare`'s own arguments.

    Raises:
        DataError, UnknownFormat, OSError: see `prepare`; what failed is tried again the next time.
    """
    files = [train_path] if asked.get("valid_path") is None else [train_path, asked["valid_path"]]
    stamps = _stamps(files)
    if stamps is None:
        return prepare(train_path, data_dir, **asked)
    told = {key: str(value) if isinstance(value, Path) else value for key, value in asked.items()}
    place = _place(cache, [FORMAT, str(train_path.absolute()), str(data_dir), sorted(told.items())])
    if (before := _kept(place, stamps)) is not None:
        return before
    made = prepare(train_path, data_dir, **asked)
    if _stamps(files) == stamps:  # a file that changed while it was read is read again
        with contextlib.suppress(OSError):
            place.parent.mkdir(parents=True, exist_ok=True)
            replace_bytes(place, msgspec.json.encode(_Kept(stamps, made), enc_hook=str))
    return made


class _Kept(msgspec.Struct, frozen=True):
    stamps: list[tuple[int, int]]
    prepared: Prepared


def _kept(place: Path, stamps: list[tuple[int, int]]) -> Prepared | None:
    try:
        kept = msgspec.json.decode(place.read_bytes(), type=_Kept, dec_hook=_path)
    except (OSError, *UNREADABLE):
        return None
    made = kept.prepared
    here = _is_here(made.train) and (made.valid is None or _is_here(made.valid))
    return made if kept.stamps == stamps and here else None


def _path(_type: type, text: str) -> Path:
    return Path(text)


def _is_here(stored: Stored) -> bool:
    """Rows that no job refers to may have been removed meanwhile."""
    return stored.path.is_file()


def _stamps(files: list[Path]) -> list[tuple[int, int]] | None:
    try:
        return [stamp_of(path) for path in files]
    except (OSError, ValueError):
        return None  # `prepare` says what is wrong with them


def _place(cache: Path, told: Mapping[str, Any] | list[Any]) -> Path:
    name = sha256(msgspec.json.encode(told)).hexdigest()[:32]
    return cache / "datasets" / f"{name}.prepared.json"

"""Weights on this machine: a folder, or a place in the Hugging Face cache, read without torch or network."""

from __future__ import annotations

import contextlib
import json
import math
import os
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class ModelNotFound(Exception):
    """There is no such model here; the message says where it was looked for."""


@dataclass(frozen=True)
class Weights:
    """A model that lies on this machine."""

    name: str
    path: Path
    revision: str | None
    """The hub's commit; None for a plain folder."""
    parameters: int | None
    """Exact, from the safetensors headers; None where there are none."""
    linear_parameters: int | None
    """Of these, what NF4 quantises: matrices of the layers, without embeddings and head."""
    config: dict[str, Any]
    template: str | None
    """The chat template's text, where the model brings one."""

    @property
    def context(self) -> int | None:
        """The longest input in tokens, by its config."""
        text = self.config.get("text_config") or self.config
        return text.get("max_position_embeddings")


@dataclass(frozen=True)
class Listed:
    """A model on this machine as a list shows it, complete or not."""

    name: str
    """The hub id, or the folder."""
    path: Path
    commit: str | None
    """The hub's commit; None for a plain folder."""
    main: bool
    """Whether asking for the name alone means this one."""
    disk_bytes: int
    """What its files take; a download that broke off counts with what came."""
    parameters: int | None
    complete: bool
    """Whether all weights are there; else the rest is fetched before the training."""


def hub_cache(environment: Mapping[str, str] = os.environ) -> Path:
    """The hub's cache, as huggingface_hub finds it: HF_HUB_CACHE (or its older name), HF_HOME/hub,
    XDG_CACHE_HOME, ~/.cache."""
    if cache := environment.get("HF_HUB_CACHE") or environment.get("HUGGINGFACE_HUB_CACHE"):
        return Path(cache).expanduser()
    if home := environment.get("HF_HOME"):
        return Path(home).expanduser() / "hub"
    base = environment.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "huggingface" / "hub"


def looks_local(name: str) -> bool:
    """Whether a model's name is a path rather than a hub id."""
    # os.path and not Path: a name too long for a file system is then no folder instead of an OSError.
    return name.startswith(("/", ".", "~")) or name.count("/") > 1 or (bool(name) and os.path.isdir(name))


def find(
    name: str, revision: str | None = None, environment: Mapping[str, str] = os.environ
) -> Weights | None:
    """A model on this machine.

    Args:
        name: a folder, or a hub id, which is then looked for in the hub's cache.
        revision: branch, tag or commit of the hub; None is `main`.

    Returns:
        None where a hub id is not in the cache: it can be fetched.

    Raises:
        ModelNotFound: a folder that isn't there, or has no config.json; or a name that is neither.
    """
    if looks_local(name):
        # Absolute: who reads it later stands in another folder. An unknown "~user" stays as it is.
        folder = Path(os.path.abspath(os.path.expanduser(name)))
        if not os.path.isdir(folder):
            raise ModelNotFound(f"{name}: there is no such folder")
        if not (folder / "config.json").is_file():
            raise ModelNotFound(f"{name}: the folder has no config.json, so it holds no model")
        return _read(name, folder, None)
    if name.count("/") > 1 or not name or " " in name:
        raise ModelNotFound(f"{name!r} is neither a folder nor a hub id (organisation/name)")
    repository = hub_cache(environment) / f"models--{name.replace('/', '--')}"
    commit = revision or "main"
    reference = repository / "refs" / commit
    if os.path.isfile(reference):
        commit = reference.read_text().strip()
    snapshot = repository / "snapshots" / commit
    if not os.path.isfile(snapshot / "config.json") or not _complete(snapshot):
        return None
    return _read(name, snapshot, commit)


def _complete(folder: Path) -> bool:
    """Whether every safetensors file is there: a broken download leaves the config and some shards."""
    files = _files(folder)
    return bool(files) and all(file.exists() for file in files)


def _files(folder: Path) -> list[Path]:
    """The safetensors files that are the model, whether they are there or not; none where nothing says so."""
    index = folder / "model.safetensors.index.json"
    whole = folder / "model.safetensors"
    if index.is_file():
        try:
            return [
                folder / name for name in sorted(set(json.loads(index.read_bytes())["weight_map"].values()))
            ]
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            return []
    if whole.is_symlink() or whole.exists():
        return [whole]
    # Others may lie beside: the same weights in another form (consolidated.safetensors), an adapter.
    return [file for file in sorted(folder.glob("*.safetensors")) if file.name != "adapter_model.safetensors"]


def _read(name: str, folder: Path, revision: str | None) -> Weights:
    try:
        config = json.loads((folder / "config.json").read_bytes())
    except (OSError, ValueError) as error:
        raise ModelNotFound(f"{folder / 'config.json'}: {error}") from error
    if not isinstance(config, dict):
        raise ModelNotFound(f"{folder / 'config.json'}: it holds no object, so it describes no model")
    total, linear = _count(folder)
    return Weights(name, folder, revision, total, linear, config, _template(folder))


def _count(folder: Path) -> tuple[int | None, int | None]:
    # safetensors: 8 bytes little-endian header length, then a JSON header {name: {shape, …}}
    # (https://github.com/huggingface/safetensors#format).
    total = linear = 0
    for file in _files(folder):
        try:
            with open(file, "rb") as stream:
                (length,) = struct.unpack("<Q", stream.read(8))
                header = json.loads(stream.read(min(length, 100 << 20)))
            shapes = {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}
        except (OSError, ValueError, struct.error, LookupError, TypeError, AttributeError):
            return None, None
        for tensor, shape in shapes.items():
            size = math.prod(shape)
            total += size
            if len(shape) == 2 and "embed" not in tensor and "lm_head" not in tensor:
                linear += size
    return (total, linear) if total else (None, None)


def _template(folder: Path) -> str | None:
    for name in ("chat_template.jinja", "chat_template.json", "tokenizer_config.json"):
        try:
            text = (folder / name).read_text("utf-8")
            template = text if name.endswith(".jinja") else json.loads(text).get("chat_template")
            if isinstance(template, list):  # several named ones; the default is the chat's
                named = {item["name"]: item["template"] for item in template}
                template = named.get("default")
        except (OSError, ValueError, LookupError, TypeError, AttributeError):
            continue
        if template and isinstance(template, str):
            return template
    return None


def cached(environment: Mapping[str, str] = os.environ) -> list[Weights]:
    """Every complete model in the hub's cache."""
    found = []
    for repository in sorted(hub_cache(environment).glob("models--*")):
        name = repository.name.removeprefix("models--").replace("--", "/", 1)
        for snapshot in (repository / "snapshots").glob("*"):
            if (snapshot / "config.json").is_file() and _complete(snapshot):
                with contextlib.suppress(ModelNotFound):  # one that broke must not hide the others
                    found.append(_read(name, snapshot, snapshot.name))
    return found


def listing(folders: Iterable[Path] = (), environment: Mapping[str, str] = os.environ) -> list[Listed]:
    """What lies in the hub's cache, then the folders that hold a model; only headers of weights are read.

    Args:
        folders: places beside the cache; those without a config.json are left out.
    """
    found = []
    for repository in sorted(hub_cache(environment).glob("models--*")):
        name = repository.name.removeprefix("models--").replace("--", "/", 1)
        with contextlib.suppress(OSError):
            main = _text(repository / "refs" / "main")
            snapshots = sorted(
                repository.glob("snapshots/*"), key=lambda path: (path.name != main, path.name)
            )
            # A download that broke off before its first file leaves no snapshot, only a part of a blob.
            for snapshot in snapshots:
                commit = snapshot.name
                found.append(_listed(name, snapshot, commit, commit == main, repository / "blobs"))
    for folder in folders:
        with contextlib.suppress(OSError):
            if (folder / "config.json").is_file():
                found.append(_listed(str(folder), folder, None, True, None))
    return found


def _listed(name: str, folder: Path, commit: str | None, main: bool, blobs: Path | None) -> Listed:
    files = [path for path in folder.rglob("*") if path.is_file()]
    sizes = sum(path.stat().st_size for path in files)
    complete = (folder / "config.json").is_file() and _complete(folder)
    if blobs is not None and not complete:
        sizes += sum(path.stat().st_size for path in blobs.glob("*.incomplete"))
    return Listed(name, folder, commit, main, sizes, _count(folder)[0] if complete else None, complete)


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""

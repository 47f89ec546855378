"""`fetch`: a model from the hub into its cache: safetensors, configuration and tokenizer, never a pickle."""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .failures import Failure, classify
from .progress import PHASE_SECONDS, say

WANTED = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt", "*.tiktoken", "LICENSE*", "README.md"]
UNWANTED = [
    "*.bin",
    "*.pth",
    "*.pt",
    "*.ckpt",
    "*.msgpack",
    "*.h5",
    "*.gguf",
    "*.onnx",
    "original/*",
    "onnx/*",
]
SPARE_BYTES = 2**30
"""Left free on the disk behind a download."""


def fetch(
    model: str,
    revision: str | None,
    *,
    remote_code: bool = False,
    on_bytes: Callable[[int, int], None] = lambda done, total: None,
) -> Path:
    """Download a model where the cache lacks it; offline, what the cache has is taken.

    Args:
        model: hub id.
        revision: branch, tag or commit; None is main.
        remote_code: the model's Python files too.
        on_bytes: called now and then with the bytes done and in all.

    Returns:
        Its folder in the cache.

    Raises:
        Failure: not found, gated, offline with nothing in the cache, disk too small, only pickles.
    """
    from huggingface_hub import HfApi, snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError, OfflineModeIsEnabled

    wanted = [*WANTED, "*.py"] if remote_code else WANTED
    # In the cache too: what was left out of the download is not missing there.
    patterns: dict[str, Any] = {"allow_patterns": wanted, "ignore_patterns": UNWANTED}
    try:
        sizes = _sizes(HfApi().model_info(model, revision=revision, files_metadata=True), wanted)
    except Exception as error:
        failure = classify(error)
        # Without the hub the cache alone counts; anything else that it says is the answer.
        if not isinstance(error, OfflineModeIsEnabled) and not _unreachable(error):
            raise failure from error
        try:
            return Path(snapshot_download(model, revision=revision, local_files_only=True, **patterns))
        except LocalEntryNotFoundError as missing:
            raise Failure(
                "model_not_found",
                f"The hub cannot be reached, and its cache on this machine does not hold {model}.",
                "Go online (unset HF_HUB_OFFLINE), or give a folder that holds the model.",
            ) from missing
    if not any(name.endswith(".safetensors") for name in sizes):
        raise Failure(
            "unsupported",
            f"{model} has no safetensors weights; pickles can run any code when read.",
            "Take a repository that has them, or convert the weights where you trust them.",
        )
    _check_disk(model, sum(sizes.values()))
    bar = _bar(sum(sizes.values()), on_bytes)
    try:
        folder = snapshot_download(model, revision=revision, tqdm_class=bar, **patterns)
    except Exception as error:
        raise classify(error, "downloading") from error
    return Path(folder)


def locate(model: str, revision: str | None, *, remote_code: bool = False) -> Path:
    """The folder of a model: a path is that folder, anything else a hub id."""
    path = Path(model)
    return path if path.is_absolute() or path.is_dir() else fetch(model, revision, remote_code=remote_code)


def main(asked: argparse.Namespace) -> int:
    """Download, with progress as JSON lines; the last one says where the model is, or what failed."""
    try:
        folder = fetch(
            asked.model,
            asked.revision,
            remote_code=asked.remote_code,
            on_bytes=lambda done, total: _say(
                kind="phase", phase="downloading", done=done, total=total, unit="bytes"
            ),
        )
    except Failure as failure:
        _say(kind="outcome", outcome="failed", **failure.as_json())
        return 1
    _say(kind="outcome", outcome="succeeded", path=str(folder), revision=folder.name)
    return 0


def _say(**line: Any) -> None:
    say(json.dumps(line))


def _sizes(info: Any, wanted: list[str]) -> dict[str, int]:
    """Bytes of each file that will be downloaded."""
    return {
        one.rfilename: one.size or 0
        for one in info.siblings or []
        if any(fnmatch.fnmatch(one.rfilename, pattern) for pattern in wanted)
        and not any(fnmatch.fnmatch(one.rfilename, pattern) for pattern in UNWANTED)
    }


def _unreachable(error: BaseException) -> bool:
    """The names of httpx, which huggingface_hub stands on since its version 1."""
    return any(word in type(error).__name__ for word in ("Connect", "Timeout", "ProxyError"))


def _check_disk(model: str, need_bytes: int) -> None:
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    cache.mkdir(parents=True, exist_ok=True)
    present = cache / f"models--{model.replace('/', '--')}" / "blobs"
    have = sum(blob.stat().st_size for blob in present.iterdir()) if present.is_dir() else 0
    free = shutil.disk_usage(cache).free
    if need_bytes - have + SPARE_BYTES > free and need_bytes > have:
        raise Failure(
            "disk_full",
            f"{model} needs {(need_bytes - have) / 1e9:.1f} GB more in {cache}, "
            f"where {free / 1e9:.1f} GB are free.",
            "Free space there, or point HF_HOME to a larger disk.",
        )


def _bar(total_bytes: int, on_bytes: Callable[[int, int], None]) -> Any:
    """A progress bar class as huggingface_hub wants it, which calls us instead of drawing."""
    import time

    from tqdm.auto import tqdm

    class Report(tqdm):
        done = 0
        told = 0.0

        def __init__(self, *args: Any, **kwargs: Any) -> None:
            kwargs["file"] = open(os.devnull, "w")  # noqa: SIM115 - tqdm keeps it
            kwargs.pop("name", None)
            super().__init__(*args, **kwargs)

        def update(self, n: float | None = 1) -> bool | None:
            if self.unit == "B":
                Report.done += int(n or 0)
                now = time.monotonic()
                if now - Report.told >= PHASE_SECONDS or Report.done >= total_bytes:
                    Report.told = now
                    on_bytes(min(Report.done, total_bytes), total_bytes)
            return super().update(n)

    return Report

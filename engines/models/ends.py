"""Whether a base model ever learned the token that is to end its answers, read from its files without torch.

Base models hold tokens in reserve that no text of their training had: Llama 3's bases hold `<|eot_id|>` so.
An adapter trains no embeddings, and a model tuned to end its answers with such a token may never stop. What
was never trained looks like the other tokens in reserve: zero, or alike in direction or length, and unlike
the tokens of ordinary words.
"""

from __future__ import annotations

import functools
import json
import math
import os
import re
import struct
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..datasets.tokens.verb import RowVerb
from ..engine import EngineError

if TYPE_CHECKING:
    import numpy as np

    from ..datasets.tokens.preview import PreviewModel

_EMBEDDINGS = (
    *("embed_tokens.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight"),
    *("tok_embeddings.weight", "token_embedding.weight"),
)
_NOT_LANGUAGE = re.compile(r"vision|visual|image|audio|video|decoder_position")
_RESERVED = re.compile(r"reserved|unused|placeholder|extra_id|dummy|control_\d", re.IGNORECASE)
_WIDTH = {"F32": 4, "F16": 2, "BF16": 2}
_ZERO = 1e-16
"""The largest number of an embedding that is none (Llama 3's reserved ones: below 1e-20)."""
_MOST_RESERVED, _ORDINARY = 32, 200
_ALIKE = 0.98
"""Cosine from which embeddings are the same but for noise; those of different words stay far below."""
_PATIENCE_SECONDS = 20.0
_PROBE = b'{"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"qzxprobe"}]}'


@dataclass(frozen=True, slots=True)
class EndToken:
    """What ends an assistant's turn: its id and its text. `special`: it stands for itself."""

    id: int
    text: str
    special: bool


def end_token(model: PreviewModel) -> EndToken | None:
    """The last token that would be trained of an answer; None where that can't be said without torch.

    Raises:
        EngineError: the template refuses a question with its answer; the message has its words.
    """
    return _end_token(model, _stamp(model.path))


@functools.lru_cache(maxsize=16)
def _end_token(model: PreviewModel, stamp: tuple[Any, ...]) -> EndToken | None:
    said: dict[str, Any] = {}
    verb = RowVerb(model, ["preview", "--data", "-"], _no_transformers)
    # A template is a program, and may never end.
    limit = threading.Timer(_PATIENCE_SECONDS, verb.close)
    limit.start()
    try:
        if not verb.ask([_PROBE], said.update):
            return None
    except EngineError:
        return None
    finally:
        limit.cancel()
        verb.close()
    if "error" in said:
        raise EngineError("data", str(said["error"]).partition(": ")[2], "correct the template")
    trained = [place for place, label in enumerate(said["labels"]) if label >= 0]
    last = trained[-1]
    return EndToken(said["ids"][last], said["texts"][last], last in said["special"])


def _no_transformers() -> str:
    raise EngineError("missing_package", "only transformers can make its tokenizer", "")


def _stamp(folder: Path) -> tuple[Any, ...]:
    found = []
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "config.json"):
        try:
            status = os.stat(folder / name)
            found.append((status.st_size, status.st_mtime_ns))
        except OSError:
            found.append(None)
    return tuple(found)


def untrained(folder: Path, token: int) -> bool | None:
    """Whether a token's embedding was never trained.

    Args:
        folder: of the model, with safetensors and tokenizer.json.

    Returns:
        None where the files don't tell: no embeddings in a known form, or nothing held in reserve to compare.
    """
    try:
        embeddings = _embeddings(folder)
        if embeddings is None or not 0 <= token < embeddings.rows:
            return None
        added, words = _vocabulary(folder)
        [own] = embeddings.read([token])
        if abs(own).max() < _ZERO:
            return True
        reserved = [number for number, text in added.items() if _RESERVED.search(text) and number != token]
        # Tables are longer than the vocabulary, so that their size divides well: those rows are no token's.
        beyond = range(max([words, *(number + 1 for number in added)]), embeddings.rows)
        reserved = [number for number in reserved if number < embeddings.rows] + list(beyond)
        step = max(len(reserved) // _MOST_RESERVED, 1)
        kept = embeddings.read(reserved[::step][:_MOST_RESERVED])
        ordinary = [number for number in range(words) if number not in added]
        usual = embeddings.read(ordinary[:: max(len(ordinary) // _ORDINARY, 1)][:_ORDINARY])
        return _like_reserved(own, kept, usual)
    except (OSError, ValueError, struct.error, LookupError, TypeError, AttributeError):
        return None


def _like_reserved(own: np.ndarray, reserved: np.ndarray, usual: np.ndarray) -> bool | None:
    import numpy as np

    if len(reserved) < 2 or len(usual) < 2:
        return None
    length = np.linalg.norm(own)
    lengths, usual_lengths = np.linalg.norm(reserved, axis=1), np.linalg.norm(usual, axis=1)
    mean = reserved.mean(axis=0)
    together = np.linalg.norm(mean) / max(lengths.mean(), _ZERO)
    if together > _ALIKE and lengths.min() > _ZERO:
        # All in reserve point the same way: does this one, and do ordinary words not?
        directions = usual @ mean / np.maximum(usual_lengths * np.linalg.norm(mean), _ZERO)
        if np.median(directions) < _ALIKE:
            return bool(own @ mean / (length * np.linalg.norm(mean)) > _ALIKE)
    low, high = lengths.min() * 0.9, lengths.max() * 1.1
    apart = high < np.quantile(usual_lengths, 0.02) or low > np.quantile(usual_lengths, 0.98)
    return bool(low <= length <= high) if apart else None


@dataclass(frozen=True, slots=True)
class _Embeddings:
    """Where a model's input embeddings lie: `rows` of `columns` numbers from `offset` on, in bytes."""

    path: Path
    dtype: str
    rows: int
    columns: int
    offset: int

    def read(self, numbers: list[int]) -> np.ndarray:
        """Some rows, as float32."""
        import numpy as np

        size = self.columns * _WIDTH[self.dtype]
        with open(self.path, "rb") as file:
            parts = []
            for number in numbers:
                file.seek(self.offset + number * size)
                part = file.read(size)
                if len(part) != size:
                    raise ValueError(f"{self.path} is cut short")
                parts.append(part)
        content = b"".join(parts)
        if self.dtype == "BF16":  # the upper half of a float32
            numbers_ = (np.frombuffer(content, "<u2").astype("<u4") << 16).view("<f4")
        else:
            numbers_ = np.frombuffer(content, "<f4" if self.dtype == "F32" else "<f2").astype(np.float32)
        return numbers_.reshape(len(numbers), self.columns)


def _embeddings(folder: Path) -> _Embeddings | None:
    """The input embeddings; None where no tensor has such a name, or its numbers are packed."""
    for path in _files(folder):
        # safetensors: 8 bytes little-endian header length, then a JSON header {name: {dtype, shape,
        # data_offsets}}, offsets from the header's end (https://github.com/huggingface/safetensors#format).
        with open(path, "rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            header = json.loads(stream.read(min(length, 100 << 20)))
        for name, entry in header.items():
            if not name.endswith(_EMBEDDINGS) or _NOT_LANGUAGE.search(name) or len(entry["shape"]) != 2:
                continue
            rows, columns = entry["shape"]
            start, end = entry["data_offsets"]
            if entry["dtype"] in _WIDTH and end - start == math.prod((rows, columns, _WIDTH[entry["dtype"]])):
                return _Embeddings(path, entry["dtype"], rows, columns, 8 + length + start)
    return None


def _files(folder: Path) -> list[Path]:
    """The safetensors files, that with the embeddings first where an index tells."""
    index = folder / "model.safetensors.index.json"
    if not index.is_file():
        whole = folder / "model.safetensors"
        return [whole] if whole.exists() else sorted(folder.glob("model*.safetensors"))
    places = json.loads(index.read_bytes())["weight_map"]
    return list(
        dict.fromkeys(
            folder / file
            for name, file in sorted(places.items())
            if name.endswith(_EMBEDDINGS) and not _NOT_LANGUAGE.search(name)
        )
    )


def _vocabulary(folder: Path) -> tuple[dict[int, str], int]:
    """Added tokens by their ids, and how many tokens the model of the tokenizer has."""
    document = json.loads((folder / "tokenizer.json").read_bytes())
    added = {token["id"]: token["content"] for token in document.get("added_tokens", [])}
    return added, len(document["model"]["vocab"])

"""The datasets that are known on this home: files of its jobs, and those that somebody looked at.

`datasets.json` of the home has the paths that were looked at. What a check found in a file is kept in the
cache by path, size and time of change, so that a large file is read once.
"""

from __future__ import annotations

import msgspec


class Known(msgspec.Struct, frozen=True):
    """A dataset file; what a check found is None until it was read."""

    path: str
    used: float
    """When it was last looked at or trained on, unix seconds."""
    missing: bool = False
    format: str | None = None
    rows: int | None = None
    usable_rows: int | None = None
    errors: int | None = None
    warnings: int | None = None
    tokens: int | None = None
    """Of all rows; None until a model's tokenizer counted them."""
    trained_tokens: int | None = None
    tokenizer: str | None = None
    """The model whose tokenizer counted."""

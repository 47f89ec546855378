"""In which order rows come, and how they become a batch."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy
import torch
from datasets import Dataset

from .data import Row
from .render import UNTRAINED


class Shuffled(torch.utils.data.Sampler[int]):
    """A new order of the rows each epoch, from the seed and the epoch's number alone.

    So it is the same whatever else drew random numbers, however the rows are batched, and after a resume.
    """

    def __init__(self, rows: int, seed: int) -> None:
        self._rows = rows
        self._seed = seed
        self._epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return self._rows

    def __iter__(self) -> Iterator[int]:
        dice = torch.Generator().manual_seed(self._seed * 1_000_003 + self._epoch)
        return iter(torch.randperm(self._rows, generator=dice).tolist())


def collate(rows: list[dict[str, Any]], pad_to: int = 1) -> dict[str, torch.Tensor]:
    """Rows as one batch, padded on the right to the longest (to a multiple of `pad_to`)."""
    longest = math.ceil(max(len(row["input_ids"]) for row in rows) / pad_to) * pad_to
    shape = (len(rows), longest)
    batch = {
        "input_ids": torch.zeros(shape, dtype=torch.long),
        "attention_mask": torch.zeros(shape, dtype=torch.long),
        "labels": torch.full(shape, UNTRAINED, dtype=torch.long),
    }
    for place, row in enumerate(rows):
        length = len(row["input_ids"])
        batch["input_ids"][place, :length] = torch.tensor(row["input_ids"])
        batch["attention_mask"][place, :length] = 1
        batch["labels"][place, :length] = torch.tensor(row["labels"])
    if "number" in rows[0]:
        batch["number"] = torch.tensor([row["number"] for row in rows])
    return batch


def as_columns(rows: list[Row]) -> list[dict[str, Any]]:
    return [{"input_ids": row.ids, "labels": row.labels} for row in rows]


def as_dataset(rows: list[Row]) -> Dataset:
    """As TRL wants rows that are rendered already; their numbers tell whose losses a batch has."""
    return Dataset.from_dict(
        {
            "input_ids": [numpy.asarray(row.ids) for row in rows],
            "labels": [numpy.asarray(row.labels) for row in rows],
            "number": [row.number for row in rows],
        }
    )

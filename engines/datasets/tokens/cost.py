"""What training costs where tokens are paid for: tokens × epochs × price, with the price's date and source.

Billed are the tokens that are read: of a row at most the greatest length (OpenAI's cookbook, "Data
preparation and analysis for chat model fine-tuning").
"""

from __future__ import annotations

import math
import os
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import platformdirs

from ...engine import EngineError
from .openai import base_model

_SNAPSHOT = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_OURS = Path(__file__).with_name("prices.toml")
_MILLION = 1_000_000


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a million training tokens cost.

    Args:
        model: its name without the date of a snapshot.
        date: when the price was read.
    """

    provider: str
    model: str
    training_per_million: float
    date: str
    source: str
    currency: str = "USD"


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    price: list[Price]


@dataclass(frozen=True, slots=True)
class Schedule:
    """How often rows are trained when nothing else is asked for.

    Args:
        epochs: as far as is published.
        least_epochs: where the provider decides, the fewest; else the same.
        most_epochs: likewise.
        batch_size: rows an update; None where the provider decides and does not say.
        reason: where that comes from, in a few words.
    """

    epochs: float
    least_epochs: float
    most_epochs: float
    batch_size: int | None
    reason: str

    def updates(self, rows: int) -> int | None:
        """How many updates so many rows make; None where the size of a batch is not known."""
        if self.batch_size is None:
            return None
        return math.ceil(math.ceil(rows / self.batch_size) * self.epochs)


@dataclass(frozen=True, slots=True)
class Cost:
    """What training would cost, an estimate.

    Args:
        usual: amount at the epochs that are published.
        low: at the fewest epochs that the provider may choose.
        high: at the most.
        billed_tokens: of one epoch.
        price: on which it stands, with date and source.
    """

    usual: float
    low: float
    high: float
    billed_tokens: int
    schedule: Schedule
    price: Price

    @property
    def words(self) -> str:
        """In one sentence, with what it stands on."""
        price, schedule = self.price, self.schedule
        amount = _money(self.usual, price.currency)
        epochs = f"{schedule.epochs:g} epochs" if schedule.epochs != 1 else "1 epoch"
        said = f"about {amount} for {epochs} ({schedule.reason})"
        if self.low != self.high:
            low, high = _money(self.low, price.currency), _money(self.high, price.currency)
            said = f"{said}, {low} to {high} for {schedule.least_epochs:g} to {schedule.most_epochs:g}"
        rate = _money(price.training_per_million, price.currency)
        return f"{said}; {rate} a million tokens of {price.model}, {price.source}, {price.date}"


def cost(billed_tokens: int, schedule: Schedule, price: Price) -> Cost:
    """What so many tokens cost.

    Args:
        billed_tokens: of one epoch.
    """
    epoch = billed_tokens * price.training_per_million / _MILLION
    return Cost(
        epoch * schedule.epochs,
        epoch * schedule.least_epochs,
        epoch * schedule.most_epochs,
        billed_tokens,
        schedule,
        price,
    )


def price_of(provider: str, model: str, prices: Sequence[Price]) -> Price | None:
    """The first price of a model, of its snapshot or of one tuned from it; None where none is known."""
    name = _SNAPSHOT.sub("", base_model(model))
    return next((price for price in prices if price.provider == provider and price.model == name), None)


def load_prices(own: Path | None = None) -> tuple[Price, ...]:
    """All prices, the user's own before those that finetui brings.

    Args:
        own: the user's file, which need not be there; None: prices.toml beside config.toml.

    Raises:
        EngineError: the user's file can't be used; it is named, with the place in it.
    """
    path = own or own_prices_path()
    try:
        theirs = _read(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        theirs = []
    except (OSError, ValueError) as error:
        # Broken TOML, a wrong key or type, and bytes that are no UTF-8 are all ValueErrors.
        advice = f"Mend it (its form is that of {_OURS}) or remove it."
        raise EngineError("settings", f"{path}: {error}", advice) from error
    return (*theirs, *_read(_OURS.read_text(encoding="utf-8")))


def own_prices_path() -> Path:
    """The user's own prices: prices.toml in the folder of config.toml."""
    given = os.environ.get("FINETUI_CONFIG")
    folder = Path(given).expanduser().parent if given else platformdirs.user_config_path("finetui")
    return folder / "prices.toml"


def _read(text: str) -> list[Price]:
    prices = msgspec.convert(tomllib.loads(text), _Table).price
    for price in prices:
        if not 0 <= price.training_per_million < math.inf:
            raise ValueError(f"training_per_million of {price.model} is {price.training_per_million}")
    return prices


def _money(amount: float, currency: str) -> str:
    return f"${amount:,.2f}" if currency == "USD" else f"{amount:,.2f} {currency}"

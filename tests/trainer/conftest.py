"""One workshop for all tests of the trainer: its tiny models are made once."""

from __future__ import annotations

import pytest
from trainer.workshop import Workshop


@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("workshop"))

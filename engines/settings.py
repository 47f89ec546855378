"""Settings: config.toml and the folders they lead to."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import platformdirs

from .home import Home
from .spec import SpecError, build, setting


@dataclass(frozen=True)
class LocalSettings:
    """[local] in config.toml: what holds for every local job that doesn't say otherwise."""

    python: str | None = setting("interpreter with torch, transformers, peft and trl")


@dataclass(frozen=True)
class Settings:
    """All of config.toml, and where finetui's files are."""

    home: Home
    path: Path
    local: LocalSettings = field(default_factory=LocalSettings)
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    """[profile.NAME]: accounts and clusters; each engine reads its own."""

    @classmethod
    def load(cls) -> Settings:
        """Read `$FINETUI_CONFIG`, else config.toml in the platform's folder; a missing file is an empty one.

        Raises:
            SpecError: the file can't be used; file and key are named.
        """
        given = os.environ.get("FINETUI_CONFIG")
        path = Path(given).expanduser() if given else platformdirs.user_config_path("finetui") / "config.toml"
        try:
            values = tomllib.loads(path.read_text("utf-8"))
        except FileNotFoundError:
            values = {}
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SpecError("", f"{path}: {error}") from error
        unknown = set(values) - {"local", "profile"}
        if unknown:
            raise SpecError("", f"{path}: {min(unknown)}: unknown key; known here: local, profile")
        try:
            local = build(LocalSettings, values.get("local", {}), "local.")
        except SpecError as error:
            raise SpecError("", f"{path}: {error}") from error
        return cls(Home.default(), path, local, values.get("profile", {}))

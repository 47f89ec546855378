"""Settings: config.toml and the folders they lead to."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import platformdirs

from .home import Home
from .spec import SpecError, build, read_toml, setting

T = TypeVar("T")


class SettingsError(SpecError):
    """The settings can't be used; the message names the file or the variable."""


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
            SettingsError: the file can't be used; file and key are named.
        """
        given = os.environ.get("FINETUI_CONFIG")
        default = platformdirs.user_config_path("finetui") / "config.toml"
        path = _path("FINETUI_CONFIG", lambda: Path(given).expanduser() if given else default)
        home = _path("FINETUI_HOME", Home.default)
        try:
            values = read_toml(path)
        except FileNotFoundError:
            values = {}
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError("", f"{path}: {error}") from error
        unknown = set(values) - {"local", "profile"}
        if unknown:
            raise SettingsError("", f"{path}: {min(unknown)}: unknown key; known here: local, profile")
        try:
            local = build(LocalSettings, _section("local", values.get("local", {})), "local.")
            profiles = _section("profile", values.get("profile", {}), "profile.NAME")
            for name, profile in profiles.items():
                _section(f"profile.{name}", profile)
        except SpecError as error:
            raise SettingsError("", f"{path}: {error}") from error
        return cls(home, path, local, profiles)


def _section(key: str, value: Any, title: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(key, f"expected a section [{title or key}], got {value!r}")
    return value


def _path(variable: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except RuntimeError as error:  # "~somebody" who is not here
        raise SettingsError(variable, f"{os.environ.get(variable, '')!r}: {error}") from error

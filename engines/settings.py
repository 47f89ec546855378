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

SECTIONS = ("app", "keys", "local", "profile")


class SettingsError(SpecError):
    """The settings can't be used; the message names the file or the variable."""


@dataclass(frozen=True)
class LocalSettings:
    """[local] in config.toml: what holds for every local job that doesn't say otherwise."""

    python: str | None = setting("interpreter with torch, transformers, peft and trl")


@dataclass(frozen=True)
class AppSettings:
    """[app] in config.toml: how the app looks and sounds."""

    theme: str | None = setting("name of the app's colours")
    bell: bool = setting("ring the terminal's bell when a job has ended", default=True)


@dataclass(frozen=True)
class Settings:
    """All of config.toml, and where finetui's files are."""

    home: Home
    path: Path
    local: LocalSettings = field(default_factory=LocalSettings)
    profiles: dict[str, dict[str, Any]] = field(default_factory=dict)
    """[profile.NAME]: accounts and clusters; each engine reads its own."""
    app: AppSettings = field(default_factory=AppSettings)
    keys: dict[str, str] = field(default_factory=dict)
    """[keys]: keys by the id of what they do, several separated by commas; the app knows the ids."""

    @classmethod
    def load(cls) -> Settings:
        """Read `$FINETUI_CONFIG`, else the config.toml of the platform's folder, if it is there.

        Raises:
            SettingsError: the file can't be used, or the one that the variable names is not there; file and
                key are named.
        """
        given = os.environ.get("FINETUI_CONFIG")
        default = platformdirs.user_config_path("finetui") / "config.toml"
        path = _path("FINETUI_CONFIG", lambda: Path(given).expanduser() if given else default)
        home = _path("FINETUI_HOME", Home.default)
        try:
            values = read_toml(path)
        except FileNotFoundError as error:
            if given:
                message = f"there is no file {path}: create it, or unset FINETUI_CONFIG"
                raise SettingsError("FINETUI_CONFIG", message) from error
            values = {}
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise SettingsError("", f"{path}: {error}") from error
        unknown = set(values) - set(SECTIONS)
        if unknown:
            raise SettingsError("", f"{path}: {min(unknown)}: unknown key; known here: {', '.join(SECTIONS)}")
        try:
            local = build(LocalSettings, _section("local", values.get("local", {})), "local.")
            app = build(AppSettings, _section("app", values.get("app", {})), "app.")
            keys = _keys(values.get("keys", {}))
            profiles = _section("profile", values.get("profile", {}), "profile.NAME")
            for name, profile in profiles.items():
                _section(f"profile.{name}", profile)
        except SpecError as error:
            raise SettingsError("", f"{path}: {error}") from error
        return cls(home, path, local, profiles, app, keys)


def _section(key: str, value: Any, title: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        raise SettingsError(key, f"expected a section [{title or key}], got {value!r}")
    return value


def _keys(value: Any) -> dict[str, str]:
    """[keys] as "id" = "key,key". TOML reads `job.stop = "x"` as a section in a section: both are the id."""
    keys: dict[str, str] = {}

    def take(values: dict[str, Any], prefix: str) -> None:
        for name, said in values.items():
            if isinstance(said, dict):
                take(said, f"{prefix}{name}.")
            elif isinstance(said, str):
                keys[f"{prefix}{name}"] = said
            else:
                raise SettingsError(
                    f"keys.{prefix}{name}", f'expected keys as text, such as "x", got {said!r}'
                )

    take(_section("keys", value), "")
    return keys


def _path(variable: str, make: Callable[[], T]) -> T:
    try:
        return make()
    except RuntimeError as error:  # "~somebody" who is not here
        raise SettingsError(variable, f"{os.environ.get(variable, '')!r}: {error}") from error

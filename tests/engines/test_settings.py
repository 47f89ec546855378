"""config.toml: what it may hold, and what is said when it can't be used."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from finetui.engines.settings import Settings
from finetui.engines.spec import SpecError


@pytest.fixture
def config(isolated: Path) -> Path:
    path = Path(os.environ["FINETUI_CONFIG"])
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def test_in_an_empty_file_everything_has_its_default(config: Path, isolated: Path) -> None:
    settings = Settings.load()
    assert (settings.path, settings.local.python, settings.profiles) == (config, None, {})
    assert settings.home.path == isolated / "finetui"


def test_what_the_file_says_holds(config: Path) -> None:
    config.write_text('[local]\npython = "/opt/torch/bin/python"\n[profile.azure]\nbase_url = "https://x/"\n')
    settings = Settings.load()
    assert settings.local.python == "/opt/torch/bin/python"
    assert settings.profiles == {"azure": {"base_url": "https://x/"}}


def test_the_apps_looks_and_keys_are_set_there(config: Path) -> None:
    config.write_text(
        '[app]\ntheme = "finetui-light"\nbell = false\n'
        '[keys]\n"job.stop" = "ctrl+s"\njob.kill = "f9,K"\nhelp = "f1"\n'
    )
    settings = Settings.load()
    assert (settings.app.theme, settings.app.bell) == ("finetui-light", False)
    # Quoted or not, TOML means the same id.
    assert settings.keys == {"job.stop": "ctrl+s", "job.kill": "f9,K", "help": "f1"}


def test_a_file_that_somebody_names_must_be_there(isolated: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETUI_CONFIG", str(isolated / "tyop.toml"))
    with pytest.raises(
        SpecError, match=r"FINETUI_CONFIG: there is no file .*tyop\.toml: create it, or unset"
    ):
        Settings.load()


def test_a_file_of_a_windows_editor_is_read(config: Path) -> None:
    config.write_bytes(b'\xef\xbb\xbf[local]\r\npython = "python3"\r\n')
    assert Settings.load().local.python == "python3"


def test_the_platform_says_where_it_lies_when_nobody_else_does(
    isolated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FINETUI_CONFIG")
    monkeypatch.delenv("FINETUI_HOME")
    settings = Settings.load()
    assert settings.path == isolated / "config" / "finetui" / "config.toml"
    assert settings.home.path == isolated / "data" / "finetui"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[local", "at end of document"),
        (b"a = '\xff'", "utf-8"),
        (b"a = " + b"[" * 10_000, "nested"),
        (b"[lokal]\n", "lokal: unknown key; known here: app, keys, local, profile"),
        (b"[local]\npyhton = 'a'", "local.pyhton: unknown key; did you mean local.python?"),
        (b"[local]\npython = 3.5", "local.python: expected text, got 3.5"),
        (b"local = 'python3'", "local: expected a section [local], got 'python3'"),
        (b"[app]\nbell = 'no'", "app.bell: expected true or false, got 'no'"),
        (b"[app]\ntheme = []", "app.theme: expected text, got []"),
        (b"keys = 3", "keys: expected a section [keys], got 3"),
        (b"[keys]\njob.stop = ['x']", "keys.job.stop: expected keys as text, such as \"x\", got ['x']"),
        (b"profile = 3", "profile: expected a section [profile.NAME], got 3"),
        (b"[profile]\nazure = 'x'", "profile.azure: expected a section [profile.azure], got 'x'"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_its_key(config: Path, content: bytes, message: str) -> None:
    config.write_bytes(content)
    with pytest.raises(SpecError) as caught:
        Settings.load()
    assert str(caught.value).startswith(f"{config}: ") and message in str(caught.value)


@pytest.mark.parametrize("variable", ["FINETUI_HOME", "FINETUI_CONFIG"])
def test_a_path_of_a_user_who_is_not_here_is_no_traceback(
    variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "~nobody-of-this-name/finetui")
    with pytest.raises(SpecError, match=variable):
        Settings.load()

"""Engines are found by the names under which packages register them, ours and strangers'."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from finetui.engines.engine import EngineError, engine_names, find_engine
from finetui.engines.local.engine import LocalEngine
from finetui.engines.settings import Settings


def plug_in(folder: Path, target: str, source: str | None = None) -> None:
    """A package that registers the engine `stranger`."""
    info = folder / "stranger-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: stranger\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[finetui.engines]\nstranger = {target}\n")
    if source is not None:
        (folder / "stranger_engine.py").write_text(source)


def test_ours_is_found_as_a_stranger_s_would_be() -> None:
    assert "local" in engine_names()
    assert isinstance(find_engine("local", Settings.load()), LocalEngine)


def test_a_stranger_s_engine_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(tmp_path, "stranger_engine:make", "def make(settings):\n    return settings.home\n")
    monkeypatch.syspath_prepend(tmp_path)
    settings = Settings.load()
    assert "stranger" in engine_names()
    assert find_engine("stranger", settings) == settings.home, "what its factory made"


def test_a_name_that_nobody_has_lists_those_there_are() -> None:
    with pytest.raises(EngineError, match="no engine 'nowhere'") as caught:
        find_engine("nowhere", Settings.load())
    assert "local" in caught.value.advice


@pytest.mark.parametrize(
    ("target", "source"),
    [
        ("absent_module:Mine", None),
        ("stranger_engine:Absent", ""),
        ("stranger_engine:Mine", "import absent_dependency\n"),
    ],
)
def test_a_broken_plug_in_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str, source: str | None
) -> None:
    plug_in(tmp_path, target, source)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "stranger_engine", raising=False)
    with pytest.raises(EngineError, match="stranger"):
        find_engine("stranger", Settings.load())

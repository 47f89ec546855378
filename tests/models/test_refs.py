"""What a job's models need to answer as they were trained: its template and its shell's variables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from finetui.engines.engine import EngineError, find_engine
from finetui.engines.job import Job
from finetui.engines.models.chat import LocalChat, base_key, environment_of
from finetui.engines.settings import Settings
from homes.jobs import settings_of
from homes.talking import talking_job


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_of(tmp_path)


TEMPLATE = "{{ messages }}\n"


def with_template(settings: Settings, folder: Path) -> Job:
    return talking_job(settings, folder, template={"text": TEMPLATE, "sha256": "as the plan has it"})


def test_before_there_is_a_result_the_template_is_that_of_the_plan(
    settings: Settings, tmp_path: Path
) -> None:
    job = with_template(settings, tmp_path)
    engine = find_engine("local", settings)
    refs = engine.models(job)
    assert refs[0].template is not None
    assert {ref.template for ref in refs} == {refs[0].template}
    assert refs[0].template.read_bytes() == TEMPLATE.encode()
    assert refs[0].template.is_relative_to(settings.home.cache)
    refs[0].template.write_text("half of i")
    assert refs[0].template.read_bytes() != TEMPLATE.encode()
    engine.models(job)
    assert refs[0].template.read_bytes() == TEMPLATE.encode(), "a damaged file of the cache is mended"
    own = job.paths.result / "chat_template.jinja"
    own.write_text(TEMPLATE)
    after = engine.models(job)
    assert after[0].template == own
    assert base_key(after[0]) == base_key(refs[0]), "the same text is the same template"


def test_without_a_template_it_is_the_tokenizers_own(settings: Settings, tmp_path: Path) -> None:
    job = talking_job(settings, tmp_path, template={"text": None, "sha256": None})
    assert find_engine("local", settings).models(job)[0].template is None


def test_a_cache_that_cannot_be_written_is_said(settings: Settings, tmp_path: Path) -> None:
    job = with_template(settings, tmp_path)
    settings.home.cache.parent.mkdir(parents=True, exist_ok=True)
    settings.home.cache.write_text("a file where the folder should be")
    with pytest.raises(EngineError, match=r"chat template of job .* can't be written"):
        find_engine("local", settings).models(job)


def test_models_answer_with_the_variables_of_the_shell_that_created_the_job(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "7")
    monkeypatch.setenv("XDG_CACHE_HOME", "/ours")
    recorded = {"HF_HOME": "/theirs", "CUDA_VISIBLE_DEVICES": "1"}
    ref = find_engine("local", settings).models(talking_job(settings, tmp_path, environment=recorded))[0]
    variables = environment_of(ref)
    assert variables["HF_HOME"] == "/theirs" and variables["CUDA_VISIBLE_DEVICES"] == "1"
    assert "XDG_CACHE_HOME" not in variables
    assert environment_of(replace(ref, environment=None))["CUDA_VISIBLE_DEVICES"] == "7"
    shown = tmp_path / "shown"
    (tmp_path / "python").write_text(f'#!/bin/sh\necho "$HF_HOME $CUDA_VISIBLE_DEVICES" > {shown}\n')
    with LocalChat(ref) as chat, pytest.raises(EngineError):
        chat.wait_until_ready()
    assert shown.read_text().split() == ["/theirs", "1"]

"""Rows are tokenised without transformers exactly as training tokenises them with it."""

from __future__ import annotations

import functools
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import pytest
from finetui.engines.trainer.construct import GENERIC, KINDS, REGISTERED, TEKKEN, WRONG_ON_HUB
from finetui.engines.trainer.failures import Failure
from finetui.engines.trainer.light import LightTokenizer
from finetui.engines.trainer.render import Rendered, Renderer, RowError
from finetui.engines.trainer.tokens import NeedsTransformers
from hypothesis import given, settings
from hypothesis import strategies as st
from trainer import templates
from trainer.templates import SPECIAL, TEMPLATE, make_tokenizer
from trainer.workshop import TRAINER, Workshop, make_rows

_TRL = importlib.util.find_spec("trl")
PUBLISHED = (
    sorted((Path(_TRL.origin).parent / "chat_templates").glob("*.jinja")) if _TRL and _TRL.origin else []
)
"""The families' own templates, as TRL ships them."""
OURS = {name: text for name, text in vars(templates).items() if isinstance(text, str) and "{%" in text}
MARKS = re.compile(r"<\|[a-zA-Z_/0-9]+\|>|<(?:start|end)_of_turn>|\[/?INST\]|<bos>|<｜[^｜]+｜>|</?think>")
ENDS = (
    "<|im_end|>",
    "<|eot_id|>",
    "<end_of_turn>",
    "<|end|>",
    "<|return|>",
    "<turn|>",
    "<|END_OF_TURN_TOKEN|>",
)


def auto(folder: Path) -> Any:
    """As the trainer loads it."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(folder)


@functools.cache
def folder_of(family: str, metaspace: bool = False) -> Path:
    """A family's tiny tokenizer on disk, with the config that says whose it is."""
    folder = Path(tempfile.mkdtemp(prefix="finetui-light-"))
    make_tokenizer(family, metaspace=metaspace).save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": family}))
    return folder


@functools.cache
def pair_for(template: str) -> tuple[Renderer, Renderer]:
    """Renderers without and with transformers, of a tokenizer that knows what a template writes."""
    tokenizer = make_tokenizer("llama")
    marks = list(dict.fromkeys(MARKS.findall(template)))
    tokenizer.add_special_tokens({"additional_special_tokens": [*SPECIAL["llama"][2:], *marks]})
    if end := next((mark for mark in marks if mark in ENDS), None):
        tokenizer.eos_token = end
    folder = Path(tempfile.mkdtemp(prefix="finetui-light-"))
    tokenizer.save_pretrained(folder)
    (folder / "config.json").write_text('{"model_type": "llama"}')
    return Renderer(LightTokenizer(folder), template), Renderer(auto(folder), template)


def outcome(renderer: Renderer, row: dict[str, Any]) -> Any:
    """What comes of a row: ids and labels, or why not."""
    try:
        rendered = renderer.row(row)
    except (RowError, Failure) as error:
        return type(error).__name__, str(error)
    return rendered, renderer.ends(rendered), renderer.begins(rendered)


words = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=24) | st.sampled_from(
    [
        "order a table",
        "  yes ",
        "Grüße 🦊 细胞",
        "<|im_end|>",
        "<s>",
        "</think>",
        "a\n\nb",
        "e\u0301",
        "<tool_call>",
    ]
)
ARGUMENTS = {"name": "book", "arguments": {"people": 2, "at": "8 ü"}}
CALL = {"type": "function", "id": "call00001", "function": ARGUMENTS}
TOOL = {
    "type": "function",
    "function": {
        "name": "book",
        "description": "Books <a> table",
        "parameters": {"type": "object", "properties": {"people": {"type": "integer"}}, "required": []},
    },
}


@st.composite
def conversations(draw: st.DrawFn) -> dict[str, Any]:
    messages: list[dict[str, Any]] = []
    if draw(st.booleans()):
        messages.append({"role": "system", "content": draw(words)})
    for _ in range(draw(st.integers(1, 3))):
        messages.append({"role": "user", "content": draw(words)})
        answer: dict[str, Any] = {"role": "assistant", "content": draw(words)}
        if draw(st.integers(0, 3)) == 0:
            answer["reasoning_content"] = draw(words)
        if draw(st.integers(0, 3)) == 0:
            messages.append(
                {"role": "assistant", "content": draw(st.sampled_from(["", None])), "tool_calls": [CALL]}
            )
            messages.append(
                {"role": "tool", "name": "book", "tool_call_id": "call00001", "content": draw(words)}
            )
        if draw(st.integers(0, 3)) == 0:
            answer["train"] = False
        messages.append(answer)
    row: dict[str, Any] = {"messages": messages}
    if draw(st.integers(0, 2)) == 0:
        row["tools"] = [TOOL]
    return row


rows = st.one_of(
    conversations(),
    st.builds(lambda prompt, completion: {"prompt": prompt, "completion": completion}, words, words),
    st.builds(lambda text: {"text": text}, words),
)


@pytest.mark.parametrize("name", sorted(OURS))
@given(row=rows)
def test_every_template_gives_the_same_ids_and_labels_without_transformers(
    name: str, row: dict[str, Any]
) -> None:
    light, full = pair_for(OURS[name])
    assert outcome(light, row) == outcome(full, row)


@pytest.mark.skipif(not PUBLISHED, reason="TRL, which ships the families' templates, is not installed")
@pytest.mark.parametrize("path", PUBLISHED, ids=lambda path: path.stem)
@settings(max_examples=12)
@given(row=conversations())
def test_the_families_own_templates_give_the_same_ids_and_labels(path: Path, row: dict[str, Any]) -> None:
    light, full = pair_for(path.read_text("utf-8"))
    assert outcome(light, row) == outcome(full, row)


@pytest.mark.parametrize(
    ("family", "metaspace"), [*((family, False) for family in TEMPLATE), ("mistral", True), ("llama", True)]
)
@given(row=rows)
def test_every_family_gives_the_same_ids_and_labels(
    family: str, metaspace: bool, row: dict[str, Any]
) -> None:
    light, full = renderers(family, metaspace)
    assert outcome(light, row) == outcome(full, row)


@functools.cache
def renderers(family: str, metaspace: bool) -> tuple[Renderer, Renderer]:
    folder = folder_of(family, metaspace)
    return Renderer(LightTokenizer(folder)), Renderer(auto(folder))


class WithoutPlaces:
    """A tokenizer that can't say where in a text its tokens stand, as slow ones can't."""

    backend_tokenizer = None

    def __init__(self, tokenizer: LightTokenizer) -> None:
        self._tokenizer = tokenizer

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._tokenizer(*args, **kwargs)


@functools.cache
def without_places(family: str, metaspace: bool) -> tuple[Renderer, Renderer]:
    tokenizer = LightTokenizer(folder_of(family, metaspace))
    return Renderer(tokenizer), Renderer(WithoutPlaces(tokenizer))


@pytest.mark.parametrize(
    ("family", "metaspace"), [*((family, False) for family in TEMPLATE), ("mistral", True), ("llama", True)]
)
@given(row=conversations())
def test_where_an_answer_begins_is_the_same_by_special_tokens_and_by_the_whole_prompt(
    family: str, metaspace: bool, row: dict[str, Any]
) -> None:
    by_places, by_prompts = without_places(family, metaspace)
    assert outcome(by_places, row) == outcome(by_prompts, row)


def variants() -> list[Any]:
    """Folders as the hub has them: a model's type, the class that it names, more of its configuration."""
    plain: dict[str, Any] = {}
    legacy = {
        "special_tokens_map.json": {"bos_token": {"content": "<s>", "lstrip": False}, "unk_token": "<unk>"}
    }
    return [
        pytest.param(model, named, more, files, id=f"{model}-{named}-{number}")
        for number, (model, named, more, files) in enumerate(
            [
                ("llama", "PreTrainedTokenizerFast", plain, {}),
                ("llama", "LlamaTokenizerFast", {"add_bos_token": True, "legacy": False}, {}),
                ("llama", "LlamaTokenizer", {"legacy": True, "add_prefix_space": False}, {}),
                ("mistral", "LlamaTokenizer", plain, {}),
                ("phi3", "LlamaTokenizer", plain, {}),
                ("qwen2", "Qwen2Tokenizer", {"bos_token": None, "add_prefix_space": False}, {}),
                ("qwen2", "PreTrainedTokenizerFast", plain, {}),
                ("qwen3", "Qwen2Tokenizer", {"split_special_tokens": True}, {}),
                ("qwen3", "PreTrainedTokenizerFast", plain, {}),
                ("qwen3_5", "Qwen2Tokenizer", plain, {}),
                ("gemma2", "GemmaTokenizer", {"image_token": "<image>"}, {}),
                ("gemma3_text", "GemmaTokenizer", {"extra_special_tokens": {"boi_token": "<boi>"}}, {}),
                ("phi", "CodeGenTokenizer", plain, {}),
                ("phi", None, plain, {}),
                ("codegen", "CodeGenTokenizer", {"add_prefix_space": True}, {}),
                ("gpt_neox", "GPTNeoXTokenizer", plain, {}),
                ("olmo", "GPTNeoXTokenizerFast", plain, legacy),
                ("cohere", "CohereTokenizerFast", plain, {}),
                ("cohere2", "CohereTokenizer", {"add_prefix_space": True}, {}),
                ("starcoder2", "GPT2Tokenizer", {"add_prefix_space": True}, {}),
                ("olmo2", "GPT2Tokenizer", plain, {}),
                ("gpt_oss", "PreTrainedTokenizerFast", plain, legacy),
                ("llama", "PreTrainedTokenizerFast", plain, {"added_tokens.json": {"<extra>": 310}}),
                ("smollm3", "PreTrainedTokenizerFast", {"additional_special_tokens": ["<x>", "no"]}, {}),
                ("deepseek_v3", "LlamaTokenizerFast", plain, {}),
                (None, "PreTrainedTokenizerFast", plain, {}),
            ]
        )
    ]


@pytest.mark.parametrize("metaspace", [False, True])
@pytest.mark.parametrize(("model", "named", "more", "files"), variants())
def test_a_folder_becomes_the_very_tokenizer_that_transformers_makes(
    tmp_path: Path,
    model: str | None,
    named: str | None,
    more: dict[str, Any],
    files: dict[str, Any],
    metaspace: bool,
) -> None:
    make_tokenizer("llama", metaspace=metaspace).save_pretrained(tmp_path)
    place = tmp_path / "tokenizer_config.json"
    words = json.loads(place.read_text()) | more
    words.pop("tokenizer_class")
    place.write_text(json.dumps(words | ({"tokenizer_class": named} if named else {})))
    (tmp_path / "config.json").write_text(json.dumps({"model_type": model} if model else {}))
    for name, content in files.items():
        (tmp_path / name).write_text(json.dumps(content))
    light = LightTokenizer(tmp_path)
    full = auto(tmp_path)
    assert json.loads(light.backend_tokenizer.to_str()) == json.loads(full.backend_tokenizer.to_str())
    assert light.special_tokens_map == full.special_tokens_map
    assert set(light.all_special_ids) == set(full.all_special_ids)
    assert (light.bos_token_id, light.eos_token_id) == (full.bos_token_id, full.eos_token_id)
    assert light.split_special_tokens == full.split_special_tokens
    assert light.chat_template == full.chat_template


def test_the_tables_say_what_transformers_has() -> None:
    from transformers.models.auto import tokenization_auto as theirs

    for model, registered in REGISTERED.items():
        found = theirs.TOKENIZER_MAPPING_NAMES.get(model)
        assert registered == ("TokenizersBackend" if found == "MistralCommonBackend" else found), model
        assert (model in WRONG_ON_HUB) == (model in theirs.MODELS_WITH_INCORRECT_HUB_TOKENIZER_CLASS), model
    assert set(REGISTERED) >= TEKKEN
    for name in KINDS:
        found = theirs.tokenizer_class_from_name(name)
        assert found is not None and found.__name__ == name
    for name in GENERIC:
        found = theirs.tokenizer_class_from_name(name)
        assert found is None or found.__name__ in ("TokenizersBackend", "PythonBackend"), name


def test_several_templates_are_one_the_default(tmp_path: Path) -> None:
    make_tokenizer("llama").save_pretrained(tmp_path)
    (tmp_path / "chat_template.jinja").unlink()
    place = tmp_path / "tokenizer_config.json"
    named = [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}]
    place.write_text(json.dumps(json.loads(place.read_text()) | {"chat_template": named}))
    assert Renderer(LightTokenizer(tmp_path)).template == Renderer(auto(tmp_path)).template == "d"


@pytest.mark.parametrize(
    ("files", "why"),
    [
        ({"tokenizer_config.json": {"auto_map": {"AutoTokenizer": ["a.B", None]}}}, "code of its own"),
        ({"tokenizer_config.json": {"tokenizer_class": "T5TokenizerFast"}}, "T5Tokenizer"),
        ({"config.json": {"model_type": "brand_new"}}, "brand_new"),
        ({"tokenizer.json": None}, "can't be read"),
        ({"tokenizer.json": {"model": {"type": "new"}}}, "tokenizer.json"),
        ({"config.json": {"model_type": "mistral"}, "tekken.json": {}}, "tekken"),
        ({"tokenizer_config.json": []}, "no object"),
    ],
)
def test_what_only_transformers_can_make_says_so(tmp_path: Path, files: dict[str, Any], why: str) -> None:
    make_tokenizer("llama").save_pretrained(tmp_path)
    for name, content in files.items():
        (tmp_path / name).unlink(missing_ok=True)
        if content is not None:
            (tmp_path / name).write_text(json.dumps(content))
    with pytest.raises(NeedsTransformers, match=re.escape(why)):
        LightTokenizer(tmp_path)
    done = subprocess.run(
        [sys.executable, str(TRAINER), "tokens", str(tmp_path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    assert done.returncode == 3
    assert json.loads(done.stdout)["error"]["reason"] == "unsupported"


def test_counting_imports_neither_torch_nor_transformers(tmp_path: Path) -> None:
    chat = {"messages": [{"role": "user", "content": "book"}, {"role": "assistant", "content": "yes please"}]}
    lines = [chat, {"text": "order"}, {"messages": chat["messages"][:1], "source": {"file": "a", "line": 3}}]
    script = (
        "import runpy, sys\n"
        f"sys.argv = ['trainer', 'tokens', {str(folder_of('llama'))!r}, '--max-length', '23']\n"
        "try:\n"
        f"    runpy.run_path({str(TRAINER)!r}, run_name='__main__')\n"
        "except SystemExit as end:\n"
        "    heavy = {'torch', 'transformers', 'numpy', 'huggingface_hub', 'trl'} & set(sys.modules)\n"
        "    sys.exit(f'{end.code} {sorted(heavy)}')\n"
    )
    text = "".join(json.dumps(line) + "\n" for line in lines)
    done = subprocess.run([sys.executable, "-c", script], input=text, capture_output=True, text=True)
    assert done.stderr == "0 []\n"
    first, second, third = (json.loads(line) for line in done.stdout.splitlines())
    assert first == {"tokens": 25, "trained_tokens": 3, "ends": True, "begins": 1, "lost": 2}
    assert second == {"tokens": 3, "trained_tokens": 2, "ends": True, "begins": 1, "lost": 0}
    assert third == {
        "error": "a, line 3: no token of it would be trained: it has no assistant message to train"
    }


@pytest.mark.torch
def test_transformers_counts_the_same_and_stands_in_where_the_packages_lack(
    workshop: Workshop, tmp_path: Path
) -> None:
    data = make_rows(tmp_path / "rows.jsonl", [*CONVERSATION, {"text": ""}]).read_bytes()

    def count(*more: str, without: str = "") -> tuple[int, bytes]:
        done = subprocess.run(
            [sys.executable, str(TRAINER), "tokens", str(folder_of("llama")), *more],
            input=data,
            stdout=subprocess.PIPE,
            env=workshop.environment(BLOCKED_TOO=without),
        )
        return done.returncode, done.stdout

    quick = count("--max-length", "9")
    assert quick[0] == 0 and b"begins" in quick[1]
    assert count("--max-length", "9", "--transformers") == quick
    assert count(without="tokenizers")[0] == 3


@pytest.mark.parametrize("text", ['{"messages": [1]}', "{", "[]"])
def test_what_is_no_row_ends_the_count_with_words(text: str) -> None:
    done = subprocess.run(
        [sys.executable, str(TRAINER), "tokens", str(folder_of("llama"))],
        input=text.encode(),
        stdout=subprocess.PIPE,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["message"]


CONVERSATION: list[dict[str, Any]] = [
    {"messages": [{"role": "user", "content": "Grüße"}, {"role": "assistant", "content": "yes  please 🦊"}]},
    {
        "messages": [
            {"role": "user", "content": "book"},
            {"role": "assistant", "content": "old", "train": False},
            {"role": "user", "content": "order\n"},
            {"role": "assistant", "content": " new"},
        ]
    },
    {"prompt": "order a bo", "completion": "ok"},
    {"text": "alpha beta"},
]


@pytest.mark.parametrize("family", TEMPLATE)
def test_the_preview_shows_byte_for_byte_what_training_gets(
    workshop: Workshop, tmp_path: Path, family: str
) -> None:
    from finetui.engines.trainer.data import render_file

    model = folder_of(family)
    data = make_rows(tmp_path / "rows.jsonl", CONVERSATION)
    trained = render_file(data, Renderer(auto(model)), lambda done: None)
    status, output = workshop.run("preview", model, "--data", data, without="transformers")
    assert status == 0
    shown = [json.loads(line) for line in output.splitlines()]
    assert [(row["ids"], row["labels"]) for row in shown] == [
        (row.ids.tolist(), row.labels.tolist()) for row in trained.rows
    ]
    assert [row["ends"] for row in shown] == [True] * 4
    again, slow = workshop.run("preview", model, "--data", data, "--transformers")
    assert (again, slow) == (0, output)


def test_the_begin_token_is_counted_where_it_also_ends_texts() -> None:
    light, _ = renderers("qwen2", False)
    assert light.begins(Rendered([1, 2, 3], [1, 2, 3])) == 0
    llama, _ = renderers("llama", False)
    begin = llama.raw_prompt("")[0]
    assert llama.begins(Rendered([begin, begin, 9, begin], [0] * 4)) == 3

"""Which chat template a job trains with: the model's own, ChatML, or a file's; and whether its end is known.

A template is refused or warned of before anything is trained, with the ways out in words.
"""

from __future__ import annotations

import json
from pathlib import Path

from ..datasets.problem import Problem
from ..datasets.tokens.preview import PreviewModel
from ..engine import EngineError
from .ends import end_token, untrained
from .weights import Weights

CHATML = "chatml"
_CHATML = """\
{%- if tools %}{{ raise_exception('plain ChatML knows no tools: name a template that does') }}{% endif %}
{{- BEGIN }}
{%- for message in messages %}
{%- if message.tool_calls or message.reasoning_content %}
{{- raise_exception('plain ChatML knows no tool calls and no thoughts: name a template that does') }}
{%- endif %}
{{- '<|im_start|>' + message['role'] + '\\n' + message['content'] + END + '\\n' }}
{%- endfor %}
{%- if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"""
"""OpenAI's markup, which many families write. BEGIN and END: expressions for what begins the text and ends a
turn. What it has no words for is refused, not left out."""
_END = "<|im_end|>"
_TOKENIZERS = ("tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json", "tekken.json")


def chosen(asked: str | None, model: Weights | None) -> str | None:
    """A template's text.

    Args:
        asked: `chatml`, a file, or None for the model's own.
        model: None while it is not on this machine.

    Raises:
        EngineError: the file can't be read, or the model has nothing that could end a ChatML turn.
    """
    if asked is None:
        return model.template if model else None
    if asked == CHATML:
        return chatml(model)
    try:
        text = Path(asked).read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        message = f"train.template: {asked} can't be read: {error}"
        raise EngineError("data", message, "name a .jinja file, or chatml") from error
    if not text.strip():
        raise EngineError("data", f"train.template: {asked} is empty", "name another file, or chatml")
    return text


def chatml(model: Weights | None) -> str:
    """ChatML for a model: each turn ends with `<|im_end|>` where the model knows that token, else with its
    end of text, which every base model has learned.

    Raises:
        EngineError: the tokenizer has neither.
    """
    begin = "(bos_token if bos_token is defined else '')"
    end = "eos_token"
    if model is not None:
        added = _special(model.path)
        if (token := added.get(_END)) is not None and untrained(model.path, token) is not True:
            end = f"'{_END}'"
        elif _named(model.path, "eos_token") is None:
            raise EngineError(
                "unsupported",
                f"{model.name} names no end of text, so that nothing can end a ChatML turn",
                "name a .jinja file in train.template whose turns end with a special token",
            )
        begin = "bos_token" if _adds_begin(model.path) else "''"
    return _CHATML.replace("BEGIN", begin).replace("END", end)


def template_problems(
    model: Weights | None, template: str | None, method: str, *, conversations: bool, remote_code: bool
) -> list[Problem]:
    """What is to be said of a template for a job's rows.

    Args:
        conversations: whether the rows are; others need no template.

    Raises:
        EngineError: conversations can't be trained without one.
    """
    if model is None or not conversations or not any((model.path / name).exists() for name in _TOKENIZERS):
        return []
    if template is None:
        raise EngineError(
            "unsupported",
            f"{model.name} has no chat template, and the rows are conversations",
            f'choose one: train.template = "chatml" or a .jinja file\'s path; {_instruct(model.name)}; '
            "or rows with prompt and completion",
        )
    try:
        end = end_token(PreviewModel(model.name, model.path, template, remote_code))
    except EngineError as error:
        message = f"The chat template refuses a question with its answer: {error.message}."
        return [Problem("template-refuses", "warning", message, "Look at a row's preview before you start.")]
    if end is None:
        return []
    if not end.special:
        return [
            Problem(
                "template-without-end",
                "warning",
                f"The chat template ends answers with {end.text!r}, which is no token of its own: the tuned "
                "model may not stop.",
                'Choose one that ends each turn with a special token, such as train.template = "chatml".',
            )
        ]
    if method == "full" or untrained(model.path, end.id) is not True:
        return []
    return [
        Problem(
            "untrained-end",
            "warning",
            f"{model.name} never learned {end.text}, which ends answers in this template, and an adapter "
            "does not train its embedding: the tuned model may never stop.",
            f'Choose one: train.template = "chatml", which ends turns with a token it knows; '
            f'{_instruct(model.name)}; or method = "full", which trains embeddings (an adapter that does is '
            "not supported).",
        )
    ]


def _instruct(name: str) -> str:
    hub = not name.startswith(("/", ".", "~")) and name.count("/") == 1
    like = f", often {name.removesuffix('-Base').removesuffix('-base')}-Instruct" if hub else ""
    return f"the model's instruct version{like}"


def _special(folder: Path) -> dict[str, int]:
    """Added tokens of the tokenizer with their ids."""
    try:
        added = json.loads((folder / "tokenizer.json").read_bytes())["added_tokens"]
        return {token["content"]: token["id"] for token in added}
    except (OSError, ValueError, LookupError, TypeError):
        return {}


def _named(folder: Path, name: str) -> str | None:
    """A special token's text by its name."""
    for file in ("tokenizer_config.json", "special_tokens_map.json"):
        try:
            found = json.loads((folder / file).read_bytes()).get(name)
        except (OSError, ValueError, AttributeError):
            continue
        if isinstance(found, dict):
            found = found.get("content")
        if isinstance(found, str):
            return found
    return None


def _adds_begin(folder: Path) -> bool:
    """Whether the tokenizer puts a begin token before every text, as the model was trained."""
    begin = _named(folder, "bos_token")
    try:
        processor = json.loads((folder / "tokenizer.json").read_bytes()).get("post_processor")
    except (OSError, ValueError, AttributeError):
        return begin is not None
    return begin is not None and json.dumps(begin) in json.dumps(processor)

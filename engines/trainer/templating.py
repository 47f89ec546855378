"""Chat templates rendered as transformers renders them, without transformers.

The same sandbox, globals, filters, extensions and preparation of messages as `render_jinja_template` of
transformers 5.20 to 5.23 (utils/chat_template_utils.py); a test holds the two against each other.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import jinja2
import jinja2.ext
import jinja2.nodes
import jinja2.utils
from jinja2.sandbox import ImmutableSandboxedEnvironment

_REASONING = ("reasoning_content", "thinking", "reasoning")
"""Names under which a message's thoughts come; templates are given the first, and gpt-oss's the second."""


def render(
    template: str,
    messages: list[dict[str, Any]],
    tools: list[Any] | None,
    add_generation_prompt: bool,
    values: dict[str, Any],
) -> str:
    """A conversation's text.

    Args:
        messages: as JSON has them.
        values: what the template sees beside them: special tokens by their names, the date.

    Raises:
        jinja2.TemplateError: the template is broken, or refuses the conversation.
        TypeError, ValueError: what it computes with the conversation fails.
    """
    return _compiled(template).render(**_arguments(messages, tools, add_generation_prompt, values))


def render_marked(
    template: str, messages: list[dict[str, Any]], tools: list[Any] | None, values: dict[str, Any]
) -> tuple[str, list[tuple[int, int]]]:
    """A conversation's text, and where in it, in characters, each `{% generation %}` block stands."""
    compiled = _compiled(template)
    blocks: list[str] = []
    marks: list[tuple[int, int]] = []
    watch: Any = compiled.environment.watch_generation  # pyright: ignore[reportAttributeAccessIssue]
    with watch(blocks, marks):
        for block in compiled.generate(**_arguments(messages, tools, False, values)):
            blocks.append(block)
    return "".join(blocks), marks


def _arguments(
    messages: list[dict[str, Any]], tools: list[Any] | None, prompt: bool, values: dict[str, Any]
) -> dict[str, Any]:
    if not messages:
        raise ValueError("Cannot apply chat template to an empty conversation. Provide at least one message.")
    if tools is not None and not all(isinstance(tool, dict) for tool in tools):
        raise ValueError(
            "Tools should either be a JSON schema, or a callable function with type hints "
            "and a docstring suitable for auto-conversion to a schema."
        )
    shown = [_with_thoughts({k: v for k, v in message.items() if v is not None}) for message in messages]
    more = {"documents": None, "add_generation_prompt": prompt}
    return {**values, "messages": shown, "tools": tools, **more}


def _with_thoughts(message: dict[str, Any]) -> dict[str, Any]:
    thoughts = next((message[name] for name in _REASONING if message.get(name) is not None), None)
    if thoughts is None:
        return message
    return {"thinking": thoughts, **message, "reasoning_content": thoughts}


class _Generation(jinja2.ext.Extension):
    """`{% generation %}`: what the assistant says; its places are kept while somebody watches."""

    tags = {"generation"}  # noqa: RUF012 - as jinja declares it

    def __init__(self, environment: jinja2.Environment) -> None:
        super().__init__(environment)
        environment.extend(watch_generation=self.watch)
        self._watched: tuple[list[str], list[tuple[int, int]]] | None = None

    def parse(self, parser: Any) -> jinja2.nodes.Node:
        line = next(parser.stream).lineno
        body = parser.parse_statements(("name:endgeneration",), drop_needle=True)
        return jinja2.nodes.CallBlock(self.call_method("_block"), [], [], body).set_lineno(line)

    @jinja2.pass_eval_context
    def _block(self, context: jinja2.nodes.EvalContext, caller: Callable[[], str]) -> str:
        text = caller()
        if self._watched is not None:
            blocks, marks = self._watched
            start = len("".join(blocks))
            marks.append((start, start + len(text)))
        return text

    @contextmanager
    def watch(self, blocks: list[str], marks: list[tuple[int, int]]) -> Iterator[None]:
        self._watched = (blocks, marks)
        try:
            yield
        finally:
            self._watched = None


class _Dict:
    """`dict` in a template, without what reaches out of the sandbox."""

    def __call__(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict(*args, **kwargs)

    def fromkeys(self, *args: Any, **kwargs: Any) -> dict[Any, Any]:
        return dict.fromkeys(*args, **kwargs)


class _Namespace(jinja2.utils.Namespace):
    """`namespace` in a template; names that begin with an underscore are refused."""

    def __init__(*args: Any, **kwargs: Any) -> None:
        self, args = args[0], args[1:]  # `self` may be a keyword too, as in jinja's own
        values = dict(*args, **kwargs)
        for name in values:
            _checked(name)
        jinja2.utils.Namespace.__init__(self, values)

    def __setitem__(self, name: str, value: Any) -> None:
        _checked(name)
        jinja2.utils.Namespace.__setitem__(self, name, value)


def _checked(name: Any) -> None:
    if isinstance(name, str) and name.startswith("_"):
        raise jinja2.exceptions.SecurityError(
            f"Chat templates cannot store underscore-prefixed attributes on a namespace, but got {name!r}. "
            "Please rename the attribute."
        )


def _refuse(message: str) -> None:
    raise jinja2.exceptions.TemplateError(message)


def _to_json(
    value: Any,
    ensure_ascii: bool = False,
    indent: Any = None,
    separators: Any = None,
    sort_keys: bool = False,
) -> str:
    # jinja's own escapes what is special in HTML.
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )


def _now(format: str) -> str:
    return datetime.now().strftime(format)


@functools.lru_cache
def _compiled(template: str) -> jinja2.Template:
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, jinja2.ext.loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _now
    environment.globals["dict"] = _Dict()
    environment.globals["namespace"] = _Namespace
    return environment.from_string(template)

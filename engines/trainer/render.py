"""A row becomes token ids and labels: the one function behind training, preview, token counts and chat.

Which tokens are trained. In a conversation, each assistant message and the token that ends its turn,
nothing else; in a prompt with a completion, the completion and the end of text; in a plain text, all of it
and the end of text. A label of -100 says: not trained.

How the assistant's tokens are found under any chat template. The template is rendered up to each
assistant message with the generation prompt added, which is exactly what the model is given when it
chats. Where that is a prefix of the whole conversation's rendering, what follows is what the model must
say, and training and chat cannot differ. Where it is not, the template's own `{% generation %}` marks are
taken, and without those the row is refused: guessing would train on the wrong tokens without a word.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from dataclasses import dataclass
from typing import Any

from .failures import Failure
from .spans import Spans, Turn

UNTRAINED = -100
"""torch's cross-entropy ignores labels with this value."""
PROBE = "qzxprobe"
"""An answer that no template treats in a special way, to see what a template puts after one."""
DATE = "26 Jul 2024"
"""Llama 3's templates print today's date, so that a job resumed after midnight would train on other
tokens. This is the date that Llama 3.1's template itself falls back on."""


class RowError(Exception):
    """This row cannot be trained; the message says why."""


@dataclass(frozen=True)
class Rendered:
    """A row as the model sees it.

    Attributes:
        ids: token ids.
        labels: the same ids where trained, else -100; not shifted.
    """

    ids: list[int]
    labels: list[int]

    @property
    def trained(self) -> int:
        """Tokens that count in the loss. The first one has nothing before it to be predicted from."""
        predicted = self.labels[1:]
        return len(predicted) - predicted.count(UNTRAINED)


class Renderer:
    """Rows and prompts into tokens, for one tokenizer and one chat template.

    Args:
        tokenizer: a transformers tokenizer, or a `LightTokenizer`.
        template: the chat template (Jinja); None takes the tokenizer's own, which may be missing.
    """

    def __init__(self, tokenizer: Any, template: str | None = None) -> None:
        self._tokenizer = tokenizer
        own = tokenizer.chat_template
        self.template: str | None = template or (own.get("default") if isinstance(own, dict) else own)
        self._special: set[int] = set(tokenizer.all_special_ids) | {
            number for number, token in tokenizer.added_tokens_decoder.items() if token.special
        }
        self._end_ids: frozenset[int] | None = None
        self._spans = Spans(tokenizer)

    @property
    def template_sha256(self) -> str | None:
        """Of the template's UTF-8."""
        return hashlib.sha256(self.template.encode()).hexdigest() if self.template else None

    @property
    def end_ids(self) -> frozenset[int]:
        """Tokens that end an answer: the end of text, and what the template puts after an answer."""
        if self._end_ids is None:
            ends = set() if self._tokenizer.eos_token_id is None else {self._tokenizer.eos_token_id}
            if self.template is not None:
                probe = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": PROBE}]
                # A template may refuse so short a conversation, or content that is a text.
                with contextlib.suppress(RowError):
                    after = self._encode(self._text(probe).rpartition(PROBE)[2].lstrip())
                    ends |= self._special & set(after[:1])
            self._end_ids = frozenset(ends)
        return self._end_ids

    def row(self, row: dict[str, Any]) -> Rendered:
        """Render a canonical row (docs/job.md).

        Raises:
            RowError: it has nothing to train, or the template refuses it.
            Failure: no row like it can be rendered with this model's template.
        """
        if "messages" in row:
            ids, labels = self._conversation(row["messages"], row.get("tools"))
        elif "completion" in row:
            ids, labels = self._completion(row["prompt"], row["completion"])
        else:
            ids = self._with_end(self.raw_prompt(row["text"]))
            labels = list(ids)
        rendered = Rendered(ids, labels)
        if not rendered.trained:
            raise RowError("no token of it would be trained")
        return rendered

    def ends(self, rendered: Rendered) -> bool:
        """Whether the last trained token is one that ends the answer: without it a model never stops."""
        last = next((label for label in reversed(rendered.labels) if label != UNTRAINED), None)
        return last in self.end_ids

    def begins(self, rendered: Rendered) -> int:
        """How many begin tokens a row has; where the token also ends texts, only those it starts with."""
        begin = self._tokenizer.bos_token_id
        if begin is None:
            return 0
        if begin not in self.end_ids:
            return rendered.ids.count(begin)
        return next((at for at, token in enumerate(rendered.ids) if token != begin), len(rendered.ids))

    def prompt(self, messages: list[dict[str, Any]], tools: list[Any] | None = None) -> list[int]:
        """Token ids of a conversation up to where the assistant speaks."""
        return self._encode(self._text(_for_template(messages), tools, prompt=True))

    def raw_prompt(self, text: str) -> list[int]:
        """Token ids of a text without a template: the tokenizer's begin token once, and no end token."""
        ids: list[int] = self._tokenizer(text)["input_ids"]
        begin, end = self._tokenizer.bos_token_id, self._tokenizer.eos_token_id
        if len(ids) > 1 and begin is not None and ids[0] == ids[1] == begin:
            ids = ids[1:]
        if ids and ids[-1] == end and not text.endswith(self._tokenizer.eos_token):
            ids = ids[:-1]
        return ids

    def is_special(self, token: int) -> bool:
        """Whether a token stands for itself (an end of turn) and not for its characters."""
        return token in self._special

    def decode(self, ids: list[int]) -> str:
        """The text of tokens, special ones included, unchanged."""
        return self._tokenizer.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False)

    def _completion(self, prompt: str, completion: str) -> tuple[list[int], list[int]]:
        """The prompt's tokens as they will be at inference, then the completion's."""
        head = self.raw_prompt(prompt)
        whole = self.raw_prompt(prompt + completion)
        tail = whole[len(head) :] if whole[: len(head)] == head else self._encode(completion)
        tail = self._with_end(tail)
        return head + tail, [UNTRAINED] * len(head) + tail

    def _with_end(self, ids: list[int]) -> list[int]:
        end = self._tokenizer.eos_token_id
        return ids if end is None or ids[-1:] == [end] else [*ids, end]

    def _conversation(self, messages: list[dict[str, Any]], tools: Any) -> tuple[list[int], list[int]]:
        shown = _for_template(messages)
        whole = self._text(shown, tools)
        turns: list[Turn] = []
        for index, message in enumerate(messages):
            if message["role"] != "assistant" or message.get("train") is False:
                continue
            start = self._text(shown[:index], tools, prompt=True) if index else ""
            if not index or not whole.startswith(start):
                return self._marked(shown, tools, index)
            upto = self._text(shown[: index + 1], tools) if index + 1 < len(shown) else whole
            stable = whole.startswith(upto) and upto.startswith(start)
            answer = shown[index]["content"].rpartition("</think>")[2].strip()
            turns.append(Turn(len(start), len(upto) if stable else None, answer))
        if not turns:
            raise RowError("no token of it would be trained: it has no assistant message to train")
        ids, spans = self._spans.find(whole, turns, self.end_ids)
        labels = [UNTRAINED] * len(ids)
        for first, last in spans:
            labels[first:last] = ids[first:last]
        return ids, labels

    def _marked(self, messages: list[dict[str, Any]], tools: Any, index: int) -> tuple[list[int], list[int]]:
        """By the template's own `{% generation %}` marks."""
        if self.template is None or "{% generation" not in self.template.replace("{%-", "{%"):
            raise Failure(
                "unsupported",
                f"The chat template renders what comes before message {index + 1} otherwise when the model "
                "is to answer than when the answer is there: it cannot be told which tokens to train.",
                "Choose another template, or one with {% generation %} marks; or mark all assistant messages "
                'but the last one with "train": false.',
            )
        if any(message.get("train") is False for message in messages):
            raise RowError('this template\'s {% generation %} marks know no "train": false')
        both = self._tokenizer.apply_chat_template(
            messages,
            tools=tools,
            chat_template=self.template,
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
            date_string=DATE,
        )
        ids, mask = list(both["input_ids"]), list(both["assistant_masks"])
        for at in range(1, len(ids)):
            # Some templates close the mark before the end token, and a model so trained never stops.
            if mask[at - 1] and not mask[at] and ids[at] in self.end_ids and ids[at - 1] not in self.end_ids:
                mask[at] = 1
        return ids, [token if trained else UNTRAINED for token, trained in zip(ids, mask, strict=True)]

    def _text(self, messages: list[dict[str, Any]], tools: Any = None, prompt: bool = False) -> str:
        if self.template is None:
            raise Failure(
                "unsupported",
                "This model's tokenizer has no chat template, and the rows are conversations.",
                "Give the job a template (chatml fits any model), or take the model's instruct version.",
            )
        try:
            return self._apply(messages, tools, prompt)
        except Exception as error:  # noqa: BLE001 - a template may raise anything
            try:
                return self._apply(_arguments_as_text(messages), tools, prompt)
            except Exception:  # noqa: BLE001
                raise RowError(f"the chat template refuses it: {error}") from error

    def _apply(self, messages: list[dict[str, Any]], tools: Any, prompt: bool) -> str:
        return self._tokenizer.apply_chat_template(
            messages,
            tools=tools,
            chat_template=self.template,
            tokenize=False,
            add_generation_prompt=prompt,
            date_string=DATE,
        )

    def _encode(self, text: str) -> list[int]:
        """Tokens of a text that already has its begin token, if it wants one."""
        return self._tokenizer(text, add_special_tokens=False)["input_ids"]


def _for_template(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages as templates want them: content always a string, tool arguments parsed."""
    shown = []
    for message in messages:
        message = {key: value for key, value in message.items() if key != "train"}
        message["content"] = message.get("content") or ""
        if message.get("tool_calls"):
            message["tool_calls"] = [_call(call, json.loads, str) for call in message["tool_calls"]]
        shown.append(message)
    return shown


def _arguments_as_text(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """With each tool call's arguments as a JSON string: what DeepSeek's templates want."""
    return [
        {**message, "tool_calls": [_call(call, json.dumps, dict) for call in message["tool_calls"]]}
        if message.get("tool_calls")
        else message
        for message in messages
    ]


def _call(call: dict[str, Any], convert: Any, only: type) -> dict[str, Any]:
    function = call.get("function")
    if not isinstance(function, dict) or not isinstance(function.get("arguments"), only):
        return call
    try:
        return {**call, "function": {**function, "arguments": convert(function["arguments"])}}
    except ValueError:
        return call

"""A model's tokenizer without transformers: what `Renderer` needs of one, token for token the same.

Only folders with a `tokenizer.json` are read, and only kinds of tokenizers whose construction is known
(construct.py): for every other `NeedsTransformers` says why, and the trainer's interpreter must be asked.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Encoding, Tokenizer

from .construct import backend, class_of
from .templating import render, render_marked
from .tokens import NeedsTransformers

NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
"""Special tokens that have names in every tokenizer's configuration, in transformers' order."""


class Encoded(dict[str, list[int]]):
    """`input_ids`, and the `encodings` that know each token's place in the text."""

    def __init__(self, encoding: Encoding) -> None:
        super().__init__(input_ids=encoding.ids)
        self.encodings = [encoding]


class LightTokenizer:
    """A fast tokenizer as `Renderer` uses it.

    Attributes:
        chat_template: the model's own; None where it brings none.
        special_tokens_map: special tokens by their names, as templates see them.
        split_special_tokens: whether special tokens in a text are read as plain text.
    """

    def __init__(self, folder: Path) -> None:
        """
        Raises:
            NeedsTransformers: its kind is not known here, or it has no tokenizer.json.
        """
        settings = _object(folder / "tokenizer_config.json")
        config = _object(folder / "config.json")
        try:
            text = (folder / "tokenizer.json").read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise NeedsTransformers(f"{folder / 'tokenizer.json'} can't be read: {error}") from error
        kind = class_of(folder, config, settings, text)
        known = _Tokens(folder, settings, text)
        self.chat_template = _template(folder, settings)
        named = {**kind.defaults, **known.named}
        self.special_tokens_map = {
            name: str(token)
            for name in [*NAMED, *(name for name in named if name not in NAMED)]
            if (token := named.get(name)) is not None
        }
        self.split_special_tokens = bool(settings.get("split_special_tokens", False))
        try:
            self._backend: Tokenizer = backend(kind, text, settings, self.special_tokens_map)
        except Exception as error:
            raise NeedsTransformers(f"{folder / 'tokenizer.json'}: {error}") from error
        self._backend.no_truncation()
        self._backend.no_padding()
        self._backend.encode_special_tokens = self.split_special_tokens
        self._backend.add_tokens(known.to_add(named, self._backend))
        if kind.adds_specials:
            self._backend.add_tokens([AddedToken(token, special=True) for token in self._all_special(known)])
        self.bos_token = self.special_tokens_map.get("bos_token")
        self.eos_token = self.special_tokens_map.get("eos_token")
        self.bos_token_id = self._id(self.bos_token)
        self.eos_token_id = self._id(self.eos_token)
        self.added_tokens_decoder: dict[int, AddedToken] = self._backend.get_added_tokens_decoder()
        ids = (self._id(token) for token in self._all_special(known))
        self.all_special_ids = [token for token in ids if token is not None]

    @property
    def backend_tokenizer(self) -> Tokenizer:
        """The tokenizer proper, as transformers calls it."""
        return self._backend

    def __call__(self, text: str, add_special_tokens: bool = True) -> Encoded:
        return Encoded(self._backend.encode(text, add_special_tokens=add_special_tokens))

    def decode(
        self, ids: list[int], skip_special_tokens: bool = False, clean_up_tokenization_spaces: bool = False
    ) -> str:
        """The text of tokens; nothing is ever cleaned up."""
        return self._backend.decode(ids, skip_special_tokens=skip_special_tokens)

    def apply_chat_template(
        self,
        messages: list[dict[str, Any]],
        tools: list[Any] | None,
        chat_template: str,
        tokenize: bool,
        add_generation_prompt: bool = False,
        return_dict: bool = False,
        return_assistant_tokens_mask: bool = False,
        **values: Any,
    ) -> Any:
        """A conversation's text; or with `tokenize` its `input_ids` and `assistant_masks`."""
        values = {**self.special_tokens_map, **values}
        if not tokenize:
            return render(chat_template, messages, tools, add_generation_prompt, values)
        text, marks = render_marked(chat_template, messages, tools, values)
        encoding = self._backend.encode(text, add_special_tokens=False)
        mask = [0] * len(encoding.ids)
        for start, end in marks:
            first, last = encoding.char_to_token(start), encoding.char_to_token(end - 1)
            if first is None:
                break
            for place in range(first, last + 1 if last else len(mask)):
                mask[place] = 1
        return {"input_ids": encoding.ids, "assistant_masks": mask}

    def _all_special(self, known: _Tokens) -> list[str]:
        return list(dict.fromkeys([*self.special_tokens_map.values(), *map(str, known.extra)]))

    def _id(self, token: str | None) -> int | None:
        if token is None:
            return None
        found = self._backend.token_to_id(token)
        if found is None and (unknown := self.special_tokens_map.get("unk_token")) is not None:
            return self._backend.token_to_id(unknown)
        return found


class _Tokens:
    """The special and added tokens of a folder's files, in the order in which transformers adds them."""

    def __init__(self, folder: Path, settings: dict[str, Any], text: str) -> None:
        extra = settings.get("extra_special_tokens") or settings.get("additional_special_tokens") or []
        named = {
            key: _token(value)
            for key, value in settings.items()
            if key in NAMED or (key.endswith("_token") and isinstance(value, str | dict))
        }
        if isinstance(extra, dict):
            named |= {key: _token(value) for key, value in extra.items()}
            extra = []
        self.extra = [_token(token) for token in extra]
        self._added: dict[int, AddedToken] = {}
        if "added_tokens_decoder" in settings:
            for number, token in settings["added_tokens_decoder"].items():
                self._added[int(number)] = _added(token)
        else:
            self._legacy(folder, named, text)
        by_text = {token.content: token for token in self._added.values()}
        self.named = {
            name: by_text.get(str(token), token) if name in NAMED and token is not None else token
            for name, token in named.items()
        }

    def _legacy(self, folder: Path, named: dict[str, Any], text: str) -> None:
        """From before `added_tokens_decoder`: special_tokens_map.json, added_tokens.json, tokenizer.json."""
        for key, value in _object(folder / "special_tokens_map.json").items():
            if key in ("additional_special_tokens", "extra_special_tokens"):
                if isinstance(value, dict):
                    named |= {name: _token(token) for name, token in value.items()}
                    continue
                tokens = [_token(token, special=True) for token in value]
                if key == "extra_special_tokens":
                    self.extra += [token for token in tokens if token not in self.extra]
                elif not self.extra:
                    self.extra = tokens
            else:
                named[key] = _token(value, special=True)
        special = {str(token) for name, token in named.items() if name in NAMED and token}
        special |= {str(token) for token in self.extra}
        for token, number in _object(folder / "added_tokens.json").items():
            self._added[number] = AddedToken(
                token,
                rstrip=False,
                lstrip=False,
                normalized=token not in special,
                special=token in special,
            )
        for token in json.loads(text).get("added_tokens", []):
            self._added[token["id"]] = _added({key: value for key, value in token.items() if key != "id"})

    def to_add(self, named: dict[str, Any], tokenizer: Tokenizer) -> list[AddedToken]:
        """What transformers adds to the tokenizer when it is made."""
        tokens: list[Any] = [token for _, token in sorted(self._added.items())]
        known = {token.content for token in tokenizer.get_added_tokens_decoder().values()}
        known |= {str(token) for token in tokens}
        ordered = [*NAMED, *(name for name in named if name not in NAMED)]
        for token in [*(named.get(name) for name in ordered), *self.extra]:
            if token is not None and str(token) not in known and token not in tokens:
                tokens.append(token)
        names = {str(token) for token in named.values() if token}
        result = []
        for token in tokens:
            if isinstance(token, str):
                token = AddedToken(token, special=True)
            elif not token.special and token.content in names:
                token.special = True
            result.append(token)
        return result


def _token(value: Any, special: bool | None = None) -> Any:
    """A token as a configuration writes it: its text, or an object with its properties."""
    if not isinstance(value, dict):
        return value
    return _added(value if special is None else {**value, "special": special})


def _added(value: dict[str, Any]) -> AddedToken:
    return AddedToken(**{key: item for key, item in value.items() if key != "__type"})


def _template(folder: Path, settings: dict[str, Any]) -> str | None:
    """The chat template; of several named ones the default."""
    try:
        found: Any = (folder / "chat_template.jinja").read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        found = settings.get("chat_template")
    if isinstance(found, list):
        found = {item["name"]: item["template"] for item in found if isinstance(item, dict)}
    if isinstance(found, dict):
        found = found.get("default")
    return found if isinstance(found, str) else None


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise NeedsTransformers(f"{path} can't be read: {error}") from error
    if not isinstance(found, dict):
        raise NeedsTransformers(f"{path} holds no object")
    return found

"""The draft of a job: what is typed in each field, as text, and what that means as a spec.

The fields are those of the spec's dataclasses and of the engine's own section, read from their metadata: a
new setting appears in the form by itself. Nothing here knows a screen.
"""

from __future__ import annotations

import dataclasses
import tomllib
import types
import typing
from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import tomli_w

from ..engines.datasets.formats.columns import in_words
from ..engines.datasets.formats.registry import FORMATS
from ..engines.engine import EngineError, engine_names, find_engine
from ..engines.settings import Settings
from ..engines.spec import JobSpec, SpecError, build, parse_toml, put

TRAIN, MODEL, REVISION, NAME, DROP = "data.train", "model", "revision", "name", "data.drop_bad_rows"
Kind = Literal["text", "whole", "number", "flag", "choice", "names", "columns", "file"]
TITLES = {"": "What & where", "data": "Data", "train": "Training", "lora": "Adapter"}
"""Of the groups, by section; a section that is not here has its own name."""

COLUMNS = "data.columns"
FILES = (TRAIN, "data.valid", "local.python")
KINDS: dict[type, Kind] = {int: "whole", float: "number", bool: "flag"}


@dataclass(frozen=True)
class Entry:
    """One setting as a form shows it.

    Args:
        key: dotted, as in job.toml.
        about: what it is for.
        choices: the values that it can have, where these are few.
        default: what an empty field means, as text; empty: the plan chooses.
        group: the title that it stands under; empty: above the groups.
    """

    key: str
    about: str
    kind: Kind
    choices: tuple[str, ...]
    default: str
    group: str

    @property
    def label(self) -> str:
        return self.key.rpartition(".")[2]

    @property
    def section(self) -> str:
        return self.key.rpartition(".")[0]


def _entries(cls: type, section: str, titles: Mapping[str, str]) -> list[Entry]:
    hints = typing.get_type_hints(cls)
    found: list[Entry] = []
    inner: list[Entry] = []
    for field in dataclasses.fields(cls):
        key = f"{section}.{field.name}" if section else field.name
        hint = hints[field.name]
        if isinstance(hint, type) and dataclasses.is_dataclass(hint):
            inner += _entries(hint, key, titles)
        elif "about" in field.metadata:
            kind, choices = _kind(key, hint)
            default = "" if field.default is None else as_text(field.default)
            group = "" if key in (TRAIN, MODEL) else titles.get(section, section.capitalize())
            found.append(Entry(key, field.metadata["about"], kind, choices, default, group))
    return found + inner


def _kind(key: str, hint: Any) -> tuple[Kind, tuple[str, ...]]:
    if key in FILES:
        return "file", ()
    if key == "engine":
        return "choice", tuple(engine_names())
    if key == "data.format":
        return "text", tuple(FORMATS)
    if typing.get_origin(hint) in (types.UnionType, typing.Union):
        hint = next(option for option in typing.get_args(hint) if option is not type(None))
    if typing.get_origin(hint) is Literal:
        return "choice", typing.get_args(hint)
    if typing.get_origin(hint) is list:
        return "names", ()
    if typing.get_origin(hint) is dict:
        return "columns", ()
    return KINDS.get(hint, "text"), ("true", "false") if hint is bool else ()


def as_text(value: Any) -> str:
    """A value as it stands in a field."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}" if float(f"{value:g}") == value else repr(value)
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    if isinstance(value, Mapping):
        return in_words(value)
    return str(value)


def as_value(entry: Entry, text: str) -> Any:
    """What a text means; itself where it means nothing, so that the validator says what was expected."""
    text = text.strip()
    if entry.kind == "flag":
        return {"true": True, "false": False}.get(text, text)
    if entry.kind == "names":
        return [name for part in text.split(",") if (name := part.strip())]
    if entry.kind in ("whole", "number"):
        for number in (int, float):
            try:
                return number(text.replace(",", ""))
            except ValueError:
                continue
    return text


def texts_of(values: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Values nested as in job.toml as the texts of their fields."""
    texts: dict[str, str] = {}
    for key, value in values.items():
        if isinstance(value, Mapping) and f"{prefix}{key}" != COLUMNS:
            texts |= texts_of(value, f"{prefix}{key}.")
        elif (text := as_text(value)) != "":
            texts[f"{prefix}{key}"] = text
    return texts


@dataclass(frozen=True)
class Checked:
    """What a draft means, as far as can be told without its data and model.

    Args:
        values: nested as in job.toml.
        errors: what is wrong, by field.
        missing: the fields without which there is no job.
    """

    values: dict[str, Any]
    errors: dict[str, str]
    missing: tuple[str, ...]


def words_of(error: SpecError) -> str:
    """A mistake without the key, for a place that says which field it is."""
    return str(error).removeprefix(f"{error.key}: ")


class Settables:
    """All that can be set of a job, for each engine; engines are looked up once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._options: dict[str, type | None] = {}

    def entries(self, engine: str) -> list[Entry]:
        """Every setting of a job on an engine: the dataset, then in the order of the spec, its own last."""
        options = self._options_of(engine)
        own = _entries(options, engine, TITLES | {engine: engine.capitalize()}) if options else []
        return sorted([*_entries(JobSpec, "", TITLES), *own], key=lambda entry: entry.key != TRAIN)

    def check(self, texts: Mapping[str, str]) -> Checked:
        """Validate each field by itself; what fields mean together the plan says."""
        engine = engine_of(texts)
        known = {entry.key: entry for entry in self.entries(engine)}
        values: dict[str, Any] = {}
        errors: dict[str, str] = {}
        for key, text in texts.items():
            if not text.strip():
                continue
            entry = known.get(key)
            value = text if entry is None else as_value(entry, text)
            try:
                put(values, key, value)
                self._check_one(engine, entry, key, value)
            except SpecError as error:
                errors[key] = words_of(error)
        missing = tuple(key for key in (TRAIN, MODEL) if not texts.get(key, "").strip())
        return Checked(values, errors, missing)

    def texts(self, values: Mapping[str, Any]) -> dict[str, str]:
        """The texts of values nested as in job.toml, without those that say what an empty field means."""
        texts = texts_of(values)
        defaults = {entry.key: entry.default for entry in self.entries(engine_of(texts))}
        return {key: text for key, text in texts.items() if text != defaults.get(key, "")}

    def _check_one(self, engine: str, entry: Entry | None, key: str, value: Any) -> None:
        if entry is None:
            raise SpecError(key, f"engine {engine} has no such setting")
        one: dict[str, Any] = {}
        put(one, key, value)
        options = self._options_of(engine)
        if entry.section == engine and options is not None:
            build(options, one[engine], f"{engine}.")
        else:
            build(JobSpec, one)

    def _options_of(self, engine: str) -> type | None:
        if engine not in self._options:
            try:
                self._options[engine] = find_engine(engine, self._settings).options
            except EngineError:
                return None  # while its name is being typed; the plan says that there is none
        return self._options[engine]

    def to_toml(self, texts: Mapping[str, str]) -> str:
        """A draft as a job.toml to edit: what is set, and as comments all that could be."""
        values = self.check(texts).values
        lines = ["# What a job is. A line that begins with # is not set: the plan chooses its value."]
        section = ""
        known = self.entries(engine_of(texts))
        for entry in sorted(known, key=lambda entry: bool(entry.section)):
            if entry.section != section:
                section = entry.section
                lines += ["", f"[{section}]"]
            value: Any = values
            for part in entry.key.split("."):
                value = value.get(part) if isinstance(value, dict) else None
            if value is None:
                lines.append(f"# {entry.label} = {_example(entry)}  # {entry.about}")
            else:
                lines.append(tomli_w.dumps({entry.label: value}).rstrip())
        return "\n".join(lines) + "\n"

    def of_toml(self, text: str) -> dict[str, str]:
        """The texts of an edited job.toml.

        Raises:
            SpecError: it is not TOML, or holds a key or value that can't be used.
        """
        try:
            texts = self.texts(parse_toml(text))
        except tomllib.TOMLDecodeError as error:
            raise SpecError("", f"not TOML: {error}") from error
        for key, message in self.check(texts).errors.items():
            raise SpecError(key, message)
        return texts


def engine_of(texts: Mapping[str, str]) -> str:
    """The engine that a draft is for."""
    return texts.get("engine", "").strip() or "local"


def _example(entry: Entry) -> str:
    if entry.kind == "columns":
        return "{}"
    if entry.kind in ("flag", "whole", "number"):
        return entry.default
    return f'"{" | ".join(entry.choices) or entry.default}"' if entry.kind != "names" else "[]"


def next_name(name: str, taken: Container[str]) -> str:
    """A name like another that no job has: `bot` gives `bot-2`, that gives `bot-3`."""
    stem, dash, number = name.rpartition("-")
    stem, count = (stem, int(number)) if dash and number.isdecimal() and len(number) < 5 else (name, 1)
    while True:
        count += 1
        if f"{stem}-{count}" not in taken:
            return f"{stem}-{count}"

"""JobSpec: what a user asks for. One tree of dataclasses, one validator for job.toml, --set and the form."""

from __future__ import annotations

import dataclasses
import difflib
import math
import os
import tomllib
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import tomli_w

from .records import replace_bytes

LARGEST = 2**53
"""Of whole numbers without a bound of their own: what every reader of JSON keeps exact."""


class SpecError(Exception):
    """A key or value that can't be used; the message names the key, the value, and what was expected."""

    def __init__(self, key: str, message: str) -> None:
        super().__init__(f"{key}: {message}" if key else message)
        self.key = key


def setting(
    about: str,
    *,
    default: Any = None,
    above: float | None = None,
    least: float | None = None,
    most: float | None = None,
) -> Any:
    """A field of a spec: what it is for (shown in the form and in help) and its bounds.

    Args:
        above: exclusive lower bound; `least` and `most` are inclusive.
    """
    metadata = {"about": about, "above": above, "least": least, "most": most}
    return field(default=default, metadata=metadata)


@dataclass(frozen=True)
class DataSpec:
    """[data]: files of rows, of any format that `finetui check` reads."""

    train: str = setting("file with the rows to train on", default="")
    valid: str | None = setting("file with held-out rows; else some are split off")
    valid_rows: int | None = setting("how many rows to split off", least=0)
    valid_share: float | None = setting("share of the rows to split off", above=0, most=0.5)
    format: str | None = setting("the files' format, where it should not be detected")
    columns: dict[str, str] | None = setting("a format's keys, and the files' own names for them")
    drop_bad_rows: bool = setting("leave out rows with errors and go on", default=False)


@dataclass(frozen=True)
class TrainSpec:
    """[train]: what is left out is chosen by method, model size and rows; plan.json says what and why."""

    epochs: float | None = setting("times through the data", above=0, most=1000)
    max_steps: int | None = setting("end after so many updates", least=1)
    batch_size: int | None = setting("rows an optimizer update", least=1, most=65536)
    micro_batch_size: int | None = setting("rows on the GPU at once; changes speed and memory only", least=1)
    max_length: int | None = setting("longest row in tokens", least=8)
    overlong: Literal["drop", "cut"] = setting("what happens to rows over max_length", default="drop")
    learning_rate: float | None = setting("peak learning rate", above=0, most=1)
    schedule: Literal["cosine", "linear", "constant"] | None = setting("how the learning rate falls")
    warmup: float | None = setting("share of the updates in which the learning rate rises", least=0, most=1)
    weight_decay: float | None = setting("AdamW's weight decay", least=0, most=1)
    max_grad_norm: float | None = setting("gradients are clipped to this norm", above=0)
    seed: int | None = setting("fixes order, dropout and new weights", least=0, most=2**32 - 1)
    eval_every: int | None = setting("updates between evaluations", least=1)
    save_every: int | None = setting("updates between checkpoints", least=1)
    gradient_checkpointing: bool | None = setting("less memory, about a fifth slower")
    dtype: Literal["bfloat16", "float32"] | None = setting("type of the weights that are not quantised")
    template: str | None = setting("chat template: chatml, or a .jinja file; else the model's own")
    rehearse: bool = setting("try the longest rows, an evaluation and a save before step 1", default=True)
    sample_tokens: int | None = setting("length of the sample written at each evaluation", least=0, most=4096)


@dataclass(frozen=True)
class LoraSpec:
    """[lora]: the adapter, for methods lora and qlora."""

    rank: int | None = setting("rank of the adapter's matrices", least=1, most=1024)
    alpha: float | None = setting("scale of the adapter: alpha / rank", above=0)
    dropout: float | None = setting("dropout before the adapter", least=0, most=0.9)
    target_modules: list[str] | None = setting(
        "names of the layers that get an adapter; else every linear layer"
    )


@dataclass(frozen=True)
class JobSpec:
    """What was asked. Every value that is None is chosen by the engine's plan, with a reason."""

    name: str = setting("a name for people", default="")
    engine: str = setting("where it runs", default="local")
    model: str = setting("hub id, local folder, or the provider's id", default="")
    revision: str | None = setting("the hub's branch, tag or commit")
    method: Literal["full", "lora", "qlora"] | None = setting(
        "which weights are trained, and how the base is held"
    )
    remote_code: bool = setting("let the model's own Python code run", default=False)
    data: DataSpec = field(default_factory=DataSpec)
    train: TrainSpec = field(default_factory=TrainSpec)
    lora: LoraSpec = field(default_factory=LoraSpec)
    options: dict[str, Any] = field(default_factory=dict)
    """The section that one engine alone has, under its name in the file; its `options` validates it."""


def build(cls: type, values: dict[str, Any], prefix: str = "", extra: tuple[str, ...] = ()) -> Any:
    """A dataclass from a mapping, each value checked.

    Args:
        cls: a frozen dataclass made of `setting` fields and of further dataclasses.
        prefix: the dotted name of the section, for messages.
        extra: keys that are allowed and ignored here.

    Raises:
        SpecError: unknown key, wrong type, or out of bounds.
    """
    hints = typing.get_type_hints(cls)
    fields = {f.name: f for f in dataclasses.fields(cls) if f.name != "options"}
    result: dict[str, Any] = {}
    for key, value in values.items():
        name = f"{prefix}{key}"
        if key in extra:
            continue
        if key not in fields:
            near = difflib.get_close_matches(key, [*fields, *extra], 1, 0.6)
            hint = f"did you mean {prefix}{near[0]}?" if near else f"known here: {', '.join(fields)}"
            raise SpecError(name, f"unknown key; {hint}")
        hint_type = hints[key]
        if dataclasses.is_dataclass(hint_type) and isinstance(hint_type, type):
            if not isinstance(value, dict):
                raise SpecError(name, f"expected a section [{name}], got {value!r}")
            result[key] = build(hint_type, value, f"{name}.")
        elif value is not None:
            result[key] = _value(name, value, hint_type, fields[key].metadata)
    return cls(**result)


def _value(name: str, value: Any, kind: Any, bounds: Any) -> Any:
    if typing.get_origin(kind) in (types.UnionType, typing.Union):
        kind = next(option for option in typing.get_args(kind) if option is not type(None))
    if typing.get_origin(kind) is Literal:
        choices = typing.get_args(kind)
        if value not in choices:
            raise SpecError(name, f"expected one of {', '.join(choices)}, got {value!r}")
        return value
    if typing.get_origin(kind) is dict:
        return _columns(name, value)
    if typing.get_origin(kind) is list:
        if (
            not isinstance(value, list)
            or not value
            or not all(isinstance(item, str) and item for item in value)
        ):
            raise SpecError(name, f"expected a list of names, got {value!r}")
        return value
    if kind is str and isinstance(value, int) and not isinstance(value, bool):
        return str(value)  # `gpu = 0`, `--set name=123`: what was meant is plain
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        try:
            value = float(value)
        except OverflowError as error:  # a whole number in TOML may have any number of digits
            raise SpecError(name, f"expected a number that is finite, got {value!r}") from error
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        words = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
        raise SpecError(name, f"expected {words[kind]}, got {value!r}")
    if kind in (int, float):
        _bounded(name, value, bounds)
    elif isinstance(value, str) and (wrong := _unwritable(value)):
        raise SpecError(name, f"expected text {wrong}, got {value!r}")
    return value


def _columns(name: str, value: Any) -> dict[str, str]:
    """A mapping of columns, as a section of the file or as the command line writes it."""
    # On use: with all forms it would cost every start 20 ms.
    from .datasets.formats.columns import ColumnsError, known_columns, parse_columns

    try:
        if isinstance(value, str):
            return parse_columns(value)
        if not isinstance(value, dict):
            raise SpecError(name, f'expected a mapping such as {{question = "Frage"}}, got {value!r}')
        columns = known_columns(value)
    except ColumnsError as error:
        raise SpecError(name, str(error)) from error
    if wrong := next(filter(None, map(_unwritable, columns.values())), ""):
        raise SpecError(name, f"expected text {wrong}, got {value!r}")
    return columns


def _unwritable(text: str) -> str:
    # A command line's bytes that are no UTF-8 arrive as lone surrogates; no TOML or JSON file holds them.
    if "\0" in text:
        return "without NUL characters"
    return "that is Unicode" if any("\ud800" <= character <= "\udfff" for character in text) else ""


def _bounded(name: str, value: float, bounds: Any) -> None:
    if isinstance(value, float) and math.isinf(value):  # JSON has none: plan.json would say null
        raise SpecError(name, f"expected a number that is finite, got {value!r}")
    above, least, most = (bounds.get(edge) for edge in ("above", "least", "most"))
    if most is None and isinstance(value, int):
        most = LARGEST
    too_low = (above is not None and not value > above) or (least is not None and not value >= least)
    if too_low or (most is not None and not value <= most):
        low = f"above {above}" if above is not None else f"at least {least}" if least is not None else ""
        high = f"at most {most}" if most is not None else ""
        raise SpecError(name, f"expected {' and '.join(filter(None, (low, high)))}, got {value!r}")


def parse(values: dict[str, Any], folder: Path) -> JobSpec:
    """A JobSpec from a mapping as TOML gives it.

    Args:
        folder: what relative data paths count from.

    Raises:
        SpecError: a key or value that can't be used.
    """
    engine = values.get("engine", "local")
    section = engine if isinstance(engine, str) else ""
    if section in {item.name for item in dataclasses.fields(JobSpec)}:
        raise SpecError(
            "engine", f"expected the name of an engine, got {section!r}: that is a key of the spec"
        )
    spec: JobSpec = build(JobSpec, values, extra=(section,) if section else ())
    options = values.get(section, {})
    if not isinstance(options, dict):
        raise SpecError(section, f"expected a section [{section}], got {options!r}")
    for key, value, of in (("data.train", spec.data.train, "rows"), ("model", spec.model, "a model")):
        if not value:
            raise SpecError(key, f"missing: a job needs {of}")
    if spec.data.valid and (spec.data.valid_rows is not None or spec.data.valid_share is not None):
        raise SpecError("data.valid", "a file and a split were both given; keep one of them")
    if spec.data.valid_rows is not None and spec.data.valid_share is not None:
        raise SpecError("data.valid_rows", "valid_share was given too; keep one of them")
    if spec.method == "full" and spec.lora != LoraSpec():
        raise SpecError(
            "lora", "method is full: there is no adapter; take [lora] out, or choose lora or qlora"
        )
    data = dataclasses.replace(
        spec.data,
        train=_absolute("data.train", spec.data.train, folder),
        valid=_absolute("data.valid", spec.data.valid, folder) if spec.data.valid else None,
    )
    train = spec.train
    if train.template and train.template != "chatml":
        train = dataclasses.replace(train, template=_absolute("train.template", train.template, folder))
    name = spec.name or default_name(spec)
    model = spec.model
    # A path is kept absolute; "org/name" is a hub id unless such a folder stands beside the spec.
    if model.startswith((".", "~", "/")) or os.path.isdir(folder / model):
        model = _absolute("model", model, folder)
    return dataclasses.replace(spec, name=name, model=model, data=data, train=train, options=options)


def _absolute(key: str, path: str, folder: Path) -> str:
    try:
        return str((folder / Path(path).expanduser()).resolve())
    except (OSError, RuntimeError) as error:  # a user who isn't there, links in a circle
        raise SpecError(key, f"expected a path, got {path!r}: {error}") from error


def default_name(spec: JobSpec) -> str:
    """A name where none was given: the training file's."""
    return Path(spec.data.train).name.split(".")[0] or "job"


def parse_toml(text: str) -> dict[str, Any]:
    """A TOML document.

    Raises:
        tomllib.TOMLDecodeError: it is none, or is nested so deep that nobody wrote it by hand.
    """
    try:
        return tomllib.loads(text)
    except RecursionError as error:
        raise tomllib.TOMLDecodeError("nested too deep") from error


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file, with or without the mark that Windows' editors put at its beginning.

    Raises:
        OSError, UnicodeDecodeError: it can't be read.
        tomllib.TOMLDecodeError: it is not TOML.
    """
    return parse_toml(path.read_text("utf-8-sig"))


def read_spec(path: Path, changes: dict[str, Any] | None = None) -> JobSpec:
    """A spec from a TOML file.

    Args:
        changes: dotted keys and values that replace the file's (`--set`).

    Raises:
        SpecError: the file can't be read, is not TOML (with line and column), or holds what can't be used.
    """
    try:
        values = read_toml(path)
    except FileNotFoundError as error:
        raise SpecError("", f"{path}: no such file") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SpecError("", f"{path}: can't be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SpecError("", f"{path}: not TOML: {error}") from error
    for key, value in (changes or {}).items():
        put(values, key, value)
    try:
        return parse(values, path.resolve().parent)
    except SpecError as error:
        raise SpecError("", f"{path}: {error}") from error


def put(values: dict[str, Any], key: str, value: Any) -> None:
    """Set a dotted key in nested mappings."""
    *sections, last = key.split(".")
    for section in sections:
        values = values.setdefault(section, {})
        if not isinstance(values, dict):
            raise SpecError(key, f"{section} is a value, not a section")
    values[last] = value


def literal(text: str) -> Any:
    """The value of `--set KEY=VALUE`: TOML where it is TOML, else the text itself."""
    try:
        values = parse_toml(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return values["value"] if len(values) == 1 else text  # more: the text had lines of its own


def to_dict(spec: JobSpec) -> dict[str, Any]:
    """As TOML holds it: without what was not asked for."""

    def tidy(value: Any) -> Any:
        if isinstance(value, dict):
            kept = {key: tidy(item) for key, item in value.items() if item is not None}
            return {key: item for key, item in kept.items() if item != {}}
        return value

    values = dataclasses.asdict(spec)
    options = values.pop("options")
    if options:
        values[spec.engine] = options
    return tidy(values)


def write_spec(spec: JobSpec, path: Path) -> None:
    """Write job.toml."""
    replace_bytes(path, tomli_w.dumps(to_dict(spec)).encode())

"""Rows of any form as rows of another, or as they are; in one file, or split into two.

Nothing is lost in silence: what the new form has no place for is counted and, unless the user accepts that,
refused. Input files are only read; an output appears when all of it is on the disk.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

from ...engine import EngineError
from ..checking.check import Done
from ..checking.crew import examined
from ..checks.tally import Tally
from ..checks.words import key_list, shown
from ..formats.columns import Columns
from ..formats.registry import FORMATS
from ..problem import Problem
from ..read import Dataset, UnknownFormat, open_dataset
from ..sets.split import choose_valid, default_valid_rows, joined
from ..sources.source import blocks
from .rewrite import Part, Rewriter, Wishes
from .writing import Container, Draft, Spool, Unwritable, container_of, pack

Reason = Literal["losses", "exists", "data", "split", "container"]

_MOST_LOSSES = 200
"""Different ones that are counted by name: rows may have keys without end."""


class Refused(Exception):
    """A conversion that was not done; nothing was written.

    Attributes:
        reason: `losses` (the form has no place for something), `exists` (an output is there), `data` (a file
            can't be read, or no row is left), `split` (the rows can't be split so), `container` (the kind of
            file can't hold the rows).
        message: why, in one sentence.
        advice: the way out.
        losses: what would be lost, and in how many rows.
        examples: problems in the data that matter here.
    """

    def __init__(
        self,
        reason: Reason,
        message: str,
        advice: str,
        losses: Mapping[str, int] | None = None,
        examples: tuple[Problem, ...] = (),
    ) -> None:
        super().__init__(message)
        self.reason: Reason = reason
        self.message, self.advice = message, advice
        self.losses = dict(losses or {})
        self.examples = examples


@dataclass(frozen=True, slots=True)
class Held:
    """Rows that are held out, in a file of their own.

    Args:
        out: that file, of a kind of its own.
        rows: how many; or the share of all (0 to 1) in `share`; both None: see `default_valid_rows`.
        seed: the same one chooses the same rows.
        group: a key of the raw rows; rows with the same value stay on one side. Those with the same prompt,
            as they were or as they are written, and so exact duplicates, always do.
    """

    out: Path
    rows: int | None = None
    share: float | None = None
    seed: int = 42
    group: str | None = None


@dataclass(frozen=True, slots=True)
class Converted:
    """What a conversion wrote.

    Args:
        rows: in `out`.
        held_rows: in the file of held-out rows.
        left_out: rows with errors.
        losses: what was lost, in words, and in how many rows.
        unfit_rows: sound rows that can't be rows of the form at all, of which `losses` says why.
        examples: the first errors of each kind.
    """

    rows: int
    held_rows: int
    left_out: int
    losses: Mapping[str, int]
    examples: tuple[Problem, ...]
    unfit_rows: int = 0


def convert(
    paths: Sequence[Path],
    out: Path,
    to: str | None,
    *,
    lossy: bool = False,
    format: str | None = None,
    columns: Columns | None = None,
    held: Held | None = None,
    overwrite: bool = False,
    progress: Callable[[Done], None] | None = None,
) -> Converted:
    """Writes the rows of files as rows of a form.

    Args:
        paths: of any kind and form that `check` reads; their rows follow each other.
        out: its suffix says the kind of file (see `container_of`).
        to: the form; None leaves every row as it stands, with all its keys. A row that has the form already
            stays as it stands too.
        lossy: write also what loses something.
        format: the files' form, where it should not be detected.
        columns: a known form's keys under the files' own names.
        held: splits the rows; None writes all to `out`.
        overwrite: replace outputs that exist.
        progress: called now and then while a file is read.

    Raises:
        Refused: see there; nothing was written.
        UnknownFormat: a form that does not exist is named.
        EngineError: the paths or the split are not what can be asked for, or a package is missing.
        OSError: an output can't be written; nothing is left of it.
    """
    if to is not None and to not in FORMATS:
        raise UnknownFormat(f"There is no form named {to}. Known forms: {', '.join(FORMATS)}.")
    outputs = [out] if held is None else [out, held.out]
    containers = [container_of(path) for path in outputs]
    _check_places(paths, outputs, overwrite)
    _check_split(held)
    datasets = [open_dataset(path, format, columns) for path in paths]
    if to is None:
        _check_forms(datasets)
    with ExitStack() as stack:
        spool = stack.enter_context(Spool(_folder_of(out)))
        wishes = Wishes(
            FORMATS[to] if to else None,
            lossy,
            any(container.kind == "table" for container in containers),
            held is not None,
            held.group if held is not None else None,
        )
        taken = _Taken(spool, wishes, held)
        for dataset in datasets:
            taken.take(dataset, progress)
        chosen = taken.chosen()
        drafts = [stack.enter_context(Draft(path, overwrite)) for path in outputs]
        for draft, container, inside in zip(drafts, containers, (False, True), strict=False):
            _write(spool, chosen, inside, container, draft)
        _land(drafts)
    return dataclasses.replace(
        taken.result(), rows=spool.rows - len(chosen), held_rows=len(chosen) if held else 0
    )


def _check_places(paths: Sequence[Path], outputs: Sequence[Path], overwrite: bool) -> None:
    if not paths:
        raise EngineError("usage", "there is nothing to convert", "give at least one file")
    if len({_real(path) for path in outputs}) < len(outputs):
        raise EngineError("usage", f"{outputs[0]}: both outputs have this name", "name them differently")
    for path in outputs:
        if any(_same(path, given) for given in paths):
            message = f"{path} is one of the files that are read"
            raise EngineError("usage", message, "input files are never written to: give another name")
        if path.is_dir():
            raise EngineError("usage", f"{path} is a folder", "give the name of a file in it")
        folder = _folder_of(path)
        if not folder.is_dir():
            raise EngineError("files", f"{path}: there is no folder {folder}", f"mkdir -p {folder}")
        if path.exists() and not overwrite:
            raise Refused("exists", f"{path} exists already", "--force replaces it")


def _same(path: Path, other: Path) -> bool:
    try:
        return os.path.samefile(path, other)
    except OSError:
        return _real(path) == _real(other)


def _real(path: Path) -> str:
    return os.path.realpath(path)


def _folder_of(path: Path) -> Path:
    return Path(_real(path)).parent


def _check_split(held: Held | None) -> None:
    if held is None:
        return
    if held.rows is not None and held.share is not None:
        raise EngineError("usage", "a number and a share of rows are both given", "keep one of them")
    if held.rows is not None and held.rows < 1:
        raise EngineError("usage", f"{held.rows} rows can't be held out", "give at least 1")
    if held.share is not None and not 0 < held.share < 1:
        raise EngineError("usage", f"a share of {held.share:g} can't be held out", "give one between 0 and 1")


def _check_forms(datasets: Sequence[Dataset]) -> None:
    forms = {dataset.format.name: dataset.path for dataset in datasets if dataset.format is not None}
    if len(forms) > 1:
        (first, path), (second, other), *_ = forms.items()
        message = f"{path} is {first}, {other} is {second}: as they stand they make no one file"
        raise EngineError("usage", message, "name the form that both get, with --to")


@dataclass
class _Taken:
    """The rows that were read, and what was met on the way.

    Args:
        spool: where they lie, in the form that they get.
    """

    spool: Spool
    wishes: Wishes
    held: Held | None
    met: Part = field(default_factory=lambda: Part(Tally()))

    def take(self, dataset: Dataset, progress: Callable[[Done], None] | None) -> None:
        """Reads a file to its end.

        Raises:
            Refused: the file can't be read, or a row can't be held by the kind of file.
        """
        size = _size_of(dataset.path)
        rewriter = partial(Rewriter, dataset, self.wishes)
        shared = size if dataset.kind is not None else 0  # else the first usable row says it to the others
        with contextlib.closing(examined(blocks(dataset.path), rewriter, shared)) as parts:
            for block, part in parts:
                self._merge(part)
                if progress is not None:
                    progress(Done(dataset.path, block.end, size, self.met.rows))

    def _merge(self, part: Part) -> None:
        if (broken := part.broken) is not None:
            raise Refused("data", f"{broken.where}: {broken.message}", broken.fix, examples=(broken,))
        if not part.cells and self.wishes.form is not None:
            raise Refused(
                "container",
                f"rows of the form {self.wishes.form.name} have turns, which a table has no cells for",
                "write .jsonl, .json or .parquet; or choose a form of texts, such as question-answer",
            )
        met = self.met
        met.tally.merge(part.tally)
        met.rows += part.rows
        met.left_out += part.left_out
        met.unfit += part.unfit
        for loss, count in part.losses.items():
            known = loss in met.losses or len(met.losses) < _MOST_LOSSES
            met.losses[loss if known else "other keys"] += count
        if met.losses and not self.wishes.lossy:
            return  # it will be refused
        self.spool.add(part.lines, part.kept)
        met.prompts.extend(part.prompts)
        met.written_prompts.extend(part.written_prompts)
        met.groups.extend(part.groups)
        met.keys.update(part.keys)

    def chosen(self) -> frozenset[int]:
        """The rows to hold out, when all were read.

        Raises:
            Refused: something would be lost, no row is left, or the rows can't be split so.
        """
        examples = self.met.tally.problems
        if self.met.losses and not self.wishes.lossy:
            name = self.wishes.form.name if self.wishes.form else ""
            other = "" if name == "messages" else "; or choose a form that has the place, such as messages"
            if all(loss.startswith("the key ") for loss in self.met.losses):  # no form has a place for those
                other = "; leave --to away to keep all keys"
            raise Refused(
                "losses",
                f"{name} has no place for {_listed(self.met.losses)}",
                f"--lossy leaves that out{other}",
                self.met.losses,
                examples,
            )
        if not self.spool.rows:
            if self.met.unfit and self.wishes.form is not None:
                message = f"no row can be of the form {self.wishes.form.name}"
                advice = f"what was met is {_listed(self.met.losses)}; choose another form"
                raise Refused("data", message, advice, self.met.losses, examples)
            reason = examples[0] if examples else "there are none"
            raise Refused("data", f"no row is left: {reason}", "finetui check FILE shows all", None, examples)
        return self._split(self.held) if self.held is not None else frozenset()

    def _split(self, held: Held) -> frozenset[int]:
        rows = self.spool.rows
        wanted = held.rows
        if wanted is None:
            wanted = default_valid_rows(rows) if held.share is None else max(1, round(rows * held.share))
        if not 0 < wanted < rows:
            message = f"{wanted:,} of {rows:,} rows can't be held out"
            raise Refused("split", message, "ask for fewer, but at least one")
        keys: Sequence[int] = self.met.prompts
        if self.wishes.form is not None and self.met.written_prompts != self.met.prompts:
            keys = joined(keys, self.met.written_prompts)
        if held.group is not None:
            if all(group == prompt for group, prompt in zip(self.met.groups, self.met.prompts, strict=True)):
                advice = f"their keys are {key_list(list(self.met.keys))}"
                raise Refused("split", f"no row has the key {shown(held.group)} to group by", advice)
            keys = joined(keys, self.met.groups)
        chosen = choose_valid(keys, wanted, held.seed)
        if not chosen:
            what = "prompt or group" if held.group is not None else "prompt"
            raise Refused(
                "split",
                f"the rows can't be split: all have the same {what}",
                "rows that belong together stay on one side: give more rows, or another key to group by",
            )
        return chosen

    def result(self) -> Converted:
        """What was met, without the numbers of rows that were written."""
        met = self.met
        return Converted(0, 0, met.left_out, dict(met.losses), met.tally.problems, met.unfit)


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _listed(losses: Counter[str]) -> str:
    named = [f"{loss} ({count:,} row{'s' if count > 1 else ''})" for loss, count in losses.most_common(8)]
    more = len(losses) - len(named)
    return ", ".join(named) + (f" and {more:,} more" if more > 0 else "")


def _write(spool: Spool, chosen: frozenset[int], inside: bool, container: Container, draft: Draft) -> None:
    try:
        pack(lambda: spool.lines(chosen, inside), container, draft.file)
    except Unwritable as error:
        raise Refused("container", f"{draft.path}: {error}", ".jsonl holds any rows") from error
    draft.settle()


def _land(drafts: Sequence[Draft]) -> None:
    """Names the files; when one can't be named, none is."""
    landed: list[Draft] = []
    try:
        for draft in drafts:
            draft.land()
            landed.append(draft)
    except BaseException as error:
        for draft in landed:
            draft.withdraw()
        if isinstance(error, FileExistsError):
            raise Refused("exists", f"{error.filename} exists already", "--force replaces it") from error
        raise

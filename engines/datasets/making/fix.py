"""A dataset file mended into a new one: what needs no guess is put right, what can't be is left out.

A row that needs nothing keeps its bytes. The source is never touched, and the new file appears whole or not
at all.
"""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, NoReturn

from ...engine import EngineError
from ..checking.check import Done
from ..checks.table import found
from ..checks.tally import Tally
from ..formats.columns import Columns
from ..formats.form import Body
from ..problem import Problem
from ..read import Dataset, Record, counts_as_row, open_dataset
from ..sets.met import Met
from ..sources.fault import FileFault
from ..sources.layout import BOM as BOM_BYTES
from ..sources.layout import layout_of
from ..sources.lines import line_value
from ..sources.packing import BROKEN_ARCHIVE, opened
from ..sources.source import blocks
from ..targets.registry import target_named
from ..targets.target import FileFacts, Target
from .mend_json import COMMAS, mend_line, without_commas
from .mend_row import mend_row
from .mend_target import mend_for_target
from .writing import Container, Draft, container_of, pack

BOM = "byte order mark removed"
BOM_ADDED = "byte order mark added"
BLANK_LINES = "blank lines removed"
LINE_ENDS = "line ends made uniform"
DUPLICATES = "duplicates removed"


@dataclass(frozen=True, slots=True)
class Fixed:
    """What was done.

    Args:
        rows: how many the new file has.
        changes: what was done, in words, and how often (rows, lines or files).
        left_out: rows that can't be mended, beside the duplicates.
        examples: why rows were left out, with their lines in the source: a few of each reason.
    """

    rows: int
    changes: Mapping[str, int]
    left_out: int
    examples: tuple[Problem, ...]


def fix(
    path: Path,
    out: Path,
    *,
    format: str | None = None,
    columns: Columns | None = None,
    target: str | None = None,
    overwrite: bool = False,
    progress: Callable[[Done], None] | None = None,
) -> Fixed:
    """Mends a dataset file into a new one.

    Args:
        path: of any kind that `check` reads.
        out: what is written: lines of JSON, or a list where the source is a document and this is named
            `.json`; packed where it is named `.gz` or `.zst`.
        format: the form of the rows, where the user knows better than the detection.
        columns: a known form's keys under the file's own names; the new file has the same names.
        target: whose spelling of roles and tool calls is wanted (a name of `TARGETS`).
        overwrite: replace a file that is there.
        progress: called now and then.

    Raises:
        EngineError: nothing can be mended or written, and nothing was written.
        UnknownFormat: a form is named that does not exist.
        UnknownTarget: likewise of a target.
    """
    _refuse_place(path, out, overwrite)
    packing = container_of(out, ("lines", "list")).packing
    mender = _Mender(open_dataset(path, format, columns), columns, target_named(target) if target else None)
    container = Container("list" if out_is_list(path, out) else "lines", "", packing)

    def lines() -> Iterator[bytes]:
        for end, row in mender.rows():
            if row is not None:
                yield row
            elif progress is not None:
                progress(Done(path, end, path.stat().st_size, mender.written))

    try:
        with Draft(out, overwrite) as draft:
            pack(lines, container, draft.file, BOM_BYTES if mender.wants_bom else b"")
            if not mender.written:
                first = next(iter(mender.tally.problems), None)
                why = f": {first}" if first else ""
                raise EngineError("no-rows", f"{path}: no row can be kept{why}", "`finetui check` says more")
            draft.settle()
            draft.land()
    except FileExistsError:  # it came while this was at work
        raise EngineError("exists", f"{out} exists", "name another file") from None
    except OSError as fault:
        reason = (fault.strerror or str(fault)).lower()
        raise EngineError("unwritable", f"{out}: {reason}", "choose another place") from None
    return Fixed(mender.written, dict(mender.changes), mender.left_out, mender.tally.problems)


def out_is_list(path: Path, out: Path) -> bool:
    """Whether a new file holds one list: its name wants it, and the source holds no lines."""
    return ".json" in out.suffixes[-2:] and _kind_of(path) == "document"


def _refuse_place(path: Path, out: Path, overwrite: bool) -> None:
    """Refuses a place where nothing can be written.

    Raises:
        EngineError: it is the source, a folder, or there already.
    """
    with contextlib.suppress(OSError):
        if out.exists() and out.samefile(path):
            raise EngineError("usage", f"{out} is the source", "name another file")
    if out.is_dir():
        raise EngineError("usage", f"{out} is a folder", "name a file in it")
    if out.exists() and not overwrite:
        raise EngineError("exists", f"{out} exists", "name another file, or say that it may be replaced")


class _Mender:
    """The rows of one file, mended."""

    def __init__(self, dataset: Dataset, columns: Columns | None, target: Target | None) -> None:
        self._dataset, self._columns, self._target = dataset, columns, target
        self._name = str(dataset.path)
        self._tools = (columns or {}).get("tools", "tools")
        self._met = Met()
        self.wants_bom = target is not None and _wants_bom(dataset, target)
        self._has_bom = False
        self.changes: Counter[str] = Counter()
        self.tally = Tally()
        self.left_out = 0
        self.written = 0

    def rows(self) -> Iterator[tuple[int, bytes | None]]:
        """Rows as they are written, without line breaks; after each block the place in the file and None."""
        yield from self._rows()
        if self._has_bom != self.wants_bom:
            self.changes[BOM if self._has_bom else BOM_ADDED] = 1
        self.changes = +self.changes

    def _rows(self) -> Iterator[tuple[int, bytes | None]]:
        if _kind_of(self._dataset.path) != "lines":
            yield from self._of_values()
            return
        for block in blocks(self._dataset.path):
            self._of_file(block.problems)
            if block.lines:
                lines = block.lines.split(b"\n")
                self.changes[LINE_ENDS] += bool(lines[-1])
                for content, line in zip(lines, block.places, strict=False):
                    for row in self._line(content, line):
                        yield block.end, row
            yield block.end, None

    def _of_values(self) -> Iterator[tuple[int, bytes | None]]:
        given = 0
        for block in blocks(self._dataset.path):
            broken = next((problem for problem in block.problems if problem.id == "broken-document"), None)
            self._of_file(() if broken else block.problems)
            lines = block.lines.split(b"\n") if block.lines else []
            for content, line in zip(lines, block.places, strict=False):
                given += 1
                for row in self._value(line_value(content, line, self._name).value, line, None):
                    yield block.end, row
            if broken is not None:
                for value in self._mended_document(broken)[given:]:
                    for row in self._value(value, broken.line or 1, None):
                        yield block.end, row
            yield block.end, None

    def _mended_document(self, broken: Problem) -> list[Any]:
        """All rows of a document whose only faults are commas too many."""
        with opened(self._dataset.path) as file:
            text = without_commas(file.stream.read().removeprefix(BOM_BYTES).decode("utf-8"))
        try:
            rows = json.loads(text, parse_constant=_refuse_constant)
        except (ValueError, RecursionError):
            rows = None
        if not isinstance(rows, list):
            raise _refusal(broken)
        self.changes[COMMAS] += 1
        return rows

    def _of_file(self, problems: tuple[Problem, ...]) -> None:
        for problem in problems:
            if counts_as_row(problem):
                self._leave_out(problem)
            elif problem.severity == "error":
                raise _refusal(problem)
            elif problem.id == "bom":
                self._has_bom = True

    def _line(self, content: bytes, line: int) -> Iterator[bytes]:
        if line == 1:
            content = content.removeprefix(BOM_BYTES)
        if content.endswith(b"\r"):
            content = content.rstrip(b"\r")
            self.changes[LINE_ENDS] += 1
        raw = line_value(content, line, self._name)
        if raw.problem is None:
            yield from self._value(raw.value, line, content)
        elif raw.problem.id == "blank-line":
            self.changes[BLANK_LINES] += 1
        elif (mended := mend_line(content)) is not None:
            self.changes.update(sorted(mended[1]))
            for value in mended[0]:
                yield from self._value(value, line, None)
        else:
            self._leave_out(raw.problem)

    def _value(self, value: Any, line: int, content: bytes | None) -> Iterator[bytes]:
        """A row's bytes, perhaps none; `content` are those that it has in the source."""
        record = self._dataset.record(value, line)
        done: set[str] = set()
        if isinstance(value, dict):
            # What can be mended is found by the checks, but for tools in a text, which is as good to read.
            if record.problems or isinstance(value.get(self._tools), str):
                with contextlib.suppress(RecursionError):
                    value, done = mend_row(value, self._columns)
            if done:
                record = self._dataset.record(value, line)
            if self._target is not None and record.row is not None:
                value, record, more = self._for_target(value, record, line, self._target)
                done |= more
        if record.row is None:
            first = next((problem for problem in record.problems if problem.severity == "error"), None)
            self._leave_out(first or found("unknown-format", self._name, line, keys="", known="", names=""))
            return
        same = content is not None and not done
        row = content if same and content is not None else _in_json(value)
        if row is None:
            reason, fix = "a number is too large to be written again", "Write it as a text."
            self._leave_out(found("broken-json", self._name, line, reason=reason, fix=fix))
            return
        if self._met.before(_key_of(value, row)):
            self.changes[DUPLICATES] += 1
            return
        self.changes.update(sorted(done))
        self.written += 1
        yield row

    def _for_target(
        self, value: dict[str, Any], record: Record, line: int, target: Target
    ) -> tuple[dict[str, Any], Record, set[str]]:
        """The row as a target takes it, where another way to write it is all that it takes."""
        assert record.row is not None
        assert self._dataset.format is not None

        def read(other: dict[str, Any]) -> Body | None:
            row = self._dataset.record(other, line).row
            return row.body if row is not None else None

        mended, done, refused = mend_for_target(value, record.row.body, self._dataset.format, target, read)
        if refused:
            problems = tuple(found(fault.check, self._name, line, **fault.values) for fault in refused)
            return value, Record(line, None, problems), done
        return mended, self._dataset.record(mended, line) if done else record, done

    def _leave_out(self, problem: Problem) -> None:
        self.left_out += 1
        self.tally.add(problem)


def _wants_bom(dataset: Dataset, target: Target) -> bool:
    """Whether a target takes files with a byte order mark only.

    Raises:
        EngineError: it takes no rows of this form, so that none could be mended.
    """
    if not dataset.path.is_file():
        return False
    form = dataset.format.name if dataset.format else None
    said = {p.id: p for p in target.check_file(FileFacts(dataset.path, 1, form, 1, 1, bom=False))}
    if "target-form" in said:
        raise _refusal(said["target-form"])
    if form is not None and dataset.columns and target.turn_keys is not None:
        raise EngineError(
            "target-form",
            f"{dataset.path}: {target.title} takes no columns under other names than its own",
            f"convert it: `finetui convert IN OUT --columns … --to {target.writes or form}`",
        )
    return "missing-bom" in said


def _kind_of(path: Path) -> str | None:
    try:
        return layout_of(path).kind
    except (FileFault, OSError, *BROKEN_ARCHIVE):
        return None  # `blocks` says what is wrong


def _in_json(value: Any) -> bytes | None:
    """A row written anew; None where a number (1e999) was read as infinite, which JSON has not."""
    try:
        try:
            return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
        except UnicodeEncodeError:  # half a character in a key that no form uses
            return json.dumps(value, allow_nan=False).encode()
    except ValueError:
        return None


def _key_of(value: Any, row: bytes) -> int:
    """The key of all that a row holds, also of what no form uses: only rows that are equal in it are one.

    Args:
        row: its bytes, which stand for it where it is nested too deeply.
    """
    try:
        content = json.dumps(value, sort_keys=True).encode()
    except RecursionError:
        content = row
    return int.from_bytes(blake2b(content, digest_size=8).digest(), "big")


def _refuse_constant(constant: str) -> NoReturn:
    raise ValueError(constant)


def _refusal(problem: Problem) -> EngineError:
    place = f"{problem.where}: " if problem.where else ""
    return EngineError(problem.id, f"{place}{problem.message}", problem.fix)

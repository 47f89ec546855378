"""The lines of a dataset's row with what is wrong with it, and what stands there where there is no row."""

from __future__ import annotations

import dataclasses
import json
import re
from bisect import bisect_left
from collections.abc import Iterator
from pathlib import Path

from textual.content import Content

from ...engines.datasets.kept.checked import Checked
from ...engines.datasets.problem import Problem
from ...engines.datasets.tokens.preview import Rendered
from ...engines.datasets.viewing.rows import NumberedRow, Rows
from ...engines.datasets.viewing.search import places_of
from ...engines.text import clean, one_line
from .row import Line, of_problems, of_raw, of_row, of_tokens


def of(row: NumberedRow, rendered: Rendered | None, rows: Rows, checked: Checked | None) -> list[Line]:
    """A row as a model will see it, as far as that is known, below all that is wrong with it."""
    problems = list(row.problems)
    if checked is not None:
        # Those that only a look at the whole file shows: a duplicate, a row of another form.
        said = {problem.id for problem in problems}
        problems += [one for one in checked.problems if one.line == row.line and one.id not in said]
        problems += _only_placed(row.line, checked, {problem.id for problem in problems})
    if row.number == len(rows) - 1:
        problems += rows.problems  # after which nothing could be read
    problems.sort(key=lambda problem: ("error", "warning", "note").index(problem.severity))
    lines = of_problems(dict.fromkeys(problems), row.line)
    if rows.format is None:
        # The way that is taken right here comes before those that are taken elsewhere.
        lines.insert(1, Line(Content("→ M says which of its keys is the question, the answer, a text.")))
    if rendered is not None and rendered.error:
        lines.append(Line(Content.styled(f"✗ {clean(rendered.error)}", "$error")))
    if lines:
        lines.append(Line(Content("")))
    if row.row is None:
        return lines + of_raw(row)
    if rendered is not None and rendered.tokens:
        return lines + of_tokens(rendered.tokens)
    return lines + of_row(row.row)


def _only_placed(line: int, checked: Checked, said: set[str]) -> Iterator[Problem]:
    """Problems of a row of which only the place was kept: those of their kind are too many."""
    for check, lines in checked.places.items():
        place = bisect_left(lines, line)
        if check in said or place == len(lines) or lines[place] != line:
            continue
        example = next(one for one in checked.problems if one.id == check)
        message = f"As on line {example.line or 1:,}: {example.message}"
        yield dataclasses.replace(example, line=line, column=None, message=message)


def unreadable(path: Path, problem: str, *, listed: bool) -> list[Line]:
    """A file that can't be read.

    Args:
        listed: whether it can be taken off the list.
    """
    lines = [
        Line(Content.styled(f"✗ {clean(str(path))}", "$error")),
        Line(Content.styled(f"  {clean(problem)}", "")),
    ]
    return [*lines, Line(Content("→ X takes it off the list."))] if listed else lines


def with_places(lines: list[Line], row: NumberedRow, pattern: re.Pattern[str]) -> list[Line]:
    """Lines with what was searched marked; where that stands in none of them, with the keys that have it."""
    if any(line.found for line in lines):
        return lines
    try:
        value = json.loads(row.raw)
    except (ValueError, RecursionError):
        return lines
    keys = [one_line(place, 60) for place, _ in zip(places_of(value, pattern), range(4), strict=False)]
    if not keys:
        return lines
    said = Content.styled(f"/ found in {', '.join(sorted(keys))}, which is not shown", "$quiet")
    return [Line(said), Line(Content("")), *lines]

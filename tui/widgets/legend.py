"""The line over a chart: which curve is whose and how it ends, or what it says at the cursor.

Numbers keep their place while they change: only their own cells are sent anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING

from textual.content import Content

from .curve import Curve, JobLines, Picture
from .ticks import number

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LABEL = "$quiet"
BEST = "$success"
NUMBER_CELLS = 5
"""Of a number's place: 2.31, 0.881 and 12.3k fit."""
LEAST_NAME, LONG_NAME, SHORT_NAME, MOST_NAME = 4, 8, 12, 24
"""Cells of a job's name at least, where there are both losses at least, before other words are cut at least,
and at most."""


def legend(picture: Picture, log_scale: bool, width: int) -> Content:
    """Each curve's sign, name and last value, as much as fits into a width."""
    ends = [[None if not len(curve) else float(curve.values[-1]) for curve in job.curves]
            for job in picture.jobs]  # fmt: skip
    return _fit(_lines(picture, ends, [], log_scale), width)


def values_at(picture: Picture, step: int, x: float, slack: float, log_scale: bool, width: int) -> Content:
    """What each curve says at a place, as much as fits.

    Args:
        step, x: the place, on the selected job's steps and on the axis.
        slack: how far beyond its ends a curve still counts, on the axis.
    """
    values = []
    for job in picture.jobs:
        known = next((curve for curve in job.curves if len(curve)), None)
        inside = known is not None and known.x[0] - slack <= x <= known.x[-1] + slack
        values.append([_nearest(curve, x) if inside else None for curve in job.curves])
    return _fit(_lines(picture, values, list(picture.describe(step)), log_scale), width)


def _nearest(curve: Curve, x: float) -> float | None:
    return None if not len(curve) else float(curve.values[nearest(curve.x, x)])


def nearest(places: NDArray[np.float64], x: float) -> int:
    """The index of the place that is nearest to x; of places that don't decrease, at least one."""
    right = min(int(places.searchsorted(x)), len(places) - 1)
    return right - 1 if right and x - places[right - 1] <= places[right] - x else right


def _lines(
    picture: Picture, values: Sequence[Sequence[float | None]], where: Sequence[str], log_scale: bool
) -> Iterator[Content]:
    """The same ever shorter."""
    best = ("★ best " + picture.best[1], "★ " + picture.best[1], "") if picture.best else ("",)
    scales = ("log scale", "log") if log_scale else ("",)
    if len(picture.jobs) == 1:
        job = picture.jobs[0]
        named = [_part(_sign(curve), curve.name, value, curve.style)
                 for curve, value in zip(job.curves, values[0], strict=True) if len(curve)]  # fmt: skip
        bare = [_part(_sign(curve), "", value, curve.style)
                for curve, value in zip(job.curves, values[0], strict=True) if len(curve)]  # fmt: skip
        bodies, last = [named, bare], bare
    else:
        longest = max(min(len(job.name), MOST_NAME) for job in picture.jobs)
        bodies = [
            _jobs(picture.jobs, values, room, pair)
            for pair, least in ((True, LONG_NAME), (False, LEAST_NAME))
            for room in range(longest, min(least, longest) - 1, -1)
        ]
        bodies.append(_jobs(picture.jobs, values, 0, False))
        last = [Content.styled(job.letter or "─", job.train.style) for job in picture.jobs]
        if not where:
            # Names get shorter before anything else does.
            for room in range(longest, min(SHORT_NAME, longest) - 1, -1):
                body = _jobs(picture.jobs, values, room, True)
                yield from _spaced([*body, *_extra(best[0], scales[0])])
    for body in bodies:
        for said in range(len(where), min(len(where), 1) - 1, -1):
            start = [Content.styled(" · ".join(where[:said]), "bold")] if said else []
            for star in best if not where else ("",):
                for scale in scales:
                    yield from _spaced([*start, *body, *_extra(star, scale)])
    # What is at the cursor without where it is, and at last only whose curves there are.
    yield from _spaced(bodies[-1])
    yield from _spaced(last)


def _extra(star: str, scale: str) -> list[Content]:
    said = [Content.styled(star, BEST)] if star else []
    return [*said, Content.styled(scale, LABEL)] if scale else said


def _spaced(parts: Sequence[Content]) -> Iterator[Content]:
    for gap in (3, 2, 1):
        yield Content(" " * gap).join(parts)


def _fit(lines: Iterator[Content], width: int) -> Content:
    line = Content("")
    for line in lines:
        # The last number's empty cells may be lacking.
        if line.rstrip().cell_length < width:
            break
    return Content(" ") + line.rstrip()


def _jobs(
    jobs: Sequence[JobLines], values: Sequence[Sequence[float | None]], room: int, pair: bool
) -> list[Content]:
    parts = []
    names = shortened([job.name for job in jobs], room)
    for job, name, (train, held_out) in zip(jobs, names, values, strict=True):
        part = _part(job.letter or "─", name, train, job.train.style)
        if pair and len(job.eval) and (train is not None or held_out is not None):
            sign = job.letter or job.eval.mark or "·"
            part += Content.assemble(" ", (sign, job.eval.style), " ", _number(held_out))
        parts.append(part)
    return parts


def shortened(names: Sequence[str], room: int) -> list[str]:
    """Names in so many cells each: without their ends; where these tell them apart, without their middles or
    the beginning that they share."""
    if not room:
        return [""] * len(names)
    shared = sum(1 for _ in takewhile(lambda same: len(set(same)) == 1, zip(*names, strict=False)))
    head = room // 3
    ways: tuple[Callable[[str], str], ...] = (
        lambda name: name[: room - 1] + "…",
        lambda name: name[:head] + "…" + name[len(name) - (room - head - 1) :],
        lambda name: "…" + name[shared:][: room - 1],
    )
    cut = [[name if len(name) <= room else way(name) for name in names] for way in ways]
    return max(cut, key=lambda one: len(set(one)))  # of equals the first


def _sign(curve: Curve) -> str:
    return curve.mark or "─"


def _part(sign: str, name: str, value: float | None, style: str) -> Content:
    label = f"{sign} {name} " if name else f"{sign} "
    return Content.assemble((label, style), _number(value))


def _number(value: float | None) -> str:
    if value is None or not math.isfinite(value):
        text = "–" if value is None else "not finite"
    else:
        # A third digit less where it would take another cell: losses go to and fro at 0.1.
        text = f"{value:.3f}" if 0.01 <= abs(value) < 0.1 else number(value)
    return text.ljust(NUMBER_CELLS)

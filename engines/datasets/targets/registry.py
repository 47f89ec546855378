"""All targets by name."""

from __future__ import annotations

from collections.abc import Mapping

from .target import Target

TARGETS: Mapping[str, Target] = {}


class UnknownTarget(ValueError):
    """A target was named that does not exist."""


def target_named(name: str) -> Target:
    """The target of a name.

    Raises:
        UnknownTarget: there is none.
    """
    if name not in TARGETS:
        raise UnknownTarget(f"There is no target named {name}. Known are: {', '.join(TARGETS)}.")
    return TARGETS[name]

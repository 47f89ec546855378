"""All targets by name."""

from __future__ import annotations

from collections.abc import Mapping

from .azure import AZURE
from .bedrock import BEDROCK
from .local import LOCAL
from .openai import OPENAI
from .target import Target

TARGETS: Mapping[str, Target] = {target.name: target for target in (LOCAL, OPENAI, AZURE, BEDROCK)}


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

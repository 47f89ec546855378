"""Keys and tokens: a type that does not show what it holds, and an environment without them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NoReturn


class Secret:
    """A secret string. Printing, formatting and a crash screen's locals show dots; `reveal()` gives it."""

    __slots__ = ("_reveal",)

    def __init__(self, value: str) -> None:
        # Held in a closure: tools that print an object's attributes (a crash screen's locals among
        # them) see a function here and not the string.
        self._reveal = lambda: value

    def reveal(self) -> str:
        """The string itself, for the one call that needs it."""
        return self._reveal()

    def __repr__(self) -> str:
        return "Secret(•••)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self.reveal() == other.reveal()

    def __hash__(self) -> int:
        return hash(self.reveal())

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self  # dataclasses.asdict and replace copy what a settings object holds

    def __reduce__(self) -> NoReturn:
        raise TypeError("a Secret is not written anywhere")


_NAMES = re.compile(
    r"API_?KEY|(^|_)KEY$|ACCESS_KEY|SECRET|PASSWORD|PASSWD|_PWD$|_PAT$|TOKEN(?!IZ)|CREDENTIAL|CONNECTION_STRING",
    re.IGNORECASE,
)


def without_secrets(environment: Mapping[str, str], keep: frozenset[str] = frozenset()) -> dict[str, str]:
    """A copy of an environment for a process that needs no keys.

    Args:
        environment: usually `os.environ`.
        keep: names that stay all the same (a download needs HF_TOKEN).
    """
    return {name: value for name, value in environment.items() if name in keep or not _NAMES.search(name)}

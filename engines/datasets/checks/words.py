"""Foreign values as they may stand in a message."""

from __future__ import annotations

import json

from .private import masked


def shown(value: object, length: int = 60) -> str:
    """A foreign value as it may stand in a message: as JSON, short, printable, without half characters and
    without keys and passwords."""
    try:
        # A key with line breaks is known before they are escaped.
        text = json.dumps(masked(value) if isinstance(value, str) else value, ensure_ascii=False)
    except (TypeError, ValueError, RecursionError):
        text = type(value).__name__
    text = masked(text)
    if len(text) > length:
        text = text[: length - 1] + "…"
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def type_name(value: object) -> str:
    """What JSON calls a value's type, with its article."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
        case _:
            return "an object"


def key_list(keys: object) -> str:
    """Keys as they may stand in a message: at most eight, quoted."""
    names = [shown(key, 30) for key in list(keys)[:9]] if isinstance(keys, (dict, list, tuple)) else []
    if len(names) > 8:
        names[8:] = ["…"]
    return ", ".join(names) if names else "none"

"""What a command line that can't be read is called: the word at fault, and the way out."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import cyclopts


def describe(error: cyclopts.CycloptsError, commands: Sequence[str]) -> dict[str, Any]:
    """A mistake on the command line, in the words of its user.

    Args:
        commands: those that exist, for a guess at what was meant.

    Returns:
        `{"reason", "message", "advice"}`.
    """
    chain = " ".join(error.command_chain or ())
    advice = f"`finetui {chain} --help` shows how" if chain else "`finetui --help` lists the commands"
    unused = error.unused_tokens or []
    argument = error.argument
    first = (error.root_input_tokens or unused or [""])[0]
    match error:
        case _ if not chain and first and not first.startswith("-"):
            near = difflib.get_close_matches(first, commands, n=1)
            message = f"there is no command {first!r}" + (f"; did you mean {near[0]}?" if near else "")
        case cyclopts.MissingArgumentError() if argument is not None and error.keyword:
            message = f"{chain}: {error.keyword} needs a value"
        case cyclopts.MissingArgumentError() if argument is not None:
            # What stands in its place is known by its place, everything else by its option.
            name = argument.name if argument.index is None else argument.field_info.name.upper()
            message = f"{chain}: {name} is missing"
        case cyclopts.UnusedCliTokensError() if unused:
            message = f"{chain}: nothing is expected at {unused[0]!r}"
            advice = f"put quotes around a text of several words; {advice}"
        case _:
            error.verbose = False
            message = " ".join(str(error).split()).removesuffix(".")
            message = message[:1].lower() + message[1:]
    return {"reason": "usage", "message": message, "advice": advice}

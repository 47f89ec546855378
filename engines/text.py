"""Foreign text made safe: logs, answers, rows, names and errors pass here before a terminal sees them."""

from __future__ import annotations

import re
import unicodedata

# Whole escape sequences go, not only their first byte: "\x1b[31mred" becomes "red", not "[31mred".
# ECMA-48: CSI (7-bit and C1), OSC/DCS/SOS/PM/APC up to BEL or ST, and two-byte escapes. A string that
# doesn't end takes no more than its line. The C1 forms of OSC and its like lose their first character
# only, as every control does: UTF-8 read as Latin-1 has them at each quotation mark ("â\x80\x9d"), and
# the words up to the next one would vanish.
_SEQUENCES = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]?"
    r"|\x1b[\]PX^_][^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)?"
    r"|\x1b[ -/]*[0-~]?"
)
# Explicit bidirectional controls reorder what stands around them; isolates and overrides both.
_BIDI = set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def _keeps(character: str) -> bool:
    return character in "\n\t" or (
        character not in _BIDI
        and unicodedata.category(character) not in ("Cc", "Cs", "Zl", "Zp")
        and character != "\ufeff"
    )


def clean(text: str) -> str:
    """Text that a terminal shows and nothing more.

    Args:
        text: anything, from anywhere; lone surrogates and NUL included.

    Returns:
        The text without escape sequences, control characters (newline and tab stay), bidirectional
        controls and surrogates; "\\r\\n" and a lone "\\r" become newlines. It may still hold markup
        characters: give it to a widget as plain text or `Content`, never as markup.
    """
    if text.isascii() and text.isprintable():
        return text
    text = _SEQUENCES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    return "".join(filter(_keeps, text))


def one_line(text: str, width: int | None = None) -> str:
    """`clean`, with runs of white space as one space; cut to `width` characters with an ellipsis."""
    line = " ".join(clean(text).split())
    if width is not None and len(line) > width:
        return line[: width - 1] + "…" if width > 0 else ""
    return line

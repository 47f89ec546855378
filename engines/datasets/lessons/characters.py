"""Characters that no text should have: failed conversions, controls, unseen marks. Found and mended.

What is mended has one meaning only: UTF-8 that was read as Windows-1252 and decodes without a rest; C1
controls, which are that encoding's punctuation (as the WHATWG's HTML standard reads them); marks without a
width where no script needs them. All else that is odd is only told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress

from ..checks.words import shown

_LATIN = {
    byte: bytes([byte]).decode("cp1252", "ignore") or chr(byte)  # five bytes have no character there
    for byte in range(0x80, 0xC0)
}
_BYTES = {chr(byte): byte for byte in range(0x80, 0x100)} | {char: byte for byte, char in _LATIN.items()}
_TO_BYTES = {ord(char): byte for char, byte in _BYTES.items()}
_REST = "".join(sorted({*_LATIN.values(), *map(chr, range(0x80, 0xC0))}))
_GARBLED = re.compile(f"(?:[Â-ß][{_REST}]|[à-ï][{_REST}]{{2}}|[ð-ô][{_REST}]{{3}})+")
# What may well stand right behind a letter: closing quotes, dashes, an ellipsis.
_PUNCTUATION = frozenset("€‚„…†‡ˆ‰‹‘’“”•–—˜™›«»\xa0")

_CONTROL = re.compile("\x1b\\[[0-9;?]*[ -/]*[@-~]|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")
_COLOUR = re.compile("\x1b\\[[0-9;]*m")
# An escape that was read where LaTeX's backslash was meant: "\\frac" became a form feed and "rac".
_EATEN = re.compile(
    "\x0c(?=rac\\s*{|rac\\d|orall\\b|lat\\b|box\\{)"
    "|\x08(?=eta\\b|egin\\s*{|oxed\\s*{|inom\\s*{|ar\\s*{|mod\\b|ullet\\b|ig[lrg]?\\b|f\\s*{|oldsymbol\\b)"
)
_ESCAPES = {"\x0c": "f", "\x08": "b"}
_HALF = re.compile("[\ud800-\udfff]")
# Thai, Lao, Tibetan, Burmese and Khmer write no spaces: U+200B says where a line may break.
_SPACELESS = "\u0e00-\u0fff\u1000-\u109f\u1780-\u17ff\u19e0-\u19ff\uaa60-\uaa7f"
_FLAG = "\U0001f3f4[\U000e0020-\U000e007f]+"
_HIDDEN = re.compile(
    # U+2060 between letters keeps a word on one line; U+2061 to U+2064 are invisible operators of formulas.
    f"{_FLAG}|(?<![{_SPACELESS}])\u200b(?![{_SPACELESS}])|(?<![^\\W\\d_])\u2060|\u2060(?![^\\W\\d_])"
    "|[\ufeff\U000e0000-\U000e007f]"
)
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]")


# In UTF-8: a letter that a garbled one starts with and what can follow it; C1; marks without a width; halves.
_MAY_BE_GARBLED = re.compile(
    rb"\xc3[\x82-\xb4](?:\xc2[\x80-\xbf]|\xe2[\x80\x82\x84]|\xc5[\x92\x93\xa0\xa1\xb8\xbd\xbe]|\xc6\x92|\xcb[\x86\x9c])"
)
_MAY_BE_ODD = re.compile(
    rb"\xc2[\x80-\x9f]|\xe2(?:\x80[\x8b\xaa-\xae]|\x81[\xa0-\xa9])|\xef(?:\xbb\xbf|\xbf\xbd)|\xf3\xa0[\x80\x81]|\xed[\xa0-\xbf]"
)
_ASCII = bytes(range(0x80))


def may_be_odd(text: bytes) -> bool:
    """Whether a text in UTF-8 (halves of characters included) could fail a check of `odd_characters` by what
    is not ASCII in it."""
    return _MAY_BE_ODD.search(text.translate(None, _ASCII)) is not None or (
        _MAY_BE_GARBLED.search(text) is not None
    )


def odd_characters(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """The checks that a text fails, each with the values of its message."""
    if (match := _CONTROL.search(text)) is not None and _EATEN.match(text, match.start()) is not None:
        word = re.compile("[a-z]*").match(text, match.start() + 1)
        letter = _ESCAPES[match[0]]
        yield "eaten-escape", {"command": f"\\{letter}{word[0] if word else ''}", "escape": f"\\{letter}"}
    elif match is not None and not _is_garbled(text, match.start()):
        yield "control-character", {"character": f"U+{ord(match[0][0]):04X}"}
    if text.isascii():
        return
    if "\ufffd" in text:
        yield "broken-character", {}
    for match in _GARBLED.finditer(text):
        if (right := _ungarbled(match)) != match[0]:
            yield "mojibake", {"wrong": shown(match[0]), "right": shown(right)}
            break
    if (hidden := _first_hidden(text)) is not None:
        yield "hidden-character", {"character": f"U+{ord(hidden):04X}"}


def mend_characters(text: str) -> tuple[str, set[str]]:
    """A text without what `odd_characters` finds, but for U+FFFD, which stands for what is lost.

    Returns:
        The text, and what was done in words.
    """
    done: set[str] = set()
    changed = True
    while changed:  # what one mends may uncover work for another
        changed = False
        for words, mend in _MENDS.items():
            if (mended := mend(text)) != text:
                text, changed = mended, True
                done.add(words)
    return text, done


def _first_hidden(text: str) -> str | None:
    for match in _HIDDEN.finditer(text):
        if match[0][0] != "\U0001f3f4":
            return match[0]
    match = _BIDI.search(text)
    return match[0] if match is not None and _RIGHT_TO_LEFT.search(text) is None else None


def _is_garbled(text: str, place: int) -> bool:
    """Whether a control character is a part of a garbled one."""
    return any(
        match.start() < place < match.end() and _ungarbled(match) != match[0]
        for match in _GARBLED.finditer(text)
    )


def _ungarbled(match: re.Match[str]) -> str:
    """What a run of characters was before UTF-8 was read as Windows-1252; itself where that is uncertain."""
    run = match[0]
    try:
        right = bytes(_BYTES[char] for char in run).decode("utf-8")
    except UnicodeDecodeError:
        return run
    start, end = match.span()
    around = match.string[start - 1 : start] if start else "", match.string[end : end + 1]
    return right if _certainly_garbled(run, right, *around) else run


def _certainly_garbled(run: str, right: str, before: str, after: str) -> bool:
    """Whether nobody can have meant a run: “é”…” stands in good Italian, “Ã©” nowhere."""
    if len(right) > 2 or run.startswith(("â€", "â\x80", "ï»¿", "ð")):
        return True
    rest = [char for char in run if char in _REST]
    if any("\x80" <= char <= "\x9f" for char in rest):
        return True
    if any(char not in _PUNCTUATION for char in rest) and (len(right) > 1 or run[0] in "ÂÃ" or run[0] >= "à"):
        return True
    # A letter and punctuation may well meet at the end of a word, not inside it.
    return after.isalpha() and (before.islower() or (run[0] == "Ã" and not before.isalpha()))


def _ungarble(text: str) -> str:
    while not text.isascii() and (mended := _GARBLED.sub(_ungarbled, text)) != text:
        # One certain place, and all of the text could be garbled: then all of it was.
        with suppress(UnicodeError):
            mended = text.translate(_TO_BYTES).encode("latin-1").decode("utf-8")
        text = mended
    return text


def _with_commands(text: str) -> str:
    return _EATEN.sub(lambda match: f"\\{_ESCAPES[match[0]]}", text)


def _without_controls(text: str) -> str:
    return _CONTROL.sub(lambda match: _printable(match[0]), text)


def _printable(control: str) -> str:
    if control == "\x0b" or _COLOUR.fullmatch(control):
        return control  # a line that breaks inside its paragraph; what a terminal shows in colour
    if control == "\x0c":
        return "\n"  # a page ended here
    meant = _LATIN.get(ord(control[0]), "") if len(control) == 1 else ""
    return "" if _CONTROL.match(meant) else meant


def _without_hidden(text: str) -> str:
    if text.isascii():
        return text
    text = _HIDDEN.sub(lambda match: match[0] if match[0][0] == "\U0001f3f4" else "", text)
    return text if _RIGHT_TO_LEFT.search(text) else _BIDI.sub("", text)


def _without_halves(text: str) -> str:
    return text if text.isascii() else _HALF.sub("", text)


_MENDS: Mapping[str, Callable[[str], str]] = {
    "text read in the wrong encoding set right": _ungarble,
    "LaTeX commands restored": _with_commands,
    "control characters removed": _without_controls,
    "invisible characters removed": _without_hidden,
    "halves of characters removed": _without_halves,
}

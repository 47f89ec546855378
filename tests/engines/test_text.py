"""No foreign text reaches a terminal raw, and no printable text is lost on the way."""

from __future__ import annotations

import time
import unicodedata

import pytest
from finetui.engines.text import clean, one_line
from hypothesis import given
from hypothesis import strategies as st

NASTY = {
    "colours": ("\x1b[1;31mred\x1b[0m", "red"),
    "a cursor that goes home": ("\x1b[2J\x1b[Hhello", "hello"),
    "the clipboard (OSC 52)": ("a\x1b]52;c;ZXZpbA==\x07b", "ab"),
    "a window's title": ("a\x1b]0;owned\x1b\\b", "ab"),
    "a hyperlink keeps its text": ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
    "a device control string": ("a\x1bP1$r0m\x1b\\b", "ab"),
    "a privacy message": ("a\x1b^hidden\x1b\\b", "ab"),
    "an application command (kitty's graphics)": ("a\x1b_Gf=24;AAAA\x1b\\b", "ab"),
    "a reset": ("\x1bcab", "ab"),
    "a character set": ("\x1b(0ab", "ab"),
    "C1 CSI": ("\x9b31mred", "red"),
    "a lone escape": ("ab\x1b", "ab"),
    "an escape before an escape": ("\x1b\x1b[31mab", "ab"),
    "an unfinished CSI": ("ab\x1b[31", "ab"),
    "an unfinished title ends with its line": ("a\x1b]0;title\nb", "a\nb"),
    "a title that another sequence cuts off": ("a\x1b]0;title\x1b[0mb", "ab"),
    "NUL, bell, backspace, delete": ("a\0b\x07c\x08d\x7fe", "abcde"),
    "Windows' line ends": ("a\r\nb", "a\nb"),
    "a progress bar": ("10 %\r20 %\r", "10 %\n20 %\n"),
    "tabs and newlines": ("a\tb\nc", "a\tb\nc"),
    "text turned around (bidi override)": ("a\u202egnp.exe", "agnp.exe"),
    "bidi isolates": ("\u2066a\u2069", "a"),
    "line and paragraph separators": ("a\u2028b\u2029c", "abc"),
    "a lone surrogate": ("a\udc80b\ud83d", "ab"),
    "a byte order mark": ("\ufeffab", "ab"),
    "UTF-8 read as Latin-1 keeps its words": (
        "â\x80\x9cHello”, â\x80\x9d she said, â\x80\x9cmoreâ\x80\x9d\nnext line",
        "âHello”, â she said, âmoreâ\nnext line",
    ),
    "markup is only text": ("[/nope] [b]x[/b]", "[/nope] [b]x[/b]"),
}

PRINTABLE = {
    "a family (zero width joiners)": "👩‍👩‍👧‍👦",
    "a heart with its variation selector": "❤️",
    "a flag of tags": "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f",
    "a skin tone": "👍🏽",
    "combining marks": "e\u0301 ñ Z̷͎a̷l̷g̷o̷",
    "Devanagari with joiner and non-joiner": "क्\u200dष न्\u200cय",
    "Arabic and Hebrew": "مرحبا שלום",
    "CJK": "微调 ファイン 튜닝",
    "soft hyphen, no-break and narrow spaces": "a\u00adb\u00a0c\u202fd\u200be",
    "private use (a terminal's icons)": "\ue0b0\uf121",
}


@pytest.mark.parametrize(("text", "shown"), NASTY.values(), ids=NASTY)
def test_what_a_terminal_would_obey_is_gone(text: str, shown: str) -> None:
    assert clean(text) == shown


@pytest.mark.parametrize("text", PRINTABLE.values(), ids=PRINTABLE)
def test_what_people_write_stays(text: str) -> None:
    assert clean(text) == text


def harmless(text: str) -> bool:
    return not any(
        (unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") and character not in "\n\t")
        or unicodedata.bidirectional(character)
        in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
        for character in text
    )


SEQUENCES = st.sampled_from(
    [
        "\x1b[",
        "\x1b]",
        "\x1bP",
        "\x1b\\",
        "\x07",
        "\x9b",
        "\x9d",
        "\x9c",
        "\r",
        "\n",
        "\x1b",
        "0;",
        "m",
        "\u202e",
    ]
)
ANYTHING = st.lists(st.one_of(st.text(max_size=4), SEQUENCES, st.characters(categories=["Cs"]))).map("".join)


@given(ANYTHING)
def test_the_result_is_harmless_whatever_came_in(text: str) -> None:
    assert harmless(clean(text))


@given(ANYTHING)
def test_clean_text_is_left_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(ANYTHING, ANYTHING)
def test_what_one_line_holds_does_not_hide_the_next(first: str, second: str) -> None:
    """A line of a log is cut off anywhere: the lines after it are shown all the same."""
    assert clean(f"{first}\n{second}").endswith(clean(second))


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S", "Zs", "Co"])))
def test_printable_text_is_kept_whole(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    "text",
    ["\x1b]" * 300_000, "\x1b[" * 300_000, "é" * 1_000_000, "\x1b]0;" + "x" * 1_000_000, "\x1bP\n" * 200_000],
)
def test_a_huge_text_takes_no_time(text: str) -> None:
    before = time.process_time()
    assert harmless(clean(text))
    assert time.process_time() - before < 2


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("a\n b\t\tc ", None, "a b c"),
        ("abcdef", 4, "abc…"),
        ("abcd", 4, "abcd"),
        ("abcd", 1, "…"),
        ("abcd", 0, ""),
        ("\x1b[31m\n", 4, ""),
    ],
)
def test_one_line_is_one_line(text: str, width: int | None, shown: str) -> None:
    assert one_line(text, width) == shown


@given(ANYTHING, st.integers(0, 12))
def test_one_line_is_never_longer_than_its_place(text: str, width: int) -> None:
    line = one_line(text, width)
    assert len(line) <= width and "\n" not in line and harmless(line)

"""Every theme can be read, by those who see few colours too; the terminal decides which one comes first."""

from __future__ import annotations

from itertools import combinations
from math import dist

import pytest
from finetui.tui.theme import COLOUR_BLIND, SIXTEEN, contrast, meanings, theme_for, themes
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

OPAQUE = [theme for theme in themes() if not theme.ansi]
CURVES = ["chart-train", "chart-eval", *(f"chart-{letter}" for letter in "abcde")]
TEXTS = ["foreground", "primary", "success", "warning", "error", "key", "log-event", "best"]


def colours(theme: Theme) -> dict[str, Color]:
    named = {**meanings(theme), **theme.to_color_system().generate(), **theme.variables}
    wanted = [
        *CURVES,
        *TEXTS,
        "quiet",
        "background",
        "panel",
        "list-cursor",
        "bar-rest",
        "border",
        "chart-axis",
    ]
    return {name: Color.parse(named[name]) for name in wanted}


def test_the_contrast_is_the_standards() -> None:
    black, white = Color.parse("#000000"), Color.parse("#ffffff")
    assert contrast(black, white) == contrast(white, black) == pytest.approx(21)
    assert contrast(white, white) == 1
    # The grey that just passes, as in WCAG's own examples.
    assert contrast(Color.parse("#767676"), white) == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", OPAQUE, ids=lambda theme: theme.name)
def test_all_text_can_be_read_on_every_ground(theme: Theme) -> None:
    shown = colours(theme)
    for ground in ("background", "panel", "list-cursor"):
        for name in TEXTS:
            assert contrast(shown[name], shown[ground]) >= 4.5, (name, ground)
        assert contrast(shown["quiet"], shown[ground]) >= 3.5, ground


@pytest.mark.parametrize("theme", OPAQUE, ids=lambda theme: theme.name)
def test_curves_and_frames_stand_out(theme: Theme) -> None:
    shown = colours(theme)
    for name in [*CURVES, "border", "chart-axis"]:
        assert contrast(shown[name], shown["background"]) >= 3, name
    assert len({shown[name].hex for name in CURVES}) == len(CURVES)


# Viénot, Brettel and Mollon, "Digital video colourmaps for checking the legibility of displays by
# dichromats" (1999), for the red and green kinds; tritanopia after Machado, Oliveira and Fernandes (2009).
SEEN_BY = {
    "deuteranopia": ((0.29275, 0.70725, 0.0), (0.29275, 0.70725, 0.0), (-0.02234, 0.02234, 1.0)),
    "protanopia": ((0.11238, 0.88762, 0.0), (0.11238, 0.88762, 0.0), (0.00401, -0.00401, 1.0)),
    "tritanopia": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def lab(colour: Color, kind: str) -> tuple[float, ...]:
    """A colour as somebody sees it, in CIE L*a*b* (D65)."""
    linear = [
        value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
        for value in (channel / 255 for channel in colour.rgb)
    ]
    seen = [min(max(sum(a * b for a, b in zip(row, linear, strict=True)), 0), 1) for row in SEEN_BY[kind]]
    to_xyz = ((0.4124, 0.3576, 0.1805), (0.2126, 0.7152, 0.0722), (0.0193, 0.1192, 0.9505))
    white = (0.9505, 1.0, 1.089)
    x, y, z = (
        share ** (1 / 3) if share > 0.008856 else 7.787 * share + 16 / 116
        for share in (
            sum(a * b for a, b in zip(row, seen, strict=True)) / w
            for row, w in zip(to_xyz, white, strict=True)
        )
    )
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


@pytest.mark.parametrize("kind", SEEN_BY)
def test_no_two_meanings_look_alike_to_the_colour_blind(kind: str) -> None:
    shown = colours(COLOUR_BLIND)
    for names in (("success", "warning", "error", "primary"), tuple(CURVES)):
        for one, other in combinations(names, 2):
            apart = dist(lab(shown[one], kind), lab(shown[other], kind))
            assert apart >= 12, (one, other, round(apart))


def test_the_sixteen_colours_are_the_terminals() -> None:
    named = {**meanings(SIXTEEN), **SIXTEEN.to_color_system().generate(), **SIXTEEN.variables}
    for name in [*CURVES, *TEXTS, "quiet", "list-cursor", "border", "bar-rest"]:
        assert Color.parse(named[name]).ansi is not None, name
    assert "reverse" in named["list-cursor-style"]


@pytest.mark.parametrize("name", BUILTIN_THEMES)
def test_textuals_own_themes_have_all_that_our_widgets_name(name: str) -> None:
    theme = BUILTIN_THEMES[name]
    shown = meanings(theme)
    assert set(shown) == set(meanings(SIXTEEN))
    if not theme.ansi:
        ground = Color.parse(theme.to_color_system().generate()["background"])
        for curve in CURVES:
            assert contrast(Color.parse(shown[curve]), ground) >= 3, curve
        assert contrast(Color.parse(shown["quiet"]), ground) >= 3.5


@pytest.mark.parametrize(
    ("environment", "theme"),
    [
        ({"TERM": "xterm-256color"}, "finetui"),
        ({"TERM": "xterm", "COLORTERM": "truecolor"}, "finetui"),
        ({"TERM": "xterm-256color", "COLORFGBG": "15;0"}, "finetui"),
        ({"TERM": "xterm-256color", "COLORFGBG": "0;15"}, "finetui-light"),
        ({"TERM": "xterm-256color", "COLORFGBG": "0;default;15"}, "finetui-light"),
        ({"TERM": "xterm-256color", "COLORFGBG": "odd"}, "finetui"),
        ({"TERM": "linux"}, "finetui-16"),
        ({"TERM": "dumb"}, "finetui-16"),
        ({}, "finetui-16"),
        ({"TERM": "linux", "COLORFGBG": "0;7"}, "ansi-light"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, "finetui-16"),
    ],
)
def test_the_terminal_decides_where_nobody_has(environment: dict[str, str], theme: str) -> None:
    assert theme_for(environment) == theme
    assert theme_for(environment, "", None, "a theme that is gone") == theme
    assert theme_for(environment, "", "nord") == "nord"

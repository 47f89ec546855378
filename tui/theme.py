"""The app's colours: themes for dark, light and 16-colour terminals, and the meanings that widgets name.

Contrast is WCAG 2.2's (www.w3.org/TR/WCAG22, "contrast ratio"): text at least 4.5 to its ground, quiet text
3.5, curves 3.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import Console
from textual import constants
from textual.color import Color
from textual.theme import BUILTIN_THEMES, Theme

from ..engines.settings import Settings, SettingsError

TEXT, QUIET, CURVE = 4.5, 3.5, 3.0

ORANGE, SKY, GREEN, YELLOW, VERMILLION, PURPLE = (
    "#e69f00", "#56b4e9", "#009e73", "#f0e442", "#d55e00", "#cc79a7",
)  # fmt: skip
"""Colours that people with any kind of colour blindness tell apart: M. Okabe and K. Ito, "Color Universal
Design" (2008), jfly.uni-koeln.de/color."""

CALM = Theme(
    name="finetui",
    primary="#7da7d9",
    secondary="#9aa8d0",
    accent="#7da7d9",
    success="#86b98d",
    warning="#d8ab66",
    error="#e38a8a",
    foreground="#c8ced6",
    background="#15181d",
    surface="#191d23",
    panel="#1f242c",
    dark=True,
    variables={
        "border": "#7da7d9",
        "border-blurred": "#3a424e",
        "chart-train": "#7da7d9",
        "chart-eval": "#d8ab66",
        "chart-a": "#86b98d",
        "chart-b": "#c58fd0",
        "chart-c": "#e08a70",
        "chart-d": "#5fc0c4",
        "chart-e": "#d7cf7a",
        "chart-axis": "#6a7483",
        "best": "#86b98d",
        "bar-rest": "#3a424e",
        "list-cursor": "#2a3542",
        "log-event": "#9aa8d0",
        "key": "#7da7d9",
        # Not Textual's text-muted: that is "auto", which has no colour of its own in a Content.
        "quiet": "#8d96a2",
    },
)
LIGHT = Theme(
    name="finetui-light",
    primary="#1f5c9e",
    secondary="#4a5692",
    accent="#1f5c9e",
    success="#2a6b36",
    warning="#855300",
    error="#b02a2a",
    foreground="#22272e",
    background="#fafaf8",
    surface="#f3f4f4",
    panel="#e9ebee",
    dark=False,
    variables={
        "border": "#1f5c9e",
        "border-blurred": "#b4bcc6",
        "chart-train": "#1f5c9e",
        "chart-eval": "#a66700",
        "chart-a": "#2a7a3c",
        "chart-b": "#8a3f9c",
        "chart-c": "#c2482a",
        "chart-d": "#0b7a80",
        "chart-e": "#75700c",
        "chart-axis": "#7d8794",
        "best": "#2a6b36",
        "bar-rest": "#b4bcc6",
        "list-cursor": "#d5e3f3",
        "log-event": "#4a5692",
        "key": "#1f5c9e",
        "quiet": "#59636f",
    },
)
COLOUR_BLIND = Theme(
    name="finetui-colour-blind",
    primary=SKY,
    secondary="#9fb6d8",
    accent=SKY,
    # Their green and their vermillion, brighter: text needs the contrast on the selected line too.
    success="#10aa7c",
    warning=ORANGE,
    error="#ee7a35",
    foreground="#d4d8de",
    background="#101318",
    surface="#14181e",
    panel="#1b2028",
    dark=True,
    variables={
        "border": SKY,
        "border-blurred": "#3a424e",
        "chart-train": SKY,
        "chart-eval": ORANGE,
        "chart-a": GREEN,
        "chart-b": PURPLE,
        "chart-c": YELLOW,
        "chart-d": VERMILLION,
        "chart-e": "#d4d8de",
        "chart-axis": "#6a7483",
        "best": YELLOW,
        "bar-rest": "#3a424e",
        "list-cursor": "#1f2935",
        "log-event": "#9fb6d8",
        "key": SKY,
        "quiet": "#939ca8",
    },
)
SIXTEEN = Theme(
    name="finetui-16",
    primary="ansi_cyan",
    secondary="ansi_cyan",
    accent="ansi_cyan",
    success="ansi_green",
    warning="ansi_yellow",
    error="ansi_bright_red",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    dark=True,
    ansi=True,
    variables={
        **BUILTIN_THEMES["ansi-dark"].variables,
        "border": "ansi_cyan",
        "border-blurred": "ansi_bright_black",
        "block-cursor-foreground": "ansi_black",
        "block-cursor-background": "ansi_cyan",
    },
)
"""Only what the terminal itself calls its colours; made for dark grounds. For light ones Textual's ansi-light
serves."""


def themes() -> list[Theme]:
    """Our own, the default first."""
    return [CALM, LIGHT, COLOUR_BLIND, SIXTEEN]


def theme_for(environment: Mapping[str, str], *chosen: str | None) -> str:
    """The theme to begin with.

    Args:
        chosen: names that somebody chose, the foremost first; one that does not exist is passed over.

    Returns:
        What was chosen; else, by what the terminal says of itself, a theme of its 16 colours (where it has no
        more or NO_COLOR is set), the light one (by COLORFGBG) or the dark one.
    """
    known = {theme.name for theme in themes()} | set(BUILTIN_THEMES)
    for name in chosen:
        if name in known:
            return name
    light = _is_light(environment)
    if "NO_COLOR" in environment or not _has_many_colours(environment):
        return "ansi-light" if light else SIXTEEN.name
    return LIGHT.name if light else CALM.name


def check_theme(settings: Settings) -> None:
    """Whether the settings name a theme that there is, if they name one.

    Raises:
        SettingsError: there is no such theme; the file, the key and the known ones are named.
    """
    known = [theme.name for theme in themes()]
    known += sorted(set(BUILTIN_THEMES) - set(known))
    if settings.app.theme is not None and settings.app.theme not in known:
        problem = f"app.theme: there is no theme {settings.app.theme!r}; known are {', '.join(known)}"
        raise SettingsError("", f"{settings.path}: {problem}")


def _has_many_colours(environment: Mapping[str, str]) -> bool:
    """As Rich, which writes Textual's output, judges by COLORTERM and TERM: 256 or more."""
    console = Console(
        color_system=constants.COLOR_SYSTEM,  # pyright: ignore[reportArgumentType]
        force_terminal=True,
        _environ=environment,
    )
    return console.color_system in ("256", "truecolor", "windows")


def _is_light(environment: Mapping[str, str]) -> bool:
    """Whether COLORFGBG, as rxvt, Konsole and others set it ("foreground;background"), names a light ground.

    Vim's reading: 0 to 6 and 8 are dark.
    """
    ground = environment.get("COLORFGBG", "").rpartition(";")[2]
    return ground.isdecimal() and int(ground) in (7, *range(9, 16))


def contrast(one: Color, other: Color) -> float:
    """WCAG 2.2's contrast ratio of two opaque colours: 1 to 21."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: Color) -> float:
    """WCAG 2.2's relative luminance, 0 to 1."""
    channels = (value / 255 for value in colour.rgb)
    linear = (value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4 for value in channels)
    return sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def meanings(theme: Theme) -> dict[str, str]:
    """What our widgets name beside Textual's own variables, in the colours of a theme that doesn't say.

    `list-cursor-style` is a style, not a colour: how the selected line of a list looks. `chosen` is the
    same for a list of Textual's, in whose lines `reverse` is lost (8.2.8).
    """
    if theme.ansi:
        # The terminal's grey ("bright black") is not for text: Solarized has its ground there. The selected
        # line is reversed: nobody knows which ground goes with which text.
        grey = "ansi_bright_black"
        return {
            "chart-train": theme.primary,
            "chart-eval": "ansi_yellow",
            "chart-a": "ansi_green",
            "chart-b": "ansi_magenta",
            "chart-c": "ansi_red",
            "chart-d": "ansi_bright_cyan" if theme.dark else "ansi_cyan",
            "chart-e": "ansi_default",
            "chart-axis": "ansi_default",
            "best": "ansi_green",
            "bar-rest": grey,
            "list-cursor": "ansi_blue" if theme.dark else "ansi_white",
            "list-cursor-style": "reverse",
            "chosen": "bold underline",
            "log-event": theme.secondary or theme.primary,
            "key": theme.primary,
            "quiet": "ansi_default",
        }
    colours = theme.to_color_system().generate()
    ground, ink, primary, secondary, warning, success = (
        Color.parse(colours[name])
        for name in ("background", "foreground", "primary", "secondary", "warning", "success")
    )
    curves = {
        f"chart-{letter}": _legible(Color.parse(colour), ground, ink, CURVE).hex
        for letter, colour in zip("abcde", (GREEN, PURPLE, VERMILLION, SKY, YELLOW), strict=True)
    }
    return {
        **curves,
        "chart-train": _legible(primary, ground, ink, CURVE).hex,
        "chart-eval": _legible(warning, ground, ink, CURVE).hex,
        "chart-axis": _legible(ground.blend(ink, 0.35), ground, ink, CURVE).hex,
        "best": _legible(success, ground, ink, TEXT).hex,
        "bar-rest": ground.blend(ink, 0.22).hex,
        "list-cursor": ground.blend(primary, 0.25).hex,
        "list-cursor-style": f"on {theme.variables.get('list-cursor', ground.blend(primary, 0.25).hex)}",
        "chosen": "none",
        "log-event": _legible(secondary, ground, ink, TEXT).hex,
        "key": _legible(primary, ground, ink, TEXT).hex,
        "quiet": _legible(ground.blend(ink, 0.6), ground, ink, QUIET).hex,
    }


def _legible(colour: Color, ground: Color, ink: Color, least: float) -> Color:
    """The colour, moved towards the text's until it has this contrast to the ground."""
    for step in range(11):
        moved = colour.blend(ink, step / 10)
        if contrast(moved, ground) >= least:
            return moved
    return ink

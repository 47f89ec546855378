"""The app's colours: calm ones on a dark ground, and a meaning for each that the widgets name."""

from __future__ import annotations

from textual.color import Color
from textual.theme import Theme

CALM = Theme(
    name="finetui",
    primary="#7da7d9",
    secondary="#9aa8d0",
    accent="#7da7d9",
    success="#86b98d",
    warning="#d8ab66",
    error="#dd7f7f",
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
        "chart-axis": "#56606e",
        "bar-rest": "#3a424e",
        "list-cursor": "#2b3644",
        "log-event": "#9aa8d0",
        "key": "#7da7d9",
        # Not Textual's text-muted: that is "auto", which has no colour of its own in a Content.
        "quiet": "#848d99",
    },
)


def meanings(theme: Theme) -> dict[str, str]:
    """What our widgets name beside Textual's own variables, in the colours of a theme that doesn't say."""
    if theme.ansi:
        grey = "ansi_bright_black"
        return {
            "chart-train": "ansi_blue",
            "chart-eval": "ansi_yellow",
            "chart-axis": grey,
            "bar-rest": grey,
            "list-cursor": grey,
            "log-event": "ansi_cyan",
            "key": "ansi_blue",
            "quiet": grey,
        }
    colours = theme.to_color_system().generate()
    ground, ink, primary = (Color.parse(colours[name]) for name in ("background", "foreground", "primary"))
    return {
        "chart-train": colours["primary"],
        "chart-eval": colours["warning"],
        "chart-axis": ground.blend(ink, 0.35).hex,
        "bar-rest": ground.blend(ink, 0.22).hex,
        "list-cursor": ground.blend(primary, 0.25).hex,
        "log-event": colours["secondary"],
        "key": colours["primary"],
        "quiet": ground.blend(ink, 0.6).hex,
    }

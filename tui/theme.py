"""The app's colours: calm ones on a dark ground, and a meaning for each that the widgets name."""

from __future__ import annotations

from textual.theme import Theme

# What our widgets name beside Textual's own variables. They follow the theme that the user chooses.
VARIABLES = {
    "chart-train": "$primary",
    "chart-eval": "$warning",
    "chart-axis": "$foreground 35%",
    "bar-rest": "$foreground 22%",
    "list-cursor": "$primary 25%",
    "log-event": "$secondary",
    "key": "$primary",
    "quiet": "$foreground 60%",
}

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

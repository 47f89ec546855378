"""The command line: the same verbs as the app, for scripts and for people without it. One module a group."""

from .main import main

__all__ = ["main"]
